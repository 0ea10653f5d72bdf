package opentsdb

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"tarn/edge/ingest"
	"tarn/edge/ingest/ingesttest"
	"tarn/store"
)

// send decodes a body and writes its points.
func send(w *ingest.Writer, q *request, body []byte, partial bool) (answer, error) {
	out := answer{Errors: &[]failed{}}
	defer q.forget()
	var err error
	if q.rows, err = w.Rows("d", ingest.RowOptions{}); err != nil {
		return out, err
	}
	defer q.rows.Close()
	if err := q.read(body, partial, &out); err != nil {
		return out, err
	}
	return out, q.rows.CommitLooks(context.Background(), store.WriteOptions{}, q.looks)
}

func newRequest() *request { return &request{looks: map[string]ingest.Look{}} }

func body(n int) []byte {
	var list []string
	for i := range n {
		list = append(list, fmt.Sprintf(`{"metric":"sys.cpu.%d","timestamp":%d,"value":%d.5,"tags":{"host":"edge-%d","cpu":"%d","dc":"north"}}`, i%5, 1700000000+i, i, i%10, i%4))
	}
	return []byte("[" + strings.Join(list, ",") + "]")
}

// TestAllocations: a point costs no allocation in steady state.
func TestAllocations(t *testing.T) {
	measure := func(n int) float64 {
		s := &ingesttest.Sink{}
		w := ingest.NewWriter(s, time.Now)
		q, b := newRequest(), body(n)
		run := func() {
			if out, err := send(w, q, b, true); err != nil || out.Success != n || out.Failed != 0 {
				t.Fatal(out, err)
			}
		}
		run()
		if s.Rows != n {
			t.Errorf("%d rows of %d", s.Rows, n)
		}
		return testing.AllocsPerRun(10, run)
	}
	few, many := measure(10), measure(1000)
	t.Logf("%v allocations for 10 points, %v for 1000", few, many)
	if many > few {
		t.Errorf("%v allocations for 10 points, %v for 1000", few, many)
	}
}

func BenchmarkPut(b *testing.B) {
	const n = 1000
	w := ingest.NewWriter(&ingesttest.Sink{}, time.Now)
	q, text := newRequest(), body(n)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := send(w, q, text, false); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "points/s")
}

// FuzzPut: any body is points or an error. Without partial all are written or
// none; with it, those that the answer counts.
func FuzzPut(f *testing.F) {
	f.Add(body(3))
	f.Add([]byte(`{"metric":"a","timestamp":1700000000000,"value":"1e3","tags":{"time":"x","":"y"}} {"metric":"","timestamp":1,"value":1,"tags":{"a":"b"}}`))
	f.Add([]byte(`[{"metric":"a","timestamp":1e30,"value":1,"tags":{}},{"metric":"a","timestamp":"5","value":-0.0,"tags":{"a":"1","a":"2"}}]`))
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, partial := range []bool{false, true} {
			s := &ingesttest.Sink{}
			out, err := send(ingest.NewWriter(s, time.Now), newRequest(), bytes.Clone(text), partial)
			switch {
			case err != nil && s.Rows > 0:
				t.Errorf("%v, but %d rows", err, s.Rows)
			case err == nil && s.Rows != out.Success:
				t.Errorf("%d rows of %d", s.Rows, out.Success)
			case !partial && out.Failed > 0, len(*out.Errors) > out.Failed:
				t.Errorf("partial %v: %d failed, %d shown", partial, out.Failed, len(*out.Errors))
			}
		}
	})
}
