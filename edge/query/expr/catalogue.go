package expr

import (
	"maps"
	"sync"

	"tarn/store/column"
)

// functions is the catalogue, built on first use: its binders refer to it in
// their errors, which an initialized variable may not.
var functions struct {
	once   sync.Once
	byName map[string]function
}

// catalogue returns all scalar functions by lower-case name. It never changes.
func catalogue() map[string]function {
	functions.once.Do(func() {
		functions.byName = map[string]function{}
		for _, family := range []map[string]function{
			conditionalFunctions(), mathFunctions(), textFunctions(), bytesFunctions(), regexpFunctions(), timeFunctions(), miscFunctions(),
			arrayFunctions(), structFunctions(), mapFunctions(), matchesFunctions(), nativeFunctions(),
		} {
			maps.Copy(functions.byName, family)
		}
	})
	return functions.byName
}

// alias gives a function further names.
func alias(m map[string]function, name string, others ...string) {
	for _, o := range others {
		m[o] = m[name]
	}
}

// fixed returns a function of as many arguments as it lists kinds, all
// converted to them, with the given result.
func fixed(result column.Kind, run kernel, kinds ...column.Kind) function {
	return optional(result, run, len(kinds), kinds...)
}

// optional is fixed with only the first required arguments mandatory.
func optional(result column.Kind, run kernel, required int, kinds ...column.Kind) function {
	return function{min: required, max: len(kinds), bind: func(name string, args []Expr) (Expr, error) {
		args, err := convertArgs(name, args, kinds)
		if err != nil {
			return nil, err
		}
		return newNode(name, args, column.Of(result), run), nil
	}}
}

// convertArgs converts arguments to the kinds of their parameters: integers
// and floats to Float64, integers to Int64, text to String, nulls to all.
func convertArgs(name string, args []Expr, kinds []column.Kind) ([]Expr, error) {
	out := make([]Expr, len(args))
	for i, a := range args {
		t := a.Type()
		ok := t.Kind == column.Null
		switch kinds[i] {
		case column.Float64:
			ok = ok || t.IsNumeric()
		case column.Int64:
			ok = ok || t.IsInteger()
		case column.String:
			ok = ok || t.IsText()
		default:
			ok = ok || t.Kind == kinds[i]
		}
		if !ok {
			return nil, signatureError(name, args)
		}
		if t.Kind == kinds[i] {
			out[i] = asText(a) // keeps the zone of a timestamp
			continue
		}
		var err error
		if out[i], err = implicitCast(a, column.Of(kinds[i])); err != nil {
			return nil, err
		}
	}
	return out, nil
}
