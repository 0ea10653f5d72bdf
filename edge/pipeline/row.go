package pipeline

// Type is the type of a column as the language has it.
type Type struct {
	kind typeKind
	unit Unit // of a timestamp
}

type typeKind uint8

const (
	typeBool typeKind = iota
	typeInt8
	typeInt16
	typeInt32
	typeInt64
	typeUint8
	typeUint16
	typeUint32
	typeUint64
	typeFloat32
	typeFloat64
	typeString
	typeJSON
	typeTime
)

// String is the type as dryrun names it.
func (t Type) String() string {
	if t.kind == typeTime {
		return "TIMESTAMP_" + unitNames[t.unit]
	}
	return typeNames[t.kind]
}

var typeNames = [...]string{"BOOLEAN", "INT8", "INT16", "INT32", "INT64", "UINT8", "UINT16", "UINT32", "UINT64", "FLOAT32", "FLOAT64", "STRING", "JSON"}

var unitNames = map[Unit]string{Second: "SECOND", Millisecond: "MILLISECOND", Microsecond: "MICROSECOND", Nanosecond: "NANOSECOND"}

// Name is the type as GreptimeDB's SQL names it.
func (t Type) Name() string {
	if t.kind == typeTime {
		return "Timestamp" + unitTitles[t.unit]
	}
	return typeTitles[t.kind]
}

var typeTitles = [...]string{"Boolean", "Int8", "Int16", "Int32", "Int64", "UInt8", "UInt16", "UInt32", "UInt64", "Float32", "Float64", "String", "Json"}

var unitTitles = map[Unit]string{Second: "Second", Millisecond: "Millisecond", Microsecond: "Microsecond", Nanosecond: "Nanosecond"}

// IsJSON says whether the values are JSON texts.
func (t Type) IsJSON() bool { return t.kind == typeJSON }

// Unit is the unit of a timestamp.
func (t Type) Unit() Unit { return t.unit }

// Class is how values of the type are stored.
func (t Type) Class() Kind {
	switch t.kind {
	case typeBool:
		return Bool
	case typeInt8, typeInt16, typeInt32, typeInt64:
		return Int
	case typeUint8, typeUint16, typeUint32, typeUint64:
		return Uint
	case typeFloat32, typeFloat64:
		return Float
	case typeTime:
		return Time
	}
	return String
}

// Role is what a column is for.
type Role uint8

// The roles.
const (
	Field Role = iota
	Tag
	TimeIndex
)

// String is the role as dryrun names it.
func (r Role) String() string { return [...]string{"FIELD", "TAG", "TIMESTAMP"}[r] }

// Cell is one column of a row.
type Cell struct {
	Name string
	Type Type
	Role Role
	// Fulltext says that the pipeline asks for a full-text index.
	Fulltext bool
	// Value is null or of the type's Class.
	Value Value
}

// TimestampColumn is the time index of rows whose pipeline names none.
const TimestampColumn = "greptime_timestamp"

// Row is what becomes of a record.
type Row struct {
	// Suffix is appended to the table's name.
	Suffix string
	// Hints are the record's own (spec section 8.6), without their prefix.
	Hints []Member
	// Cells are the columns in order, the time index among them. They and
	// their values are gone with the next record.
	Cells []Cell
}

// Time is the time index in ns; ok is false when it is out of range.
func (r *Row) Time() (ns int64, ok bool) {
	for i := range r.Cells {
		if c := &r.Cells[i]; c.Role == TimeIndex {
			return c.Value.Nanos()
		}
	}
	return 0, false
}

// SQL is the type as GreptimeDB's CREATE TABLE writes it.
func (t Type) SQL() string {
	switch t.kind {
	case typeTime:
		return map[Unit]string{Second: "TIMESTAMP(0)", Millisecond: "TIMESTAMP(3)", Microsecond: "TIMESTAMP(6)", Nanosecond: "TIMESTAMP(9)"}[t.unit]
	case typeFloat32:
		return "FLOAT"
	case typeFloat64:
		return "DOUBLE"
	}
	return [...]string{"BOOLEAN", "TINYINT", "SMALLINT", "INT", "BIGINT", "TINYINT UNSIGNED", "SMALLINT UNSIGNED", "INT UNSIGNED", "BIGINT UNSIGNED", "FLOAT", "DOUBLE", "STRING", "JSON"}[t.kind]
}

// Columns are the columns that a pipeline names, its time index included; what
// version 2 adds on its own is not among them.
func (p *Pipeline) Columns() []Cell {
	var out []Cell
	timed := false
	for i := range p.transforms {
		out = append(out, p.transforms[i].cell)
		timed = timed || out[i].Role == TimeIndex
	}
	if !timed {
		out = append(out, Cell{Name: TimestampColumn, Type: Type{kind: typeTime, unit: Nanosecond}, Role: TimeIndex})
	}
	return out
}
