package upstream

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"tarn/store"
	"tarn/store/column"
	"tarn/store/schema"
)

// manifestVersion counts incompatible changes of Manifest.
const manifestVersion = 1

// Manifest lists the objects of one batch. Those of a node are numbered and
// never change, and each names the one before: a reader that follows them knows
// that it misses nothing of what was sent until then.
type Manifest struct {
	Version int    `json:"version"`
	Node    string `json:"node"`
	// Origin is the UUID of the data directory: two with the same node name are
	// a mistake.
	Origin string `json:"origin"`
	Number uint64 `json:"seq"`
	// Previous is the number of the one before, 0 of the first: numbers go on
	// when a node gets another name.
	Previous uint64 `json:"previous_seq"`
	// CreatedAt is by the clock of the node, which may be wrong.
	CreatedAt time.Time `json:"created_at"`
	TimeUnit  string    `json:"time_unit"`
	Adds      []Add     `json:"adds"`
	// Replaces are keys of objects that are no more: their rows are in Adds, or
	// gone, as `tarn sync prune` wants it. They come before Adds.
	Replaces []string `json:"replaces"`
}

// Add is an object.
type Add struct {
	Key      string `json:"key"` // below the prefix
	Database string `json:"database"`
	Table    string `json:"table"`
	Date     string `json:"date"` // UTC
	Rows     int64  `json:"rows"`
	Bytes    int64  `json:"bytes"`
	SHA256   string `json:"sha256"`
	// SourceSHA256 is that of the segment on the node.
	SourceSHA256 string `json:"source_sha256"`
	// MinTime and MaxTime are ns since epoch, both inclusive. A row of a larger
	// write sequence number replaces the fields that it has of one with the same
	// tags and time.
	MinTime int64          `json:"min_time_ns"`
	MaxTime int64          `json:"max_time_ns"`
	MinSeq  uint64         `json:"min_write_seq"`
	MaxSeq  uint64         `json:"max_write_seq"`
	Columns []ColumnSchema `json:"columns"`
}

// ColumnSchema is a column as Parquet has it.
type ColumnSchema struct {
	Name string `json:"name"`
	// Role is tag, time, field, or remainder: of the timestamp whose name it
	// begins with.
	Role string `json:"role"`
	// Type is string, int64, uint64, float64, bool, int32, timestamp_us or
	// timestamp_ns.
	Type string `json:"type"`
}

func columnSchema(columns []store.SyncColumn, unit string) (out []ColumnSchema) {
	for _, c := range columns {
		s := ColumnSchema{Name: c.Name, Role: "field"}
		switch {
		case c.Role == schema.Time:
			s.Role = "time"
		case c.Role == schema.Tag:
			s.Role = "tag"
		case c.Remainder:
			s.Role = "remainder"
		}
		switch {
		case c.Remainder:
			s.Type = "int32"
		case c.Role == schema.Time, c.Kind == column.Timestamp:
			s.Type = "timestamp_" + unit
		case c.Role == schema.Tag, c.Kind == column.String:
			s.Type = "string"
		case c.Kind == column.Int64:
			s.Type = "int64"
		case c.Kind == column.Uint64:
			s.Type = "uint64"
		case c.Kind == column.Float64:
			s.Type = "float64"
		case c.Kind == column.Bool:
			s.Type = "bool"
		}
		out = append(out, s)
	}
	return out
}

func (m *Manifest) encode() ([]byte, error) {
	if m.Replaces == nil {
		m.Replaces = []string{}
	}
	b, err := json.MarshalIndent(m, "", " ")
	if err != nil {
		return nil, fmt.Errorf("encode manifest %d: %w", m.Number, err)
	}
	return append(b, '\n'), nil
}

// readManifest reads what encode made, of this or an older version.
func readManifest(body []byte) (*Manifest, error) {
	var m Manifest
	if err := json.Unmarshal(body, &m); err != nil {
		return nil, fmt.Errorf("not a manifest: %w", err)
	}
	switch {
	case m.Version != manifestVersion:
		return nil, fmt.Errorf("manifest of version %d; this program reads version %d", m.Version, manifestVersion)
	case m.Node == "" || m.Number == 0:
		return nil, errors.New("not a manifest: it has no node or number")
	case slices.ContainsFunc(m.Adds, func(a Add) bool { return a.Key == "" || a.Table == "" || a.Bytes < 0 || a.Rows < 0 }):
		return nil, errors.New("not a manifest: an object without key, table or size")
	}
	return &m, nil
}
