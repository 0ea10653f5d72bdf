package segment

import (
	"encoding/json"
	"fmt"
	"slices"

	"tarn/store/column"
	"tarn/store/schema"
)

// Meta says whose rows a segment holds. It is written into the file, so that
// the catalog can be rebuilt from files alone.
type Meta struct {
	DatabaseID uint32 `json:"database_id"`
	TableID    uint32 `json:"table_id"`
	Database   string `json:"database"`
	Table      string `json:"table"`
	NodeID     string `json:"node_id"`
	// MinSeq and MaxSeq bound the write sequence numbers of the rows.
	MinSeq uint64 `json:"min_seq"`
	MaxSeq uint64 `json:"max_seq"`
	// Late is merge.Source's Late.
	Late bool `json:"late"`
}

// Info sums up a segment.
type Info struct {
	// Rows, Bytes (the size of the file), Series and RowGroups are counts.
	Rows      int64
	Bytes     int64
	Series    int
	RowGroups int
	// MinTime and MaxTime bound the times, both inclusive; a segment without
	// rows has MinTime above MaxTime.
	MinTime, MaxTime int64
}

// Keys of the file's key-value metadata.
const (
	keySchema   = "tarn.schema"
	keyIdentity = "tarn.identity"
	keySeries   = "tarn.series"
	keyExport   = "tarn.export" // stands for all of them in exported files
)

// formatVersion counts incompatible changes of what the tarn.* metadata and the
// trailer mean.
const formatVersion = 1

type identityJSON struct {
	Version int `json:"version"`
	Meta
}

type schemaJSON struct {
	Columns []columnJSON `json:"columns"`
	// Tags are IDs in series-key order.
	Tags []int `json:"tags"`
	// Fields are the IDs of the fields that are in the file.
	Fields []int `json:"fields"`
}

type columnJSON struct {
	ID   int    `json:"id"`
	Name string `json:"name"`
	Role string `json:"role"`
	Kind string `json:"kind"`
	// Of schema.Column; most columns have none of them.
	DroppedAt uint64 `json:"dropped_at,omitempty"`
	Continues int    `json:"continues,omitempty"`
	Bits      uint8  `json:"bits,omitempty"`
	FilledTo  uint64 `json:"filled_to,omitempty"`
	// Fill is nil where nothing is filled.
	Fill *string `json:"fill,omitempty"`
}

var roleNames = []string{schema.Time: "time", schema.Tag: "tag", schema.Field: "field", schema.Dropped: "dropped"}

var kindNames = map[column.Kind]string{
	column.Bool: "bool", column.Int64: "int64", column.Uint64: "uint64", column.Float64: "float64",
	column.String: "string", column.Dict: "tag", column.Timestamp: "timestamp",
}

func encodeSchema(sch *schema.Table, fields []schema.Column) (string, error) {
	s := schemaJSON{Tags: slices.Clone(sch.Tags)}
	for _, c := range sch.Columns {
		kind, ok := kindNames[c.Kind]
		if !ok {
			return "", fmt.Errorf("column %q: values of type %s cannot be stored", c.Name, column.Of(c.Kind))
		}
		x := columnJSON{ID: c.ID, Name: c.Name, Role: roleNames[c.Role], Kind: kind,
			DroppedAt: c.DroppedAt, Continues: c.Continues, Bits: c.Bits, FilledTo: c.FilledTo}
		if c.Filled {
			x.Fill = &c.Fill
		}
		s.Columns = append(s.Columns, x)
	}
	for _, c := range fields {
		if c.Role != schema.Field || c.ID >= len(sch.Columns) || sch.Columns[c.ID] != c {
			return "", fmt.Errorf("column %q is not a field of table %q", c.Name, sch.Name)
		}
		s.Fields = append(s.Fields, c.ID)
	}
	b, err := json.Marshal(s)
	return string(b), err
}

// EncodeSchema is a table's schema as files have it in their metadata.
func EncodeSchema(sch *schema.Table) (string, error) { return encodeSchema(sch, nil) }

// DecodeSchema reads what EncodeSchema wrote.
func DecodeSchema(text string, m Meta) (*schema.Table, error) {
	t, _, err := decodeSchema(text, m)
	return t, err
}

// decodeSchema rebuilds the table's schema at the time of writing, and the
// fields that the file has.
func decodeSchema(text string, m Meta) (*schema.Table, []schema.Column, error) {
	var s schemaJSON
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		return nil, nil, err
	}
	if len(s.Columns) == 0 || s.Columns[0].Name != schema.TimeColumn {
		return nil, nil, fmt.Errorf("no column %q", schema.TimeColumn)
	}
	var cols []schema.Column
	for i, c := range s.Columns {
		col := schema.Column{ID: c.ID, Name: c.Name, DroppedAt: c.DroppedAt, Continues: c.Continues, Bits: c.Bits, FilledTo: c.FilledTo}
		if c.Fill != nil {
			col.Fill, col.Filled = *c.Fill, true
		}
		role := slices.Index(roleNames, c.Role)
		if role < 0 || c.ID != i || (i == 0) != (schema.Role(role) == schema.Time) || c.Continues < 0 || c.Continues >= max(1, i) {
			return nil, nil, fmt.Errorf("invalid column %d %q", i, c.Name)
		}
		col.Role = schema.Role(role)
		for k, name := range kindNames {
			if name == c.Kind {
				col.Kind = k
			}
		}
		if col.Kind == column.Null || (col.Kind == column.Dict) != (col.Role == schema.Tag) {
			return nil, nil, fmt.Errorf("invalid type %q of column %q", c.Kind, c.Name)
		}
		cols = append(cols, col)
	}
	t := schema.NewTable(m.DatabaseID, m.TableID, m.Table).With(cols[1:]...)
	if !slices.Equal(t.Tags, s.Tags) {
		return nil, nil, fmt.Errorf("tags are not in the order of their creation")
	}
	var fields []schema.Column
	for _, id := range s.Fields {
		if id < 0 || id >= len(cols) || cols[id].Role != schema.Field {
			return nil, nil, fmt.Errorf("column %d is not a field", id)
		}
		fields = append(fields, cols[id])
	}
	return t, fields, nil
}
