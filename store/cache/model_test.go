package cache

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"tarn/store/column"
	"tarn/store/points"
)

// testColumns are those of the tests' table, by column ID: time, three tags and
// a field of each kind.
var testColumns = []struct {
	name string
	kind column.Kind
}{
	{"time", column.Timestamp}, {"t1", column.Dict}, {"t2", column.Dict}, {"t3", column.Dict},
	{"s", column.String}, {"i", column.Int64}, {"u", column.Uint64}, {"b", column.Bool}, {"f", column.Float64}, {"s2", column.String},
}

func col(id int) Column { return Column{id, testColumns[id].kind} }

func cols(ids ...int) []Column {
	var out []Column
	for _, id := range ids {
		out = append(out, col(id))
	}
	return out
}

// testRow is a row by column ID; what is not there is NULL.
type testRow struct {
	time   int64
	values map[int]string
}

// text is a value of the row as show prints it.
func (r testRow) text(id int) string {
	if id == timeID {
		return fmt.Sprint(r.time)
	}
	if v, ok := r.values[id]; ok {
		return v
	}
	return "-"
}

// table numbers series as the store does.
type table struct{ series map[string]uint32 }

// batch makes a batch of rows as the store hands it over: sorted by series.
func (tb *table) batch(rows []testRow) (*points.Table, []uint32) {
	b := points.NewBatch()
	p := b.Table([]byte("t"))
	names := map[uint32]string{}
	for _, r := range rows {
		var tags []points.Tag
		name := ""
		for id := 1; id <= 3; id++ {
			if v, ok := r.values[id]; ok {
				tags = append(tags, points.Tag{Key: []byte(testColumns[id].name), Value: []byte(v)})
				name += fmt.Sprintf("%d=%q ", id, v)
			}
		}
		local := p.AddSeries(nil, tags)
		names[local] = name
		n := p.AddRow(local, r.time)
		for id := 4; id < len(testColumns); id++ {
			v, ok := r.values[id]
			if !ok {
				continue
			}
			f := p.Fields[p.Field([]byte(testColumns[id].name), testColumns[id].kind)]
			if f.Kind == column.String {
				f.SetString(n, []byte(v))
			} else {
				f.Set(n, wordOf(f.Kind, v))
			}
		}
	}
	p.SortBySeries()
	idOf := func(name string) int {
		for id, c := range testColumns {
			if c.name == name {
				return id
			}
		}
		panic(name)
	}
	for _, t := range p.Tags {
		p.TagIDs = append(p.TagIDs, idOf(t))
	}
	for _, f := range p.Fields {
		f.ID = idOf(f.Name)
	}
	series := make([]uint32, p.NumSeries())
	for local := range series {
		id, ok := tb.series[names[uint32(local)]]
		if !ok {
			id = uint32(len(tb.series))
			tb.series[names[uint32(local)]] = id
		}
		series[local] = id
	}
	return p, series
}

func wordOf(kind column.Kind, text string) uint64 {
	if kind == column.Bool {
		return map[string]uint64{"false": 0, "true": 1}[text]
	}
	var i int64
	if _, err := fmt.Sscan(text, &i); err != nil {
		panic(err)
	}
	if kind == column.Float64 {
		return bitsOf(float64(i))
	}
	return uint64(i)
}

// show prints an answer, a line a row.
func show(b *column.Batch) []string {
	var out []string
	for row := range b.Len {
		var parts []string
		for _, v := range b.Cols {
			switch {
			case v.IsNull(row):
				parts = append(parts, "-")
			case v.Type.Kind == column.String:
				parts = append(parts, v.Strings[row])
			case v.Type.Kind == column.Bool:
				parts = append(parts, fmt.Sprint(v.Bools[row]))
			case v.Type.Kind == column.Uint64:
				parts = append(parts, fmt.Sprint(v.Uints[row]))
			case v.Type.Kind == column.Float64:
				parts = append(parts, fmt.Sprint(v.Floats[row]))
			default:
				parts = append(parts, fmt.Sprint(v.Ints[row]))
			}
		}
		out = append(out, strings.Join(parts, "|"))
	}
	return out
}

// sample makes rows from few values, so that keys come again.
func sample(r *rand.Rand, clock int64) []testRow {
	texts := []string{"a", "b", "a\x00b", "a\x00", "\x00", "\xff", "long text of more bytes", "ä"}
	rows := make([]testRow, r.IntN(40))
	for i := range rows {
		rows[i] = testRow{clock + r.Int64N(40) - 30, map[int]string{}}
		for id := 1; id < len(testColumns); id++ {
			if r.IntN(4) == 0 {
				continue
			}
			v := texts[r.IntN(len(texts))]
			switch testColumns[id].kind {
			case column.String:
				if r.IntN(8) == 0 {
					v = "" // a value, unlike an empty tag
				}
			case column.Bool:
				v = fmt.Sprint(r.IntN(2) == 0)
			case column.Int64:
				v = fmt.Sprint(r.IntN(5) - 2)
			case column.Uint64, column.Float64:
				v = fmt.Sprint(r.IntN(5))
			}
			rows[i].values[id] = v
		}
	}
	return rows
}

// someMatches picks matches on key columns, and how a row is judged by them.
func someMatches(r *rand.Rand, keys []Column) ([]Match, func(testRow) bool) {
	var ms []Match
	wanted := map[int][]string{}
	for i, c := range keys {
		if r.IntN(2) == 0 {
			continue
		}
		m := Match{Key: i}
		var texts []string
		for range r.IntN(3) + r.IntN(2) {
			switch c.Kind {
			case column.Dict, column.String:
				m.Texts = append(m.Texts, []string{"a", "b", "a\x00", "ä", ""}[r.IntN(5)])
				texts = append(texts, m.Texts[len(m.Texts)-1])
			default:
				text := fmt.Sprint(r.IntN(3))
				if c.Kind == column.Bool {
					text = fmt.Sprint(r.IntN(2) == 0)
				}
				m.Words = append(m.Words, wordOf(c.Kind, text))
				texts = append(texts, text)
			}
		}
		ms = append(ms, m)
		wanted[c.ID] = texts
	}
	return ms, func(row testRow) bool {
		for id, texts := range wanted {
			if v, ok := row.values[id]; !ok || !slices.Contains(texts, v) {
				return false
			}
		}
		return true
	}
}

// keyText is a row's key, ok unless a column is missing.
func keyText(row testRow, keys []Column) (string, bool) {
	text, whole := "", true
	for _, c := range keys {
		v, ok := row.values[c.ID]
		whole = whole && ok
		text += fmt.Sprintf("%v%q,", ok, v)
	}
	return text, whole
}

func testSeeds(t *testing.T, n uint64, test func(t *testing.T, r *rand.Rand)) {
	if testing.Short() {
		n /= 5
	}
	for seed := range n {
		t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) { test(t, rand.New(rand.NewPCG(seed, 5))) })
	}
}

// lastModel is what a Last should be.
type lastModel struct {
	keys  []Column
	count int
	ttl   int64
	rows  map[string][]modelRow // oldest first
}

type modelRow struct {
	testRow
	inserted int64
}

// add takes rows in the order that Last promises.
func (m *lastModel) add(rows []testRow, now int64) {
	// The log keeps series in order of their first rows, and arrival within
	// them; several series of a key go by time.
	var series []string
	of := func(r testRow) string { return r.text(1) + "," + r.text(2) + "," + r.text(3) }
	for _, r := range rows {
		if !slices.Contains(series, of(r)) {
			series = append(series, of(r))
		}
	}
	byKey := map[string][]testRow{}
	for _, s := range series {
		for _, r := range rows {
			if key, whole := keyText(r, m.keys); whole && of(r) == s {
				byKey[key] = append(byKey[key], r)
			}
		}
	}
	for key, all := range byKey {
		if len(m.keys) != 3 || m.keys[0].ID+m.keys[1].ID+m.keys[2].ID != 6 { // not all tags
			slices.SortStableFunc(all, func(a, b testRow) int { return cmp.Compare(a.time, b.time) })
		}
		for _, r := range all {
			have := m.live(key, now)
			if n := len(have); n > 0 && r.time <= have[n-1].time {
				continue
			}
			have = append(have, modelRow{r, now})
			m.rows[key] = have[max(0, len(have)-m.count):]
		}
	}
}

func (m *lastModel) live(key string, now int64) []modelRow {
	return slices.DeleteFunc(slices.Clone(m.rows[key]), func(r modelRow) bool { return now-r.inserted >= m.ttl })
}

func (m *lastModel) read(columns []Column, want func(testRow) bool, now int64) []string {
	var out []string
	for key := range m.rows {
		for _, r := range m.live(key, now) {
			if !want(r.testRow) {
				continue
			}
			var parts []string
			for _, c := range columns {
				parts = append(parts, r.text(c.ID))
			}
			out = append(out, strings.Join(parts, "|"))
		}
	}
	slices.Sort(out)
	return out
}

// TestLastModel does random things to a Last and a model, and compares.
func TestLastModel(t *testing.T) {
	keySets := [][]Column{cols(1, 2, 3), cols(3, 1, 2), cols(1), cols(2, 3), cols(), cols(4, 1), cols(5), cols(6, 7, 4), cols(1, 9, 5)}
	testSeeds(t, 100, func(t *testing.T, r *rand.Rand) {
		keys := keySets[r.IntN(len(keySets))]
		o := LastOptions{Keys: keys, Count: 1 + r.IntN(4), TTL: 20 + r.Int64N(100), All: true}
		if r.IntN(2) == 0 {
			o.All = false
			for id := 1; id < len(testColumns); id++ {
				if !slices.ContainsFunc(keys, func(k Column) bool { return k.ID == id }) && r.IntN(2) == 0 {
					o.Values = append(o.Values, col(id))
				}
			}
		}
		b := NewBudget(1 << 30)
		l := NewLast(b, o)
		m := &lastModel{keys, o.Count, o.TTL, map[string][]modelRow{}}
		columns := append(append(cols(0), keys...), o.Values...)
		if o.All {
			columns = cols(0, 1, 2, 3, 4, 5, 6, 7, 8, 9)
		}
		tb := &table{map[string]uint32{}}
		clock := int64(1000)
		for step := range 60 {
			switch r.IntN(6) {
			case 0:
				clock += r.Int64N(60)
			case 1:
				l.Evict(clock)
			default:
				rows := sample(r, clock)
				p, series := tb.batch(rows)
				l.Add(p, series, clock)
				m.add(rows, clock)
			}
			ms, want := someMatches(r, keys)
			got := show(l.Read(columns, ms, clock))
			slices.Sort(got)
			if w := m.read(columns, want, clock); !slices.Equal(got, w) {
				t.Fatalf("step %d: keys %v count %d matches %v\n got %q\nwant %q", step, keys, o.Count, ms, got, w)
			}
		}
		if st := l.Stats(); st.Bytes != b.Used() || st.Dropped != 0 || st.Bytes != l.measure() {
			t.Errorf("%+v, budget %d, memory %d", st, b.Used(), l.measure())
		}
		l.Close()
		if b.Used() != 0 {
			t.Errorf("%d bytes taken after the end", b.Used())
		}
	})
}

// measure is the memory that the account should know of.
func (l *Last) measure() int64 {
	return l.keys.bytes() + size[uint32](cap(l.bySeries)) + size[ring](cap(l.ends)) + int64(len(l.rows.pages))*l.rows.pageBytes() + int64(cap(l.rows.text))
}

func (d *Distinct) measure() int64 {
	return d.keys.bytes() + size[uint32](cap(d.bySeries)) + size[int64](cap(d.newest))
}

// TestDistinctModel does random things to a Distinct and a model, and compares.
func TestDistinctModel(t *testing.T) {
	keySets := [][]Column{cols(1, 2, 3), cols(1), cols(3, 2), cols(4), cols(1, 4), cols(9, 2, 4)}
	testSeeds(t, 100, func(t *testing.T, r *rand.Rand) {
		keys := keySets[r.IntN(len(keySets))]
		o := DistinctOptions{Columns: keys, MaxCardinality: 1 + r.IntN(100), MaxAge: 20 + r.Int64N(100)}
		b := NewBudget(1 << 30)
		d := NewDistinct(b, o)
		type entry struct {
			row  testRow
			time int64
		}
		model := map[string]entry{}
		tb := &table{map[string]uint32{}}
		clock := int64(1000)
		for step := range 60 {
			switch r.IntN(6) {
			case 0:
				clock += r.Int64N(60)
			case 1:
				maps.DeleteFunc(model, func(_ string, e entry) bool { return e.time < clock-o.MaxAge })
				d.Evict(clock)
				got := d.Read(keys, nil, clock)
				if want := min(len(model), o.MaxCardinality); got.Len != want {
					t.Fatalf("step %d: %d combinations of %d stayed, the limit is %d", step, got.Len, len(model), o.MaxCardinality)
				}
				// Which of equally old ones go is free: the model follows.
				stayed := map[string]bool{}
				for _, line := range show(got) {
					stayed[line] = true
				}
				oldest, newestGone := int64(1<<62), int64(0)
				for k, e := range model {
					if stayed[lineOf(e.row, keys)] {
						oldest = min(oldest, e.time)
					} else {
						newestGone = max(newestGone, e.time)
						delete(model, k)
					}
				}
				if newestGone > oldest {
					t.Fatalf("step %d: a combination of time %d went, one of %d stayed", step, newestGone, oldest)
				}
			default:
				rows := sample(r, clock)
				p, series := tb.batch(rows)
				d.Add(p, series, clock)
				for _, row := range rows {
					if row.time < clock-o.MaxAge {
						continue
					}
					key, _ := keyText(row, keys)
					e, ok := model[key]
					if !ok || row.time > e.time {
						model[key] = entry{row, row.time}
					}
				}
			}
			ms, want := someMatches(r, keys)
			var rows []testRow
			for _, e := range model {
				if e.time >= clock-o.MaxAge && want(e.row) {
					rows = append(rows, e.row)
				}
			}
			slices.SortFunc(rows, func(a, b testRow) int { return compareLevels(a, b, keys) })
			var lines []string
			for _, row := range rows {
				lines = append(lines, lineOf(row, keys))
			}
			if got := show(d.Read(keys, ms, clock)); !slices.Equal(got, lines) {
				t.Fatalf("step %d: keys %v matches %v\n got %q\nwant %q", step, keys, ms, got, lines)
			}
		}
		if st := d.Stats(); st.Bytes != b.Used() || st.Dropped != 0 || st.Bytes != d.measure() {
			t.Errorf("%+v, budget %d, memory %d", st, b.Used(), d.measure())
		}
	})
}

func lineOf(row testRow, keys []Column) string {
	var parts []string
	for _, c := range keys {
		parts = append(parts, row.text(c.ID))
	}
	return strings.Join(parts, "|")
}

// compareLevels orders rows level by level, NULL first.
func compareLevels(a, b testRow, keys []Column) int {
	for _, c := range keys {
		va, oka := a.values[c.ID]
		vb, okb := b.values[c.ID]
		switch {
		case oka != okb && !oka:
			return -1
		case oka != okb:
			return 1
		}
		if n := strings.Compare(va, vb); n != 0 {
			return n
		}
	}
	return 0
}
