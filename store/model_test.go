package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"tarn/store/column"
	"tarn/store/points"
	"tarn/store/schema"
)

// rowKey is what identifies a row: its tags as text, and its time.
type rowKey struct {
	tags string
	time int64
}

// rows are the rows of one table: field values as text, by name.
type rows map[rowKey]map[string]string

// model is what a store should hold: rows by "database/table".
type model map[string]rows

// merge does to the model what a write does to the store.
func (m model) merge(w write) {
	for _, r := range w.rows {
		t := m[w.database+"/"+r.table]
		if t == nil {
			t = rows{}
			m[w.database+"/"+r.table] = t
		}
		k := rowKey{tagText(r.tags), r.time}
		if t[k] == nil {
			t[k] = map[string]string{}
		}
		maps.Copy(t[k], r.fields)
	}
}

func (m model) clone() model {
	c := model{}
	for name, t := range m {
		c[name] = rows{}
		for k, r := range t {
			c[name][k] = maps.Clone(r)
		}
	}
	return c
}

// diff says how got differs, or "".
func (m model) diff(got model) string {
	for name, t := range m {
		for k, want := range t {
			if have, ok := got[name][k]; !ok {
				return fmt.Sprintf("%s: row %v is missing", name, k)
			} else if !maps.Equal(have, want) {
				return fmt.Sprintf("%s: row %v has %v, want %v", name, k, have, want)
			}
		}
	}
	for name, t := range got {
		for k := range t {
			if _, ok := m[name][k]; !ok {
				return fmt.Sprintf("%s: row %v should not be there", name, k)
			}
		}
	}
	return ""
}

// write is one write request.
type write struct {
	database string
	rows     []point
}

type point struct {
	table  string
	tags   map[string]string
	fields map[string]string // value as text; the name's first letter is the kind
	time   int64
}

func tagText(tags map[string]string) string {
	var parts []string
	for k, v := range tags {
		if v != "" {
			parts = append(parts, k+"="+v)
		}
	}
	slices.Sort(parts)
	return strings.Join(parts, ",")
}

// kindOf is the type of a test's field, by its name's first letter.
func kindOf(field string) column.Kind {
	switch field[0] {
	case 'i':
		return column.Int64
	case 'u':
		return column.Uint64
	case 'b':
		return column.Bool
	case 's':
		return column.String
	}
	return column.Float64
}

// batch is the request as a front-end would hand it over.
func (w write) batch() *points.Batch {
	return w.typed(func(_, field string) column.Kind { return kindOf(field) })
}

// typed is batch with the kinds that the fields have.
func (w write) typed(kind func(table, field string) column.Kind) *points.Batch {
	b := points.NewBatch()
	for _, r := range w.rows {
		t := b.Table([]byte(r.table))
		var tags []points.Tag
		for _, k := range slices.Sorted(maps.Keys(r.tags)) {
			tags = append(tags, points.Tag{Key: []byte(k), Value: []byte(r.tags[k])})
		}
		n := t.AddRow(t.AddSeries(nil, tags), r.time)
		for _, name := range slices.Sorted(maps.Keys(r.fields)) {
			f := t.Fields[t.Field([]byte(name), kind(r.table, name))]
			v := column.NewVector(column.Of(f.Kind), 1)
			switch f.Kind {
			case column.String:
				f.SetString(n, []byte(r.fields[name]))
				continue
			case column.Bool:
				if r.fields[name] == "true" {
					f.Set(n, 1)
				} else {
					f.Set(n, 0)
				}
				continue
			}
			f.Set(n, bitsOf(v, r.fields[name]))
		}
	}
	return b
}

// dump reads all tables of a store, each in one of the orders, and checks the
// order, and that no row comes twice.
func dump(t *testing.T, s *Store, rng *rand.Rand) model {
	t.Helper()
	m := model{}
	for _, db := range s.Databases() {
		for _, name := range db.Tables() {
			sch, ok := db.Table(name)
			if !ok {
				t.Fatalf("table %s is listed but not there", name)
			}
			spec := ScanSpec{Database: db.Name(), Table: sch, MinTime: MinTime, MaxTime: MaxTime,
				Order: Order(rng.IntN(4)), BatchRows: 1 + rng.IntN(300)}
			for _, c := range sch.Columns {
				if c.Role != schema.Dropped {
					spec.Columns = append(spec.Columns, c.ID)
				}
			}
			m[db.Name()+"/"+name] = collect(t, s, spec)
		}
	}
	return m
}

// collect runs a scan whose first column is time and which yields all tags.
func collect(t *testing.T, s *Store, spec ScanSpec) rows {
	t.Helper()
	out := rows{}
	r, err := s.Scan(context.Background(), spec)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}()
	var b column.Batch
	last := ""
	for {
		err := r.Next(context.Background(), &b)
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := b.Check(); err != nil || b.Len == 0 {
			t.Fatalf("a batch of %d rows, %v", b.Len, err)
		}
		for i := range b.Len {
			k := rowKey{time: b.Cols[0].Ints[i]}
			tags, fields, order := map[string]string{}, map[string]string{}, ""
			for c, id := range spec.Columns {
				col := spec.Table.Columns[id]
				if col.Role == schema.Tag {
					if b.Cols[c].IsNull(i) {
						order += "\xff" // NULL is last
					} else {
						tags[col.Name] = b.Cols[c].Text(i)
						order += tags[col.Name] + "\x00"
					}
				} else if col.Role == schema.Field && !b.Cols[c].IsNull(i) {
					fields[col.Name] = textOf(b.Cols[c], i)
				}
			}
			k.tags = tagText(tags)
			if _, twice := out[k]; twice {
				t.Fatalf("table %s: row %v comes twice", spec.Table.Name, k)
			}
			out[k] = fields
			if order += fmt.Sprintf("%020d", k.time); spec.Order == SeriesTime && order <= last {
				t.Fatalf("table %s: row %q after %q", spec.Table.Name, order, last)
			}
			last = order
		}
	}
}

func bitsOf(v *column.Vector, text string) uint64 {
	var n int64
	if _, err := fmt.Sscan(text, &n); err != nil {
		panic(err)
	}
	if v.Type.Kind == column.Float64 {
		return floatBits(float64(n))
	}
	return uint64(n)
}

func textOf(v *column.Vector, i int) string {
	switch v.Type.Kind {
	case column.Int64:
		return fmt.Sprint(v.Ints[i])
	case column.Uint64:
		return fmt.Sprint(v.Uints[i])
	case column.Float64:
		return fmt.Sprint(int64(v.Floats[i]))
	case column.Bool:
		return fmt.Sprint(v.Bools[i])
	}
	return v.Text(i)
}

// writer makes random requests, with more and more tags and fields.
type writer struct {
	rng   *rand.Rand
	now   int64
	step  int
	width int // tables of a database
}

func (w *writer) next() write {
	w.step++
	out := write{database: fmt.Sprint("d", w.rng.IntN(2))}
	fields := []string{"i", "f", "s", "b", "u", "f2", "i2", "s2"}
	fields = fields[:min(len(fields), 2+w.step/4)]
	tags := []string{"host", "az", "room"}
	tags = tags[:min(len(tags), 1+w.step/10)]
	if w.rng.IntN(15) == 0 {
		w.now += dayNanos / 2
	}
	for range 1 + w.rng.IntN(40) {
		p := point{table: fmt.Sprint("t", w.rng.IntN(w.width)), tags: map[string]string{}, fields: map[string]string{}}
		for _, k := range tags {
			if w.rng.IntN(4) > 0 {
				p.tags[k] = fmt.Sprint("v", w.rng.IntN(4))
			}
		}
		w.now += w.rng.Int64N(3)
		p.time = w.now
		if w.rng.IntN(10) == 0 {
			p.time -= w.rng.Int64N(200)
		}
		if w.rng.IntN(100) == 0 {
			p.time -= dayNanos
		}
		p.fields[fields[w.rng.IntN(len(fields))]] = "1" // at least one
		for _, f := range fields {
			if w.rng.IntN(2) == 0 {
				p.fields[f] = fmt.Sprint(w.rng.IntN(1000))
			}
		}
		for f := range p.fields {
			if kindOf(f) == column.Bool {
				p.fields[f] = fmt.Sprint(w.rng.IntN(2) == 0)
			}
		}
		out.rows = append(out.rows, p)
	}
	return out
}
