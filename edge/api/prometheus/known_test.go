package prometheus

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/prometheus/prometheus/prompb"
	writev2 "github.com/prometheus/prometheus/prompb/io/prometheus/write/v2"

	"tarn/edge/ingest"
	"tarn/store"
	"tarn/store/column"
	"tarn/store/points"
	"tarn/store/schema"
)

// messy makes requests of series that come again and again, with what a client
// could do otherwise now and then.
type messy struct {
	rng    *rand.Rand
	series [][]prompb.Label
	time   int64
}

func (m *messy) labels() []prompb.Label {
	rng := m.rng
	ls := []prompb.Label{{Name: "__name__", Value: fmt.Sprint("m", rng.IntN(4))}}
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		if rng.IntN(3) > 0 {
			ls = append(ls, prompb.Label{Name: name, Value: fmt.Sprint("v", rng.IntN(3))})
		}
	}
	if rng.IntN(8) == 0 {
		ls = append(ls, prompb.Label{Name: "f", Value: ""})
	}
	switch rng.IntN(12) {
	case 0:
		ls = append(ls, prompb.Label{Name: "__database__", Value: "other"})
	case 1:
		ls = append(ls, prompb.Label{Name: physicalTable, Value: "x"})
	}
	if rng.IntN(3) == 0 { // another order is another text of the same series
		rng.Shuffle(len(ls), func(i, j int) { ls[i], ls[j] = ls[j], ls[i] })
	}
	return ls
}

// wrong makes labels that are refused.
func (m *messy) wrong(ls []prompb.Label) []prompb.Label {
	ls = append([]prompb.Label(nil), ls...)
	switch m.rng.IntN(4) {
	case 0:
		return append(ls, prompb.Label{Name: "a", Value: "x"}, prompb.Label{Name: "a", Value: "y"})
	case 1:
		return append(ls, prompb.Label{Name: "no-label", Value: "x"})
	case 2:
		return append(ls, prompb.Label{Name: "b2", Value: "\xff"})
	}
	return ls[:0]
}

func (m *messy) request(version int) []byte {
	rng := m.rng
	for len(m.series) < 40 {
		m.series = append(m.series, m.labels())
	}
	m.series[rng.IntN(len(m.series))] = m.labels()
	var out []byte
	var second writev2.Request
	symbols := writev2.NewSymbolTable()
	from := rng.IntN(len(m.series))
	for i := range 1 + rng.IntN(2*len(m.series)) {
		ls := m.series[(from+i)%len(m.series)]
		if rng.IntN(1000) == 0 {
			ls = m.wrong(ls)
		}
		var samples []prompb.Sample
		for range rng.IntN(4) {
			m.time += int64(rng.IntN(3)) // the same time again overwrites
			samples = append(samples, prompb.Sample{Timestamp: m.time, Value: math.Float64frombits(rng.Uint64() &^ (1 << 62))})
		}
		if rng.IntN(1000) == 0 {
			samples = append(samples, prompb.Sample{Timestamp: math.MaxInt64})
		}
		if version == 2 {
			ts := writev2.TimeSeries{}
			for _, l := range ls {
				ts.LabelsRefs = append(ts.LabelsRefs, symbols.Symbolize(l.Name), symbols.Symbolize(l.Value))
			}
			for _, p := range samples {
				ts.Samples = append(ts.Samples, writev2.Sample{Timestamp: p.Timestamp, Value: p.Value})
			}
			second.Timeseries = append(second.Timeseries, ts)
			continue
		}
		ts := prompb.TimeSeries{Labels: ls, Samples: samples}
		b, err := ts.Marshal()
		if err != nil {
			panic(err)
		}
		switch rng.IntN(40) {
		case 0: // a label behind the samples belongs to the series
			b = appendLabel(b, []byte("late"), fmt.Append(nil, rng.IntN(2)))
		case 1: // the same, with its key in two bytes
			l := appendLabel(nil, []byte("late"), fmt.Append(nil, rng.IntN(2)))
			b = append(append(b, l[0]|0x80, 0), l[1:]...)
		case 2: // an exemplar, and what no version has
			b = append(b, 3<<3|2, 2, 9, 9, 15<<3|2, 1, 0)
		case 3: // a sample of other fields
			b = appendBytesField(b, 2, appendVarintField(appendVarintField(appendVarintField(nil, 2, 7), 2, uint64(m.time)), 3, 1))
		case 4:
			if rng.IntN(10) == 0 {
				b = b[:len(b)-1]
			}
		case 5:
			if rng.IntN(10) == 0 {
				b = append(b, 4<<3|2, 0) // a histogram
			}
		}
		out = appendBytesField(out, 1, b)
	}
	if version == 2 {
		second.Symbols = symbols.Symbols()
		b, err := second.Marshal()
		if err != nil {
			panic(err)
		}
		return b
	}
	return out
}

// content is all that a store has.
func content(t *testing.T, s *store.Store) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, name := range []string{"d", "other"} {
		db, ok := s.Database(name)
		if !ok {
			continue
		}
		for _, table := range db.Tables() {
			sch, _ := db.Table(table)
			spec := store.ScanSpec{Database: name, Table: sch, MinTime: store.MinTime, MaxTime: store.MaxTime}
			for _, c := range sch.Columns {
				if c.Role != schema.Dropped {
					spec.Columns = append(spec.Columns, c.ID)
					out[fmt.Sprint(name, " ", table, " ", c.Name)] = c.InfluxType()
				}
			}
			rows, err := s.Scan(t.Context(), spec)
			if err != nil {
				t.Fatal(err)
			}
			var b column.Batch
			for {
				if err := rows.Next(t.Context(), &b); errors.Is(err, io.EOF) {
					break
				} else if err != nil {
					t.Fatal(err)
				}
				for i := range b.Len {
					key, value := fmt.Sprint(name, " ", table), ""
					for c, v := range b.Cols {
						col := sch.Columns[spec.Columns[c]]
						switch {
						case v.IsNull(i):
						case col.Role == schema.Tag:
							key += " " + col.Name + "=" + v.Text(i)
						case col.Role == schema.Time:
							key += fmt.Sprint(" ", v.Ints[i])
						case col.Kind == column.Float64:
							value += fmt.Sprintf(" %s=%x", col.Name, math.Float64bits(v.Floats[i]))
						default:
							value += fmt.Sprint(" ", col.Name, "=", v.Ints[i])
						}
					}
					out[key] = value
				}
			}
			rows.Close()
		}
	}
	return out
}

// TestKnownSeriesMeanTheSame writes the same requests to a store with the memory
// for series and to one without, while tables change in between: errors, tables
// and rows are the same.
func TestKnownSeriesMeanTheSame(t *testing.T) {
	known, all, fine, requests := 0, 0, 0, 0
	for seed := range uint64(8) {
		rng := rand.New(rand.NewPCG(seed, 12))
		limits := store.Limits{Databases: 5, Tables: 50, Columns: 9, Tags: 6}
		var stores [2]*store.Store
		var writers [2]*ingest.Writer
		for i := range stores {
			s, err := store.Open(t.Context(), store.Options{Dir: t.TempDir(), WALSyncRate: 10000, Limits: limits})
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := s.Close(context.Background()); err != nil {
					t.Error(err)
				}
			}()
			stores[i], writers[i] = s, ingest.NewWriter(s, time.Now)
		}
		memory := ingest.NewKnown([]int{1 << 20, 6 << 10}[seed%2]) // the smaller one forgets
		var pools [2]decoders
		m := &messy{rng: rng, time: 1767225600000}
		for request := range 60 {
			version := 1 + rng.IntN(2)
			message := m.request(version)
			place := "d"
			if rng.IntN(6) == 0 {
				place = "other"
			}
			var errs [2]error
			for i, k := range []*ingest.Known{memory, nil} {
				d := pools[i].get()
				errs[i] = decode(d, place, k, writers[i], message, version)
				if k != nil {
					requests++
				}
				if k != nil && errs[i] == nil {
					known, all, fine = known+d.known, all+d.samples, fine+1
				}
				pools[i].put(d)
			}
			if fmt.Sprint(errs[0]) != fmt.Sprint(errs[1]) {
				t.Fatalf("seed %d, request %d: got %v, without memory %v", seed, request, errs[0], errs[1])
			}
			if rng.IntN(8) == 0 {
				change(t, stores, place, rng)
			}
			if request%10 == 9 {
				if got, want := content(t, stores[0]), content(t, stores[1]); !maps.Equal(got, want) {
					t.Fatalf("seed %d, after request %d: got %d rows and columns, without memory %d", seed, request, len(got), len(want))
				}
			}
		}
	}
	if known < all/4 || fine < requests/2 {
		t.Errorf("%d of %d samples were of known series, and %d of %d requests fine: this tests little", known, all, fine, requests)
	}
}

// recording is a store that also keeps the rows of each write as text.
type recording struct {
	*store.Store
	memory *memory
}

func (r recording) Write(ctx context.Context, database string, b *points.Batch, o store.WriteOptions) error {
	if err := r.memory.Write(ctx, database, b, o); err != nil {
		return err
	}
	return r.Store.Write(ctx, database, b, o)
}

// FuzzKnown sends each message three times, so that its series are known, and once
// more without that memory: what is written is the same.
func FuzzKnown(f *testing.F) {
	f.Add(example1(3, 2), false)
	f.Add(example2(3, 2), true)
	m := &messy{rng: rand.New(rand.NewPCG(1, 1)), time: 1767225600000}
	for range 10 {
		f.Add(m.request(1), false)
		f.Add(m.request(2), true)
	}
	s, err := store.Open(f.Context(), store.Options{Dir: f.TempDir(), WALSyncRate: 10000, Limits: store.Limits{Databases: 5, Tables: 300, Columns: 12, Tags: 9}})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() {
		if err := s.Close(context.Background()); err != nil {
			f.Error(err)
		}
	})
	known := ingest.NewKnown(64 << 10)
	var work decoders
	f.Fuzz(func(t *testing.T, message []byte, second bool) {
		version := 1
		if second {
			version = 2
		}
		var texts [4]string
		for i := range texts {
			k := known
			if i == 3 {
				k = nil
			}
			m := &memory{rows: map[string]string{}}
			d := work.get()
			err := decode(d, "d", k, ingest.NewWriter(recording{s, m}, time.Now), message, version)
			work.put(d)
			texts[i] = fmt.Sprint(err, m.rows) // in order
		}
		for i := range 3 {
			if texts[i] != texts[3] {
				t.Errorf("time %d: %s, without memory %s", i, texts[i], texts[3])
			}
		}
	})
}

// change alters a table of both stores in the same way.
func change(t *testing.T, stores [2]*store.Store, database string, rng *rand.Rand) {
	t.Helper()
	table, what, rare := fmt.Sprint("m", rng.IntN(4)), rng.IntN(6), rng.IntN(8)
	var errs [2]error
	for i, s := range stores {
		alter := func(a store.Alteration) error {
			return s.AlterTable(t.Context(), database, table, func(*schema.Table) (store.Alteration, error) { return a, nil })
		}
		switch what {
		case 0:
			errs[i] = s.DeleteTable(t.Context(), database, table, store.HardDelete{})
		case 1:
			errs[i] = alter(store.Alteration{Drop: []string{"greptime_value"}})
		case 2:
			errs[i] = alter(store.Alteration{Fields: []store.FieldDef{{Name: "z", Kind: column.Float64}}})
		case 3:
			errs[i] = alter(store.Alteration{Tags: []string{"late"}})
		case 4: // nothing fits until the column is dropped
			if rare > 0 {
				continue
			}
			errs[i] = alter(store.Alteration{Retype: []store.RetypeDef{{Name: "greptime_value", Kind: column.Int64}}})
		case 5:
			errs[i] = s.RenameTable(t.Context(), database, table, "m0")
		}
	}
	if (errs[0] == nil) != (errs[1] == nil) {
		t.Fatalf("change %d of %s: %v, %v", what, table, errs[0], errs[1])
	}
}
