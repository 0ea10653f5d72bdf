package upstream

import (
	"context"
	"io"

	"golang.org/x/time/rate"
)

// throttle bounds the bytes a second of all targets together.
type throttle struct{ limit *rate.Limiter } // nil: as fast as it goes

// throttleStep is how much passes at once: little enough that a slow link is
// used evenly.
const throttleStep = 16 << 10

func newThrottle(bytesPerSecond int64) *throttle {
	if bytesPerSecond <= 0 {
		return &throttle{}
	}
	return &throttle{rate.NewLimiter(rate.Limit(bytesPerSecond), int(min(bytesPerSecond, throttleStep)))}
}

func (t *throttle) wait(ctx context.Context, n int) error {
	if t.limit == nil {
		return ctx.Err()
	}
	for n > 0 {
		k := min(n, t.limit.Burst())
		if err := t.limit.WaitN(ctx, k); err != nil {
			return err
		}
		n -= k
	}
	return nil
}

// writer passes what is written to w in time; progress may be nil.
func (t *throttle) writer(ctx context.Context, w io.Writer, progress func(int)) io.Writer {
	return &slowWriter{t, ctx, w, progress}
}

type slowWriter struct {
	t        *throttle
	ctx      context.Context
	w        io.Writer
	progress func(int)
}

func (s *slowWriter) Write(p []byte) (n int, err error) {
	for n < len(p) {
		k := min(len(p)-n, throttleStep)
		if err := s.t.wait(s.ctx, k); err != nil {
			return n, err
		}
		m, err := s.w.Write(p[n : n+k])
		n += m
		if s.progress != nil {
			s.progress(m)
		}
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// reader passes what is read from r in time.
func (t *throttle) reader(ctx context.Context, r io.Reader, progress func(int)) io.Reader {
	return &slowReader{t, ctx, r, progress}
}

type slowReader struct {
	t        *throttle
	ctx      context.Context
	r        io.Reader
	progress func(int)
}

func (s *slowReader) Read(p []byte) (int, error) {
	n, err := s.r.Read(p[:min(len(p), throttleStep)])
	if n > 0 {
		if s.progress != nil {
			s.progress(n)
		}
		if err := s.t.wait(s.ctx, n); err != nil {
			return 0, err
		}
	}
	return n, err
}
