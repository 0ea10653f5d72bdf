package ingest

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tarn/lp"
	"tarn/store"
)

// TestLargeBodies has two large bodies that do not end: a third waits, and is
// refused at last, while small ones go through.
func TestLargeBodies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := NewWriter(newSink(), time.Now)
		w.LimitLarge(2)
		options := Options{Database: "db", Precision: lp.Nanosecond}
		large := strings.Repeat("m,a=b f=1 1\n", smallBody/12+1000)
		end := make(chan struct{})
		written := make(chan error, 3)
		write := func(body io.Reader) {
			r, err := w.WriteLines(t.Context(), body, options)
			if err == nil && r.Written < smallBody/12 {
				t.Errorf("%d lines were written", r.Written)
			}
			written <- err
		}
		for range 2 {
			go write(io.MultiReader(strings.NewReader(large), waiting(end)))
		}
		synctest.Wait()
		go write(strings.NewReader(large))
		if err := <-written; !errors.Is(err, store.ErrBusy) {
			t.Errorf("a third large body: %v", err)
		}
		if _, err := w.WriteLines(t.Context(), strings.NewReader("m f=1 1"), options); err != nil {
			t.Errorf("a small body: %v", err)
		}
		go write(strings.NewReader(large))
		synctest.Wait()
		close(end)
		for range 3 {
			if err := <-written; err != nil {
				t.Error(err)
			}
		}
		if n := len(w.large); n != 0 {
			t.Errorf("%d turns were not given back", n)
		}
	})
}

// waiting is a reader that ends when somebody closes it.
type waiting chan struct{}

func (w waiting) Read([]byte) (int, error) {
	<-w
	return 0, io.EOF
}

// TestWholeBodies: a body that is held whole takes two places, and those that
// wait for theirs wait in line, not for each other.
func TestWholeBodies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := NewWriter(newSink(), time.Now)
		w.LimitLarge(3)
		large := strings.Repeat("x", smallBody+1)
		read := func() (*Turn, error) {
			turn := w.Turn(t.Context(), strings.NewReader(large))
			_, err := io.ReadAll(turn)
			return turn, err
		}
		first, err := read()
		if err != nil || len(w.large) != 2 {
			t.Fatalf("%d places, error %v", len(w.large), err)
		}
		errs := make(chan error, 3)
		for range 3 {
			go func() {
				turn, err := read()
				if err == nil {
					time.Sleep(time.Second)
				}
				turn.Done()
				errs <- err
			}()
		}
		time.Sleep(9 * time.Second)
		if len(w.large) != 3 {
			t.Errorf("%d places are taken while one waits for its second", len(w.large))
		}
		first.Done()
		refused := 0
		for range 3 {
			if err := <-errs; errors.Is(err, store.ErrBusy) {
				refused++
			} else if err != nil {
				t.Error(err)
			}
		}
		if len(w.large) != 0 || refused == 3 {
			t.Errorf("%d places were not given back, %d were refused", len(w.large), refused)
		}
		w.LimitLarge(1) // fewer than a whole body takes
		turn, err := read()
		if err != nil {
			t.Error(err)
		}
		turn.Done()
	})
}

// TestHugeBodies: of huge bodies there is one at a time, also when there is place
// for more large ones; the others go on when it is done, and have read no more
// than they may.
func TestHugeBodies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const huge = 4 * smallBody
		w := NewWriter(newSink(), time.Now)
		w.LimitLarge(3)
		w.LimitHuge(huge)
		read := func(size int) (*Turn, int, error) {
			turn := w.lines(t.Context(), strings.NewReader(strings.Repeat("x", size)))
			n, err := io.Copy(io.Discard, struct{ io.Reader }{turn})
			return turn, int(n), err
		}
		first, _, err := read(huge + 1)
		if err != nil {
			t.Fatal(err)
		}
		large, n, err := read(huge - 1)
		if err != nil || n != huge-1 {
			t.Errorf("a large one beside it: %d bytes, error %v", n, err)
		}
		large.Done()
		type result struct {
			n   int
			err error
		}
		results := make(chan result, 2)
		for range 2 {
			go func() {
				turn, n, err := read(2 * huge)
				turn.Done()
				results <- result{n, err}
			}()
		}
		synctest.Wait()
		first.Done()
		for range 2 {
			if r := <-results; r.err != nil || r.n != 2*huge {
				t.Errorf("a huge one after it: %d bytes, error %v", r.n, r.err)
			}
		}
		again, _, err := read(huge + 1)
		if err != nil {
			t.Fatal(err)
		}
		other, n, err := read(2 * huge)
		other.Done()
		if !errors.Is(err, store.ErrBusy) || n > huge+64<<10 {
			t.Errorf("one that waits too long: %d bytes, error %v", n, err)
		}
		again.Done()
		if len(w.large)+len(w.huge) != 0 {
			t.Errorf("%d and %d turns were not given back", len(w.large), len(w.huge))
		}
	})
}
