package expr

import (
	"regexp"
	"strings"

	"tarn/edge/query/text"
	"tarn/store/column"
)

// Target is what a value is cast to: a type, and for the narrow SQL numbers
// the width whose range the value must keep. Values of narrow types are held
// in 64 bits, and all points in time in nanoseconds.
type Target struct {
	Type column.Type
	// Bits is 8, 16 or 32 for narrow integers, 32 for Float32; otherwise 0.
	Bits uint8
	// Unit is the nanoseconds of the unit of a coarse timestamp or duration;
	// otherwise 0. Integers count it, and finer values are cut down to it.
	Unit int64
}

// String is the Arrow name of the target.
func (t Target) String() string {
	switch {
	case t.Bits != 0:
		return strings.Replace(t.Type.String(), "64", itoa(int(t.Bits)), 1)
	case t.Unit != 0:
		return strings.Replace(t.Type.String(), "Nanosecond", unitNames[t.Unit], 1)
	}
	return t.Type.String()
}

// Target is what the values are converted to.
func (e *Cast) Target() Target { return e.target }

// Unit is the nanoseconds of the unit of a cast to a coarse timestamp; otherwise
// 0.
func (e *Cast) Unit() int64 { return e.target.Unit }

var unitNames = map[int64]string{text.Second: "Second", 1_000_000: "Millisecond", 1_000: "Microsecond"}

// units are the nanoseconds of the units in Arrow's type names.
var units = map[string]int64{
	"Second": text.Second, "s": text.Second, "Millisecond": 1_000_000, "ms": 1_000_000, "Microsecond": 1_000, "µs": 1_000, "us": 1_000,
}

// precisions are the nanoseconds of the units of TIMESTAMP(p).
var precisions = map[int64]int64{0: text.Second, 3: 1_000_000, 6: 1_000, 9: 0}

var sqlTypes = map[string]Target{
	"boolean": {Type: column.Of(column.Bool)}, "bool": {Type: column.Of(column.Bool)},
	"tinyint": {Type: column.Of(column.Int64), Bits: 8}, "smallint": {Type: column.Of(column.Int64), Bits: 16}, "int2": {Type: column.Of(column.Int64), Bits: 16},
	"int": {Type: column.Of(column.Int64), Bits: 32}, "integer": {Type: column.Of(column.Int64), Bits: 32}, "int4": {Type: column.Of(column.Int64), Bits: 32},
	"bigint": {Type: column.Of(column.Int64)}, "int8": {Type: column.Of(column.Int64)},
	"tinyint unsigned": {Type: column.Of(column.Uint64), Bits: 8}, "smallint unsigned": {Type: column.Of(column.Uint64), Bits: 16},
	"int unsigned": {Type: column.Of(column.Uint64), Bits: 32}, "integer unsigned": {Type: column.Of(column.Uint64), Bits: 32},
	"bigint unsigned": {Type: column.Of(column.Uint64)},
	"real":            {Type: column.Of(column.Float64), Bits: 32}, "float": {Type: column.Of(column.Float64), Bits: 32}, "float4": {Type: column.Of(column.Float64), Bits: 32},
	"double": {Type: column.Of(column.Float64)}, "double precision": {Type: column.Of(column.Float64)}, "float8": {Type: column.Of(column.Float64)},
	"varchar": {Type: column.Of(column.String)}, "text": {Type: column.Of(column.String)}, "string": {Type: column.Of(column.String)},
	"char": {Type: column.Of(column.String)}, "character varying": {Type: column.Of(column.String)},
	"timestamp": {Type: column.Of(column.Timestamp)}, "timestamp without time zone": {Type: column.Of(column.Timestamp)},
	"timestamptz":              {Type: column.Type{Kind: column.Timestamp, Zone: "+00:00"}},
	"timestamp with time zone": {Type: column.Type{Kind: column.Timestamp, Zone: "+00:00"}},
	"date":                     {Type: column.Of(column.Date)},
	"time":                     {Type: column.Of(column.TimeOfDay)}, "time without time zone": {Type: column.Of(column.TimeOfDay)},
	"interval": {Type: column.Of(column.IntervalKind)},
}

var arrowTypes = map[string]Target{
	"Null": {}, "Boolean": {Type: column.Of(column.Bool)},
	"Int8": {Type: column.Of(column.Int64), Bits: 8}, "Int16": {Type: column.Of(column.Int64), Bits: 16}, "Int32": {Type: column.Of(column.Int64), Bits: 32}, "Int64": {Type: column.Of(column.Int64)},
	"UInt8": {Type: column.Of(column.Uint64), Bits: 8}, "UInt16": {Type: column.Of(column.Uint64), Bits: 16}, "UInt32": {Type: column.Of(column.Uint64), Bits: 32}, "UInt64": {Type: column.Of(column.Uint64)},
	"Float32": {Type: column.Of(column.Float64), Bits: 32}, "Float64": {Type: column.Of(column.Float64)},
	"Utf8": {Type: column.Of(column.String)}, "LargeUtf8": {Type: column.Of(column.String)}, "Utf8View": {Type: column.Of(column.String)},
	"Date32": {Type: column.Of(column.Date)}, "Date64": {Type: column.Of(column.Date)},
	"Time64(Nanosecond)": {Type: column.Of(column.TimeOfDay)}, "Time64(ns)": {Type: column.Of(column.TimeOfDay)},
}

var (
	timestampType = regexp.MustCompile(`^Timestamp\((Second|Millisecond|Microsecond|Nanosecond|s|ms|µs|us|ns)(?:, *(?:None|Some\("([^"]+)"\)|"([^"]+)"))?\)$`)
	durationType  = regexp.MustCompile(`^Duration\((Second|Millisecond|Microsecond|Nanosecond|s|ms|µs|us|ns)\)$`)
	intervalType  = regexp.MustCompile(`^Interval\((?:MonthDayNano|DayTime|YearMonth)\)$`)
	dictType      = regexp.MustCompile(`^Dictionary\(U?Int(?:8|16|32|64), (?:Large)?Utf8\)$`)
)

// ParseSQLType finds the target of CAST by its SQL name (spec/sql.md section
// 6), in any case, and its arguments: only TIMESTAMP takes one, the decimals of
// its seconds.
func ParseSQLType(name string, args ...int64) (Target, error) {
	t, ok := sqlTypes[strings.Join(strings.Fields(strings.ToLower(name)), " ")]
	if ok && len(args) > 0 {
		ok = len(args) == 1 && t.Type.Kind == column.Timestamp
		if ok {
			t.Unit, ok = precisions[args[0]]
		}
	}
	if !ok {
		return Target{}, &Error{NotImplemented, "Unsupported SQL type " + typeText(name, args)}
	}
	return t, nil
}

func typeText(name string, args []int64) string {
	if len(args) == 0 {
		return name
	}
	parts := make([]string, len(args))
	for i, a := range args {
		parts[i] = formatInt(a)
	}
	return name + "(" + strings.Join(parts, ", ") + ")"
}

// ParseArrowType finds the target of arrow_cast by its Arrow name, as
// arrow_typeof prints it.
func ParseArrowType(name string) (Target, error) {
	name = strings.TrimSpace(name)
	if t, ok := arrowTypes[name]; ok {
		return t, nil
	}
	if m := timestampType.FindStringSubmatch(name); m != nil {
		zone := m[2] + m[3]
		if zone != "" {
			if _, err := text.Zone(zone); err != nil {
				return Target{}, planError("Invalid timezone %q", zone)
			}
		}
		return Target{Type: column.Type{Kind: column.Timestamp, Zone: zone}, Unit: units[m[1]]}, nil
	}
	if m := durationType.FindStringSubmatch(name); m != nil {
		return Target{Type: column.Of(column.Duration), Unit: units[m[1]]}, nil
	}
	switch {
	case intervalType.MatchString(name):
		return Target{Type: column.Of(column.IntervalKind)}, nil
	case dictType.MatchString(name):
		// Computed text has no dictionary.
		return Target{Type: column.Of(column.String)}, nil
	}
	return Target{}, planError("Unsupported type '%s'. Must be a supported arrow type name such as 'Int32' or 'Timestamp(Nanosecond, None)'", name)
}
