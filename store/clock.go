package store

import (
	"sync"
	"time"

	"tarn/store/catalog"
)

// A small computer without a clock that runs on a battery starts in 1970, or
// whenever it was made, and jumps to the right time when a time server has
// answered. Nothing that lasts depends on the wall clock: sequence numbers and
// file names are counted. What deletes for good, retention and hard deletion,
// waits while the clock is not to be trusted:
//
//   - before Options.Earliest, the time when this program was made;
//   - more than clockSlack before the newest thing that was written, unless it
//     runs steadily for clockProof: then what was written had the wrong time;
//   - for clockSettle after a step of more than clockStep against the monotonic
//     clock, and after a start more than clockGap after the newest thing that
//     was written: a clock that is far ahead would expire everything.
const (
	clockSlack  = time.Hour
	clockProof  = 24 * time.Hour
	clockStep   = time.Minute
	clockSettle = 15 * time.Minute
	clockGap    = 7 * 24 * time.Hour
)

// wallClock watches the clock.
type wallClock struct {
	now       func() time.Time
	monotonic func() time.Duration
	earliest  time.Time

	mu sync.Mutex
	// newest is the newest time that was written before the start.
	newest time.Time
	// wall and steady are the two clocks when last looked at; since is when the
	// wall clock last stepped, in monotonic time, and stepped whether it did, or
	// began too far from newest.
	wall    time.Time
	steady  time.Duration
	since   time.Duration
	stepped bool
	began   time.Time
	start   time.Duration
}

func newWallClock(o Options, state *catalog.State) *wallClock {
	c := &wallClock{now: o.Now, monotonic: o.Monotonic, earliest: o.Earliest}
	newest := int64(0)
	for _, d := range state.Databases {
		newest = max(newest, d.CreatedAt)
	}
	for _, t := range state.Tables {
		newest = max(newest, t.CreatedAt)
	}
	for _, g := range state.Segments {
		newest = max(newest, g.CreatedAt)
	}
	for _, t := range state.Tokens {
		newest = max(newest, t.CreatedAt*int64(time.Millisecond))
	}
	c.newest = time.Unix(0, newest)
	c.wall, c.steady = c.now(), c.monotonic()
	c.began, c.start, c.since = c.wall, c.steady, c.steady
	c.stepped = newest != 0 && c.wall.Sub(c.newest) > clockGap
	return c
}

// trusted says whether data may be deleted for its age, and if not why.
func (c *wallClock) trusted() (now time.Time, why string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now = c.now()
	mono := c.monotonic()
	if d := now.Sub(c.wall) - (mono - c.steady); d > clockStep || d < -clockStep {
		c.stepped, c.since = true, mono
	}
	c.wall, c.steady = now, mono
	switch {
	case now.Before(c.earliest):
		return now, "it is before this program was made"
	case c.stepped && mono-c.since < clockSettle:
		return now, "it was set a moment ago, or the server was off for long"
	case now.Before(c.newest.Add(-clockSlack)) && mono-c.since < clockProof:
		return now, "it is before the newest data was written"
	}
	return now, ""
}

// expiry is the time that tokens expire by: one that has expired stays so when
// the clock falls back to where it cannot be.
func (c *wallClock) expiry() time.Time {
	now := c.now()
	if now.Before(c.earliest) && now.Before(c.newest) {
		return c.newest
	}
	return now
}

// even is a time that never steps: that of the start plus what has gone by
// since. Caches that forget count in it.
func (c *wallClock) even() time.Time { return c.began.Add(c.monotonic() - c.start) }
