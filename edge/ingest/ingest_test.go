package ingest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"
	"unicode/utf8"

	"tarn/lp"
	"tarn/store"
	"tarn/store/points"
)

// sink is a Store that has nothing and forgets everything.
type sink struct {
	limits store.Limits
	err    error // of Write

	mu     sync.Mutex
	writes int
	rows   int
}

func newSink() *sink { return &sink{limits: store.Limits{Tables: 2000, Columns: 500, Tags: 256}} }

func (s *sink) Database(string) (store.Database, bool) { return store.Database{}, false }

func (s *sink) AdmitDatabase(string) error { return nil }

func (s *sink) Write(_ context.Context, _ string, b *points.Batch, _ store.WriteOptions) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writes++
	s.rows += b.Rows()
	return s.err
}

func (s *sink) Limits() store.Limits { return s.limits }

func (s *sink) TableCount() int { return 0 }

func TestReport(t *testing.T) {
	for _, c := range []struct {
		name, body      string
		all             bool
		written, failed int
		rows, writes    int
		err             error
	}{
		{name: "good lines", body: "m f=1 1\nm f=2 2", written: 2, rows: 2, writes: 1},
		{name: "a bad line among good ones", body: "m f=1 1\nm f=x\nm f=2 2", written: 2, failed: 1, rows: 2, writes: 1},
		{name: "a bad line among good ones, all or nothing", body: "m f=1 1\nm f=x\nm f=2 2", all: true, failed: 1},
		{name: "good lines, all or nothing", body: "m f=1 1\nm f=2 2", all: true, written: 2, rows: 2, writes: 1},
		{name: "bad lines only", body: "m f=x\nm", failed: 2},
		{name: "nothing", body: "", err: ErrEmpty},
		{name: "comments only", body: "# a\n\n  # b\n", err: ErrEmpty},
		{name: "more bad lines than are listed", body: strings.Repeat("m f=x\n", MaxRejected+5), failed: MaxRejected + 5},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSink()
			r, err := NewWriter(s, time.Now).WriteLines(t.Context(), strings.NewReader(c.body), Options{Database: "d", AllOrNothing: c.all})
			if !errors.Is(err, c.err) || r.Written != c.written || r.Failed != c.failed || s.rows != c.rows || s.writes != c.writes {
				t.Errorf("report %+v, error %v, %d rows in %d writes", r, err, s.rows, s.writes)
			}
			if len(r.Rejected) != min(c.failed, MaxRejected) {
				t.Errorf("%d lines are listed", len(r.Rejected))
			}
		})
	}
}

func TestErrorsPassThrough(t *testing.T) {
	broken := errors.New("broken")
	s := newSink()
	s.err = broken
	w := NewWriter(s, time.Now)
	if _, err := w.WriteLines(t.Context(), strings.NewReader("m f=1"), Options{}); !errors.Is(err, broken) {
		t.Errorf("an error of the store: got %v", err)
	}
	s.writes = 0
	body := io.MultiReader(strings.NewReader("m f=1\nm f=2\nm f="), iotest.ErrReader(broken))
	if _, err := w.WriteLines(t.Context(), body, Options{}); !errors.Is(err, broken) || s.writes != 0 {
		t.Errorf("an error of the body: got %v after %d writes", err, s.writes)
	}
}

// TestTimes: lines without a timestamp get the one instant of the request, cut
// to the precision.
func TestTimes(t *testing.T) {
	now := time.Unix(1767225661, 123456789)
	for p, want := range map[lp.Precision]int64{
		lp.Auto: 1767225661123456789, lp.Nanosecond: 1767225661123456789, lp.Microsecond: 1767225661123456000,
		lp.Millisecond: 1767225661123000000, lp.Second: 1767225661000000000, lp.Minute: 1767225660000000000, lp.Hour: 1767225600000000000,
	} {
		var got []int64
		s := recordTimes{newSink(), &got}
		if _, err := NewWriter(s, func() time.Time { return now }).WriteLines(t.Context(), strings.NewReader("m f=1\nm f=2\nm f=3 5"), Options{Precision: p}); err != nil {
			t.Fatal(err)
		}
		five, ok := p.ToNanos(5)
		if len(got) != 3 || got[0] != want || got[1] != want || !ok || got[2] != five {
			t.Errorf("%v: times %v, want %d twice and %d", p, got, want, five)
		}
	}
}

type recordTimes struct {
	*sink
	times *[]int64
}

func (r recordTimes) Write(_ context.Context, _ string, b *points.Batch, _ store.WriteOptions) error {
	*r.times = append(*r.times, b.Tables[0].Times...)
	return nil
}

// TestCutLines: a listed line has at most 1024 bytes and no broken character.
func TestCutLines(t *testing.T) {
	for _, letter := range []string{"a", "ä", "€", "😀", "\xff", "\xe2\x82", "\x80"} {
		for pad := range 4 {
			text := "m" + strings.Repeat("p", pad) + ",t=" + strings.Repeat(letter, 2000) + " f=x"
			r, err := NewWriter(newSink(), time.Now).WriteLines(t.Context(), strings.NewReader(text), Options{})
			if err != nil || len(r.Rejected) != 1 {
				t.Fatal(err, r)
			}
			got := r.Rejected[0].Original
			if !utf8.ValidString(got) {
				t.Errorf("%q: not UTF-8", letter)
			}
			if utf8.ValidString(text) && (!strings.HasPrefix(text, got) || len(got) > 1024 || len(got) <= 1024-utf8.UTFMax) {
				t.Errorf("%q: %d bytes: ...%q", letter, len(got), got[len(got)-8:])
			}
		}
	}
}

func FuzzWriteLines(f *testing.F) {
	f.Add("m,t=a f=1,g=2i 1\nm f=1\n# c\nm f=x\nm,t=a f=1i", false)
	f.Add("m f=\"a\nb\" 1\r\nm,f=x f=1\nm,t=\xff f=1", true)
	w := map[bool]*Writer{}
	s := newSink()
	s.limits = store.Limits{Tables: 3, Columns: 6, Tags: 2}
	for _, all := range []bool{false, true} {
		w[all] = NewWriter(s, time.Now)
	}
	f.Fuzz(func(t *testing.T, body string, all bool) {
		s.rows, s.writes = 0, 0
		r, err := w[all].WriteLines(t.Context(), strings.NewReader(body), Options{AllOrNothing: all})
		if err != nil && !errors.Is(err, ErrEmpty) && !errors.Is(err, lp.ErrLineTooLong) {
			t.Fatal(err)
		}
		if s.rows != r.Written || (all && r.Failed > 0 || r.Written == 0) && s.writes > 0 {
			t.Errorf("%d rows in %d writes, report %+v", s.rows, s.writes, r)
		}
		for _, j := range r.Rejected {
			if j.Message == "" || j.Line < 1 || !utf8.ValidString(j.Original) {
				t.Errorf("a rejected line: %+v", j)
			}
		}
	})
}

func benchmarkBody(series, fields int) string {
	var b strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&b, "cpu,host=host_%d,region=eu-central-1 ", i%series)
		for k := range fields {
			if k > 0 {
				b.WriteByte(',')
			}
			fmt.Fprintf(&b, "usage_%d=%d.%d", k, (i+k)%100, i%10)
		}
		fmt.Fprintf(&b, " %d\n", 1767225600000000000+int64(i)*1e9)
	}
	return b.String()
}

func BenchmarkWriteLines(b *testing.B) {
	for _, c := range []struct{ series, fields int }{{100, 1}, {100, 10}, {5000, 10}} {
		b.Run(fmt.Sprintf("series=%d/fields=%d", c.series, c.fields), func(b *testing.B) {
			body := benchmarkBody(c.series, c.fields)
			w := NewWriter(newSink(), time.Now)
			r := strings.NewReader(body)
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				r.Reset(body)
				if _, err := w.WriteLines(b.Context(), r, Options{Database: "d"}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(5000*b.N)/b.Elapsed().Seconds(), "lines/s")
		})
	}
}

func BenchmarkManyTables(b *testing.B) {
	var body strings.Builder
	for i := range 2000 {
		fmt.Fprintf(&body, "table_%d,host=a value=%d %d\n", i, i, i)
	}
	w := NewWriter(newSink(), time.Now)
	b.SetBytes(int64(body.Len()))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := w.WriteLines(b.Context(), strings.NewReader(body.String()), Options{Database: "d"}); err != nil {
			b.Fatal(err)
		}
	}
}
