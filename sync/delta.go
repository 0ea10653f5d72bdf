package upstream

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Delta Lake's transaction log (github.com/delta-io/delta, PROTOCOL.md): a table
// is the objects that its log adds; version n is _delta_log/<n, 20 digits>.json,
// one action a line, put only where there is none. We write what every reader
// understands: reader version 1, writer version 2, no checkpoints.
//
// Which manifests a table has is in the log itself: as txn actions, which are
// the protocol's way to that, and once more in our part of commitInfo, with
// the schema, so that the newest of our commits is all that has to be read.

type deltaAction struct {
	CommitInfo *deltaCommitInfo `json:"commitInfo,omitempty"`
	Protocol   *deltaProtocol   `json:"protocol,omitempty"`
	MetaData   *deltaMetaData   `json:"metaData,omitempty"`
	Txn        *deltaTxn        `json:"txn,omitempty"`
	Add        *deltaAdd        `json:"add,omitempty"`
	Remove     *deltaRemove     `json:"remove,omitempty"`
}

type deltaCommitInfo struct {
	Timestamp int64          `json:"timestamp"` // ms since epoch
	Operation string         `json:"operation"`
	Params    map[string]any `json:"operationParameters"`
	Engine    string         `json:"engineInfo"`
	Tarn      *deltaOurs     `json:"tarn,omitempty"`
}

// deltaOurs is what we need to know to write the next commit.
type deltaOurs struct {
	// Nodes has the last manifest of each.
	Nodes    map[string]uint64 `json:"nodes"`
	MetaData deltaMetaData     `json:"metaData"`
}

type deltaProtocol struct {
	Reader int `json:"minReaderVersion"`
	Writer int `json:"minWriterVersion"`
}

type deltaMetaData struct {
	ID            string            `json:"id"`
	Name          string            `json:"name,omitempty"`
	Format        deltaFormat       `json:"format"`
	Schema        string            `json:"schemaString"`
	Partition     []string          `json:"partitionColumns"`
	Configuration map[string]string `json:"configuration"`
	Created       int64             `json:"createdTime"`
}

type deltaFormat struct {
	Provider string            `json:"provider"`
	Options  map[string]string `json:"options"`
}

type deltaTxn struct {
	App     string `json:"appId"`
	Version uint64 `json:"version"`
	Updated int64  `json:"lastUpdated"`
}

type deltaAdd struct {
	Path       string            `json:"path"`
	Partition  map[string]string `json:"partitionValues"`
	Size       int64             `json:"size"`
	Modified   int64             `json:"modificationTime"`
	DataChange bool              `json:"dataChange"`
	Stats      string            `json:"stats"`
}

type deltaRemove struct {
	Path       string `json:"path"`
	Deleted    int64  `json:"deletionTimestamp"` // ms since epoch
	DataChange bool   `json:"dataChange"`
}

type deltaSchema struct {
	Type   string       `json:"type"`
	Fields []deltaField `json:"fields"`
}

type deltaField struct {
	Name     string         `json:"name"`
	Type     any            `json:"type"`
	Nullable bool           `json:"nullable"`
	Metadata map[string]any `json:"metadata"`
}

// deltaTypes are Delta's for ours. It has no unsigned integers; Spark reads
// Parquet's as decimals.
var deltaTypes = map[string]string{
	"string": "string", "int64": "long", "uint64": "decimal(20,0)", "float64": "double", "bool": "boolean",
	"int32": "integer", "timestamp_us": "timestamp",
}

// schemaError means that a table's log cannot take objects of a schema.
type schemaError struct{ err error }

func (e *schemaError) Error() string { return e.err.Error() }
func (e *schemaError) Unwrap() error { return e.err }

// deltaLog writes the logs of tables below a prefix.
type deltaLog struct {
	bucket bucket
	tables map[string]*deltaTable // by root
}

// deltaTable is a log as it was last seen.
type deltaTable struct {
	version int64 // of the newest commit, -1 for none
	ours    deltaOurs
}

func newDeltaLog(b bucket) *deltaLog { return &deltaLog{b, map[string]*deltaTable{}} }

// part is the objects of one manifest that go into one table, and the keys of
// those that leave it before.
type part struct {
	node    string
	number  uint64
	at      time.Time
	adds    []Add
	removes []string
}

// commitEdge commits a manifest to the logs of the node's own tables, whose
// roots are the edge=<node> directories. It returns a schemaError for tables
// that could not take theirs, after all others.
func (d *deltaLog) commitEdge(ctx context.Context, m *Manifest) error {
	return d.commitTables(ctx, 3, []*Manifest{m})
}

// commitTables commits manifests, those of each node in order, to the tables
// whose roots are the first depth parts of keys.
func (d *deltaLog) commitTables(ctx context.Context, depth int, manifests []*Manifest) error {
	tables := map[string][]part{}
	for _, m := range manifests {
		byRoot := map[string]*part{}
		of := func(key string) (*part, error) {
			root, err := tableRoot(key, depth)
			if err != nil {
				return nil, fmt.Errorf("manifest %d of %s: %w", m.Number, m.Node, err)
			}
			if byRoot[root] == nil {
				byRoot[root] = &part{node: m.Node, number: m.Number, at: m.CreatedAt}
			}
			return byRoot[root], nil
		}
		for _, key := range m.Replaces {
			p, err := of(key)
			if err != nil {
				return err
			}
			p.removes = append(p.removes, key)
		}
		for _, a := range m.Adds {
			p, err := of(a.Key)
			if err != nil {
				return err
			}
			p.adds = append(p.adds, a)
		}
		for root, p := range byRoot {
			slices.SortFunc(p.adds, order)
			tables[root] = append(tables[root], *p)
		}
	}
	var errs []error
	for _, root := range slices.Sorted(maps.Keys(tables)) {
		if err := d.commit(ctx, root, depth, tables[root]); err != nil {
			err = fmt.Errorf("delta table %s: %w", root, err)
			var wrong *schemaError
			if !errors.As(err, &wrong) {
				return err
			}
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func tableRoot(key string, depth int) (string, error) {
	parts := strings.Split(key, "/")
	if len(parts) != 5 || path.Clean(key) != key {
		return "", fmt.Errorf("%q is not the key of a segment", key)
	}
	return strings.Join(parts[:depth], "/"), nil
}

// commit adds and removes what the table does not know of yet.
func (d *deltaLog) commit(ctx context.Context, root string, depth int, parts []part) error {
	for range 100 { // each lost race is somebody else's commit
		t := d.tables[root]
		if t == nil {
			var err error
			if t, err = d.load(ctx, root); err != nil {
				return err
			}
			d.tables[root] = t
		}
		todo := slices.DeleteFunc(slices.Clone(parts), func(p part) bool { return p.number <= t.ours.Nodes[p.node] })
		if len(todo) == 0 {
			return nil
		}
		if t.version < 0 && !slices.ContainsFunc(todo, func(p part) bool { return len(p.adds) > 0 }) {
			return nil // there is no table that had what is removed
		}
		body, next, err := t.next(root, depth, todo)
		if err != nil {
			return err
		}
		delete(d.tables, root) // until it is known what is there
		switch err := d.bucket.Put(ctx, deltaKey(root, next.version), bytesObject(body)); {
		case err == nil:
			d.tables[root] = next
			return nil
		case !errors.Is(err, errTaken):
			return err
		}
	}
	return errors.New("others commit all the time")
}

func deltaKey(root string, version int64) string {
	return fmt.Sprintf("%s/_delta_log/%020d.json", root, version)
}

// load reads the log from its end: until a commit of ours, and for the schema
// that others may have set since.
func (d *deltaLog) load(ctx context.Context, root string) (*deltaTable, error) {
	t := &deltaTable{version: -1, ours: deltaOurs{Nodes: map[string]uint64{}}}
	dir := root + "/_delta_log/"
	have := map[int64]bool{}
	err := d.bucket.List(ctx, dir, "", func(key string, _ int64) error {
		name, ok := strings.CutSuffix(strings.TrimPrefix(key, dir), ".json")
		if v, err := strconv.ParseInt(name, 10, 64); ok && err == nil && len(name) == 20 {
			have[v] = true
			t.version = max(t.version, v)
		}
		return nil
	})
	if err != nil || t.version < 0 {
		return t, err
	}
	var newer *deltaMetaData
	for v := t.version; v >= 0; v-- {
		if !have[v] {
			break
		}
		body, err := d.bucket.Get(ctx, deltaKey(root, v))
		if err != nil {
			return nil, err
		}
		actions, err := readDelta(body)
		if err != nil {
			return nil, fmt.Errorf("version %d: %w", v, err)
		}
		for _, a := range actions {
			if a.MetaData != nil && newer == nil {
				newer = a.MetaData
			}
			if a.Protocol != nil && (a.Protocol.Reader > 1 || a.Protocol.Writer > 2) {
				return nil, &schemaError{fmt.Errorf("somebody raised the protocol to reader %d, writer %d: only 1 and 2 are written here", a.Protocol.Reader, a.Protocol.Writer)}
			}
			if a.CommitInfo != nil && a.CommitInfo.Tarn != nil && a.CommitInfo.Tarn.Nodes != nil {
				t.ours = *a.CommitInfo.Tarn
				if newer != nil {
					t.ours.MetaData = *newer
				}
				return t, nil
			}
		}
	}
	return nil, &schemaError{errors.New("the log was not made here: no commit in it says which manifests it has")}
}

func readDelta(body []byte) (out []deltaAction, err error) {
	lines := bufio.NewScanner(bytes.NewReader(body))
	lines.Buffer(nil, maxSmall)
	for lines.Scan() {
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		var a deltaAction
		if err := json.Unmarshal(lines.Bytes(), &a); err != nil {
			return nil, fmt.Errorf("not a Delta commit: %w", err)
		}
		out = append(out, a)
	}
	return out, lines.Err()
}

// next makes the commit of parts.
func (t *deltaTable) next(root string, depth int, parts []part) ([]byte, *deltaTable, error) {
	n := &deltaTable{version: t.version + 1, ours: deltaOurs{Nodes: maps.Clone(t.ours.Nodes), MetaData: t.ours.MetaData}}
	now := time.Now().UnixMilli()
	var txns, files []deltaAction
	// A commit has one action for a path: the last. A manifest that comes twice,
	// after the catalog was brought back from a backup, adds an object twice.
	last := map[string]int{} // by key, in files
	act := func(key string, a deltaAction) {
		if i, twice := last[key]; twice {
			files[i] = a
			return
		}
		last[key] = len(files)
		files = append(files, a)
	}
	adds := false
	for _, p := range parts {
		n.ours.Nodes[p.node] = max(n.ours.Nodes[p.node], p.number)
		for _, key := range p.removes {
			act(key, deltaAction{Remove: &deltaRemove{Path: deltaPath(root, key), Deleted: now, DataChange: true}})
		}
		for _, a := range p.adds {
			if err := n.ours.MetaData.widen(root, depth, a.Columns, now); err != nil {
				return nil, nil, err
			}
			adds = true
			act(a.Key, deltaAction{Add: n.add(root, depth, p, a)})
		}
	}
	operation, params := "WRITE", map[string]any{"mode": "Append", "numFiles": len(files)}
	if !adds {
		operation, params = "DELETE", map[string]any{"numRemovedFiles": len(files)}
	}
	for _, node := range slices.Sorted(maps.Keys(n.ours.Nodes)) {
		if n.ours.Nodes[node] != t.ours.Nodes[node] {
			txns = append(txns, deltaAction{Txn: &deltaTxn{"tarn/" + node, n.ours.Nodes[node], now}})
		}
	}
	actions := []deltaAction{{CommitInfo: &deltaCommitInfo{
		Timestamp: now, Operation: operation, Params: params, Engine: "tarn", Tarn: &n.ours,
	}}}
	if n.version == 0 {
		actions = append(actions, deltaAction{Protocol: &deltaProtocol{1, 2}})
	}
	if n.ours.MetaData.Schema != t.ours.MetaData.Schema {
		actions = append(actions, deltaAction{MetaData: &n.ours.MetaData})
	}
	var body bytes.Buffer
	enc := json.NewEncoder(&body)
	enc.SetEscapeHTML(false)
	for _, a := range slices.Concat(actions, txns, files) {
		if err := enc.Encode(a); err != nil {
			return nil, nil, fmt.Errorf("encode a commit: %w", err)
		}
	}
	return body.Bytes(), n, nil
}

// partitions are what the directories below a table's root say.
func partitions(depth int) []string {
	if depth == 2 {
		return []string{"edge", "date"}
	}
	return []string{"date"}
}

// widen adds the columns that the schema lacks.
func (m *deltaMetaData) widen(root string, depth int, columns []ColumnSchema, now int64) error {
	var s deltaSchema
	if m.ID == "" {
		*m = deltaMetaData{
			ID: uuid.NewString(), Name: path.Base(root), Format: deltaFormat{"parquet", map[string]string{}},
			Configuration: map[string]string{}, Created: now,
		}
		// A column of the table keeps its name; the partition gets another.
		for _, name := range partitions(depth) {
			for slices.ContainsFunc(columns, func(c ColumnSchema) bool { return strings.EqualFold(c.Name, name) }) {
				name += "_"
			}
			m.Partition = append(m.Partition, name)
		}
		s.Type = "struct"
	} else if err := json.Unmarshal([]byte(m.Schema), &s); err != nil {
		return &schemaError{fmt.Errorf("its schema: %w", err)}
	}
	if len(m.Partition) != len(partitions(depth)) {
		return &schemaError{fmt.Errorf("it is partitioned by %q", m.Partition)}
	}
	grown := false
	for _, c := range columns {
		want, ok := deltaTypes[c.Type]
		if !ok {
			return &schemaError{fmt.Errorf("column %q is %s, which Delta does not have", c.Name, c.Type)}
		}
		if slices.ContainsFunc(m.Partition, func(p string) bool { return strings.EqualFold(p, c.Name) }) {
			return &schemaError{fmt.Errorf("column %q has the name of a partition", c.Name)}
		}
		i := slices.IndexFunc(s.Fields, func(f deltaField) bool { return strings.EqualFold(f.Name, c.Name) })
		switch {
		case i < 0:
			s.Fields = append(s.Fields, deltaField{c.Name, want, true, map[string]any{}})
			grown = true
		case s.Fields[i].Name != c.Name:
			return &schemaError{fmt.Errorf("columns %q and %q are one for Delta", s.Fields[i].Name, c.Name)}
		case s.Fields[i].Type != want:
			return &schemaError{fmt.Errorf("column %q is %v in the table and %s in the object", c.Name, s.Fields[i].Type, want)}
		}
	}
	if m.Schema == "" {
		for _, name := range m.Partition {
			kind := "string"
			if strings.HasPrefix(name, "date") {
				kind = "date"
			}
			s.Fields = append(s.Fields, deltaField{name, kind, true, map[string]any{}})
		}
	}
	if !grown {
		return nil
	}
	b, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("encode the schema: %w", err)
	}
	m.Schema = string(b)
	return nil
}

// deltaPath is the path of a key in the log of the table at root.
func deltaPath(root, key string) string {
	var encoded []string
	for s := range strings.SplitSeq(strings.TrimPrefix(key, root+"/"), "/") {
		encoded = append(encoded, url.PathEscape(s))
	}
	return strings.Join(encoded, "/")
}

func (t *deltaTable) add(root string, depth int, p part, a Add) *deltaAdd {
	values := map[string]string{}
	for i, name := range partitions(depth) {
		v := a.Date
		if name == "edge" {
			v = p.node
		}
		values[t.ours.MetaData.Partition[i]] = v
	}
	// Readers expect milliseconds; the largest is rounded up.
	stamp := func(ns int64) string { return time.Unix(0, ns).UTC().Format("2006-01-02T15:04:05.000Z") }
	stats, _ := json.Marshal(map[string]any{ // strings and numbers: cannot fail
		"numRecords": a.Rows, "minValues": map[string]any{"time": stamp(a.MinTime)},
		"maxValues": map[string]any{"time": stamp(a.MaxTime + int64(time.Millisecond) - 1)}, "nullCount": map[string]any{"time": 0},
	})
	return &deltaAdd{Path: deltaPath(root, a.Key), Partition: values, Size: a.Bytes, Modified: p.at.UnixMilli(), DataChange: true, Stats: string(stats)}
}
