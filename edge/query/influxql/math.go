package influxql

import (
	"math"

	ast "github.com/influxdata/influxql"

	"tarn/edge/query/expr"
	"tarn/store/column"
)

// unary and twofold are the mathematical functions (spec/influxql.md section
// 9.5) and their number of arguments.
var unary = map[string]func(float64) float64{
	"abs": math.Abs, "acos": math.Acos, "asin": math.Asin, "atan": math.Atan, "ceil": math.Ceil, "cos": math.Cos,
	"exp": math.Exp, "floor": math.Floor, "ln": math.Log, "log2": math.Log2, "log10": math.Log10,
	"round": round, "sin": math.Sin, "sqrt": math.Sqrt, "tan": math.Tan,
}

var twofold = map[string]func(a, b float64) float64{
	"atan2": math.Atan2, "pow": math.Pow,
	"log": func(x, base float64) float64 { return math.Log(x) / math.Log(base) },
}

// round rounds halves away from zero, as InfluxDB does.
func round(x float64) float64 { return math.Round(x) }

func isMath(name string) bool { return mathArity(name) > 0 }

func mathArity(name string) int {
	if unary[name] != nil {
		return 1
	}
	if twofold[name] != nil {
		return 2
	}
	return 0
}

// mathCall is a mathematical function of numbers. abs, ceil, floor and round
// keep integers, pow of integers is one.
func mathCall(name string, args []expr.Expr) (expr.Expr, error) {
	for _, a := range args {
		if isNull(a) {
			return null(column.Of(column.Float64)), nil
		}
		if !a.Type().IsNumeric() {
			return nil, planError("invalid argument type for the first argument in %s(): %s", name, typeName(a.Type()))
		}
	}
	t := column.Of(column.Float64)
	if f := unary[name]; f != nil {
		k := args[0].Type().Kind
		if k != column.Float64 {
			switch name {
			case "ceil", "floor", "round":
				return args[0], nil
			case "abs":
				if k == column.Uint64 {
					return args[0], nil
				}
				t = column.Of(column.Int64)
				return newFunc(name, t, args, lift(t, func(out *column.Vector, a []*column.Vector, n int) {
					for i, x := range a[0].Ints[:n] {
						out.Ints[i] = abs(x)
					}
				})), nil
			}
		}
		return newFunc(name, t, args, lift(t, func(out *column.Vector, a []*column.Vector, n int) {
			for i, x := range floats(a[0], n) {
				out.Floats[i] = f(x)
			}
			nullNaN(out, n)
		})), nil
	}
	f := twofold[name]
	if name == "pow" && args[0].Type().Kind == column.Int64 && args[1].Type().Kind == column.Int64 {
		t = column.Of(column.Int64)
		return newFunc(name, t, args, lift(t, func(out *column.Vector, a []*column.Vector, n int) {
			for i, x := range a[0].Ints[:n] {
				out.Ints[i] = int64(math.Pow(float64(x), float64(a[1].Ints[i])))
			}
		})), nil
	}
	return newFunc(name, t, args, lift(t, func(out *column.Vector, a []*column.Vector, n int) {
		y := floats(a[1], n)
		for i, x := range floats(a[0], n) {
			out.Floats[i] = f(x, y[i])
		}
		nullNaN(out, n)
	})), nil
}

// nullNaN makes what is no number null: JSON has no other word for it.
func nullNaN(v *column.Vector, n int) {
	for i, x := range v.Floats[:n] {
		if math.IsNaN(x) {
			v.Nulls.Set(i)
		}
	}
}

// mathValuer lets the library fold calls of constants.
type mathValuer struct{}

func (mathValuer) Value(string) (any, bool) { return nil, false }

func (mathValuer) Call(name string, args []any) (any, bool) {
	x := make([]float64, len(args))
	for i, a := range args {
		switch a := a.(type) {
		case float64:
			x[i] = a
		case int64:
			x[i] = float64(a)
		default:
			return nil, false
		}
	}
	switch {
	case len(x) == 1 && unary[name] != nil:
		return unary[name](x[0]), true
	case len(x) == 2 && twofold[name] != nil:
		return twofold[name](x[0], x[1]), true
	}
	return nil, false
}

var _ ast.CallValuer = mathValuer{}
