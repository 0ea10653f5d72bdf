package pipeline

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/theory/jsonpath"
)

// jsonPathOp finds values by an RFC 9535 path.
type jsonPathOp struct {
	path  *jsonpath.Path
	index int // of the one result, or -1 for a list of all
}

func buildJSONPath(o *options) step {
	op := &jsonPathOp{index: -1}
	text := o.need("json_path")
	if o.err == nil {
		var err error
		if op.path, err = jsonpath.Parse(text); err != nil {
			o.fail(o.lineOf("json_path"), "%v", err)
		}
	}
	if s := o.text("result_index", ""); s != "" {
		i, err := strconv.Atoi(s)
		if err != nil || i < 0 {
			o.fail(o.lineOf("result_index"), "result_index must be 0 or more, not %q", s)
		}
		op.index = i
	}
	return eachField(o, op)
}

func (p *jsonPathOp) apply(r *Runner, f *field, v Value) error {
	found := p.path.Select(v.any())
	if len(found) > MaxValues {
		return fmt.Errorf("field %s: more than %d values", f.from, MaxValues)
	}
	if p.index >= 0 {
		out := Value{}
		if p.index < len(found) {
			out = r.fromAny(found[p.index])
		}
		r.record.Set(f.to, out)
		return nil
	}
	list := make([]Member, 0, len(found))
	for _, x := range found {
		list = append(list, Member{Value: r.fromAny(x)})
	}
	r.record.Set(f.to, ListOf(list))
	return nil
}

// any is the value as encoding/json would have it, but for numbers, which keep
// their kind.
func (v *Value) any() any {
	switch v.kind {
	case Bool:
		return v.Bool()
	case Int, Time:
		return v.Int()
	case Uint:
		return json.Number(strconv.FormatUint(v.num, 10))
	case Float:
		return v.Float()
	case String:
		return v.text
	case List:
		list := make([]any, len(v.kids))
		for i := range v.kids {
			list[i] = v.kids[i].Value.any()
		}
		return list
	case Map:
		m := make(map[string]any, len(v.kids))
		for i := range v.kids {
			m[v.kids[i].Name] = v.kids[i].Value.any()
		}
		return m
	}
	return nil
}

// fromAny is the way back. Maps come in the order of their names.
func (r *Runner) fromAny(x any) Value {
	switch x := x.(type) {
	case bool:
		return BoolOf(x)
	case int64:
		return IntOf(x)
	case json.Number:
		u, _ := strconv.ParseUint(x.String(), 10, 64)
		return UintOf(u)
	case float64:
		return FloatOf(x)
	case string:
		return StringOf(x)
	case []any:
		list := make([]Member, len(x))
		for i := range x {
			list[i].Value = r.fromAny(x[i])
		}
		return ListOf(list)
	case map[string]any:
		m := make([]Member, 0, len(x))
		for _, k := range slices.Sorted(maps.Keys(x)) {
			m = append(m, Member{k, r.fromAny(x[k])})
		}
		return MapOf(m)
	}
	return Value{}
}
