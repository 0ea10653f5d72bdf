package upstream

import (
	"math/rand/v2"
	"time"
)

// backoff says how long to wait after failures in a row: from half of a time
// that doubles up to all of it, so that many gateways that lost the same link do
// not come back at the same moment. It counts by the monotonic clock.
type backoff struct {
	base, most time.Duration
	failures   int
	until      time.Time // has a monotonic reading
}

func (b *backoff) fail() {
	d := b.base
	for range min(b.failures, 30) {
		d = min(2*d, b.most)
	}
	b.failures++
	b.until = time.Now().Add(d/2 + rand.N(d/2+1))
}

// atLeast is what a server asked for.
func (b *backoff) atLeast(d time.Duration) {
	if at := time.Now().Add(min(d, b.most)); at.After(b.until) {
		b.until = at
	}
}

func (b *backoff) succeed() { b.failures, b.until = 0, time.Time{} }

// left is how long to wait still.
func (b *backoff) left() time.Duration { return max(0, time.Until(b.until)) }
