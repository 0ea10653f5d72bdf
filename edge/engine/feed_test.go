package engine

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// TestQueueDropsTheOldest fills the queue of a plugin that never comes.
func TestQueueDropsTheOldest(t *testing.T) {
	var q queue
	var total atomic.Int64
	q.init(1000, &total)
	dropped := 0
	for i := range maxBatches + 5 {
		dropped += q.put(batch{bytes: i % 3})
	}
	if dropped != 5 || len(q.list) != maxBatches {
		t.Errorf("%d dropped, %d left", dropped, len(q.list))
	}
	if n := q.put(batch{bytes: 999}); n < 30 || q.bytes > 1000 {
		t.Errorf("a large batch dropped %d and left %d bytes", n, q.bytes)
	}
	if n := q.put(batch{bytes: 5000}); len(q.list) != 1 || q.bytes != 5000 {
		t.Errorf("a batch beyond the limit is alone: %d dropped, %d left, %d bytes", n, len(q.list), q.bytes)
	}
	if b, ok := q.take(t.Context()); !ok || b.bytes != 5000 || q.bytes != 0 {
		t.Errorf("%+v, %v, %d bytes left", b, ok, q.bytes)
	}
	total.Add(2000) // the queues of others
	q.put(batch{bytes: 1})
	if n := q.put(batch{bytes: 2}); n != 1 || q.bytes != 2 {
		t.Errorf("beside other full queues: %d dropped, %d bytes", n, q.bytes)
	}
	q.end()
	if n := q.put(batch{bytes: 2}); n != 0 || q.bytes != 0 || total.Load() != 2000 {
		t.Errorf("an ended queue: %d dropped, %d bytes of %d", n, q.bytes, total.Load())
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, ok := q.take(ctx); ok {
		t.Error("an empty queue gave a batch")
	}
}

func TestLogsAreBounded(t *testing.T) {
	var l Logs
	for i := range maxLogRows + 100 {
		l.add(LogRow{Database: "d", Text: fmt.Sprint(i)})
	}
	rows := l.Rows("d")
	if len(rows) != maxLogRows || rows[0].Text != "100" || len(l.Rows("other")) != 0 {
		t.Errorf("%d rows from %q", len(rows), rows[0].Text)
	}
	for range 1000 {
		l.add(LogRow{Database: "e", Text: strings.Repeat("x", 1<<20)})
	}
	if l.bytes > maxLogBytes || len(l.Rows("d")) != 0 || len(l.Rows("e")) == 0 || len(l.Rows("e")[0].Text) > maxLogText+3 {
		t.Errorf("%d bytes, %d and %d rows", l.bytes, len(l.Rows("d")), len(l.Rows("e")))
	}
}

func TestHumanTime(t *testing.T) {
	for d, want := range map[time.Duration]string{0: "0s", 1: "1ns", 1500 * time.Microsecond: "1ms 500us", 90 * time.Minute: "1h 30m", 61*time.Second + 1: "1m 1s 1ns"} {
		if got := humanTime(d); got != want {
			t.Errorf("%d: %s, want %s", d, got, want)
		}
	}
}
