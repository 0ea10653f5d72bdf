package catalog

import (
	"context"
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
		PutTokens:   []Token{{ID: 0, Name: "_admin", Hash: [64]byte{1, 2}, CreatedBy: -1, UpdatedBy: -1}},
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
	want := &State{UUID: s.UUID, Databases: ch.Databases, Tables: ch.Tables, Segments: ch.AddSegments, Checkpoint: *ch.Checkpoint, Tokens: ch.PutTokens}
	if !reflect.DeepEqual(s, want) {
		t.Errorf("got  %+v\nwant %+v", s, want)
	}

	grown := Table{Schema: ch.Tables[0].Schema.With(schema.Column{Name: "n", Role: schema.Field, Kind: column.Int64}).Renamed("gone"), Lifetime: Lifetime{DeletedAt: 3}}
	if err := c.Apply(ctx, Change{Tables: []Table{grown}, RemoveSegments: []uint64{1}, DeleteTokens: []uint64{0}}); err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	c, s = open(t, path)
	defer c.Close()
	if len(s.Segments)+len(s.Tokens) != 0 || !reflect.DeepEqual(s.Tables, []Table{grown}) {
		t.Errorf("after the second change: %+v", s)
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
	if _, err := c.db.Exec(`PRAGMA user_version = 99`); err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Open(ctx, path); err == nil || !strings.Contains(err.Error(), "newer version") {
		t.Errorf("got %v", err)
	}
}
