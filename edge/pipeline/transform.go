package pipeline

import (
	"fmt"
	"slices"
	"time"
)

// transform is one column that a pipeline names.
type transform struct {
	from  string
	cell  Cell // without its value
	line  int
	onBad onBad
	// otherwise is the value for a missing or, with useDefault, a bad one.
	otherwise  Value
	hasDefault bool
}

// onBad is what happens to a value that the column's type cannot have.
type onBad uint8

const (
	failRecord onBad = iota
	useNull
	useDefault
)

// indexes are the spellings of a column's index.
var indexes = []string{"", "timestamp", "time", "tag", "inverted", "fulltext", "skipping"}

// parseTransforms reads the list of transforms.
func parseTransforms(n *node) ([]transform, error) {
	if !n.isList {
		return nil, textErrorf(n.line, "transform must be a list")
	}
	var out []transform
	for _, item := range n.list {
		o := newOptions("transform", item)
		if o.err != nil {
			return nil, o.err
		}
		base := readTransform(o)
		for _, f := range o.fields() {
			t := base
			t.from, t.cell.Name, t.line = f.from, f.to, f.line
			if t.line == 0 {
				t.line = item.line
			}
			if i := slices.IndexFunc(out, func(e transform) bool { return e.cell.Name == t.cell.Name }); i >= 0 {
				o.fail(t.line, "column name must be unique, but %s is that of line %d, too", t.cell.Name, out[i].line)
			}
			out = append(out, t)
		}
		if err := o.finish(); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func readTransform(o *options) transform {
	var t transform
	spelling := o.need("type")
	var ok bool
	if t.cell.Type, ok = parseType(spelling); !ok && o.err == nil {
		o.fail(o.lineOf("type"), "unknown type %q", spelling)
	}
	index := ""
	if n := o.get("index"); n != nil {
		if n.isMap { // {type: fulltext, options: {...}}: the options tune an index
			inner := &options{what: "transform: index", node: n}
			index = inner.need("type")
			inner.get("options")
			if err := inner.finish(); err != nil && o.err == nil {
				o.err = err
			}
		} else {
			index = n.text
		}
		if !slices.Contains(indexes, index) || index == "" {
			o.fail(n.line, "unknown index %q", index)
		}
	}
	switch {
	case index == "timestamp" || index == "time":
		if t.cell.Role = TimeIndex; t.cell.Type.kind != typeTime {
			o.fail(o.lineOf("index"), "a timestamp index must be of type time or epoch, not %s", spelling)
		}
	case index == "fulltext":
		if t.cell.Fulltext = true; t.cell.Type.kind != typeString {
			o.fail(o.lineOf("index"), "a fulltext index must be of type string, not %s", spelling)
		}
	}
	if o.flag("tag", false) || index == "tag" {
		if t.cell.Role == TimeIndex {
			o.fail(o.lineOf("tag"), "the timestamp index cannot be a tag")
		}
		t.cell.Role = Tag
	}
	switch o.text("on_failure", "") {
	case "":
	case "ignore":
		t.onBad = useNull
	case "default":
		t.onBad = useDefault
	default:
		o.fail(o.lineOf("on_failure"), "on_failure must be ignore or default, not %q", o.text("on_failure", ""))
	}
	t.otherwise = t.cell.Type.zero()
	if n := o.get("default"); n != nil {
		v, err := t.cell.Type.coerce(&arena{}, n.value)
		if !n.isScalar() || err != nil {
			o.fail(n.line, "default: cannot make %s of %q", t.cell.Type, n.text)
		}
		t.otherwise, t.hasDefault = v, true
		if t.onBad == failRecord {
			t.onBad = useDefault
		}
	}
	return t
}

// value is the column's value in a record.
func (t *transform) value(r *Runner) (Value, error) {
	v := r.record.Get(t.from)
	if v == nil || v.kind == Null {
		switch {
		case t.hasDefault:
			return t.otherwise, nil
		case t.onBad == useDefault:
			return t.fallback(r), nil
		}
		return Value{}, nil
	}
	out, err := t.cell.Type.coerce(&r.record.arena, *v)
	switch {
	case err == nil:
		return out, nil
	case t.onBad == useNull:
		return Value{}, nil
	case t.onBad == useDefault:
		return t.fallback(r), nil
	}
	return out, fmt.Errorf("transform %s: %w", t.cell.Name, err)
}

// fallback is what stands for a bad value: for a time index now, unless the
// pipeline says otherwise.
func (t *transform) fallback(r *Runner) Value {
	if t.cell.Role == TimeIndex && !t.hasDefault {
		return r.nowIn(t.cell.Type.unit)
	}
	return t.otherwise
}

func (r *Runner) nowIn(u Unit) Value {
	n, _ := scale(r.now.UnixNano(), Nanosecond, u)
	return TimeOf(n, u)
}

// nowCell is the time index of rows that have none of their own.
func (r *Runner) nowCell() Cell {
	return Cell{Name: TimestampColumn, Type: Type{kind: typeTime, unit: Nanosecond}, Role: TimeIndex, Value: r.nowIn(Nanosecond)}
}

// SetNow sets the time of arrival.
func (r *Runner) SetNow(t time.Time) { r.now = t }
