package expr

import (
	"regexp"
	"strings"

	"tarn/edge/query/text"
	"tarn/store/column"
)

// Target is what a value is cast to: a type, and for the narrow SQL numbers
// the width whose range the value must keep. Values of narrow types are held
// in 64 bits.
type Target struct {
	Type column.Type
	// Bits is 8, 16 or 32 for narrow integers, 32 for Float32; otherwise 0.
	Bits uint8
}

// String is the Arrow name of the target.
func (t Target) String() string {
	if t.Bits != 0 {
		return strings.Replace(t.Type.String(), "64", itoa(int(t.Bits)), 1)
	}
	return t.Type.String()
}

var sqlTypes = map[string]Target{
	"boolean": {Type: column.Of(column.Bool)}, "bool": {Type: column.Of(column.Bool)},
	"tinyint": {column.Of(column.Int64), 8}, "smallint": {column.Of(column.Int64), 16}, "int2": {column.Of(column.Int64), 16},
	"int": {column.Of(column.Int64), 32}, "integer": {column.Of(column.Int64), 32}, "int4": {column.Of(column.Int64), 32},
	"bigint": {Type: column.Of(column.Int64)}, "int8": {Type: column.Of(column.Int64)},
	"tinyint unsigned": {column.Of(column.Uint64), 8}, "smallint unsigned": {column.Of(column.Uint64), 16},
	"int unsigned": {column.Of(column.Uint64), 32}, "integer unsigned": {column.Of(column.Uint64), 32},
	"bigint unsigned": {Type: column.Of(column.Uint64)},
	"real":            {column.Of(column.Float64), 32}, "float": {column.Of(column.Float64), 32}, "float4": {column.Of(column.Float64), 32},
	"double": {Type: column.Of(column.Float64)}, "double precision": {Type: column.Of(column.Float64)}, "float8": {Type: column.Of(column.Float64)},
	"varchar": {Type: column.Of(column.String)}, "text": {Type: column.Of(column.String)}, "string": {Type: column.Of(column.String)},
	"char": {Type: column.Of(column.String)}, "character varying": {Type: column.Of(column.String)},
	"timestamp": {Type: column.Of(column.Timestamp)}, "timestamp without time zone": {Type: column.Of(column.Timestamp)},
	"timestamptz":              {Type: column.Type{Kind: column.Timestamp, Zone: "UTC"}},
	"timestamp with time zone": {Type: column.Type{Kind: column.Timestamp, Zone: "UTC"}},
	"date":                     {Type: column.Of(column.Date)},
	"interval":                 {Type: column.Of(column.IntervalKind)},
}

var arrowTypes = map[string]Target{
	"Null": {}, "Boolean": {Type: column.Of(column.Bool)},
	"Int8": {column.Of(column.Int64), 8}, "Int16": {column.Of(column.Int64), 16}, "Int32": {column.Of(column.Int64), 32}, "Int64": {Type: column.Of(column.Int64)},
	"UInt8": {column.Of(column.Uint64), 8}, "UInt16": {column.Of(column.Uint64), 16}, "UInt32": {column.Of(column.Uint64), 32}, "UInt64": {Type: column.Of(column.Uint64)},
	"Float32": {column.Of(column.Float64), 32}, "Float64": {Type: column.Of(column.Float64)},
	"Utf8": {Type: column.Of(column.String)}, "LargeUtf8": {Type: column.Of(column.String)}, "Utf8View": {Type: column.Of(column.String)},
	"Date32": {Type: column.Of(column.Date)}, "Date64": {Type: column.Of(column.Date)},
}

var (
	timestampType = regexp.MustCompile(`^Timestamp\((?:Second|Millisecond|Microsecond|Nanosecond|s|ms|µs|us|ns)(?:, *(?:None|Some\("([^"]+)"\)|"([^"]+)"))?\)$`)
	durationType  = regexp.MustCompile(`^Duration\((?:Second|Millisecond|Microsecond|Nanosecond|s|ms|µs|us|ns)\)$`)
	intervalType  = regexp.MustCompile(`^Interval\((?:MonthDayNano|DayTime|YearMonth)\)$`)
	dictType      = regexp.MustCompile(`^Dictionary\(U?Int(?:8|16|32|64), (?:Large)?Utf8\)$`)
	precisionType = regexp.MustCompile(`^timestamp\([0-9]\)$`)
)

// ParseSQLType finds the target of CAST by its SQL name (spec/sql.md section
// 6), in any case.
func ParseSQLType(name string) (Target, error) {
	lower := strings.Join(strings.Fields(strings.ToLower(name)), " ")
	if t, ok := sqlTypes[lower]; ok {
		return t, nil
	}
	if precisionType.MatchString(lower) {
		return Target{Type: column.Of(column.Timestamp)}, nil
	}
	return Target{}, &Error{NotImplemented, "Unsupported SQL type " + name}
}

// ParseArrowType finds the target of arrow_cast by its Arrow name, as
// arrow_typeof prints it. All units of time are held in nanoseconds.
func ParseArrowType(name string) (Target, error) {
	name = strings.TrimSpace(name)
	if t, ok := arrowTypes[name]; ok {
		return t, nil
	}
	if m := timestampType.FindStringSubmatch(name); m != nil {
		zone := m[1] + m[2]
		if zone != "" {
			if _, err := text.Zone(zone); err != nil {
				return Target{}, planError("Invalid timezone %q", zone)
			}
		}
		return Target{Type: column.Type{Kind: column.Timestamp, Zone: zone}}, nil
	}
	switch {
	case durationType.MatchString(name):
		return Target{Type: column.Of(column.Duration)}, nil
	case intervalType.MatchString(name):
		return Target{Type: column.Of(column.IntervalKind)}, nil
	case dictType.MatchString(name):
		// Computed text has no dictionary.
		return Target{Type: column.Of(column.String)}, nil
	}
	return Target{}, planError("Unsupported type '%s'. Must be a supported arrow type name such as 'Int32' or 'Timestamp(Nanosecond, None)'", name)
}
