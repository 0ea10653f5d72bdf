package sweep

import (
	"math"

	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/schema"
)

// nameLabel is the label of a metric's name.
const nameLabel = "__name__"

// isMetadata says whether a label says what a metric is: its name, type or unit.
func isMetadata(name string) bool { return schema.IsMetadataLabel(name) }

// withConstant is the operation of a vector with c, on the left of it when swap
// is true; nil when there is none. A comparison takes values away unless it is
// with bool.
func withConstant(op parser.ItemType, c float64, swap, returnBool bool) (fn func(float64) float64, dropName bool) {
	if op.IsComparisonOperator() {
		holds := comparison(op)
		if holds == nil {
			return nil, false
		}
		return func(v float64) float64 {
			a, b := v, c
			if swap {
				a, b = c, v
			}
			switch ok := holds(a, b); {
			case returnBool && ok:
				return 1
			case returnBool:
				return 0
			case ok:
				return v
			}
			return Absent
		}, returnBool
	}
	do := arithmetic(op)
	switch {
	case do == nil:
		return nil, false
	case swap:
		return func(v float64) float64 { return do(c, v) }, true
	}
	return func(v float64) float64 { return do(v, c) }, true
}

func comparison(op parser.ItemType) func(a, b float64) bool {
	switch op {
	case parser.EQLC:
		return func(a, b float64) bool { return a == b }
	case parser.NEQ:
		return func(a, b float64) bool { return a != b }
	case parser.GTR:
		return func(a, b float64) bool { return a > b }
	case parser.LSS:
		return func(a, b float64) bool { return a < b }
	case parser.GTE:
		return func(a, b float64) bool { return a >= b }
	case parser.LTE:
		return func(a, b float64) bool { return a <= b }
	}
	return nil
}

func arithmetic(op parser.ItemType) func(a, b float64) float64 {
	switch op {
	case parser.ADD:
		return func(a, b float64) float64 { return a + b }
	case parser.SUB:
		return func(a, b float64) float64 { return a - b }
	case parser.MUL:
		return func(a, b float64) float64 { return a * b }
	case parser.DIV:
		return func(a, b float64) float64 { return a / b }
	case parser.POW:
		return math.Pow
	case parser.MOD:
		return math.Mod
	case parser.ATAN2:
		return math.Atan2
	}
	return nil
}

// apply changes the values of v in place.
func apply(fn func(float64) float64, v Vector) Vector {
	for i, x := range v.Values {
		if !IsAbsent(x) {
			v.Values[i] = fn(x)
		}
	}
	return v.trim()
}
