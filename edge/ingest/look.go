package ingest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"tarn/edge/humantime"
	"tarn/store"
	"tarn/store/column"
	"tarn/store/points"
	"tarn/store/schema"
)

// Look is how a table that a protocol makes looks to GreptimeDB's SQL, and
// whether rows of the same series and time are one.
type Look struct {
	// TimeName is what the time index is called, and Unit its unit.
	TimeName string
	Unit     time.Duration
	// Order are columns as * lists them, the time index included; those that there
	// are not yet count when they come. Nil: tags, fields, time index.
	Order []string
	// Append keeps rows of the same series and time apart: logs and traces.
	Append bool
	// Types are the columns' types in GreptimeDB that their kind does not tell,
	// such as Int32 or Json.
	Types map[string]string
	// Tags and Fields are columns that the table has before there are values.
	Tags   []string
	Fields []store.FieldDef
	// Fulltext are the columns with a full-text index.
	Fulltext []string
	// Options are those of WITH.
	Options map[string]string
}

// tableHints are the hints that become options of a table (spec section 0.5).
var tableHints = []string{"ttl", schema.AppendMode, "merge_mode", "skip_wal", "sst_format"}

// Hint takes over what hints say of a table, if they say anything.
func (l *Look) Hint(hints map[string]string) (some bool) {
	for _, name := range tableHints {
		v, ok := hints[name]
		if !ok {
			continue
		}
		some = true
		if name == schema.AppendMode {
			l.Append = v == "true"
			continue
		}
		l.Options = maps.Clone(l.Options)
		if l.Options == nil {
			l.Options = map[string]string{}
		}
		l.Options[name] = v
	}
	return some
}

var units = map[time.Duration]string{
	time.Second: "TimestampSecond", time.Millisecond: "TimestampMillisecond", time.Microsecond: "TimestampMicrosecond", time.Nanosecond: "TimestampNanosecond",
}

// definition is the look as the store keeps it.
func (l *Look) definition() (*schema.Definition, error) {
	// Names may be parts of a request's body, whose memory is used again.
	d := &schema.Definition{TimeName: strings.Clone(l.TimeName), Columns: map[string]schema.ColumnDefinition{}}
	d.Columns[d.TimeName] = schema.ColumnDefinition{Type: units[l.Unit]}
	for _, name := range l.Order {
		d.Order = append(d.Order, strings.Clone(name))
	}
	for name, t := range l.Types {
		d.Columns[strings.Clone(name)] = schema.ColumnDefinition{Type: t}
	}
	for _, name := range l.Fulltext {
		c := d.Columns[name]
		c.Indexes = append(c.Indexes, "FULLTEXT INDEX")
		d.Columns[strings.Clone(name)] = c
	}
	for name, v := range l.Options {
		if d.Options == nil {
			d.Options = map[string]string{}
		}
		d.Options[name] = strings.Clone(v)
	}
	if l.Append {
		if d.Options == nil {
			d.Options = map[string]string{}
		}
		d.Options[schema.AppendMode] = "true"
	}
	if ttl := l.Options["ttl"]; ttl != "" && ttl != "forever" && ttl != "instant" {
		var err error
		if d.Retention, err = humantime.Parse(ttl); err != nil {
			return nil, rowErrorf("the hint ttl: %v", err)
		}
	}
	return d, nil
}

// definer makes tables with a definition: a store.
type definer interface {
	DefineTable(ctx context.Context, database, name string, tags []string, fields []store.FieldDef, def *schema.Definition) error
}

// CommitLooks is Commit; looks say, by name, how tables look that it makes, and
// the types of columns that it adds to others. These are made first: what they are
// must be known before their rows come.
func (r *Rows) CommitLooks(ctx context.Context, o store.WriteOptions, looks map[string]Look) error {
	for _, t := range r.batch.Tables {
		look, ok := looks[t.Name]
		if !ok || r.held > r.writer.held {
			continue
		}
		var err error
		if have := r.names[t.Name].schema; have == nil {
			err = r.writer.define(ctx, r.database, t.Name, &look)
		} else {
			err = r.writer.refine(ctx, r.database, t, have, &look)
		}
		if err != nil {
			return err
		}
	}
	return r.Commit(ctx, o)
}

// typeNames are the types that a column's kind tells.
var typeNames = map[column.Kind]string{
	column.Bool: "Boolean", column.Int64: "Int64", column.Uint64: "UInt64", column.Float64: "Float64", column.String: "String",
	column.Timestamp: "TimestampNanosecond",
}

// refine notes in a table's definition the types of columns that a batch adds,
// where their kind does not tell.
func (w *Writer) refine(ctx context.Context, database string, t *points.Table, have *schema.Table, look *Look) error {
	s, ok := w.store.(alterer)
	if !ok || have.Def == nil {
		return nil
	}
	added := map[string]schema.ColumnDefinition{}
	for _, f := range t.Fields {
		name := look.Types[f.Name]
		if name == "" || name == typeNames[f.Kind] {
			continue
		}
		if _, known := have.Column(f.Name); !known {
			added[strings.Clone(f.Name)] = schema.ColumnDefinition{Type: name}
		}
	}
	if len(added) == 0 {
		return nil
	}
	err := s.AlterTable(ctx, database, t.Name, func(now *schema.Table) (store.Alteration, error) {
		if now.Def == nil {
			return store.Alteration{}, nil
		}
		def := *now.Def
		def.Columns = maps.Clone(def.Columns)
		if def.Columns == nil {
			def.Columns = map[string]schema.ColumnDefinition{}
		}
		for name, c := range added {
			if _, known := now.Column(name); !known {
				def.Columns[name] = c
			}
		}
		return store.Alteration{Def: &def}, nil
	})
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("add columns to table %s: %w", t.Name, err)
	}
	return nil
}

// alterer changes definitions of tables: a store.
type alterer interface {
	AlterTable(ctx context.Context, database, name string, change func(*schema.Table) (store.Alteration, error)) error
}

var _ interface {
	alterer
	definer
} = (*store.Store)(nil)

// define makes a table that looks as told, unless it is there.
func (w *Writer) define(ctx context.Context, database, name string, look *Look) error {
	s, ok := w.store.(definer)
	if !ok {
		return nil
	}
	def, err := look.definition()
	if err != nil {
		return err
	}
	if err := s.DefineTable(ctx, database, name, look.Tags, look.Fields, def); err != nil && !errors.Is(err, store.ErrExists) {
		return fmt.Errorf("make table %s: %w", name, err)
	}
	return nil
}
