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
	// firstRead is what of it is read first.
	firstRead = 16 << 10
	// largePatience is how long a larger one waits for its turn.
	largePatience = 10 * time.Second
)

// LimitLarge lets n large bodies of lines be read and written at once, or half as
// many that are held whole; the others wait, and are refused with store.ErrBusy
// if that takes too long. It is called before the first write. Without it there
// is no limit.
func (w *Writer) LimitLarge(n int) {
	w.large, w.whole = make(chan struct{}, n), make(chan struct{}, 1)
}

// LimitHuge lets only one body at a time be longer than that many bytes: it takes
// several times its length until it is written. It is called before the first
// write. Without it there is no limit.
func (w *Writer) LimitHuge(bytes int) { w.huge, w.hugeBody = make(chan struct{}, 1), bytes }

// tooHuge says whether memory for so many bytes of rows is too much to be kept for
// the next request.
func (w *Writer) tooHuge(held int) bool { return w.huge != nil && held > w.hugeBody }

// LimitRows bounds the memory of the rows of one request, in bytes. It is called
// before the first write; without it the bound is MaxHeld.
func (w *Writer) LimitRows(bytes int) { w.held = bytes }

// Turn reads a body through r, decompressed, for a protocol that holds all of it:
// it waits for its turn once it turns out to be large, and ends with Done.
func (w *Writer) Turn(ctx context.Context, r io.Reader) *Turn {
	t := w.lines(ctx, r)
	t.whole = w.whole
	return t
}

// lines is Turn for lines, of which only a part is held.
func (w *Writer) lines(ctx context.Context, r io.Reader) *Turn {
	return &Turn{Reader: r, ctx: ctx, large: w.large, huge: w.huge, hugeBody: w.hugeBody}
}

// Turn reads a body, and waits for its turn once it turns out to be large, and
// again when it turns out to be huge.
type Turn struct {
	io.Reader
	ctx   context.Context
	large chan struct{} // nil: no limit
	// Who has huge needs nothing that others have, so no two wait for each other.
	huge     chan struct{} // nil: no limit
	hugeBody int
	isHuge   bool
	// whole is not nil for a body that is held whole: it counts twice, and one at
	// a time takes its places, so that no two wait for each other's second.
	whole chan struct{}
	n     int
	has   int // places
}

// Read is io.Reader's; the error is store.ErrBusy when the turn does not come.
func (t *Turn) Read(p []byte) (int, error) {
	if err := t.Await(t.n); err != nil {
		return 0, err
	}
	n, err := t.Reader.Read(p)
	t.n += n
	return n, err
}

// Await waits for the turn of a body of that many bytes, if it is large: for what
// is decompressed after it was read. The error is Read's.
func (t *Turn) Await(size int) error {
	large := t.large != nil && t.has == 0 && size >= smallBody
	huge := t.huge != nil && !t.isHuge && size >= t.hugeBody
	if !large && !huge {
		return nil
	}
	patience := time.NewTimer(largePatience)
	defer patience.Stop()
	enter := func(places chan struct{}) error {
		select {
		case places <- struct{}{}:
			return nil
		case <-t.ctx.Done():
			return context.Cause(t.ctx)
		case <-patience.C:
			return fmt.Errorf("other large writes take too long: %w", store.ErrBusy)
		}
	}
	if large {
		if err := t.take(enter); err != nil {
			return err
		}
	}
	if huge {
		if err := enter(t.huge); err != nil {
			return err
		}
		t.isHuge = true
	}
	return nil
}

// take enters the places of a large body.
func (t *Turn) take(enter func(places chan struct{}) error) error {
	need := 1
	if t.whole != nil {
		if err := enter(t.whole); err != nil {
			return err
		}
		defer func() { <-t.whole }()
		need = min(2, cap(t.large))
	}
	for t.has < need {
		if err := enter(t.large); err != nil {
			t.Done()
			return err
		}
		t.has++
	}
	return nil
}

// Done ends the turn: the body and what was made of it are written or forgotten.
func (t *Turn) Done() {
	if t == nil {
		return
	}
	for ; t.has > 0; t.has-- {
		<-t.large
	}
	if t.isHuge {
		<-t.huge
		t.isHuge = false
	}
}
