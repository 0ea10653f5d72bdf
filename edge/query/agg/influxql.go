package agg

import (
	"strings"

	"tarn/store/column"
)

// InfluxQLPrefix begins the names of the aggregates that InfluxQL alone has
// (spec/influxql.md section 9). SQL cannot name them.
//
// All of them take the value and the row's time, and then the further columns
// of the chosen rows:
//
//	percentile  a struct of the chosen row: value, time, others
//	top, bottom, sample
//	            a list of such structs, ordered by time
//	distinct    a list of structs of a value, in order of first appearance
//	mode        a value
//	integral    a number, or with windows a list of structs: number, window
//	holt_winters
//	            a list of structs: number, time
const InfluxQLPrefix = "influxql."

// InfluxQL has the constant arguments of InfluxQL's own aggregates.
type InfluxQL struct {
	// N is how many rows top, bottom and sample keep.
	N int
	// Percent is percentile's.
	Percent float64
	// Unit is integral's, or the interval of holt_winters, in nanoseconds.
	Unit int64
	// Season is how many intervals holt_winters repeats after, and WithFit asks
	// it for the fitted values, too. N is how many it forecasts.
	Season  int
	WithFit bool
	// Tags is how many of the further columns are the tags of top and bottom:
	// one row for each of their combinations competes.
	Tags int
	// Window gives the bounds of the window of an instant; nil when there are
	// none.
	Window func(t int64) (start, end int64)
	// Desc is the direction in which integral walks.
	Desc bool
}

func influxqlFunction(name string) (function, bool) {
	name, ok := strings.CutPrefix(name, InfluxQLPrefix)
	if !ok {
		return function{}, false
	}
	switch name {
	case "percentile":
		return function{args: -2, result: chosenType, state: func(s Spec) State { return &nearestRank{kept: newKept(s), percent: s.InfluxQL.Percent} }}, true
	case "top", "bottom":
		return function{args: -2, result: chosenListType, state: func(s Spec) State { return newTop(s, name == "top") }}, true
	case "sample":
		return function{args: -2, result: chosenListType, state: func(s Spec) State { return newReservoir(s) }}, true
	case "distinct":
		return function{args: 2, result: func(s Spec) (column.Type, error) {
			return column.ListOf(column.StructOf([]string{"value"}, []column.Type{plain(s.Args[0])})), nil
		}, state: func(s Spec) State { return &distinctValues{tally: newTally(s)} }}, true
	case "mode":
		return function{args: 2, result: same, state: func(s Spec) State { return &mode{tally: newTally(s)} }}, true
	case "holt_winters":
		return function{args: 2, result: timedListType, state: func(s Spec) State { return newHoltWinters(s) }}, true
	case "integral":
		return function{args: 2, result: integralType, state: func(s Spec) State { return newIntegral(s) }}, true
	}
	return function{}, false
}

// chosenType is the struct of a chosen row: value, time, other_1, ...
func chosenType(s Spec) (column.Type, error) {
	names, types := []string{"value", "time"}, make([]column.Type, 0, len(s.Args))
	for i, t := range s.Args {
		if i >= 2 {
			names = append(names, otherName(i-1))
		}
		types = append(types, plain(t))
	}
	return column.StructOf(names, types), nil
}

func chosenListType(s Spec) (column.Type, error) {
	t, err := chosenType(s)
	return column.ListOf(t), err
}

func integralType(s Spec) (column.Type, error) {
	if s.InfluxQL.Window == nil {
		return column.Of(column.Float64), numeric(s, 0)
	}
	return timedListType(s)
}

// timedListType is a list of numbers with times.
func timedListType(s Spec) (column.Type, error) {
	return column.ListOf(column.StructOf([]string{"value", "time"}, []column.Type{column.Of(column.Float64), column.Of(column.Timestamp)})), numeric(s, 0)
}

func otherName(i int) string { return "other_" + string(rune('0'+i%10)) + strings.Repeat("_", i/10) }
