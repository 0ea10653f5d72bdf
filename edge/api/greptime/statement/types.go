package statement

import (
	"fmt"
	"slices"
	"strings"

	"tarn/edge/query/plan"
	"tarn/edge/query/sql"
	"tarn/store/column"
)

// columnType is a type of a column.
type columnType struct {
	// name is the type's in answers: Int32, TimestampMillisecond.
	name string
	// kind is what values are stored as.
	kind column.Kind
	// bits is the width of narrow numbers, 0 for those of 64 bits.
	bits int
	// sql is how CREATE TABLE has it.
	sql string
}

var (
	stringType = columnType{"String", column.String, 0, "STRING"}
	boolType   = columnType{"Boolean", column.Bool, 0, "BOOLEAN"}
	int8Type   = columnType{"Int8", column.Int64, 8, "TINYINT"}
	int16Type  = columnType{"Int16", column.Int64, 16, "SMALLINT"}
	int32Type  = columnType{"Int32", column.Int64, 32, "INT"}
	int64Type  = columnType{"Int64", column.Int64, 0, "BIGINT"}
	uint8Type  = columnType{"UInt8", column.Uint64, 8, "TINYINT UNSIGNED"}
	uint16Type = columnType{"UInt16", column.Uint64, 16, "SMALLINT UNSIGNED"}
	uint32Type = columnType{"UInt32", column.Uint64, 32, "INT UNSIGNED"}
	uint64Type = columnType{"UInt64", column.Uint64, 0, "BIGINT UNSIGNED"}
	float32Typ = columnType{"Float32", column.Float64, 32, "FLOAT"}
	float64Typ = columnType{"Float64", column.Float64, 0, "DOUBLE"}
	dateType   = columnType{"Date", column.Timestamp, 0, "DATE"}
	jsonType   = columnType{"Json", column.String, 0, "JSON"}
	tsSecond   = columnType{"TimestampSecond", column.Timestamp, 0, "TIMESTAMP(0)"}
	tsMilli    = columnType{"TimestampMillisecond", column.Timestamp, 0, "TIMESTAMP(3)"}
	tsMicro    = columnType{"TimestampMicrosecond", column.Timestamp, 0, "TIMESTAMP(6)"}
	tsNano     = columnType{"TimestampNanosecond", column.Timestamp, 0, "TIMESTAMP(9)"}
)

// typesByName are the types by their names in answers, and sqlTypes by their
// words in SQL (section 2.2).
var typesByName, sqlTypes = types()

func types() (byName, bySQL map[string]columnType) {
	byName, bySQL = map[string]columnType{}, map[string]columnType{}
	for t, words := range map[columnType][]string{
		stringType: {"STRING", "TEXT", "TINYTEXT", "MEDIUMTEXT", "LONGTEXT", "VARCHAR", "CHAR", "CHARACTER VARYING"},
		boolType:   {"BOOLEAN", "BOOL"},
		int8Type:   {"TINYINT"}, int16Type: {"SMALLINT", "INT2", "INT16"}, int32Type: {"INT", "INTEGER", "INT4", "INT32"}, int64Type: {"BIGINT", "INT8", "INT64"},
		uint8Type: {"TINYINT UNSIGNED", "UINT8"}, uint16Type: {"SMALLINT UNSIGNED", "INT2 UNSIGNED", "UINT16"},
		uint32Type: {"INT UNSIGNED", "INTEGER UNSIGNED", "INT4 UNSIGNED", "UINT32"}, uint64Type: {"BIGINT UNSIGNED", "INT8 UNSIGNED", "UINT64"},
		float32Typ: {"FLOAT", "FLOAT4", "REAL", "FLOAT32"}, float64Typ: {"DOUBLE", "FLOAT8", "DOUBLE PRECISION", "FLOAT64"},
		dateType: {"DATE"}, jsonType: {"JSON"},
		tsSecond: {"TIMESTAMP(0)", "TIMESTAMP_S", "TIMESTAMP_SEC", "TIMESTAMPSECOND"}, tsMilli: {"TIMESTAMP", "TIMESTAMP(3)", "TIMESTAMP_MS", "TIMESTAMPMILLISECOND"},
		tsMicro: {"TIMESTAMP(6)", "TIMESTAMP_US", "DATETIME", "TIMESTAMPMICROSECOND"}, tsNano: {"TIMESTAMP(9)", "TIMESTAMP_NS", "TIMESTAMPNANOSECOND"},
	} {
		byName[t.name] = t
		for _, w := range words {
			bySQL[w] = t
		}
	}
	return byName, bySQL
}

// typeOf finds the type that a column is declared with.
func typeOf(t sql.TypeName) (columnType, bool) {
	if found, ok := sqlTypes[t.String()]; ok {
		return found, true
	}
	found, ok := sqlTypes[t.Name]
	if len(t.Args) > 0 && found.kind != column.String { // VARCHAR(10) is a string
		return columnType{}, false
	}
	return found, ok
}

// kindTypes are the types of kinds of which nothing else is known.
var kindTypes = map[column.Kind]columnType{
	column.Bool: boolType, column.Int64: int64Type, column.Uint64: uint64Type, column.Float64: float64Typ,
	column.String: stringType, column.Dict: stringType, column.Timestamp: tsNano,
}

// dataType names the type of a column of an answer, and gives the unit in which
// its times count.
func dataType(o plan.Origin, t column.Type) (name string, unit int64) {
	if o.Table != nil && o.Table.Def != nil && (o.Column.Kind == t.Kind || t.IsText()) {
		if declared, ok := typesByName[o.Table.Def.Columns[o.Column.Name].Type]; ok {
			return declared.name, max(int64(plan.TimeUnits[declared.name]), 1)
		}
	}
	switch t.Kind {
	case column.Null:
		return "Null", 1
	case column.Date:
		return "Date", 1
	case column.TimeOfDay:
		return "TimeNanosecond", 1
	case column.Duration:
		return "DurationNanosecond", 1
	case column.IntervalKind:
		return "IntervalMonthDayNano", 1
	case column.List:
		inner, _ := dataType(plan.Origin{}, t.Nested.Types[0])
		return "List<" + inner + ">", 1
	case column.Struct:
		var parts []string
		for i, n := range t.Nested.Names {
			inner, _ := dataType(plan.Origin{}, t.Nested.Types[i])
			parts = append(parts, n+": "+inner)
		}
		return "Struct<" + strings.Join(parts, ", ") + ">", 1
	case column.Timestamp:
		unit := max(o.Target.Unit, 1)
		for _, n := range []columnType{tsSecond, tsMilli, tsMicro} {
			if int64(plan.TimeUnits[n.name]) == unit {
				return n.name, unit
			}
		}
		return tsNano.name, 1
	}
	k := kindTypes[t.Kind]
	if o.Target.Bits != 0 && o.Target.Type.Kind == t.Kind {
		return strings.Replace(k.name, "64", fmt.Sprint(o.Target.Bits), 1), 1
	}
	return k.name, 1
}

// tableOptions are those that WITH may have; more begin as knownOption says.
var tableOptions = []string{"ttl", "append_mode", "merge_mode", "comment", "skip_wal", "sst_format", "storage", "write_buffer_size",
	"auto_flush_interval", "physical_metric_table", "on_physical_table", "region", "regions", "table_data_model", "semantic_type"}

func knownOption(name string) bool {
	return slices.Contains(tableOptions, name) || strings.HasPrefix(name, "compaction.") || strings.HasPrefix(name, "memtable.") || strings.HasPrefix(name, "index.") ||
		strings.HasPrefix(name, "greptime.semantic.")
}
