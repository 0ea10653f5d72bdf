package gate

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"

	"tarn/edge/ingest"
)

// RawBody reads a request's body as it comes, at most MaxBody bytes.
func (g *Gate) RawBody(r *http.Request) ([]byte, error) {
	if r.ContentLength > g.MaxBody {
		return nil, tooLarge(g.MaxBody)
	}
	raw, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, g.MaxBody))
	if err != nil {
		return nil, unreadable(err)
	}
	return raw, nil
}

// RawTurn is RawBody for writes that undo the encoding on their own: it reads into
// memory that the caller has, and large bodies wait for their turn
// (ingest.Writer.Turn). The caller ends the turn, also after an error, when the
// rows are written or forgotten.
func (g *Gate) RawTurn(ctx context.Context, dst []byte, r *http.Request, w *ingest.Writer) ([]byte, *ingest.Turn, error) {
	turn := w.Turn(ctx, &body{limit: g.MaxBody, left: g.MaxBody, r: http.MaxBytesReader(nil, r.Body, g.MaxBody)})
	if r.ContentLength > g.MaxBody {
		return dst, turn, tooLarge(g.MaxBody)
	}
	dst, err := g.fill(dst, turn, r.ContentLength)
	return dst, turn, err
}

// fill appends all of a body, of that length unless it is less than 0. Those that
// wait for their turn shall not hold memory for all that is to come.
func (g *Gate) fill(b []byte, turn *ingest.Turn, length int64) ([]byte, error) {
	b = slices.Grow(b, int(min(max(length, 0), firstPart))+512)
	for {
		n, err := turn.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		if errors.Is(err, io.EOF) {
			return b, nil
		}
		if err != nil {
			return b, err
		}
		if len(b) == cap(b) {
			if err := turn.Await(len(b)); err != nil {
				return b, err
			}
			// A plain body says how long it is.
			b = slices.Grow(b, max(int(min(length, g.MaxBody))+1-len(b), len(b)/2, 512))
		}
	}
}

// ReadBody reads a request's whole body through Body.
func (g *Gate) ReadBody(r *http.Request) ([]byte, error) {
	b, err := g.Body(r)
	if err != nil {
		return nil, err
	}
	defer b.Close()
	return io.ReadAll(b)
}

// Held is the body of a write, in memory that is used again after Release, which
// must be called when the rows are written or forgotten.
type Held struct {
	Bytes []byte

	g    *Gate
	turn *ingest.Turn
}

// TakeBody is ReadBody for writes: large bodies wait for their turn
// (ingest.Writer.Turn). On an error nothing is held.
func (g *Gate) TakeBody(r *http.Request, w *ingest.Writer) (*Held, error) {
	in, err := g.Body(r)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	h, _ := g.bodies.Get().(*Held)
	if h == nil {
		h = &Held{}
	}
	h.g, h.turn = g, w.Turn(r.Context(), in)
	if h.Bytes, err = g.fill(h.Bytes[:0], h.turn, r.ContentLength); err != nil {
		h.Release()
		return nil, err
	}
	return h, nil
}

// Await waits for the turn of a body that becomes that large when it is decoded
// further.
func (h *Held) Await(size int) error { return h.turn.Await(size) }

// Drop gives up a large body of which all is decoded, before its rows are
// written: that takes memory of its own. The turn goes on.
func (h *Held) Drop() {
	if cap(h.Bytes) > maxKept {
		h.Bytes = nil
	}
}

// Release gives the memory and the turn back.
func (h *Held) Release() {
	h.turn.Done()
	h.turn = nil
	if cap(h.Bytes) <= maxKept {
		h.g.bodies.Put(h)
	}
}

// firstPart is what of a body is read at any rate, and maxKept how large its
// memory may be to be kept for the next, which may have to wait for its turn.
const (
	firstPart = 128 << 10
	maxKept   = 2 * firstPart
)

// Body reads a request's body with its Content-Encoding undone: gzip, deflate
// (of zlib, or raw), br, zstd, several of them, or identity; others are passed
// through untouched (section 0.2), snappy among them, whose two formats only the
// protocol tells apart (Unsnappy). Both what comes and what it decompresses to
// are bounded by MaxBody; the Reader's errors are Errors. Close it.
func (g *Gate) Body(r *http.Request) (io.ReadCloser, error) {
	if r.ContentLength > g.MaxBody {
		return nil, tooLarge(g.MaxBody)
	}
	b := &body{limit: g.MaxBody, left: g.MaxBody, r: http.MaxBytesReader(nil, r.Body, g.MaxBody)}
	encodings := strings.Split(strings.Join(r.Header.Values("Content-Encoding"), ","), ",")
	if len(encodings) > maxEncodings {
		return nil, Bad("more than %d content encodings", maxEncodings)
	}
	// What was applied last is undone first.
	for i := len(encodings) - 1; i >= 0; i-- {
		if err := b.undo(strings.ToLower(strings.TrimSpace(encodings[i]))); err != nil {
			b.Close()
			return nil, b.explain(err)
		}
	}
	return b, nil
}

const maxEncodings = 3

// window bounds the memory of a zstd frame: what the formats of the clients use.
const window = 8 << 20

type body struct {
	r           io.Reader
	encoding    string
	close       []func()
	limit, left int64
}

var gzipReaders = sync.Pool{New: func() any { return new(gzip.Reader) }}

// undo puts the decoder of an encoding on top.
func (b *body) undo(encoding string) error {
	switch encoding {
	case "gzip", "x-gzip":
		gz, _ := gzipReaders.Get().(*gzip.Reader)
		b.encoding = encoding
		b.close = append(b.close, func() { gzipReaders.Put(gz) })
		if err := gz.Reset(b.r); err != nil {
			return err
		}
		b.r = gz
	case "deflate":
		b.encoding = encoding
		in := bufio.NewReader(b.r)
		head, err := in.Peek(2)
		if err != nil {
			return err
		}
		// HTTP means zlib's format; some clients send what is in it alone.
		if head[0]&0x0f != 8 || (int(head[0])<<8|int(head[1]))%31 != 0 {
			b.r = flate.NewReader(in)
			return nil
		}
		if b.r, err = zlib.NewReader(in); err != nil {
			return err
		}
	case "br":
		b.encoding = encoding
		b.r = brotli.NewReader(b.r)
	case "zstd":
		b.encoding = encoding
		// Its limit is of the window, too; what comes out Read counts.
		d, err := zstd.NewReader(b.r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(uint64(max(b.limit, window))), zstd.WithDecoderMaxWindow(window))
		if err != nil {
			return err
		}
		b.close = append(b.close, d.Close)
		b.r = d
	}
	return nil
}

// Read is io.Reader's.
func (b *body) Read(p []byte) (int, error) {
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.r.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, tooLarge(b.limit)
	}
	if err != nil && err != io.EOF {
		err = b.explain(err)
	}
	return n, err
}

// Close is io.Closer's.
func (b *body) Close() error {
	for _, f := range b.close {
		f()
	}
	b.close = nil
	return nil
}

func (b *body) explain(err error) error {
	var size *http.MaxBytesError
	switch {
	case errors.As(err, &size), errors.Is(err, zstd.ErrDecoderSizeExceeded):
		return tooLarge(b.limit)
	case b.encoding != "":
		return Bad("cannot decompress the request body (%s): %w", b.encoding, err)
	}
	return unreadable(err)
}

func unreadable(err error) error {
	var size *http.MaxBytesError
	if errors.As(err, &size) {
		return tooLarge(size.Limit)
	}
	return Bad("cannot read the request body: %w", err)
}

// Unsnappy decodes snappy's block format, which Prometheus and Loki send
// whatever the header says; or its stream format, if raw is that. What it decodes to is
// bounded by MaxBody.
func (g *Gate) Unsnappy(raw []byte) ([]byte, error) { return g.UnsnappyInto(nil, raw, nil) }

// UnsnappyInto is Unsnappy into memory that the caller has, if it is enough. Await,
// unless it is nil, is called with the size before the memory is taken.
func (g *Gate) UnsnappyInto(dst, raw []byte, await func(size int) error) ([]byte, error) {
	if bytes.HasPrefix(raw, []byte("\xff\x06\x00\x00sNaPpY")) {
		b := &body{limit: g.MaxBody, left: g.MaxBody, encoding: "snappy", r: s2.NewReader(bytes.NewReader(raw), s2.ReaderMaxBlockSize(1<<20))}
		// It does not say how large it is: at most what a block of it may be.
		if err := wait(await, int(min(64*int64(len(raw)), g.MaxBody))); err != nil {
			return nil, err
		}
		return io.ReadAll(b)
	}
	n, err := s2.DecodedLen(raw)
	if err != nil {
		return nil, Bad("cannot decompress the request body (snappy): %w", err)
	}
	// A byte of snappy stands for 64 bytes at most; what claims more is broken,
	// and need not be given the memory first.
	if int64(n) > 64*int64(len(raw))+64 {
		return nil, Bad("cannot decompress the request body (snappy): a length of %d in %d bytes", n, len(raw))
	}
	if int64(n) > g.MaxBody {
		return nil, tooLarge(g.MaxBody)
	}
	if err := wait(await, n); err != nil {
		return nil, err
	}
	out, err := s2.Decode(dst[:cap(dst)], raw)
	if err != nil {
		return nil, Bad("cannot decompress the request body (snappy): %w", err)
	}
	return out, nil
}

func wait(await func(int) error, size int) error {
	if await == nil {
		return nil
	}
	return await(size)
}

// Unzstd decodes zstd frames to at most MaxBody bytes.
func (g *Gate) Unzstd(raw []byte) ([]byte, error) { return g.UnzstdInto(nil, raw, nil) }

// UnzstdInto is Unzstd into memory that the caller has, if it is enough, with the
// await of UnsnappyInto.
func (g *Gate) UnzstdInto(dst, raw []byte, await func(size int) error) ([]byte, error) {
	d, _ := g.zstd.Get().(*zstd.Decoder)
	if d == nil {
		var err error
		// Its limit is of the window, too, as in Body.
		if d, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(uint64(max(g.MaxBody, window))), zstd.WithDecoderMaxWindow(window)); err != nil {
			return nil, err
		}
	}
	defer g.zstd.Put(d)
	// A frame may say how large it is; those that do not, or follow, are counted
	// when they are decoded.
	var head zstd.Header
	if head.Decode(raw) == nil && head.HasFCS {
		if head.FrameContentSize > uint64(g.MaxBody) {
			return nil, tooLarge(g.MaxBody)
		}
		if err := wait(await, int(head.FrameContentSize)); err != nil {
			return nil, err
		}
	}
	out, err := d.DecodeAll(raw, dst[:0])
	if err != nil {
		return nil, (&body{limit: g.MaxBody, encoding: "zstd"}).explain(err)
	}
	if int64(len(out)) > g.MaxBody {
		return nil, tooLarge(g.MaxBody)
	}
	return out, wait(await, len(out))
}
