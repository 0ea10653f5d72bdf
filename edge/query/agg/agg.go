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
	args   int
	result func(Spec) (column.Type, error)
	state  func(Spec) State
}

func functions(name string) (function, bool) {
	number := func(s Spec) (column.Type, error) { return column.Of(column.Float64), numeric(s, 0) }
	switch name {
	case "count":
		return function{1, func(Spec) (column.Type, error) { return column.Of(column.Int64), nil }, func(s Spec) State { return &count{star: s.Star} }}, true
	case "sum":
		return function{1, func(s Spec) (column.Type, error) { return s.Args[0], numeric(s, 0) }, newSum}, true
	case "avg":
		return function{1, number, func(Spec) State { return &average{} }}, true
	case "min", "max":
		return function{1, ordered, func(s Spec) State { return newExtreme(s, name == "max") }}, true
	case "median":
		return function{1, func(s Spec) (column.Type, error) { return s.Args[0], numeric(s, 0) }, func(s Spec) State { return &median{t: s.Args[0]} }}, true
	case "stddev", "stddev_pop", "var", "var_pop":
		return function{1, number, func(Spec) State {
			return &variance{population: strings.HasSuffix(name, "_pop"), root: strings.HasPrefix(name, "stddev")}
		}}, true
	case "bool_and", "bool_or":
		return function{1, boolean, func(Spec) State { return &logical{or: name == "bool_or"} }}, true
	case "first_value", "last_value":
		return function{1, same, func(s Spec) State { return newPick(s, name == "last_value") }}, true
	case "selector_first", "selector_last", "selector_min", "selector_max":
		return function{-2, selectorType, func(s Spec) State { return newSelector(s) }}, true
	case "array_agg":
		return function{1, func(s Spec) (column.Type, error) { return column.ListOf(plain(s.Args[0])), nil }, func(s Spec) State { return newCollect(s) }}, true
	case "string_agg":
		return function{2, func(s Spec) (column.Type, error) { return column.Of(column.String), separator(s) }, func(s Spec) State { return newCollect(s) }}, true
	}
	return influxqlFunction(name)
}

// names lists the functions, for suggestions.
var names = []string{"array_agg", "avg", "bool_and", "bool_or", "count", "first_value", "last_value", "max", "mean", "median", "min",
	"selector_first", "selector_last", "selector_max", "selector_min", "stddev", "stddev_pop", "stddev_samp", "string_agg", "sum", "var", "var_pop", "var_samp"}

// synonyms of canonical names.
var synonyms = map[string]string{
	"mean": "avg", "stddev_samp": "stddev", "var_samp": "var", "var_sample": "var", "var_population": "var_pop",
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
	if f.args >= 0 && len(s.Args) != f.args || len(s.Args) < -f.args {
		return column.Type{}, mismatch(s, "")
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
		st = &distinct{inner: st, seen: map[distinctKey]struct{}{}, codes: map[string]uint64{}}
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
	switch t := s.Args[0]; t.Kind {
	case column.Struct, column.List:
		return t, unsupported(s, t)
	default:
		return plain(t), nil
	}
}

func boolean(s Spec) (column.Type, error) {
	if k := s.Args[0].Kind; k != column.Bool && k != column.Null {
		return s.Args[0], unsupported(s, s.Args[0])
	}
	return column.Of(column.Bool), nil
}

func separator(s Spec) error {
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
