package ingest

import (
	"context"
	"fmt"
	"io"
	"time"

	"tarn/store"
)

// Bodies are read as they come, and their rows held until they are written. Most
// are small; of those that are not only a few are taken in at once, or fifty
// writers with 10 MB each would need ten times the memory that there is.

const (
	// smallBody is how many bytes of a body are read at any rate: what Telegraf
	// sends by default, compressed or not, is about as much.
	smallBody = 128 << 10
	// largePatience is how long a larger one waits for its turn.
	largePatience = 10 * time.Second
)

// LimitLarge lets n large bodies be read and written at once; the others wait,
// and are refused with store.ErrBusy if that takes too long. It is called before
// the first write. Without it there is no limit.
func (w *Writer) LimitLarge(n int) { w.large = make(chan struct{}, n) }

// Turn reads a body through r, decompressed, for a protocol that holds all of it:
// it waits for its turn once it turns out to be large, and ends with Done.
func (w *Writer) Turn(ctx context.Context, r io.Reader) *Turn {
	return &Turn{Reader: r, ctx: ctx, large: w.large}
}

// Turn reads a body, and waits for its turn once it turns out to be large.
type Turn struct {
	io.Reader
	ctx   context.Context
	large chan struct{} // nil: no limit
	n     int
	has   bool // a turn
}

// Read is io.Reader's; the error is store.ErrBusy when the turn does not come.
func (t *Turn) Read(p []byte) (int, error) {
	if t.n >= smallBody && !t.has && t.large != nil {
		if err := t.take(); err != nil {
			return 0, err
		}
	}
	n, err := t.Reader.Read(p)
	t.n += n
	return n, err
}

func (t *Turn) take() error {
	patience := time.NewTimer(largePatience)
	defer patience.Stop()
	select {
	case t.large <- struct{}{}:
		t.has = true
		return nil
	case <-t.ctx.Done():
		return t.ctx.Err()
	case <-patience.C:
		return fmt.Errorf("other large writes take too long: %w", store.ErrBusy)
	}
}

// Done ends the turn: the body and what was made of it are written or forgotten.
func (t *Turn) Done() {
	if t.has {
		<-t.large
	}
}
