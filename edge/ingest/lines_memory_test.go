package ingest

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"tarn/lp"
)

// TestLinesTooMuch: what a body of lines takes is bounded, whichever way it is
// large: rows, texts, series, or fields that most rows lack, which take a word
// each all the same.
func TestLinesTooMuch(t *testing.T) {
	for name, line := range map[string]func(i int) string{
		"rows":                  func(i int) string { return fmt.Sprintf("m f=1 %d\n", i) },
		"texts":                 func(i int) string { return fmt.Sprintf("m f=\"%s\" %d\n", strings.Repeat("x", 1000), i) },
		"series":                func(i int) string { return fmt.Sprintf("m,t=%d f=1 1\n", i) },
		"fields":                func(i int) string { return fmt.Sprintf("m f%d=1 %d\n", i%400, i) },
		"fields of many tables": func(i int) string { return fmt.Sprintf("m%d f%d=1 %d\n", i%2, i%399, i) },
	} {
		t.Run(name, func(t *testing.T) {
			s := newSink()
			w := NewWriter(s, time.Now)
			w.LimitRows(1 << 20)
			write := func(lines int) error {
				var body strings.Builder
				for i := range lines {
					body.WriteString(line(i))
				}
				_, err := w.WriteLines(t.Context(), strings.NewReader(body.String()), Options{Database: "db", Precision: lp.Nanosecond})
				return err
			}
			if err := write(100_000); !errors.Is(err, ErrTooMuch) || s.writes != 0 {
				t.Errorf("error %v, %d writes", err, s.writes)
			}
			if err := write(100); err != nil || s.rows != 100 {
				t.Errorf("a small body: error %v, %d rows", err, s.rows)
			}
		})
	}
}

// TestWaitingHoldsLittle: a body that waits for its turn has none of the memory
// in which large ones are taken apart, also when the same client sent one before.
func TestWaitingHoldsLittle(t *testing.T) {
	w := NewWriter(newSink(), time.Now)
	w.LimitLarge(1)
	large := strings.Repeat("m,a=b f=1 1\n", smallBody/4)
	options := Options{Database: "db", Precision: lp.Nanosecond}
	if _, err := w.WriteLines(t.Context(), strings.NewReader(large), options); err != nil {
		t.Fatal(err)
	}
	lw := w.pool.Get().(*lineWriter)
	if got := cap(lw.batch.Table([]byte("m")).Times); got > 0 {
		t.Errorf("a small body is given room for %d rows", got)
	}
	head := w.heads.Get().(*[]byte)
	if cap(*head) > 2*smallBody {
		t.Errorf("what is read first takes %d bytes", cap(*head))
	}
}
