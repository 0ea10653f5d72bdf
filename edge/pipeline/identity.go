package pipeline

import (
	"fmt"
	"strings"
	"time"
)

// identity is the built-in pipeline that stores a record as it comes, nested
// objects flattened (spec section 8.5).
type identity struct {
	// levels is how many of nested objects become columns.
	levels int
	index  *TimeIndexSpec
}

// TimeIndexSpec is custom_time_index: which field is the time index.
type TimeIndexSpec struct {
	field  string
	unit   Unit       // of epoch; 0 for a date
	format dateFormat // of a date
	// lenient takes the time of arrival for a value that is missing or bad.
	lenient bool
}

// identityLevels is max_nested_levels when nobody sets it, and maxLevels the
// most.
const (
	identityLevels = 10
	maxLevels      = MaxDepth
)

var identityDefault = &Pipeline{identity: &identity{levels: identityLevels}}

// Identity returns greptime_identity. levels is max_nested_levels, 0 for its
// default; index may be nil.
func Identity(levels int, index *TimeIndexSpec) *Pipeline {
	if levels == 0 && index == nil {
		return identityDefault
	}
	if levels <= 0 || levels > maxLevels {
		levels = identityLevels
	}
	return &Pipeline{identity: &identity{levels: levels, index: index}}
}

// ParseTimeIndex reads "field;epoch;ms" or "field;datestr;%Y-%m-%d".
func ParseTimeIndex(s string, lenient bool) (*TimeIndexSpec, error) {
	name, rest, _ := strings.Cut(s, ";")
	kind, arg, ok := strings.Cut(rest, ";")
	t := &TimeIndexSpec{field: strings.TrimSpace(name), lenient: lenient}
	if t.field == "" || !ok {
		return nil, fmt.Errorf("custom_time_index must be <field>;epoch;<unit> or <field>;datestr;<format>, not %q", s)
	}
	switch strings.ToLower(strings.TrimSpace(kind)) {
	case "epoch":
		if t.unit, ok = units[strings.TrimSpace(arg)]; !ok {
			return nil, fmt.Errorf("custom_time_index: the unit must be s, ms, us or ns, not %q", arg)
		}
	case "datestr":
		var err error
		if t.format, err = parseFormat(arg); err != nil {
			return nil, fmt.Errorf("custom_time_index: format %q: %w", arg, err)
		}
	default:
		return nil, fmt.Errorf("custom_time_index: epoch or datestr is expected, not %q", kind)
	}
	return t, nil
}

func (d *identity) run(r *Runner) error {
	r.hints()
	r.applySuffixHint()
	cell := r.nowCell()
	if d.index != nil {
		var err error
		if cell, err = d.index.take(r); err != nil {
			return err
		}
	}
	// A protocol that knows the time of a record says so in the time index itself.
	if v := r.record.Get(cell.Name); d.index == nil && v != nil && v.kind == Time {
		cell.Type.unit, cell.Value = v.unit, *v
	}
	r.row.Cells = append(r.row.Cells, cell)
	for i := range r.record.fields {
		m := &r.record.fields[i]
		if m.Name == cell.Name && (d.index != nil || m.Value.kind == Time) {
			continue
		}
		d.flatten(r, m.Name, &m.Value, 1)
	}
	return nil
}

// flatten adds a column for a value, or those of a map's members.
func (d *identity) flatten(r *Runner, name string, v *Value, level int) {
	if v.kind == Null {
		return
	}
	if v.kind == Map && level < d.levels {
		for i := range v.kids {
			b := r.record.arena.begin(len(name) + 1 + len(v.kids[i].Name))
			b = append(append(append(b, name...), '.'), v.kids[i].Name...)
			d.flatten(r, r.record.arena.end(b), &v.kids[i].Value, level+1)
		}
		return
	}
	t, value := inferred(&r.record.arena, *v)
	if t.kind == typeJSON {
		t.kind = typeString
	}
	r.row.Cells = append(r.row.Cells, Cell{Name: name, Type: t, Value: value})
}

// take is the time index of a record.
func (t *TimeIndexSpec) take(r *Runner) (Cell, error) {
	unit := t.unit
	if unit == 0 {
		unit = Nanosecond
	}
	c := Cell{Name: t.field, Type: Type{kind: typeTime, unit: unit}, Role: TimeIndex}
	v := r.record.Get(t.field)
	var err error
	switch {
	case v == nil || v.kind == Null:
		err = fmt.Errorf("custom_time_index: the field %s is missing", t.field)
	case t.unit != 0:
		c.Value, err = Type{kind: typeTime, unit: unit}.count(*v)
	case v.kind != String:
		err = fmt.Errorf("custom_time_index: %w", expected("string", &field{from: t.field}, v))
	default:
		ns, ok := t.format.parse(v.text, time.UTC)
		if !ok {
			err = fmt.Errorf("custom_time_index: %s is no date of the given format", shown(v.text))
		}
		c.Value = TimeOf(ns, unit)
	}
	if err != nil {
		if !t.lenient {
			return c, err
		}
		c.Value = r.nowIn(unit)
	}
	return c, nil
}

// count makes a timestamp of a number, or of a text with one.
func (t Type) count(v Value) (Value, error) {
	i, err := Type{kind: typeInt64}.integer(v)
	if err != nil || v.kind == Bool {
		return v, fmt.Errorf("custom_time_index: %w", t.refuse(v))
	}
	return TimeOf(i.Int(), t.unit), nil
}
