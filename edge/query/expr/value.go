package expr

import (
	"strconv"
	"strings"

	"tarn/edge/query/text"
	"tarn/store/column"
)

// Value is a scalar: a literal, a parameter, or the result of constant
// folding. Which field is in use follows from the kind of Type; none is when
// Null is set.
type Value struct {
	Type column.Type
	Null bool
	// I holds Int64, Timestamp, Duration and Date values.
	I int64
	// U holds Uint64 values.
	U uint64
	// F holds Float64 values.
	F float64
	// B holds Bool values.
	B bool
	// S holds String and Dict values.
	S string
	// Iv holds IntervalKind values.
	Iv column.Interval
	// Elems holds the children of a Struct or the elements of a List.
	Elems []Value
}

// NullOf is the null of a type.
func NullOf(t column.Type) Value { return Value{Type: t, Null: true} }

// Int is an Int64 value.
func Int(i int64) Value { return Value{Type: column.Of(column.Int64), I: i} }

// Uint is a Uint64 value.
func Uint(u uint64) Value { return Value{Type: column.Of(column.Uint64), U: u} }

// Float is a Float64 value.
func Float(f float64) Value { return Value{Type: column.Of(column.Float64), F: f} }

// Boolean is a Bool value.
func Boolean(b bool) Value { return Value{Type: column.Of(column.Bool), B: b} }

// String is a String value.
func String(s string) Value { return Value{Type: column.Of(column.String), S: s} }

// Timestamp is a naive Timestamp value of nanoseconds since the epoch.
func Timestamp(ns int64) Value { return Value{Type: column.Of(column.Timestamp), I: ns} }

// Duration is a Duration value of nanoseconds.
func Duration(ns int64) Value { return Value{Type: column.Of(column.Duration), I: ns} }

// Interval is an IntervalKind value.
func Interval(iv column.Interval) Value {
	return Value{Type: column.Of(column.IntervalKind), Iv: iv}
}

// ValueAt is row i of a vector. Dict rows become String values.
func ValueAt(v *column.Vector, i int) Value {
	out := Value{Type: v.Type}
	if v.Type.Kind == column.Dict {
		out.Type = column.Of(column.String)
	}
	if v.IsNull(i) {
		out.Null = true
		return out
	}
	switch v.Type.Kind {
	case column.Int64, column.Timestamp, column.Duration, column.Date, column.TimeOfDay:
		out.I = v.Ints[i]
	case column.Uint64:
		out.U = v.Uints[i]
	case column.Float64:
		out.F = v.Floats[i]
	case column.Bool:
		out.B = v.Bools[i]
	case column.String, column.Dict:
		out.S = v.Text(i)
	case column.IntervalKind:
		out.Iv = v.Intervals[i]
	case column.Struct:
		for _, c := range v.Children {
			out.Elems = append(out.Elems, ValueAt(c, i))
		}
	case column.List:
		for k := v.Offsets[i]; k < v.Offsets[i+1]; k++ {
			out.Elems = append(out.Elems, ValueAt(v.Children[0], int(k)))
		}
	}
	return out
}

// AppendTo adds the value as a row to a vector of its type (a String value
// also to none but String vectors).
func (v Value) AppendTo(out *column.Vector) {
	if v.Null || v.Type.Kind == column.Null {
		out.AppendNull(1)
		return
	}
	n := out.Len
	switch out.Type.Kind {
	case column.Struct:
		for i, c := range out.Children {
			v.Elems[i].AppendTo(c)
		}
		out.Len++
		return
	case column.List:
		for _, e := range v.Elems {
			e.AppendTo(out.Children[0])
		}
		out.Offsets = append(out.Offsets, int32(out.Children[0].Len))
		out.Len++
		return
	}
	out.SetLen(n + 1)
	switch out.Type.Kind {
	case column.Int64, column.Timestamp, column.Duration, column.Date, column.TimeOfDay:
		out.Ints[n] = v.I
	case column.Uint64:
		out.Uints[n] = v.U
	case column.Float64:
		out.Floats[n] = v.F
	case column.Bool:
		out.Bools[n] = v.B
	case column.String:
		out.Strings[n] = v.S
	case column.IntervalKind:
		out.Intervals[n] = v.Iv
	}
}

// Text is the value as CAST to text gives it; "" for null.
func (v Value) Text() string {
	if v.Null || v.Type.Kind == column.Null {
		return ""
	}
	switch v.Type.Kind {
	case column.Int64:
		return strconv.FormatInt(v.I, 10)
	case column.Uint64:
		return strconv.FormatUint(v.U, 10)
	case column.Float64:
		return text.FormatFloat(v.F)
	case column.Bool:
		return strconv.FormatBool(v.B)
	case column.String, column.Dict:
		return v.S
	case column.Timestamp:
		if v.Type.Zone == "" {
			return text.FormatTimestamp(v.I)
		}
		loc, err := text.Zone(v.Type.Zone)
		if err != nil {
			return text.FormatTimestamp(v.I)
		}
		return string(text.AppendZoned(nil, v.I, loc))
	case column.Duration:
		return string(text.AppendDuration(nil, v.I))
	case column.Date:
		return string(text.AppendDate(nil, v.I))
	case column.TimeOfDay:
		return string(text.AppendTimeOfDay(nil, v.I))
	case column.IntervalKind:
		return string(text.AppendInterval(nil, v.Iv))
	}
	var b strings.Builder
	if IsMap(v.Type) {
		b.WriteByte('{')
		for i, e := range v.Elems {
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(e.Elems[0].Text() + ": " + e.Elems[1].Text())
		}
		b.WriteByte('}')
		return b.String()
	}
	isStruct := v.Type.Kind == column.Struct
	b.WriteByte("[{"[boolIndex(isStruct)])
	for i, e := range v.Elems {
		if i > 0 {
			b.WriteString(", ")
		}
		if isStruct {
			b.WriteString(v.Type.Nested.Names[i] + ": ")
		}
		b.WriteString(e.Text())
	}
	b.WriteByte("]}"[boolIndex(isStruct)])
	return b.String()
}

// Canonical is the typed text of a literal, as in Int64(1) or Utf8("x").
func (v Value) Canonical() string {
	switch {
	case v.Type.Kind == column.Null:
		return "NULL"
	case v.Null:
		return v.Type.String() + "(NULL)"
	case v.Type.IsText():
		return `Utf8("` + v.S + `")`
	case v.Type.Kind == column.Float64:
		return "Float64(" + strings.TrimSuffix(text.FormatFloat(v.F), ".0") + ")"
	case v.Type.Kind == column.IntervalKind:
		return `IntervalMonthDayNano("` + v.Text() + `")`
	}
	return v.Type.String() + "(" + v.Text() + ")"
}

func boolIndex(b bool) int {
	if b {
		return 1
	}
	return 0
}

func itoa(i int) string { return strconv.Itoa(i) }
