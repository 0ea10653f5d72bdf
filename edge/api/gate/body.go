package gate

import (
	"bufio"
	"bytes"
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

// AppendBody is RawBody into memory that the caller has.
func (g *Gate) AppendBody(dst []byte, r *http.Request) ([]byte, error) {
	if r.ContentLength > g.MaxBody {
		return dst, tooLarge(g.MaxBody)
	}
	if r.ContentLength > 0 {
		dst = slices.Grow(dst, int(r.ContentLength)+1) // one more, to meet the end
	}
	in := http.MaxBytesReader(nil, r.Body, g.MaxBody)
	for {
		if len(dst) == cap(dst) {
			dst = slices.Grow(dst, 4096)
		}
		n, err := in.Read(dst[len(dst):cap(dst)])
		dst = dst[:len(dst)+n]
		if errors.Is(err, io.EOF) {
			return dst, nil
		}
		if err != nil {
			return dst, unreadable(err)
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

// TakeBody is ReadBody for writes: the memory is used again after release, which
// must be called when the rows are written or forgotten, and large bodies wait
// for their turn (ingest.Writer.Turn). On an error release is nil.
func (g *Gate) TakeBody(r *http.Request, w *ingest.Writer) (body []byte, release func(), err error) {
	in, err := g.Body(r)
	if err != nil {
		return nil, nil, err
	}
	defer in.Close()
	turn := w.Turn(r.Context(), in)
	held, _ := g.bodies.Get().(*[]byte)
	if held == nil {
		held = new([]byte)
	}
	release = func() {
		turn.Done()
		if cap(*held) <= maxKept {
			g.bodies.Put(held)
		}
	}
	// Those that wait for their turn shall not hold memory for all that is to come.
	*held = slices.Grow((*held)[:0], int(min(max(r.ContentLength, 0), firstPart))+512)
	for {
		b := *held
		n, err := turn.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		if err == nil && len(b) == cap(b) {
			// A plain body says how long it is.
			b = slices.Grow(b, max(int(min(r.ContentLength, g.MaxBody))+1-len(b), len(b)/2, 512))
		}
		*held = b
		if errors.Is(err, io.EOF) {
			return b, release, nil
		}
		if err != nil {
			release()
			return nil, nil, err
		}
	}
}

// firstPart is what of a body is read at any rate, and maxKept how large its
// memory may be to be kept for the next.
const (
	firstPart = 128 << 10
	maxKept   = 1 << 20
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
func (g *Gate) Unsnappy(raw []byte) ([]byte, error) { return g.UnsnappyInto(nil, raw) }

// UnsnappyInto is Unsnappy into memory that the caller has, if it is enough.
func (g *Gate) UnsnappyInto(dst, raw []byte) ([]byte, error) {
	if bytes.HasPrefix(raw, []byte("\xff\x06\x00\x00sNaPpY")) {
		b := &body{limit: g.MaxBody, left: g.MaxBody, encoding: "snappy", r: s2.NewReader(bytes.NewReader(raw), s2.ReaderMaxBlockSize(1<<20))}
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
	out, err := s2.Decode(dst[:cap(dst)], raw)
	if err != nil {
		return nil, Bad("cannot decompress the request body (snappy): %w", err)
	}
	return out, nil
}

// Unzstd decodes zstd frames to at most MaxBody bytes.
func (g *Gate) Unzstd(raw []byte) ([]byte, error) { return g.UnzstdInto(nil, raw) }

// UnzstdInto is Unzstd into memory that the caller has, if it is enough.
func (g *Gate) UnzstdInto(dst, raw []byte) ([]byte, error) {
	d, _ := g.zstd.Get().(*zstd.Decoder)
	if d == nil {
		var err error
		if d, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(uint64(max(g.MaxBody, 1))), zstd.WithDecoderMaxWindow(window)); err != nil {
			return nil, err
		}
	}
	defer g.zstd.Put(d)
	out, err := d.DecodeAll(raw, dst[:0])
	if err != nil {
		return nil, (&body{limit: g.MaxBody, encoding: "zstd"}).explain(err)
	}
	return out, nil
}
