package exec

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"

	"tarn/store/column"
)

// counting yields batches of one row each, which it writes into the same memory
// every time, with a dictionary that grows.
type counting struct {
	batches int
	fail    any // after the last batch: an error, or what to panic with
	n       int
	closed  bool
	ints    *column.Vector
	texts   *column.Vector
}

func (c *counting) Next(ctx context.Context, b *column.Batch) error {
	switch {
	case c.closed:
		panic("BUG: read after it was closed")
	case ctx.Err() != nil:
		return ctx.Err()
	case c.n == c.batches:
		if err, ok := c.fail.(error); ok {
			return err
		}
		panic(c.fail)
	}
	if c.ints == nil {
		c.ints = column.NewVector(column.Of(column.Int64), 1)
		c.texts = column.NewVector(column.Of(column.Dict), 1)
		c.texts.Dict = &column.Dictionary{}
		c.ints.SetLen(1)
		c.texts.SetLen(1)
	}
	c.ints.Ints[0] = int64(c.n)
	c.texts.Codes[0] = uint32(c.n)
	c.texts.Dict.Values = append(c.texts.Dict.Values, fmt.Sprint("text ", c.n))
	c.n++
	*b = column.Batch{Len: 1, Cols: []*column.Vector{c.ints, c.texts}}
	return nil
}

func (c *counting) Close() error {
	c.closed = true
	return nil
}

// take reads up to n batches and checks what is in them.
func take(t *testing.T, op Operator, n int) error {
	t.Helper()
	var b column.Batch
	for i := range n {
		if err := op.Next(t.Context(), &b); err != nil {
			if want := op.(*ahead).in.(*counting).batches; i != want {
				t.Errorf("%v after %d batches of %d", err, i, want)
			}
			return err
		}
		if b.Len != 1 || b.Cols[0].Ints[0] != int64(i) || b.Cols[1].Text(0) != fmt.Sprint("text ", i) {
			t.Fatalf("batch %d: %d rows, %d, %q", i, b.Len, b.Cols[0].Ints[0], b.Cols[1].Text(0))
		}
	}
	return nil
}

func TestAhead(t *testing.T) {
	broken := errors.New("broken")
	for _, batches := range []int{0, 1, aheadAfter - 1, aheadAfter, aheadAfter + 1, 100} {
		for _, limit := range []int64{0, 1, 200} { // bytes: all, none, and not enough for later batches
			for _, end := range []any{io.EOF, broken} {
				pool := NewPool(limit)
				in := &counting{batches: batches, fail: end}
				op := &ahead{in: in, mem: account{budget: pool.NewBudget(t.Context())}}
				if err := take(t, op, batches+1); err != end { //nolint:errorlint // operators return them bare
					t.Errorf("%d batches within %d bytes end with %v, want %v", batches, limit, err, end)
				}
				if err := op.Close(); err != nil || !in.closed || pool.Used() != 0 {
					t.Errorf("%d batches: closed %v, %v; %d bytes left", batches, in.closed, err, pool.Used())
				}
			}
		}
	}
}

func TestAheadClosedEarly(t *testing.T) {
	for taken := range 10 {
		pool := NewPool(0)
		in := &counting{batches: 1 << 20, fail: io.EOF}
		op := &ahead{in: in, mem: account{budget: pool.NewBudget(t.Context())}}
		if err := take(t, op, taken); err != nil {
			t.Fatal(err)
		}
		if err := op.Close(); err != nil || !in.closed || pool.Used() != 0 {
			t.Errorf("after %d: closed %v, %v; %d bytes left", taken, in.closed, err, pool.Used())
		}
		if most := taken + aheadBatches; in.n > most {
			t.Errorf("%d batches were taken and %d read, want at most %d", taken, in.n, most)
		}
	}
}

// A fault of an operator is one of the request that asked, not of the process.
func TestAheadPanics(t *testing.T) {
	op := &ahead{in: &counting{batches: aheadAfter + 5, fail: "BUG"}, mem: account{budget: NewPool(0).NewBudget(t.Context())}}
	defer func() {
		if p := recover(); p != "BUG" {
			t.Errorf("recovered %v", p)
		}
		if err := op.Close(); err != nil {
			t.Error(err)
		}
	}()
	_ = take(t, op, 100)
}
