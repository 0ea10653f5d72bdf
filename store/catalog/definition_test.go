package catalog

import (
	"errors"
	"testing"
	"time"

	"tarn/store/schema"
)

// TestDefinitionIsKept: what SQL said of a table is there after a restart, and a
// flipped bit of it is seen.
func TestDefinitionIsKept(t *testing.T) {
	path := t.TempDir() + "/catalog.db"
	c, _, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	def := &schema.Definition{TimeName: "ts", Order: []string{"a", "ts"}, Retention: time.Hour,
		Columns: map[string]schema.ColumnDefinition{"a": {Type: "Int8", NotNull: true, Default: "1"}}}
	plain := schema.NewTable(1, 2, "plain")
	change := Change{Databases: []Database{{ID: 1, Name: "d"}}, Tables: []Table{{Schema: schema.NewTable(1, 1, "t").Defined(def)}, {Schema: plain}}}
	if err := c.Apply(t.Context(), change); err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	c, s, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	got := s.Tables[0].Schema.Def
	if got == nil || got.TimeName != "ts" || got.Retention != time.Hour || got.Columns["a"].Type != "Int8" || s.Tables[1].Schema.Def != nil {
		t.Errorf("definitions %+v and %+v", got, s.Tables[1].Schema.Def)
	}
	if col, ok := s.Tables[0].Schema.Column("ts"); !ok || col.Role != schema.Time {
		t.Error("the time index is not found by its name")
	}
	if _, err := c.db.ExecContext(t.Context(), `UPDATE tables SET definition = replace(definition, 'Int8', 'Int9')`); err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Open(t.Context(), path); !errors.Is(err, ErrCorrupt) {
		t.Errorf("damaged: %v", err)
	}
}
