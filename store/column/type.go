package column

import "strings"

// Kind is the physical and logical kind of a column's values.
type Kind uint8

// The kinds. The first group can be stored; the second exists in queries only.
const (
	// Null is the type of an untyped NULL; every value is null.
	Null Kind = iota
	// Bool is true or false.
	Bool
	// Int64 is a signed 64-bit integer.
	Int64
	// Uint64 is an unsigned 64-bit integer.
	Uint64
	// Float64 is an IEEE 754 double.
	Float64
	// String is UTF-8 text.
	String
	// Dict is UTF-8 text as codes into a Dictionary: tags.
	Dict
	// Timestamp is nanoseconds since 1970-01-01T00:00:00Z; Type.Zone says how
	// it is shown, empty means naive UTC.
	Timestamp

	// Duration is a span of nanoseconds.
	Duration
	// Date is days since 1970-01-01.
	Date
	// TimeOfDay is nanoseconds since midnight.
	TimeOfDay
	// IntervalKind is a calendar span: months, days and nanoseconds.
	IntervalKind
	// Struct has named children.
	Struct
	// List has elements of one type.
	List
)

// Type is a Kind with what some kinds need beside it. The zero Type is Null.
type Type struct {
	Kind Kind
	// Zone is the IANA name or fixed offset of a zoned Timestamp.
	Zone string
	// Nested describes the children of a Struct, or the one element of a List.
	Nested *Nested
}

// Nested names and types the children of a Struct, or the element of a List.
type Nested struct {
	Names []string
	Types []Type
}

// Of returns the plain type of a kind.
func Of(k Kind) Type { return Type{Kind: k} }

// ListOf returns the type of lists of elem.
func ListOf(elem Type) Type {
	return Type{Kind: List, Nested: &Nested{Names: []string{"item"}, Types: []Type{elem}}}
}

// StructOf returns the type of structs with the given children.
func StructOf(names []string, types []Type) Type {
	return Type{Kind: Struct, Nested: &Nested{Names: names, Types: types}}
}

// Equal says whether two types are the same, children included.
func (t Type) Equal(u Type) bool {
	if t.Kind != u.Kind || t.Zone != u.Zone {
		return false
	}
	if t.Nested == u.Nested {
		return true
	}
	if t.Nested == nil || u.Nested == nil || len(t.Nested.Types) != len(u.Nested.Types) {
		return false
	}
	for i := range t.Nested.Types {
		if t.Nested.Names[i] != u.Nested.Names[i] || !t.Nested.Types[i].Equal(u.Nested.Types[i]) {
			return false
		}
	}
	return true
}

// IsText says whether values are strings, dictionary-coded or not.
func (t Type) IsText() bool { return t.Kind == String || t.Kind == Dict }

// IsNumeric says whether values are integers or floats.
func (t Type) IsNumeric() bool { return t.Kind == Int64 || t.Kind == Uint64 || t.Kind == Float64 }

// IsInteger says whether values are signed or unsigned integers.
func (t Type) IsInteger() bool { return t.Kind == Int64 || t.Kind == Uint64 }

// String is the Arrow spelling of the type, as information_schema and error
// texts print it (spec/sql.md section 11).
func (t Type) String() string {
	switch t.Kind {
	case Null:
		return "Null"
	case Bool:
		return "Boolean"
	case Int64:
		return "Int64"
	case Uint64:
		return "UInt64"
	case Float64:
		return "Float64"
	case String:
		return "Utf8"
	case Dict:
		return "Dictionary(Int32, Utf8)"
	case Timestamp:
		if t.Zone != "" {
			return `Timestamp(Nanosecond, Some("` + t.Zone + `"))`
		}
		return "Timestamp(Nanosecond, None)"
	case Duration:
		return "Duration(Nanosecond)"
	case Date:
		return "Date32"
	case TimeOfDay:
		return "Time64(Nanosecond)"
	case IntervalKind:
		return "Interval(MonthDayNano)"
	case Struct:
		var b strings.Builder
		b.WriteString("Struct(")
		for i, n := range t.Nested.Names {
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(n + ": " + t.Nested.Types[i].String())
		}
		return b.String() + ")"
	case List:
		return "List(" + t.Nested.Types[0].String() + ")"
	}
	return "Unknown"
}
