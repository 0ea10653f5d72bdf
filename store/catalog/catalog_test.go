package catalog

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"tarn/store/column"
	"tarn/store/schema"
)

func open(t *testing.T, path string) (*Catalog, *State) {
	t.Helper()
	c, s, err := Open(context.Background(), path)
	if err != nil {
		t.Fatal(err)
	}
	return c, s
}

func sample() Change {
	tbl := schema.NewTable(1, 3, "cpu").With(
		schema.Column{Name: "host", Role: schema.Tag, Kind: column.Dict},
		schema.Column{Name: "usage", Role: schema.Field, Kind: column.Float64})
	return Change{
		Databases:   []Database{{ID: 1, Name: "d", Retention: 5, Lifetime: Lifetime{CreatedAt: 7}}},
		Tables:      []Table{{Schema: tbl, Lifetime: Lifetime{CreatedAt: 8}}},
		AddSegments: []Segment{{ID: 1, DatabaseID: 1, TableID: 3, Path: "1/3/x.parquet", Rows: 2, MinTime: -1, MaxTime: 9, MinSeq: 1, MaxSeq: 4, Late: true}},
		Checkpoint:  &Checkpoint{WALSegment: 6, Seq: 4},
		PutCaches: []Cache{
			{TableID: 3, Kind: LastCache, ID: 0, Name: "all", Columns: []int{}, Size: 1, Seconds: 9, AfterSeq: 4, CreatedAt: 8},
			{TableID: 3, Kind: LastCache, ID: 1, Name: "some", Columns: []int{1}, Values: []int{2}, Size: 3, Seconds: 9},
			{TableID: 3, Kind: DistinctCache, ID: 0, Name: "some", Columns: []int{1}, Size: 5, Seconds: 7},
		},
		AddPipelines:   []Pipeline{{Name: "p", CreatedAt: 5, Text: "a: b"}, {Name: "p", CreatedAt: 6}},
		PutSyncTargets: []SyncTarget{{ID: "s3://x", NextBatch: 3, Paused: true, Files: 1, Rows: 2, Bytes: 3, CommittedAt: 4}},
		PutSyncFiles:   []SyncFile{{Target: "s3://x", SegmentID: 1, State: SyncUploading, Key: "k", SourceHash: "a", ObjectHash: "b", ObjectBytes: 5, Upload: "u", Batch: 6, Attempts: 7, LastError: "e", ChangedAt: 8}},
		PutSyncBatches: []SyncBatch{{Target: "s3://x", Number: 3, Body: []byte("{}")}},
		PutTriggers: []Trigger{
			{DatabaseID: 1, Name: "t", Plugin: "a.py", Specification: "all_tables", OnError: "log", CreatedAt: 5},
			{DatabaseID: 1, Name: "u", Plugin: "b", Specification: "every:1s", Async: true, OnError: "retry", Arguments: map[string]string{"k": "v"}, Disabled: true, CreatedAt: 6}},
		PutScripts: []Script{{Database: "x", Name: "s", Source: "src", ModifiedAt: 7}},
		PutTokens:  []Token{{ID: 0, Name: "_admin", Hash: [64]byte{1, 2}, CreatedBy: -1, UpdatedBy: -1}},
	}
}

func TestApplyAndReload(t *testing.T) {
	ctx, path := context.Background(), filepath.Join(t.TempDir(), "with space & ?.db")
	c, first := open(t, path)
	ch := sample()
	if err := c.Apply(ctx, ch); err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	c, s := open(t, path)
	if s.UUID == "" || s.UUID != first.UUID {
		t.Errorf("uuid %q, first %q", s.UUID, first.UUID)
	}
	want := &State{UUID: s.UUID, Databases: ch.Databases, Tables: ch.Tables, Segments: ch.AddSegments, Checkpoint: *ch.Checkpoint, Tokens: ch.PutTokens, Caches: ch.PutCaches,
		SyncTargets: ch.PutSyncTargets, SyncFiles: ch.PutSyncFiles, SyncBatches: ch.PutSyncBatches, Pipelines: ch.AddPipelines, Triggers: ch.PutTriggers}
	if !reflect.DeepEqual(s, want) {
		t.Errorf("got  %+v\nwant %+v", s, want)
	}

	grown := Table{Schema: ch.Tables[0].Schema.With(schema.Column{Name: "n", Role: schema.Field, Kind: column.Int64}).Renamed("gone"), Lifetime: Lifetime{DeletedAt: 3}}
	if err := c.Apply(ctx, Change{Tables: []Table{grown}, RemoveSegments: []uint64{1}, DeleteTokens: []uint64{0},
		DeleteCaches: []Cache{{TableID: 3, Kind: LastCache, ID: 1}}, DeletePipelines: []Pipeline{{Name: "p", CreatedAt: 5}}}); err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	c, s = open(t, path)
	defer c.Close()
	if len(s.Segments)+len(s.Tokens)+len(s.SyncFiles) != 0 || !reflect.DeepEqual(s.Tables, []Table{grown}) {
		t.Errorf("after the second change: %+v", s)
	}
	if !reflect.DeepEqual(s.Pipelines, ch.AddPipelines[1:]) {
		t.Errorf("pipelines after the second change: %+v", s.Pipelines)
	}
	if want := []Cache{ch.PutCaches[0], ch.PutCaches[2]}; !reflect.DeepEqual(s.Caches, want) {
		t.Errorf("caches after the second change: %+v", s.Caches)
	}
	// Dropped columns, and one that continues another.
	grown.Schema = grown.Schema.Drop(2, 9).Retype(3, column.String, 8, 1<<40).With(
		schema.Column{Name: "empty", Role: schema.Field, Kind: column.String, Filled: true},
		schema.Column{Name: "seven", Role: schema.Field, Kind: column.Int64, Filled: true, Fill: "7", FilledTo: 12})
	if err := c.Apply(ctx, Change{Tables: []Table{grown}}); err != nil {
		t.Fatal(err)
	}
	if s, err := c.load(ctx); err != nil || !reflect.DeepEqual(s.Tables, []Table{grown}) {
		t.Errorf("after a drop: %+v, %v; want %+v", s.Tables, err, grown)
	}
	if s, lost, err := Salvage(ctx, path); err != nil || len(lost) != 0 || !reflect.DeepEqual(s.Tables, []Table{grown}) {
		t.Errorf("salvaged after a drop: %+v, %v, %v", s.Tables, lost, err)
	}
	if _, err := c.db.Exec(`UPDATE columns SET dropped_at = 10 WHERE dropped_at = 9`); err != nil {
		t.Fatal(err)
	}
	if _, err := c.load(ctx); !errors.Is(err, ErrCorrupt) {
		t.Errorf("another number of the last write: %v", err)
	}
	if _, err := c.db.Exec(`UPDATE columns SET dropped_at = 9 WHERE dropped_at = 10`); err != nil {
		t.Fatal(err)
	}
	for want := range uint64(2) {
		n, err := c.ApplyNumbered(ctx, Change{DeleteCachesOf: []uint32{3}})
		if err != nil || n != want+4 {
			t.Errorf("change %d, %v; want %d", n, err, want+4)
		}
	}
	if s, err := c.load(ctx); err != nil || len(s.Caches) != 0 {
		t.Errorf("caches of a table that has none: %+v, %v", s.Caches, err)
	}
}

// TestMigration opens a file of every older version.
func TestMigration(t *testing.T) {
	ctx := context.Background()
	for version := 1; version < len(migrations)-1; version++ {
		path := filepath.Join(t.TempDir(), "c.db")
		db, err := sql.Open("sqlite", path)
		if err != nil {
			t.Fatal(err)
		}
		for v := 1; v <= version; v++ {
			if _, err := db.Exec(migrations[v]); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := db.Exec(fmt.Sprintf(`PRAGMA user_version = %d; INSERT INTO meta VALUES ('uuid', 'u');
			INSERT INTO databases (id, name, retention, created_at, deleted_at, hard_delete_at, purged) VALUES (1, 'd', 5, 7, 0, 0, 0)`, version)); err != nil {
			t.Fatal(err)
		}
		if _, err := db.Exec(`INSERT INTO tables (id, database_id, name, created_at, deleted_at, hard_delete_at, purged) VALUES (3, 1, 'cpu', 8, 0, 0, 0);
			INSERT INTO columns (table_id, id, name, role, kind) VALUES (3, 0, 'time', 0, 7), (3, 1, 'host', 1, 6), (3, 2, 'usage', 2, 4)`); err != nil {
			t.Fatal(err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		if s, lost, err := Salvage(ctx, path); version >= 7 && (err != nil || len(lost) != 0 || len(s.Tables) != 1 || len(s.Tables[0].Schema.Columns) != 3) {
			t.Errorf("salvaged from version %d: %+v, %v, %v", version, s, lost, err)
		}
		c, s := open(t, path)
		ch := sample()
		if s.UUID != "u" || !reflect.DeepEqual(s.Databases, ch.Databases) {
			t.Errorf("from version %d: %+v", version, s)
		}
		if err := c.Apply(ctx, ch); err != nil {
			t.Errorf("from version %d: %v", version, err)
		}
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		c, s = open(t, path)
		if !reflect.DeepEqual(s.Caches, ch.PutCaches) || !reflect.DeepEqual(s.Triggers, ch.PutTriggers) {
			t.Errorf("from version %d: caches %+v, triggers %+v", version, s.Caches, s.Triggers)
		}
		if sc, ok, err := c.Script(ctx, "x", "s"); !ok || err != nil || sc != ch.PutScripts[0] {
			t.Errorf("from version %d: script %+v, %v", version, sc, err)
		}
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestChangeIsAllOrNothing(t *testing.T) {
	ctx, path := context.Background(), filepath.Join(t.TempDir(), "c.db")
	c, _ := open(t, path)
	ch := sample()
	ch.AddSegments = append(ch.AddSegments, ch.AddSegments[0]) // the ID is taken
	if err := c.Apply(ctx, ch); err == nil {
		t.Fatal("a segment was added twice")
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	c, s := open(t, path)
	defer c.Close()
	if len(s.Databases)+len(s.Tables)+len(s.Segments)+len(s.Tokens) != 0 {
		t.Errorf("a failed change left something: %+v", s)
	}
}

func TestNewerSchemaIsRefused(t *testing.T) {
	ctx, path := context.Background(), filepath.Join(t.TempDir(), "c.db")
	c, _ := open(t, path)
	if _, err := c.db.Exec(`PRAGMA user_version = 99; UPDATE meta SET value = '99' WHERE key = 'schema_version'`); err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Open(ctx, path); err == nil || !strings.Contains(err.Error(), "newer version") {
		t.Errorf("got %v", err)
	}
}
