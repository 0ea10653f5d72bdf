package prometheus

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/prompb"
	writev2 "github.com/prometheus/prometheus/prompb/io/prometheus/write/v2"

	"tarn/edge/ingest"
	"tarn/store"
	"tarn/store/points"
)

// memory is a store that keeps the samples it is given as text.
type memory struct {
	rows  map[string]string // database, table, tags and time -> bits of the value
	count int
}

func (m *memory) Database(string) (store.Database, bool) { return store.Database{}, false }
func (m *memory) AdmitDatabase(string) error             { return nil }
func (m *memory) Limits() store.Limits                   { return store.Limits{Tables: 1000, Columns: 500, Tags: 256} }
func (m *memory) TableCount() int                        { return 0 }

func (m *memory) Write(_ context.Context, database string, b *points.Batch, _ store.WriteOptions) error {
	m.count += b.Rows()
	if m.rows == nil {
		return nil
	}
	for _, t := range b.Tables {
		t.Pad()
		for row, ms := range t.Times {
			tags := map[string]string{}
			points.EachTag(t.SeriesKey(t.Series[row]), func(tag int, value []byte) { tags[t.Tags[tag]] = string(value) })
			m.rows[fmt.Sprint(database, t.Name, labels.FromMap(tags), ms/1e6)] = fmt.Sprintf("%x", t.Fields[0].Bits[row])
		}
	}
	return nil
}

// decode takes a message apart into what w writes to.
func decode(d *decoder, database string, known *ingest.Known, w *ingest.Writer, message []byte, version int) error {
	d.database = database
	d.begin = func(name string) (*ingest.Rows, error) { return w.Rows(name, ingest.RowOptions{}) }
	if err := d.decode(message, version, known); err != nil {
		return err
	}
	if err := d.commit(context.Background()); err != nil {
		return err
	}
	d.recall.Learn()
	return nil
}

// wanted are the rows that Prometheus's own decoder finds in a message.
func wanted(message []byte, version int) (map[string]string, error) {
	rows := map[string]string{}
	add := func(ls labels.Labels, ms int64, v float64) {
		database := "d"
		for _, name := range []string{"x_greptime_database", "__database__", "__schema__"} {
			if ls.Has(name) {
				database = ls.Get(name)
			}
		}
		b := labels.NewBuilder(ls)
		b.Del("__name__", "x_greptime_database", "__database__", "__schema__", physicalTable, physicalTable2)
		rows[fmt.Sprint(database, ls.Get("__name__"), b.Labels(), ms)] = fmt.Sprintf("%x", math.Float64bits(v))
	}
	if version == 2 {
		var r writev2.Request
		if err := r.Unmarshal(message); err != nil {
			return nil, err
		}
		var b labels.ScratchBuilder
		for _, s := range r.Timeseries {
			ls, err := s.ToLabels(&b, r.Symbols)
			if err != nil {
				return nil, err
			}
			for _, p := range s.Samples {
				add(withoutEmpty(ls), p.Timestamp, p.Value)
			}
		}
		return rows, nil
	}
	var r prompb.WriteRequest
	if err := r.Unmarshal(message); err != nil {
		return nil, err
	}
	for _, s := range r.Timeseries {
		m := map[string]string{}
		for _, l := range s.Labels {
			m[l.Name] = l.Value
		}
		for _, p := range s.Samples {
			add(withoutEmpty(labels.FromMap(m)), p.Timestamp, p.Value)
		}
	}
	return rows, nil
}

func withoutEmpty(ls labels.Labels) labels.Labels {
	b := labels.NewBuilder(ls)
	ls.Range(func(l labels.Label) {
		if l.Value == "" {
			b.Del(l.Name)
		}
	})
	return b.Labels()
}

func example1(series, samples int) []byte {
	var m prompb.WriteRequest
	for i := range series {
		ts := prompb.TimeSeries{Labels: []prompb.Label{
			{Name: "__name__", Value: fmt.Sprintf("metric_%d_total", i%50)},
			{Name: "instance", Value: fmt.Sprintf("host-%d:9100", i/50)},
			{Name: "job", Value: "node"},
			{Name: "mode", Value: "idle"},
		}}
		for k := range samples {
			ts.Samples = append(ts.Samples, prompb.Sample{Value: float64(i*k) / 8, Timestamp: 1767225600000 + int64(k)*15000})
		}
		m.Timeseries = append(m.Timeseries, ts)
	}
	b, _ := m.Marshal()
	return b
}

func example2(series, samples int) []byte {
	symbols := writev2.NewSymbolTable()
	var m writev2.Request
	for i := range series {
		var ts writev2.TimeSeries
		for _, l := range [][2]string{{"__name__", fmt.Sprintf("metric_%d_total", i%50)}, {"instance", fmt.Sprintf("host-%d:9100", i/50)}, {"job", "node"}} {
			ts.LabelsRefs = append(ts.LabelsRefs, symbols.Symbolize(l[0]), symbols.Symbolize(l[1]))
		}
		for k := range samples {
			ts.Samples = append(ts.Samples, writev2.Sample{Value: float64(i*k) / 8, Timestamp: 1767225600000 + int64(k)*15000})
		}
		m.Timeseries = append(m.Timeseries, ts)
	}
	m.Symbols = symbols.Symbols()
	b, _ := m.Marshal()
	return b
}

func FuzzWrite(f *testing.F) {
	f.Add(example1(3, 2), false)
	f.Add(example2(3, 2), true)
	f.Add([]byte("\x0a\x12\x0a\x0e\x0a\x08__name__\x12\x02up\x22\x00"), false)
	f.Add([]byte("\x1a\x04\x08\x01\x12\x00"), false)
	var work decoders
	f.Fuzz(func(t *testing.T, message []byte, second bool) {
		version := 1
		if second {
			version = 2
		}
		m := &memory{rows: map[string]string{}}
		d := work.get()
		defer work.put(d)
		if err := decode(d, "d", nil, ingest.NewWriter(m, time.Now), message, version); err != nil {
			if len(m.rows) > 0 {
				t.Errorf("a request that fails with %v wrote %v", err, m.rows)
			}
			return
		}
		want, err := wanted(message, version)
		if err != nil {
			// Prometheus's decoder looks into what is skipped here.
			return
		}
		if len(m.rows) != len(want) {
			t.Errorf("got %v, want %v", m.rows, want)
		}
		for k, v := range want {
			if m.rows[k] != v {
				t.Errorf("%s: got %s, want %s", k, m.rows[k], v)
			}
		}
	})
}

func FuzzRead(f *testing.F) {
	q := prompb.ReadRequest{Queries: []*prompb.Query{{StartTimestampMs: 1, EndTimestampMs: 2, Matchers: []*prompb.LabelMatcher{
		{Name: "__name__", Value: "up"}, {Type: prompb.LabelMatcher_RE, Name: "a", Value: "b.*"}}}},
		AcceptedResponseTypes: []prompb.ReadRequest_ResponseType{1, 0}}
	b, err := q.Marshal()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, message []byte) {
		got, err := parseRead(message)
		if err != nil {
			return
		}
		var want prompb.ReadRequest
		if want.Unmarshal(message) != nil {
			return
		}
		if len(got.queries) != len(want.Queries) || len(got.accepted) != len(want.AcceptedResponseTypes) {
			t.Fatalf("got %+v, want %+v", got, want)
		}
		for i, q := range want.Queries {
			g := got.queries[i]
			if g.from != q.StartTimestampMs || g.to != q.EndTimestampMs || len(g.matchers) != len(q.Matchers) {
				t.Errorf("got %+v, want %+v", g, q)
			}
		}
	})
}

// TestDecodeAllocates: a request like the one before costs no allocation a
// sample or a series.
func TestDecodeAllocates(t *testing.T) {
	s, err := store.Open(t.Context(), store.Options{Dir: t.TempDir(), WALSyncRate: 10000, Limits: store.Limits{Databases: 5, Tables: 100, Columns: 10, Tags: 5}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(context.Background()); err != nil {
			t.Error(err)
		}
	}()
	for version, message := range map[int][]byte{1: example1(500, 4), 2: example2(500, 4)} {
		for name, known := range map[string]*ingest.Known{"parsed": nil, "known": ingest.NewKnown(1 << 20)} {
			var work decoders
			real := ingest.NewWriter(s, time.Now)
			request := func(w *ingest.Writer) {
				d := work.get()
				if err := decode(d, "d", known, w, message, version); err != nil {
					t.Fatal(err)
				}
				if d.samples != 2000 {
					t.Fatal(d.samples)
				}
				work.put(d)
			}
			request(real) // makes the tables
			request(real) // knows them
			w := ingest.NewWriter(forgetful{s}, time.Now)
			request(w)
			if n := testing.AllocsPerRun(50, func() { request(w) }); n > 10 {
				t.Errorf("version %d, %s: %v allocations for 2,000 samples", version, name, n)
			}
		}
	}
}

// forgetful is a store that has tables and forgets rows.
type forgetful struct{ *store.Store }

func (forgetful) Write(context.Context, string, *points.Batch, store.WriteOptions) error { return nil }

// BenchmarkDecodeAgain decodes scrapes whose tables and series there are: parsed
// every time, or remembered.
func BenchmarkDecodeAgain(b *testing.B) {
	s, err := store.Open(b.Context(), store.Options{Dir: b.TempDir(), WALSyncRate: 10000})
	if err != nil {
		b.Fatal(err)
	}
	defer func() {
		if err := s.Close(context.Background()); err != nil {
			b.Error(err)
		}
	}()
	for version, message := range [][]byte{1: example1(2000, 1), 2: example2(2000, 1)} {
		for _, known := range []*ingest.Known{nil, ingest.NewKnown(4 << 20)} {
			if message == nil {
				continue
			}
			b.Run(fmt.Sprintf("v%d/known=%v", version, known != nil), func(b *testing.B) {
				var work decoders
				count := 0
				request := func(w *ingest.Writer) {
					d := work.get()
					if err := decode(d, "d", known, w, message, version); err != nil {
						b.Fatal(err)
					}
					count += d.samples
					work.put(d)
				}
				real := ingest.NewWriter(s, time.Now)
				request(real)
				request(real)
				w := ingest.NewWriter(forgetful{s}, time.Now)
				request(w)
				count = 0
				b.ReportAllocs()
				for b.Loop() {
					request(w)
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(count), "ns/sample")
			})
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	for _, c := range []struct {
		version, series, samples int
	}{{1, 2000, 1}, {1, 200, 10}, {2, 2000, 1}} {
		b.Run(fmt.Sprintf("v%d/series=%d", c.version, c.series), func(b *testing.B) {
			message := example1(c.series, c.samples)
			if c.version == 2 {
				message = example2(c.series, c.samples)
			}
			m := &memory{}
			w := ingest.NewWriter(m, time.Now)
			var work decoders
			b.ReportAllocs()
			for b.Loop() {
				d := work.get()
				if err := decode(d, "d", nil, w, message, c.version); err != nil {
					b.Fatal(err)
				}
				work.put(d)
			}
			b.ReportMetric(float64(m.count)/b.Elapsed().Seconds(), "samples/s")
		})
	}
}

func TestVarints(t *testing.T) {
	for _, n := range []uint64{0, 1, 127, 128, 1 << 14, 1<<63 - 1, math.MaxUint64} {
		b := binary.AppendUvarint(nil, n)
		if got, rest, err := uvarint(append(b, 7)); got != n || len(rest) != 1 || err != nil {
			t.Errorf("%d: got %d, rest %v, %v", n, got, rest, err)
		}
		if got := uvarintSize(n); got != len(b) {
			t.Errorf("%d: size %d, want %d", n, got, len(b))
		}
		if _, _, err := uvarint(b[:len(b)-1]); !errors.Is(err, errTruncated) {
			t.Errorf("%d: half of it: %v", n, err)
		}
	}
	if _, _, err := uvarint([]byte(strings.Repeat("\xff", 11))); !errors.Is(err, errVarint) {
		t.Errorf("too long: %v", err)
	}
}
