package query

import (
	"context"
	"errors"
	"io"
	"strconv"
	"testing"

	"tarn/edge/query/result"
	"tarn/store/column"
	"tarn/store/schema"
)

// benchRows is the size of the benchmarks' table: 100 hosts, a row every 10 s.
const benchRows = 1 << 20

func metrics(b *testing.B) *memory {
	b.Helper()
	t := newTable(1, "cpu", []string{"host"}, schema.Column{Name: "n", Kind: column.Int64}, schema.Column{Name: "usage", Kind: column.Float64})
	const hosts = 100
	for h := range hosts {
		intern(t.rows.Cols[1].Dict, "host_"+strconv.Itoa(h))
	}
	for _, c := range t.rows.Cols {
		c.SetLen(benchRows)
	}
	const perHost = (benchRows + hosts - 1) / hosts
	for i := range benchRows {
		t.rows.Cols[0].Ints[i] = t0 + int64(i%perHost)*10e9
		t.rows.Cols[1].Codes[i] = uint32(i / perHost)
		t.rows.Cols[2].Ints[i] = int64(i % 1000)
		t.rows.Cols[3].Floats[i] = float64(i%10007) / 100
	}
	t.rows.Len = benchRows
	return &memory{tables: map[string]*memoryTable{"cpu": t}}
}

// BenchmarkQuery runs whole queries over 1 Mi rows; the in-memory scan, which
// copies every batch, is part of the cost.
func BenchmarkQuery(b *testing.B) {
	m := metrics(b)
	e := New(m, Options{Now: clock})
	for _, c := range []struct{ name, text string }{
		{"scan", `SELECT time, host, usage FROM cpu`},
		{"avg", `SELECT avg(usage) FROM cpu`},
		{"avg by bin and tag", `SELECT date_bin(INTERVAL '1 hour', time), host, avg(usage) FROM cpu GROUP BY 1, 2`},
		{"max by tag", `SELECT host, max(n) FROM cpu GROUP BY host`},
		{"last by tag", `SELECT host, selector_last(usage, time)['value'] FROM cpu GROUP BY host`},
		{"count distinct", `SELECT count(DISTINCT n) FROM cpu`},
		{"filter", `SELECT count(*) FROM cpu WHERE usage > 50.0 AND n < 500`},
		{"top by field", `SELECT host, usage FROM cpu ORDER BY usage DESC LIMIT 10`},
		{"distinct tag", `SELECT DISTINCT host FROM cpu`},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				drain(b, e, c.text, func(*column.Batch) error { return nil })
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchRows, "ns/row")
		})
	}
}

// BenchmarkAnswer reads 1 Mi rows and renders them.
func BenchmarkAnswer(b *testing.B) {
	e := New(metrics(b), Options{Now: clock})
	for _, f := range []result.Format{result.JSON, result.CSV} {
		b.Run(f.ContentType(), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				var out result.Writer
				drain(b, e, `SELECT time, host, n, usage FROM cpu WHERE usage >= 0`, func(rows *column.Batch) (err error) {
					if out == nil {
						if out, err = result.New(f, &counter{}, []result.Column{{Name: "time", Type: rows.Cols[0].Type}, {Name: "host", Type: rows.Cols[1].Type},
							{Name: "n", Type: rows.Cols[2].Type}, {Name: "usage", Type: rows.Cols[3].Type}}); err != nil {
							return err
						}
					}
					return out.WriteBatch(rows)
				})
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchRows, "ns/row")
		})
	}
}

// BenchmarkFormat writes one batch of four columns over and over.
func BenchmarkFormat(b *testing.B) {
	m := metrics(b)
	e := New(m, Options{Now: clock})
	for _, f := range []result.Format{result.JSON, result.CSV} {
		b.Run(f.ContentType(), func(b *testing.B) {
			r, err := e.Query(context.Background(), Request{Database: "db", Text: `SELECT time, host, n, usage FROM cpu`, Language: SQL})
			if err != nil {
				b.Fatal(err)
			}
			defer r.Close()
			var batch column.Batch
			if err := r.Next(context.Background(), &batch); err != nil {
				b.Fatal(err)
			}
			out := &counter{}
			w, err := result.New(f, out, r.Columns())
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if err := w.WriteBatch(&batch); err != nil {
					b.Fatal(err)
				}
			}
			b.SetBytes(out.n / int64(b.N))
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(batch.Len), "ns/row")
		})
	}
}

// counter counts what is written to it.
type counter struct{ n int64 }

func (c *counter) Write(p []byte) (int, error) {
	c.n += int64(len(p))
	return len(p), nil
}

// drain reads all rows of a query.
func drain(tb testing.TB, e *Engine, text string, each func(*column.Batch) error) {
	tb.Helper()
	r, err := e.Query(context.Background(), Request{Database: "db", Text: text, Language: SQL})
	if err != nil {
		tb.Fatal(err)
	}
	defer r.Close()
	var batch column.Batch
	for {
		err := r.Next(context.Background(), &batch)
		if errors.Is(err, io.EOF) {
			return
		}
		if err == nil {
			err = each(&batch)
		}
		if err != nil {
			tb.Fatal(err)
		}
	}
}
