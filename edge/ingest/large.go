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

// turns reads a body, and waits for its turn once it turns out to be large.
type turns struct {
	io.Reader
	ctx   context.Context
	large chan struct{} // nil: no limit
	n     int
	has   bool // a turn
}

func (t *turns) Read(p []byte) (int, error) {
	if t.n >= smallBody && !t.has && t.large != nil {
		if err := t.take(); err != nil {
			return 0, err
		}
	}
	n, err := t.Reader.Read(p)
	t.n += n
	return n, err
}

func (t *turns) take() error {
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

// done ends the turn.
func (t *turns) done() {
	if t.has {
		<-t.large
	}
}
