package ingest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"tarn/store"
	"tarn/store/column"
	"tarn/store/schema"
)

// model is what a database must hold, the simple way.
type model struct {
	limits store.Limits
	tables map[string]*modelTable
}

type modelTable struct {
	columns map[string]string            // name -> InfluxType, without time
	rows    map[string]map[string]string // tags and time -> field -> value
}

func (m *model) clone() *model {
	c := &model{m.limits, map[string]*modelTable{}}
	for name, t := range m.tables {
		rows := map[string]map[string]string{}
		for key, r := range t.rows {
			rows[key] = maps.Clone(r)
		}
		c.tables[name] = &modelTable{maps.Clone(t.columns), rows}
	}
	return c
}

// pair is a tag or a field as a line has it.
type pair struct{ key, value string }

// line is one line before it is text.
type line struct {
	table        string
	tags, fields []pair
	time         int64
}

func (l line) String() string {
	var b strings.Builder
	b.WriteString(l.table)
	for _, g := range l.tags {
		b.WriteString("," + g.key + "=" + g.value)
	}
	for i, f := range l.fields {
		b.WriteString([]string{" ", ","}[min(i, 1)] + f.key + "=" + f.value)
	}
	fmt.Fprintf(&b, " %d", l.time)
	return b.String()
}

// typeOf is the InfluxType of a field value.
func typeOf(value string) string {
	const prefix = "iox::column_type::field::"
	switch last := value[len(value)-1]; {
	case last == 'i':
		return prefix + "integer"
	case last == 'u':
		return prefix + "uinteger"
	case last == '"':
		return prefix + "string"
	case last == 't' || last == 'f':
		return prefix + "boolean"
	}
	return prefix + "float"
}

const tagType = "iox::column_type::tag"

// add takes a line, or refuses it and stays as it was.
func (m *model) add(l line) bool {
	t, ok := m.tables[l.table]
	if !ok {
		if len(m.tables) >= m.limits.Tables {
			return false
		}
		t = &modelTable{map[string]string{}, map[string]map[string]string{}}
	}
	columns := maps.Clone(t.columns)
	seen := map[string]bool{}
	take := func(p pair, kind string) bool {
		if seen[p.key] || schema.Reserved(p.key) {
			return false
		}
		seen[p.key] = true
		have, ok := columns[p.key]
		columns[p.key] = kind
		return !ok || have == kind
	}
	for _, g := range l.tags {
		if !take(g, tagType) {
			return false
		}
	}
	for _, f := range l.fields {
		if !take(f, typeOf(f.value)) {
			return false
		}
	}
	tags := 0
	for _, kind := range columns {
		if kind == tagType {
			tags++
		}
	}
	if tags > m.limits.Tags || len(columns)+1 > m.limits.Columns {
		return false
	}
	t.columns = columns
	m.tables[l.table] = t
	sorted := slices.SortedFunc(slices.Values(l.tags), func(a, b pair) int { return cmp.Compare(a.key, b.key) })
	key := fmt.Sprint(sorted, l.time)
	if t.rows[key] == nil {
		t.rows[key] = map[string]string{}
	}
	for _, f := range l.fields {
		t.rows[key][f.key] = f.value
	}
	return true
}

// randomLine makes a line of few names, so that they meet in every role.
func randomLine(rng *rand.Rand) line {
	names := []string{"a", "b", "c", "d", "e", "f", "time"}
	pick := func(n int) []pair {
		var out []pair
		for range n {
			name := names[rng.IntN(len(names)-1)]
			if rng.IntN(60) == 0 {
				name = "time"
			}
			out = append(out, pair{key: name})
		}
		return out
	}
	l := line{table: string("klm"[rng.IntN(3)]), tags: pick(rng.IntN(3)), fields: pick(1 + rng.IntN(3)), time: 1 + rng.Int64N(4)}
	for i := range l.tags {
		l.tags[i].value = string("xy"[rng.IntN(2)])
	}
	for i := range l.fields {
		// Mostly what the name's letter says, so that many lines are good.
		kind := int(l.fields[i].key[0]) % 5
		if rng.IntN(12) == 0 {
			kind = rng.IntN(5)
		}
		l.fields[i].value = [...]string{"1.5", fmt.Sprint(rng.IntN(9)) + "i", "7u", `"s"`, "t"}[kind]
	}
	return l
}

// TestModel writes random bodies and compares what is accepted, the schemas and
// the rows with a simple model: a bad line leaves no trace.
func TestModel(t *testing.T) {
	for seed := range uint64(60) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 0))
			limits := store.Limits{Databases: 5, Tables: 2 + rng.IntN(2), Columns: 4 + rng.IntN(5), Tags: 1 + rng.IntN(3)}
			s := openStore(t, limits)
			w := NewWriter(s, time.Now)
			m := &model{limits, map[string]*modelTable{}}
			for body := range 12 {
				next, o := m.clone(), Options{Database: "d", AllOrNothing: rng.IntN(3) == 0}
				var text strings.Builder
				var bad []int
				for i := range 1 + rng.IntN(30) {
					l := randomLine(rng)
					fmt.Fprintln(&text, l)
					if !next.add(l) {
						bad = append(bad, i+1)
					}
				}
				report, err := w.WriteLines(t.Context(), strings.NewReader(text.String()), o)
				if err != nil {
					t.Fatalf("body %d: %v", body, err)
				}
				var got []int
				for _, r := range report.Rejected {
					got = append(got, r.Line)
				}
				if !slices.Equal(got, bad) {
					t.Fatalf("body %d: bad lines %v, want %v:\n%s%+v", body, got, bad, text.String(), report.Rejected)
				}
				if len(bad) == 0 || !o.AllOrNothing {
					m = next
				}
				compare(t, s, m)
				if t.Failed() {
					t.Fatalf("after body %d:\n%s", body, text.String())
				}
			}
		})
	}
}

func openStore(t testing.TB, limits store.Limits) *store.Store {
	t.Helper()
	s, err := store.Open(context.Background(), store.Options{Dir: t.TempDir(), Limits: limits, WALSyncRate: 10000})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return s
}

func compare(t *testing.T, s *store.Store, m *model) {
	t.Helper()
	db, ok := s.Database("d")
	if !ok {
		if len(m.tables) > 0 {
			t.Errorf("no database, want tables %v", slices.Sorted(maps.Keys(m.tables)))
		}
		return
	}
	if got, want := db.Tables(), slices.Sorted(maps.Keys(m.tables)); !slices.Equal(got, want) {
		t.Errorf("tables %v, want %v", got, want)
		return
	}
	for name, want := range m.tables {
		sch, _ := db.Table(name)
		columns := map[string]string{}
		for _, c := range sch.Columns[1:] {
			columns[c.Name] = c.InfluxType()
		}
		if !maps.Equal(columns, want.columns) {
			t.Errorf("table %s: columns %v, want %v", name, columns, want.columns)
			continue
		}
		if got := readRows(t, s, sch); !maps.EqualFunc(got, want.rows, maps.Equal[map[string]string, map[string]string]) {
			t.Errorf("table %s: rows %v, want %v", name, got, want.rows)
		}
	}
}

// readRows reads a table in the model's form.
func readRows(t *testing.T, s *store.Store, sch *schema.Table) map[string]map[string]string {
	t.Helper()
	spec := store.ScanSpec{Database: "d", Table: sch, MinTime: store.MinTime, MaxTime: store.MaxTime}
	for _, c := range sch.Columns {
		spec.Columns = append(spec.Columns, c.ID)
	}
	rows, err := s.Scan(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	out := map[string]map[string]string{}
	var b column.Batch
	for {
		if err := rows.Next(t.Context(), &b); errors.Is(err, io.EOF) {
			return out
		} else if err != nil {
			t.Fatal(err)
		}
		for i := range b.Len {
			var tags []pair
			fields := map[string]string{}
			for c, v := range b.Cols {
				switch col := sch.Columns[c]; {
				case v.IsNull(i) || col.Role == schema.Time:
				case col.Role == schema.Tag:
					tags = append(tags, pair{col.Name, v.Text(i)})
				default:
					fields[col.Name] = valueText(v, i)
				}
			}
			slices.SortFunc(tags, func(a, b pair) int { return cmp.Compare(a.key, b.key) })
			key := fmt.Sprint(tags, b.Cols[0].Ints[i])
			if out[key] != nil {
				t.Errorf("row %s comes twice", key)
			}
			out[key] = fields
		}
	}
}

// valueText is a value as line protocol has it.
func valueText(v *column.Vector, i int) string {
	switch v.Type.Kind {
	case column.Int64:
		return fmt.Sprint(v.Ints[i], "i")
	case column.Uint64:
		return fmt.Sprint(v.Uints[i], "u")
	case column.Bool:
		return map[bool]string{true: "t", false: "f"}[v.Bools[i]]
	case column.String:
		return `"` + v.Text(i) + `"`
	}
	return fmt.Sprint(v.Floats[i])
}
