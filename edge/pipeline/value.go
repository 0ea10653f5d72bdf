package pipeline

import (
	"math"
	"strconv"
	"time"

	"tarn/edge/query/text"
)

// Kind is the kind of a Value.
type Kind uint8

// The kinds.
const (
	Null Kind = iota
	Bool
	Int
	Uint // an integer beyond the range of Int
	Float
	String
	Time
	List
	Map
)

var kindNames = [...]string{"null", "boolean", "integer", "integer", "float", "string", "timestamp", "array", "map"}

// String is the kind as error texts name it.
func (k Kind) String() string { return kindNames[k] }

// Unit is the unit of a timestamp: how many nanoseconds one is.
type Unit int64

// The units.
const (
	Nanosecond  = Unit(time.Nanosecond)
	Microsecond = Unit(time.Microsecond)
	Millisecond = Unit(time.Millisecond)
	Second      = Unit(time.Second)
)

// Value is one value of a record. The zero Value is null.
type Value struct {
	kind Kind
	unit Unit     // of a Time
	num  uint64   // a Bool, number or Time
	text string   // a String; it may alias the request's body
	kids []Member // of a List or Map
}

// Member is one named value of a map or record; in a list the name is empty.
type Member struct {
	Name  string
	Value Value
}

// BoolOf, IntOf and so on make values.
func BoolOf(b bool) Value {
	if b {
		return Value{kind: Bool, num: 1}
	}
	return Value{kind: Bool}
}

// IntOf makes an integer.
func IntOf(i int64) Value { return Value{kind: Int, num: uint64(i)} }

// UintOf makes an integer.
func UintOf(u uint64) Value {
	if u <= math.MaxInt64 {
		return Value{kind: Int, num: u}
	}
	return Value{kind: Uint, num: u}
}

// FloatOf makes a float.
func FloatOf(f float64) Value { return Value{kind: Float, num: math.Float64bits(f)} }

// StringOf makes a string, which must be UTF-8.
func StringOf(s string) Value { return Value{kind: String, text: s} }

// TimeOf makes a timestamp: count units since the epoch.
func TimeOf(count int64, u Unit) Value { return Value{kind: Time, num: uint64(count), unit: u} }

// ListOf makes a list; the members have no names.
func ListOf(m []Member) Value { return Value{kind: List, kids: m} }

// MapOf makes a map; the names are distinct.
func MapOf(m []Member) Value { return Value{kind: Map, kids: m} }

// Kind is the value's kind.
func (v *Value) Kind() Kind { return v.kind }

// Bool is the truth of a Bool.
func (v *Value) Bool() bool { return v.num != 0 }

// Int is the number of an Int, or the count of a Time in its Unit.
func (v *Value) Int() int64 { return int64(v.num) }

// Uint is the number of a Uint.
func (v *Value) Uint() uint64 { return v.num }

// Float is the number of a Float.
func (v *Value) Float() float64 { return math.Float64frombits(v.num) }

// Text is the text of a String.
func (v *Value) Text() string { return v.text }

// Unit is the unit of a Time.
func (v *Value) Unit() Unit { return v.unit }

// Members are the elements of a List or Map.
func (v *Value) Members() []Member { return v.kids }

// get finds a member of a Map.
func (v *Value) get(name string) *Value {
	for i := range v.kids {
		if v.kids[i].Name == name {
			return &v.kids[i].Value
		}
	}
	return nil
}

// Nanos is a Time in ns; ok is false when it does not fit.
func (v *Value) Nanos() (ns int64, ok bool) { return scale(int64(v.num), v.unit, Nanosecond) }

// scale converts a count of units; to a coarser one it rounds down.
func scale(count int64, from, to Unit) (int64, bool) {
	if from == to {
		return count, true
	}
	if from < to {
		per := int64(to / from)
		q := count / per
		if count%per < 0 {
			q--
		}
		return q, true
	}
	per := int64(from / to)
	if count > math.MaxInt64/per || count < math.MinInt64/per {
		return 0, false
	}
	return count * per, true
}

// appendText appends the value as a processor or a string column shows it.
func (v *Value) appendText(b []byte) []byte {
	if v.kind == String {
		return append(b, v.text...)
	}
	return v.AppendJSON(b)
}

// AppendJSON appends the value as JSON. Numbers that JSON has not are null.
func (v *Value) AppendJSON(b []byte) []byte {
	switch v.kind {
	case Bool:
		return strconv.AppendBool(b, v.num != 0)
	case Int, Time:
		return strconv.AppendInt(b, int64(v.num), 10)
	case Uint:
		return strconv.AppendUint(b, v.num, 10)
	case Float:
		return AppendJSONFloat(b, v.Float())
	case String:
		return text.AppendJSONString(b, v.text)
	case List:
		b = append(b, '[')
		for i := range v.kids {
			if i > 0 {
				b = append(b, ',')
			}
			b = v.kids[i].Value.AppendJSON(b)
		}
		return append(b, ']')
	case Map:
		return appendObject(b, v.kids)
	}
	return append(b, "null"...)
}

func appendObject(b []byte, members []Member) []byte {
	b = append(b, '{')
	for i := range members {
		if i > 0 {
			b = append(b, ',')
		}
		b = text.AppendJSONString(b, members[i].Name)
		b = append(b, ':')
		b = members[i].Value.AppendJSON(b)
	}
	return append(b, '}')
}

// AppendJSONFloat appends a float so that it reads as one: 1 is 1.0.
func AppendJSONFloat(b []byte, f float64) []byte {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return append(b, "null"...)
	}
	if f == math.Trunc(f) && math.Abs(f) < 1e15 {
		return append(strconv.AppendInt(b, int64(f), 10), ".0"...)
	}
	return strconv.AppendFloat(b, f, 'g', -1, 64)
}
