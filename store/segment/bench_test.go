package segment

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"

	"tarn/store/column"
	"tarn/store/merge"
	"tarn/store/schema"
)

// spans is a table as OpenTelemetry's traces fill it: n rows of four services,
// ten spans to a trace.
func spans(n int) *model {
	m := &model{}
	m.sch = schema.NewTable(1, 1, "spans").With(
		schema.Column{Name: "service_name", Role: schema.Tag, Kind: column.Dict},
		schema.Column{Name: "trace_id", Role: schema.Field, Kind: column.String},
		schema.Column{Name: "span_id", Role: schema.Field, Kind: column.String},
		schema.Column{Name: "span_name", Role: schema.Field, Kind: column.String},
		schema.Column{Name: "duration", Role: schema.Field, Kind: column.Uint64},
		schema.Column{Name: "body", Role: schema.Field, Kind: column.String},
	)
	m.fields = m.sch.Columns[2:]
	rng := rand.New(rand.NewPCG(1, 2))
	const services = 4
	for s := range services {
		x := modelSeries{tags: []string{fmt.Sprint("service-", s)}}
		for _, f := range m.fields {
			x.cols = append(x.cols, column.NewVector(column.Of(f.Kind), n/services))
		}
		traces := make([]string, 8)
		for i := range n / services {
			if i%len(traces) == 0 && i/len(traces)%10 == 0 {
				for k := range traces {
					traces[k] = fmt.Sprintf("%016x%016x", rng.Uint64(), rng.Uint64())
				}
			}
			x.times = append(x.times, int64(i)*1e6+rng.Int64N(1e6))
			trace := traces[i%len(traces)]
			x.cols[0].Strings = append(x.cols[0].Strings, trace)
			x.cols[1].Strings = append(x.cols[1].Strings, fmt.Sprintf("%016x", rng.Uint64()))
			x.cols[2].Strings = append(x.cols[2].Strings, fmt.Sprint("GET /orders/", rng.IntN(20)))
			x.cols[3].Uints = append(x.cols[3].Uints, rng.Uint64N(1e9))
			x.cols[4].Strings = append(x.cols[4].Strings, fmt.Sprintf("order %d of customer %d took %d ms at step %d", rng.IntN(1e6), rng.IntN(1e5), rng.IntN(1e3), i))
		}
		for _, c := range x.cols {
			c.Len = n / services
		}
		m.series = append(m.series, x)
	}
	return m
}

// cpu is a table of numbers, as TSBS has them.
func cpu(n int) *model {
	m := &model{}
	m.sch = schema.NewTable(1, 1, "cpu").With(schema.Column{Name: "host", Role: schema.Tag, Kind: column.Dict})
	for i := range 5 {
		m.sch = m.sch.With(schema.Column{Name: fmt.Sprint("usage_", i), Role: schema.Field, Kind: column.Int64})
	}
	m.fields = m.sch.Columns[2:]
	rng := rand.New(rand.NewPCG(3, 4))
	const hosts = 16
	for h := range hosts {
		x := modelSeries{tags: []string{fmt.Sprintf("host-%02d", h)}}
		for range m.fields {
			x.cols = append(x.cols, column.NewVector(column.Of(column.Int64), 0))
		}
		for i := range n / hosts {
			x.times = append(x.times, int64(i)*10e9)
			for _, c := range x.cols {
				c.Ints = append(c.Ints, int64(rng.IntN(100)))
				c.Len++
			}
		}
		m.series = append(m.series, x)
	}
	return m
}

func (m *model) rows() (n int) {
	for _, s := range m.series {
		n += len(s.times)
	}
	return n
}

// writeTo writes the model's rows, a batch at a time as merging does.
func (m *model) writeTo(tb testing.TB, out io.Writer) Info {
	tb.Helper()
	w, err := NewWriter(out, m.sch, m.fields, m.meta, WriterOptions{})
	if err != nil {
		tb.Fatal(err)
	}
	for _, s := range m.series {
		for at := 0; at < len(s.times); at += 4096 {
			if err := w.Append(s.tags, s.times[at:min(at+4096, len(s.times))], s.cols, at); err != nil {
				tb.Fatal(err)
			}
		}
	}
	info, err := w.Close()
	if err != nil {
		tb.Fatal(err)
	}
	return info
}

func BenchmarkWrite(b *testing.B) {
	for name, m := range map[string]*model{"spans": spans(1 << 18), "cpu": cpu(1 << 18)} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			var info Info
			for b.Loop() {
				info = m.writeTo(b, io.Discard)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(m.rows()), "ns/row")
			b.ReportMetric(float64(info.Bytes)/float64(m.rows()), "B/row")
		})
	}
}

// BenchmarkSearch looks for a span among 262,144 in two row groups, one that is
// there and one that is not; before there were filters that took reading all
// texts.
func BenchmarkSearch(b *testing.B) {
	m := spans(1 << 18)
	var file bytes.Buffer
	m.writeTo(b, &file)
	r := open(b, file.Bytes(), ReaderOptions{})
	c := m.fields[1]
	for _, s := range []struct{ name, value string }{{"present", m.series[1].cols[1].Strings[1000]}, {"absent", "0123456789abcdef"}} {
		b.Run(s.name, func(b *testing.B) {
			tests := []merge.TextTest{merge.NewTextTest(c, []string{s.value}, nil, nil)}
			var found []merge.Range
			for b.Loop() {
				found = found[:0]
				for row := 0; row < r.Rows(); {
					to, out, err := r.Rules(b.Context(), tests, row)
					if err != nil {
						b.Fatal(err)
					}
					for ; !out && row < to; row += 4096 {
						if found, err = r.Search(b.Context(), found, tests, row, min(row+4096, to)); err != nil {
							b.Fatal(err)
						}
					}
					row = to
				}
			}
		})
	}
	b.Run("all texts", func(b *testing.B) {
		v := column.NewVector(column.Of(column.String), 0)
		for b.Loop() {
			for row := 0; row < r.Rows(); row += 4096 {
				v.Reset(column.Of(column.String))
				if err := r.ReadColumn(b.Context(), v, c, row, min(row+4096, r.Rows())); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
}
