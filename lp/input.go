package lp

import (
	"fmt"
	"io"
)

const (
	// chunk is the initial size of the buffer: large enough to make the cost of
	// a read vanish, small enough to stay in the second-level cache.
	chunk = 64 << 10
	// keep is the largest buffer that survives Reset, so that one monster line
	// does not pin its memory in a pooled decoder.
	keep = 1 << 20
	// maxEmptyReads is how often in a row a reader may return nothing.
	maxEmptyReads = 100
)

// input is a window over the body: buf[start:end] is read but not consumed.
type input struct {
	r     io.Reader
	own   []byte // the buffer for reading; buf aliases it, or the caller's bytes
	buf   []byte
	start int
	end   int
	eof   bool  // nothing follows after end
	next  error // what the next read would return
	err   error // why more could not deliver
}

func (in *input) reset(r io.Reader) {
	if r != nil && in.own == nil || len(in.own) > keep {
		in.own = make([]byte, chunk)
	}
	*in = input{r: r, own: in.own, buf: in.own, eof: r == nil}
}

func (in *input) resetBytes(b []byte) {
	if len(in.own) > keep {
		in.own = nil
	}
	*in = input{own: in.own, buf: b, end: len(b), eof: true}
}

// window is all that is read but not consumed. Its capacity ends with it, so
// that looking ahead never leaves the body.
func (in *input) window() []byte { return in.buf[in.start:in.end:in.end] }

// newline returns the offset in the window of the first newline, or the length
// of the window if the input ends without one. It reads as needed. False means
// that the line is longer than limit or that reading failed; see err.
func (in *input) newline(limit int) (int, bool) {
	searched := 0
	for {
		w := in.window()
		if i := indexByte(w[searched:], '\n'); i >= 0 {
			searched += i
			return searched, in.within(searched, limit)
		}
		searched = len(w)
		if !in.within(searched, limit) {
			return 0, false
		}
		if in.eof {
			return searched, true
		}
		if !in.more(searched + 1) {
			return 0, false
		}
	}
}

func (in *input) within(n, limit int) bool {
	if n <= limit {
		return true
	}
	in.err = fmt.Errorf("%w: more than %d bytes", ErrLineTooLong, limit)
	return false
}

// more reads until the window has at least n bytes or the input ends. It
// returns false if reading failed.
func (in *input) more(n int) bool {
	if in.eof || in.end-in.start >= n {
		return true
	}
	if in.start > 0 {
		in.end = copy(in.buf, in.buf[in.start:in.end])
		in.start = 0
	}
	if n > len(in.buf) {
		grown := make([]byte, max(n, 2*len(in.buf)))
		copy(grown, in.buf[:in.end])
		in.buf, in.own = grown, grown
	}
	for empty := 0; in.end < n; {
		if in.next == io.EOF {
			in.eof = true
			return true
		}
		if in.next != nil {
			in.err = in.next
			return false
		}
		var k int
		k, in.next = in.r.Read(in.buf[in.end:])
		in.end += k
		if k > 0 {
			empty = 0
		} else if empty++; empty == maxEmptyReads && in.next == nil {
			in.next = io.ErrNoProgress
		}
	}
	return true
}
