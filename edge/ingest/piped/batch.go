package piped

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
	"unsafe"

	"tarn/edge/ingest"
	"tarn/edge/pipeline"
	"tarn/store"
	"tarn/store/points"
	"tarn/store/schema"
)

// Writer makes Batches for a store. It is safe for concurrent use.
type Writer struct {
	Rows    *ingest.Writer
	Library *Library
	Now     func() time.Time
	// Count is told how many records of a protocol became rows, were dropped by
	// a filter and were refused; nil tells nobody.
	Count func(protocol, database string, written, dropped, refused int)

	pool sync.Pool // of *Batch
}

// Options say where the records of a request go.
type Options struct {
	// Protocol names who is asking, for Writer.Count.
	Protocol string
	Database string
	// Table is where rows go whose pipeline gives it no suffix.
	Table string
	// Hints are those of section 0.5.
	Hints map[string]string
}

// Batch is the log records of one request. Bad records are counted and leave the
// others alone. Close it.
type Batch struct {
	writer *Writer
	opts   Options
	runner pipeline.Runner
	// Record is scratch for the caller: fill it, and Add it.
	Record pipeline.Record
	// Source reads a body of records.
	Source pipeline.Source

	rows   *ingest.Rows
	name   []byte
	tags   []points.Tag
	looks  map[string]ingest.Look // of new tables
	report Report
	// skipped are malformed records that are nobody's error.
	skipped int
}

// Report says what became of a batch's records.
type Report struct {
	// Written are rows, Dropped were filtered out, Refused are bad.
	Written, Dropped, Refused int
	// First is what was wrong with the first bad record.
	First error
}

// Begin starts a batch.
func (w *Writer) Begin(o Options) (*Batch, error) {
	rows, err := w.Rows.Rows(o.Database, ingest.RowOptions{NoCreate: o.Hints["auto_create_table"] == "false"})
	if err != nil {
		return nil, err
	}
	b, _ := w.pool.Get().(*Batch)
	if b == nil {
		b = &Batch{looks: map[string]ingest.Look{}}
	}
	b.writer, b.opts, b.rows, b.report, b.skipped = w, o, rows, Report{}, 0
	b.runner.Find = func(name string) (*pipeline.Pipeline, error) { return w.Library.Find(name, 0) }
	b.runner.SetNow(w.Now())
	return b, nil
}

// Close forgets what was not committed.
func (b *Batch) Close() {
	if b.writer == nil {
		return
	}
	w := b.writer
	b.rows.Close()
	b.rows, b.writer, b.opts = nil, nil, Options{}
	b.runner.Forget()
	b.Record.Forget()
	b.Source.Forget()
	clear(b.tags[:cap(b.tags)])
	clear(b.looks)
	w.pool.Put(b)
}

// Rows are the batch's rows, for callers that need no pipeline; they call Wrote.
func (b *Batch) Rows() *ingest.Rows { return b.rows }

// Look says how a table looks if this batch makes it.
func (b *Batch) Look(table string, l ingest.Look) { b.looks[table] = l }

// Wrote counts a row that was added to Rows.
func (b *Batch) Wrote() { b.report.Written++ }

// Refuse counts a bad record.
func (b *Batch) Refuse(err error) {
	b.report.Refused++
	if b.report.First == nil {
		b.report.First = err
	}
}

// PassOver counts a malformed record that the protocol says to skip.
func (b *Batch) PassOver() { b.skipped++ }

// Report is what became of the records so far.
func (b *Batch) Report() Report { return b.report }

// Add takes a record through a pipeline and counts what becomes of it. The
// error is what Refuse was given; the batch can go on.
func (b *Batch) Add(p *pipeline.Pipeline, rec *pipeline.Record) error {
	row, err := b.runner.Run(p, rec)
	if err == nil && row == nil {
		b.report.Dropped++
		return nil
	}
	if err == nil {
		err = b.put(row)
	}
	if err != nil {
		b.Refuse(err)
		return err
	}
	b.report.Written++
	return nil
}

// Commit writes the rows and tells the writer's Count.
func (b *Batch) Commit(ctx context.Context) error {
	err := b.rows.CommitLooks(ctx, store.WriteOptions{}, b.looks)
	if c := b.writer.Count; c != nil {
		if err != nil {
			c(b.opts.Protocol, b.opts.Database, 0, b.report.Dropped, b.report.Refused+b.skipped+b.report.Written)
		} else {
			c(b.opts.Protocol, b.opts.Database, b.report.Written, b.report.Dropped, b.report.Refused+b.skipped)
		}
	}
	return err
}

var errTime = errors.New("the time index is out of range: times are between the years 1677 and 2262")

// put adds a row to its table.
func (b *Batch) put(row *pipeline.Row) error {
	b.name = append(append(b.name[:0], b.opts.Table...), row.Suffix...)
	t, err := b.rows.Table(b.name)
	if err != nil {
		return err
	}
	ns, ok := row.Time()
	if !ok {
		return errTime
	}
	b.tags = b.tags[:0]
	for i := range row.Cells {
		if c := &row.Cells[i]; c.Role == pipeline.Tag && c.Value.Kind() != pipeline.Null {
			b.tags = append(b.tags, points.Tag{Key: Bytes(ColumnName(c.Name)), Value: Bytes(b.tagText(&c.Value))})
		}
	}
	if err := t.Series(nil, b.tags); err != nil {
		return err
	}
	t.Row(ns)
	index := ""
	for i := range row.Cells {
		if c := &row.Cells[i]; c.Role == pipeline.TimeIndex {
			index = c.Name
		}
	}
	for i := range row.Cells {
		if c := &row.Cells[i]; c.Role == pipeline.Field {
			if c.Name == index {
				return fmt.Errorf("table %s: column %s is the time index", b.name, index)
			}
			PutValue(t, ColumnName(c.Name), &c.Value)
		}
	}
	before := t.Columns()
	if err := t.End(); err != nil {
		return err
	}
	have, ok := b.looks[t.Name()]
	switch {
	case !ok && (t.Schema() == nil || t.Columns() != before):
		b.looks[t.Name()] = b.look(row)
	case ok && t.Columns() != before:
		for name, kind := range b.look(row).Types {
			if _, known := have.Types[name]; !known {
				have.Types[name] = kind
			}
		}
	}
	return nil
}

// tagText is a tag's value as text.
func (b *Batch) tagText(v *pipeline.Value) string {
	if v.Kind() == pipeline.String {
		return v.Text()
	}
	return b.Record.End(v.AppendJSON(b.Record.Begin(32)))
}

// ColumnName is what a column is called in the store, where the name of the
// time column is taken.
func ColumnName(name string) string {
	if name == schema.TimeColumn {
		return schema.TimeColumn + "_"
	}
	return name
}

// PutValue adds a field to a table's current row, unless it is null. Arrays and
// maps are JSON texts already.
func PutValue(t *ingest.RowTable, name string, v *pipeline.Value) {
	n := Bytes(name)
	switch v.Kind() {
	case pipeline.Bool:
		t.Bool(n, v.Bool())
	case pipeline.Int:
		t.Int(n, v.Int())
	case pipeline.Uint:
		t.Uint(n, v.Uint())
	case pipeline.Float:
		t.Float(n, v.Float())
	case pipeline.String:
		t.String(n, Bytes(v.Text()))
	case pipeline.Time:
		if ns, ok := v.Nanos(); ok {
			t.Timestamp(n, ns)
		}
	}
}

// look is how a table looks that a row makes.
func (b *Batch) look(row *pipeline.Row) ingest.Look {
	l := ingest.Look{Append: true, Types: map[string]string{}}
	for i := range row.Cells {
		c := &row.Cells[i]
		if c.Role == pipeline.TimeIndex {
			l.Order = append(l.Order, c.Name)
			l.TimeName, l.Unit = c.Name, time.Duration(c.Type.Unit())
			continue
		}
		l.Order = append(l.Order, ColumnName(c.Name))
		l.Types[ColumnName(c.Name)] = c.Type.Name()
		if c.Fulltext {
			l.Fulltext = append(l.Fulltext, ColumnName(c.Name))
		}
	}
	l.Hint(b.opts.Hints)
	for _, h := range row.Hints {
		l.Hint(map[string]string{h.Name: h.Value.Text()})
	}
	return l
}

// Bytes are the bytes of a string, not to be written to.
func Bytes(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }

// String is bytes as a string, valid as long as they are not written to.
func String(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
