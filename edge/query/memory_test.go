package query

import (
	"cmp"
	"context"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"

	"tarn/edge/query/plan"
	"tarn/store"
	"tarn/store/column"
	"tarn/store/schema"
)

// t0 is 2026-01-01T00:00:00Z, the first instant of the worked examples.
const t0 = int64(1767225600) * 1e9

// memory is a Provider over tables that lie in memory, already merged. It does
// what a scan promises and nothing more: it filters by time and series, and
// leaves field bounds and limits to the query.
type memory struct {
	tables map[string]*memoryTable
	// specs are the scans asked for, for tests of push-down.
	mu    sync.Mutex
	specs []store.ScanSpec
}

// memoryTable holds one full-length vector for each column of its schema.
type memoryTable struct {
	schema *schema.Table
	rows   column.Batch
}

func (m *memory) Database(name string) (plan.Database, bool) { return m, name == "db" }

func (m *memory) Name() string { return "db" }

func (m *memory) Tables() []string {
	var names []string
	for n := range m.tables {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

func (m *memory) Table(name string) (*schema.Table, bool) {
	t, ok := m.tables[name]
	if !ok {
		return nil, false
	}
	return t.schema, true
}

func (m *memory) Scan(ctx context.Context, spec store.ScanSpec) (store.Rows, error) {
	m.mu.Lock()
	m.specs = append(m.specs, spec)
	m.mu.Unlock()
	t := m.tables[spec.Table.Name]
	keep := make([]bool, t.rows.Len)
	for i := range keep {
		keep[i] = true
	}
	if spec.Filter != nil {
		tags := column.Batch{Len: t.rows.Len}
		for _, id := range spec.FilterTags {
			tags.Cols = append(tags.Cols, t.rows.Cols[id])
		}
		if err := spec.Filter(ctx, &tags, keep); err != nil {
			return nil, err
		}
	}
	r := &memoryRows{table: t, spec: spec}
	for i, at := range t.rows.Cols[0].Ints {
		if keep[i] && at >= spec.MinTime && at <= spec.MaxTime {
			r.rows = append(r.rows, int32(i))
		}
	}
	if spec.Order == store.SeriesTime {
		slices.SortStableFunc(r.rows, t.bySeries)
	}
	return r, nil
}

// bySeries orders rows by tags, nulls last, and time.
func (t *memoryTable) bySeries(a, b int32) int {
	for _, id := range t.schema.Tags {
		v := t.rows.Cols[id]
		x, y := v.IsNull(int(a)), v.IsNull(int(b))
		switch {
		case x && y:
			continue
		case x:
			return 1
		case y:
			return -1
		}
		if c := strings.Compare(v.Text(int(a)), v.Text(int(b))); c != 0 {
			return c
		}
	}
	return cmp.Compare(t.rows.Cols[0].Ints[a], t.rows.Cols[0].Ints[b])
}

type memoryRows struct {
	table *memoryTable
	spec  store.ScanSpec
	rows  []int32
	stats store.ScanStats
	out   column.Batch
}

func (r *memoryRows) Next(ctx context.Context, b *column.Batch) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if len(r.rows) == 0 {
		return io.EOF
	}
	size := r.spec.BatchRows
	if size == 0 {
		size = 4096
	}
	n := min(size, len(r.rows))
	if r.out.Cols == nil {
		for _, id := range r.spec.Columns {
			r.out.Cols = append(r.out.Cols, column.NewVector(r.table.rows.Cols[id].Type, n))
		}
	}
	for i, id := range r.spec.Columns {
		src := r.table.rows.Cols[id]
		r.out.Cols[i].Reset(src.Type)
		r.out.Cols[i].Gather(src, r.rows[:n])
	}
	r.out.Len = n
	r.rows = r.rows[n:]
	r.stats.Rows += int64(n)
	r.stats.Batches++
	*b = r.out
	return nil
}

func (r *memoryRows) Stats() store.ScanStats { return r.stats }

func (r *memoryRows) Close() error { return nil }

// newTable returns an empty table with the given tags and fields.
func newTable(id uint32, name string, tags []string, fields ...schema.Column) *memoryTable {
	s := schema.NewTable(1, id, name)
	for _, t := range tags {
		s = s.With(schema.Column{Name: t, Role: schema.Tag, Kind: column.Dict})
	}
	for _, f := range fields {
		f.Role = schema.Field
		s = s.With(f)
	}
	t := &memoryTable{schema: s}
	for _, c := range s.Columns {
		v := column.NewVector(column.Of(c.Kind), 0)
		if c.Kind == column.Dict {
			v.Dict = &column.Dictionary{}
		}
		t.rows.Cols = append(t.rows.Cols, v)
	}
	return t
}

// add appends a row: its time, then the values of the other columns in the
// order of the schema, nil for NULL.
func (t *memoryTable) add(tb testing.TB, at int64, values ...any) {
	tb.Helper()
	if len(values)+1 != len(t.rows.Cols) {
		tb.Fatalf("%d values for the %d columns of %s", len(values)+1, len(t.rows.Cols), t.schema.Name)
	}
	n := t.rows.Len
	t.rows.Cols[0].SetLen(n + 1)
	t.rows.Cols[0].Ints[n] = at
	for i, x := range values {
		v := t.rows.Cols[i+1]
		if x == nil {
			v.AppendNull(1)
			continue
		}
		v.SetLen(n + 1)
		switch x := x.(type) {
		case bool:
			v.Bools[n] = x
		case int:
			v.Ints[n] = int64(x)
		case uint64:
			v.Uints[n] = x
		case float64:
			v.Floats[n] = x
		case string:
			if v.Type.Kind == column.Dict {
				v.Codes[n] = intern(v.Dict, x)
			} else {
				v.Strings[n] = x
			}
		default:
			tb.Fatalf("a %T in a row", x)
		}
	}
	t.rows.Len++
}

func intern(d *column.Dictionary, s string) uint32 {
	i := slices.Index(d.Values, s)
	if i < 0 {
		i = len(d.Values)
		d.Values = append(d.Values, strings.Clone(s))
	}
	return uint32(i)
}

// examples is the data of spec/sql.md section 15.
func examples(tb testing.TB) *memory {
	tb.Helper()
	env := newTable(1, "env", []string{"node", "site"}, schema.Column{Name: "msg", Kind: column.String}, schema.Column{Name: "n", Kind: column.Int64},
		schema.Column{Name: "ok", Kind: column.Bool}, schema.Column{Name: "t", Kind: column.Float64})
	const second = int64(1e9)
	// Rows come as a scan yields them: by series, then by time.
	env.add(tb, t0, "a", "lab", nil, 3, true, 20.5)
	env.add(tb, t0+600*second, "a", "lab", nil, 5, nil, 21.5)
	env.add(tb, t0+2400*second, "a", "lab", nil, 2, false, 19.0)
	env.add(tb, t0+300*second, "b", "lab", "hi", 10, nil, 30.0)
	env.add(tb, t0+1200*second, "b", "lab", "a,b", 7, nil, nil)
	env.add(tb, t0+2400*second, "b", "lab", nil, nil, nil, 32.0)
	env.add(tb, t0+3600*second, "c", nil, nil, -4, nil, -5.25)
	pow := newTable(2, "pow", []string{"site"}, schema.Column{Name: "w", Kind: column.Int64})
	pow.add(tb, t0+600*second, "hub", 10)
	pow.add(tb, t0, "lab", 100)
	pow.add(tb, t0+600*second, "lab", 140)
	pow.add(tb, t0+1800*second, "lab", 130)
	return &memory{tables: map[string]*memoryTable{"env": env, "pow": pow}}
}
