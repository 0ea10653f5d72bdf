package expr

import (
	"tarn/store/column"
)

// mapItem is what the entries of a map are called in its type.
const mapItem = "entries"

// MapOf returns the type of maps: lists of structs {key, value}, told apart
// from other such lists by the name of the element. Keys are not null and
// occur once.
func MapOf(key, value column.Type) column.Type {
	entry := column.StructOf([]string{"key", "value"}, []column.Type{key, value})
	return column.Type{Kind: column.List, Nested: &column.Nested{Names: []string{mapItem}, Types: []column.Type{entry}}}
}

// IsMap says whether a type is that of maps.
func IsMap(t column.Type) bool {
	return t.Kind == column.List && t.Nested.Names[0] == mapItem
}

// mapFunctions are those of spec/sql.md section 9.7 over maps.
func mapFunctions() map[string]function {
	m := map[string]function{
		"map":         {2, -1, bindMap},
		"map_keys":    {1, 1, bindMapParts(func(key, _ column.Type) column.Type { return key }, 0)},
		"map_values":  {1, 1, bindMapParts(func(_, value column.Type) column.Type { return value }, 1)},
		"map_entries": {1, 1, bindMapParts(func(key, value column.Type) column.Type { return MapOf(key, value).Nested.Types[0] }, -1)},
		"map_extract": {2, 2, bindMapExtract},
	}
	alias(m, "map", "make_map")
	alias(m, "map_extract", "element_at")
	return m
}

// bindMap is map(keys, values) of two lists, or of keys and values in turn.
func bindMap(name string, args []Expr) (Expr, error) {
	if len(args)%2 != 0 {
		return nil, planError("%s requires an even number of arguments, got %d instead", name, len(args))
	}
	if len(args) == 2 {
		k, v := args[0].Type().Kind, args[1].Type().Kind
		switch {
		case k == column.List && v == column.List:
			return newMap(name, args[0], args[1])
		case k == column.List && v == column.Null, k == column.Null && v == column.List:
			return NewLiteral(NullOf(column.Of(column.Null))), nil
		}
	}
	var keys, values []Expr
	for i := 0; i < len(args); i += 2 {
		keys, values = append(keys, args[i]), append(values, args[i+1])
	}
	k, err := bindMakeArray("make_array", keys)
	if err != nil {
		return nil, err
	}
	v, err := bindMakeArray("make_array", values)
	if err != nil {
		return nil, err
	}
	return newMap(name, k, v)
}

func newMap(name string, keys, values Expr) (Expr, error) {
	t := MapOf(element(keys.Type()), element(values.Type()))
	return newNode(name, []Expr{keys, values}, t, strictListRows(t, func(_ *Context, args []operand) func(*column.Vector, int) error {
		k, v := listsOf(args[0]), listsOf(args[1])
		var set sortedPlaces
		return func(items *column.Vector, i int) error {
			from, to := k.at(i)
			first, last := v.at(i)
			if to-from != last-first {
				return executionError("map requires key and value lists to have the same length, got %d and %d", to-from, last-first)
			}
			for at := from; at < to; at++ {
				if k.items.IsNull(at) {
					return executionError("map key cannot be null")
				}
			}
			if set.load(k, i); len(set.places) < to-from {
				return executionError("map key must be unique")
			}
			items.Children[0].AppendFrom(k.items, from, to)
			items.Children[1].AppendFrom(v.items, first, last)
			items.Len += to - from
			return nil
		}
	})), nil
}

// bindMapParts gives the keys, the values or, with child -1, both as a list.
func bindMapParts(elem func(key, value column.Type) column.Type, child int) func(string, []Expr) (Expr, error) {
	return func(name string, args []Expr) (Expr, error) {
		if !IsMap(args[0].Type()) {
			return nil, signatureError(name, args)
		}
		entry := element(args[0].Type())
		t := column.ListOf(elem(entry.Nested.Types[0], entry.Nested.Types[1]))
		return newNode(name, args, t, strictListRows(t, func(_ *Context, args []operand) func(*column.Vector, int) error {
			l := listsOf(args[0])
			src := l.items
			if child >= 0 {
				src = src.Children[child]
			}
			return func(items *column.Vector, i int) error {
				from, to := l.at(i)
				items.AppendFrom(src, from, to)
				return nil
			}
		})), nil
	}
}

// mapKey converts a key to the type of a map's keys.
func mapKey(name string, args []Expr) (Expr, error) {
	if !IsMap(args[0].Type()) {
		return nil, signatureError(name, args)
	}
	t := element(args[0].Type()).Nested.Types[0]
	key, err := implicitCast(args[1], t)
	if err != nil {
		return nil, signatureError(name, args)
	}
	return key, nil
}

// bindMapExtract is map_extract(map, key): a list of the key's value, empty
// when the map has no such key.
func bindMapExtract(name string, args []Expr) (Expr, error) {
	key, err := mapKey(name, args)
	if err != nil {
		return nil, err
	}
	t := column.ListOf(element(args[0].Type()).Nested.Types[1])
	return newNode(name, []Expr{args[0], key}, t, strictListRows(t, func(_ *Context, args []operand) func(*column.Vector, int) error {
		l := listsOf(args[0])
		keys := lists{v: l.v, items: l.items.Children[0], step: l.step}
		return func(items *column.Vector, i int) error {
			from, to := l.at(i)
			if at := keys.find(args[1], i, from, to); at < to {
				append1(items, l.items.Children[1], at)
			}
			return nil
		}
	})), nil
}

// NewMapValue returns map[key]: the value of a key, null when the map has no
// such key.
func NewMapValue(m, key Expr) (Expr, error) {
	key, err := mapKey("get_field", []Expr{m, key})
	if err != nil {
		return nil, err
	}
	t := element(m.Type()).Nested.Types[1]
	return newNode("get_field", []Expr{m, key}, t, func(ctx *Context, args []operand, n int) (*column.Vector, error) {
		out := ctx.empty(t)
		l := listsOf(args[0])
		keys := lists{v: l.v, items: l.items.Children[0], step: l.step}
		for i := range n {
			if args[0].null(i) || args[1].null(i) {
				out.AppendNull(1)
				continue
			}
			from, to := l.at(i)
			if at := keys.find(args[1], i, from, to); at < to {
				out.AppendFrom(l.items.Children[1], at, at+1)
			} else {
				out.AppendNull(1)
			}
		}
		return out, nil
	}), nil
}
