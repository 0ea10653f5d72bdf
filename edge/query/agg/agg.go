// Package agg holds the aggregate functions. A State keeps one aggregate's
// intermediate values for all groups of a query, struct of arrays, and takes
// rows a batch at a time.
package agg

import (
	"fmt"
	"slices"
	"strings"

	"tarn/edge/query/expr"
	"tarn/store/column"
)

// Spec says which aggregate is wanted and on what.
type Spec struct {
	// Name is the canonical lower-case name.
	Name           string
	Distinct, Star bool
	// Args are the types of the arguments.
	Args []column.Type
	// ArgLiterals are the values of constant arguments, nil for others.
	ArgLiterals []*expr.Value
	IgnoreNulls bool
	// Descending is WITHIN GROUP (ORDER BY x DESC): percentiles count from the
	// greatest value.
	Descending bool
	// OrderBy are the keys inside the call; their vectors follow the
	// arguments in Update.
	OrderBy []Order
	// InfluxQL has what the functions of that language take besides columns.
	InfluxQL *InfluxQL
}

// Order is one ORDER BY key inside an aggregate call.
type Order struct {
	Desc, NullsFirst bool
	Type             column.Type
}

// State is one aggregate of all groups.
type State interface {
	// Grow makes room for groups below n.
	Grow(n int)
	// Update adds n rows: row i belongs to groups[i]; args are the arguments
	// and then the order keys; rows marked in skip, if not nil, do not count.
	Update(groups []uint32, args []*column.Vector, skip []bool, n int) error
	// Final appends the results of groups [from, to) to dst.
	Final(dst *column.Vector, from, to int) error
	// Bytes is the memory held.
	Bytes() int
}

// function describes one aggregate: how many arguments it takes, its result
// type, and its state.
type function struct {
	// args is the number of arguments, or with a minus the least number.
	args   int
	result func(Spec) (column.Type, error)
	state  func(Spec) State
	// optional is how many arguments more are allowed.
	optional int
	// nulls says that a null is a value like others.
	nulls bool
	// whole says that the arguments of a row belong together, so that DISTINCT,
	// which looks at the first one, has no meaning.
	whole bool
}

func functions(name string) (function, bool) {
	f, ok := basicFunctions(name)
	if !ok {
		f, ok = statisticalFunctions(name)
	}
	return f, ok
}

func basicFunctions(name string) (function, bool) {
	switch name {
	case "count":
		return function{args: 1, result: of(column.Int64), state: func(s Spec) State { return &count{star: s.Star} }}, true
	case "sum":
		return function{args: 1, result: number, state: newSum}, true
	case "avg":
		return function{args: 1, result: statistic, state: func(Spec) State { return &average{} }}, true
	case "min", "max":
		return function{args: 1, result: ordered, state: func(s Spec) State { return newExtreme(s, s.Name == "max") }}, true
	case "bool_and", "bool_or":
		return function{args: 1, result: boolean, state: func(s Spec) State { return &logical{or: s.Name == "bool_or"} }}, true
	case "bit_and", "bit_or", "bit_xor":
		return function{args: 1, result: integer, state: newBits}, true
	case "first_value", "last_value":
		return function{args: 1, result: same, state: func(s Spec) State { return newPick(s, s.Name == "last_value") }, nulls: true}, true
	case "nth_value":
		return function{args: 2, result: nthType, state: newNth, nulls: true}, true
	case "selector_first", "selector_last", "selector_min", "selector_max":
		return function{args: -2, result: selectorType, state: func(s Spec) State { return newSelector(s) }, whole: true}, true
	case "array_agg":
		return function{args: 1, result: func(s Spec) (column.Type, error) { return column.ListOf(plain(s.Args[0])), nil }, state: func(s Spec) State { return newCollect(s) }, nulls: true}, true
	case "string_agg":
		return function{args: 2, result: func(s Spec) (column.Type, error) { return column.Of(column.String), separator(s) }, state: func(s Spec) State { return newCollect(s) }}, true
	}
	return influxqlFunction(name)
}

func statisticalFunctions(name string) (function, bool) {
	switch name {
	case "median":
		return function{args: 1, result: number, state: func(s Spec) State { return &median{t: s.Args[0]} }}, true
	case "stddev", "stddev_pop", "var", "var_pop":
		return function{args: 1, result: statistic, state: func(s Spec) State {
			return &variance{population: strings.HasSuffix(s.Name, "_pop"), root: strings.HasPrefix(s.Name, "stddev")}
		}}, true
	case "corr", "covar_samp", "covar_pop", "regr_slope", "regr_intercept", "regr_r2", "regr_count", "regr_avgx", "regr_avgy", "regr_sxx", "regr_syy", "regr_sxy":
		return function{args: 2, result: pairType, state: newPairs, whole: true}, true
	case "approx_distinct":
		return function{args: 1, result: of(column.Uint64), state: newApproxDistinct}, true
	case "approx_median":
		return function{args: 1, result: number, state: newPercentile}, true
	case "approx_percentile_cont":
		return function{args: 2, optional: 1, result: percentileType, state: newPercentile}, true
	case "approx_percentile_cont_with_weight":
		return function{args: 3, optional: 1, result: percentileType, state: newPercentile, whole: true}, true
	}
	return function{}, false
}

// of is the result type of functions that take anything.
func of(k column.Kind) func(Spec) (column.Type, error) {
	return func(Spec) (column.Type, error) { return column.Of(k), nil }
}

// number is the type of functions from numbers to numbers of the same type.
func number(s Spec) (column.Type, error) { return s.Args[0], numeric(s, 0) }

// statistic is the type of functions from numbers to Float64.
func statistic(s Spec) (column.Type, error) { return column.Of(column.Float64), numeric(s, 0) }

// names lists the functions, for suggestions.
var names = []string{"approx_distinct", "approx_median", "approx_percentile_cont", "approx_percentile_cont_with_weight", "array_agg", "avg",
	"bit_and", "bit_or", "bit_xor", "bool_and", "bool_or", "corr", "count", "covar", "covar_pop", "covar_samp", "first_value", "last_value",
	"max", "mean", "median", "min", "nth_value",
	"regr_avgx", "regr_avgy", "regr_count", "regr_intercept", "regr_r2", "regr_slope", "regr_sxx", "regr_sxy", "regr_syy",
	"selector_first", "selector_last", "selector_max", "selector_min", "stddev", "stddev_pop", "stddev_samp", "string_agg", "sum",
	"var", "var_pop", "var_population", "var_samp", "var_sample"}

// synonyms of canonical names.
var synonyms = map[string]string{
	"mean": "avg", "stddev_samp": "stddev", "var_samp": "var", "var_sample": "var", "var_population": "var_pop", "covar": "covar_samp",
}

// ordersValues says whether a function may be written f(..) WITHIN GROUP
// (ORDER BY x), which is f(x, ..).
func ordersValues(name string) bool {
	return name == "approx_percentile_cont" || name == "approx_percentile_cont_with_weight"
}

// WithinGroup reports an aggregate that cannot have WITHIN GROUP, by its
// canonical name, or more than one key there.
func WithinGroup(name string, keys int) error {
	switch {
	case !ordersValues(name):
		return &expr.Error{Class: expr.Plan, Msg: "WITHIN GROUP is only supported for ordered-set aggregate functions, not for " + name}
	case keys != 1:
		return &expr.Error{Class: expr.NotImplemented, Msg: "Only a single ordering expression is permitted in a WITHIN GROUP clause"}
	}
	return nil
}

// Canonical is the name that a function is known by.
func Canonical(name string) string {
	if c, ok := synonyms[name]; ok {
		return c
	}
	return name
}

// Exists says whether there is an aggregate of that name.
func Exists(name string) bool {
	_, ok := functions(Canonical(name))
	return ok && !strings.HasPrefix(name, InfluxQLPrefix)
}

// Names lists the aggregates.
func Names() []string { return slices.Clone(names) }

// Type checks an aggregate's arguments and returns its result type.
func Type(s Spec) (column.Type, error) {
	f, ok := functions(s.Name)
	if !ok {
		return column.Type{}, &expr.Error{Class: expr.Plan, Msg: fmt.Sprintf("Invalid function '%s'", s.Name)}
	}
	if s.Star {
		return f.result(s)
	}
	if f.args >= 0 && (len(s.Args) < f.args || len(s.Args) > f.args+f.optional) || len(s.Args) < -f.args {
		return column.Type{}, mismatch(s, "")
	}
	if s.Distinct && f.whole {
		return column.Type{}, &expr.Error{Class: expr.NotImplemented, Msg: fmt.Sprintf("%s(DISTINCT ...)", s.Name)}
	}
	for _, o := range s.OrderBy {
		if !comparable(o.Type) {
			return column.Type{}, &expr.Error{Class: expr.NotImplemented, Msg: fmt.Sprintf("ORDER BY %s in %s", o.Type, s.Name)}
		}
	}
	return f.result(s)
}

// New returns an empty state. Type has accepted the spec.
func New(s Spec) (State, error) {
	if _, err := Type(s); err != nil {
		return nil, err
	}
	f, _ := functions(s.Name)
	st := f.state(s)
	if s.Distinct {
		d := distinct{inner: st, nulls: f.nulls, codes: map[string]uint64{}}
		if c, ok := st.(*count); ok {
			return &countDistinct{distinct: d, count: c}, nil
		}
		return &d, nil
	}
	return st, nil
}

// plain is a type as a result: texts lose their dictionary.
func plain(t column.Type) column.Type {
	if t.Kind == column.Dict {
		return column.Of(column.String)
	}
	return t
}

func same(s Spec) (column.Type, error) { return plain(s.Args[0]), nil }

// mismatch is the error of arguments that a function does not take
// (spec/sql.md section 14).
func mismatch(s Spec, reason string) error {
	types := make([]string, len(s.Args))
	for i, t := range s.Args {
		types[i] = t.String()
	}
	msg := fmt.Sprintf("Function '%s' user-defined coercion failed with %q No function matches the given name and argument types '%s(%s)'. You might need to add explicit type casts.\n\tCandidate functions:\n\t%s(UserDefined)",
		s.Name, reason, s.Name, strings.Join(types, ", "), s.Name)
	if reason == "" {
		msg = fmt.Sprintf("No function matches the given name and argument types '%s(%s)'. You might need to add explicit type casts.\n\tCandidate functions:\n\t%s(UserDefined)",
			s.Name, strings.Join(types, ", "), s.Name)
	}
	return &expr.Error{Class: expr.Plan, Msg: msg}
}

func unsupported(s Spec, t column.Type) error {
	return mismatch(s, fmt.Sprintf("Error during planning: %s%s does not support inputs of type %s.", strings.ToUpper(s.Name[:1]), s.Name[1:], t))
}

func numeric(s Spec, i int) error {
	if t := s.Args[i]; !t.IsNumeric() && t.Kind != column.Null {
		return unsupported(s, t)
	}
	return nil
}

func ordered(s Spec) (column.Type, error) {
	t := s.Args[0]
	if !comparable(t) {
		return t, unsupported(s, t)
	}
	return plain(t), nil
}

// comparable says whether cells can put values of a type in order.
func comparable(t column.Type) bool {
	return t.Kind != column.Struct && t.Kind != column.List && t.Kind != column.IntervalKind
}

func integer(s Spec) (column.Type, error) {
	if t := s.Args[0]; !t.IsInteger() && t.Kind != column.Null {
		return t, unsupported(s, t)
	}
	return s.Args[0], nil
}

func boolean(s Spec) (column.Type, error) {
	if k := s.Args[0].Kind; k != column.Bool && k != column.Null {
		return s.Args[0], unsupported(s, s.Args[0])
	}
	return column.Of(column.Bool), nil
}

func separator(s Spec) error {
	if t := s.Args[0]; !t.IsText() && t.Kind != column.Null {
		return unsupported(s, t)
	}
	if s.ArgLiterals[1] == nil || !s.Args[1].IsText() {
		return mismatch(s, "Error during planning: the separator of string_agg must be a constant string")
	}
	return nil
}

func selectorType(s Spec) (column.Type, error) {
	if s.Args[1].Kind != column.Timestamp {
		return column.Type{}, mismatch(s, fmt.Sprintf("Error during planning: %s requires a timestamp as its second argument, got %s", s.Name, s.Args[1]))
	}
	switch s.Args[0].Kind {
	case column.Bool, column.Int64, column.Uint64, column.Float64, column.String, column.Dict:
	default:
		return column.Type{}, unsupported(s, s.Args[0])
	}
	fields := []string{"value", "time"}
	types := []column.Type{plain(s.Args[0]), column.Of(column.Timestamp)}
	for i, t := range s.Args[2:] {
		fields = append(fields, fmt.Sprintf("other_%d", i+1))
		types = append(types, plain(t))
	}
	return column.StructOf(fields, types), nil
}

// counts says whether row i takes part: not skipped, and its argument not null.
func counts(v *column.Vector, skip []bool, i int) bool {
	return (skip == nil || !skip[i]) && !v.IsNull(i)
}

// dense says whether every row takes part.
func dense(v *column.Vector, skip []bool) bool { return skip == nil && !v.HasNulls() }

func resize[T any](s []T, n int) []T {
	if n <= len(s) {
		return s
	}
	return append(s, make([]T, n-len(s))...)
}
