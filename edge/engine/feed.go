package engine

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"tarn/store"
	"tarn/store/points"
)

// feed takes what is written from the store, and hands it to the triggers once
// it is durable. Writers never wait for it.
type feed struct {
	engine *Engine
	// interest are the write triggers of each database.
	interest atomic.Pointer[map[uint32][]*runner]

	mu      sync.Mutex
	pending []written
	bytes   int
	lost    int // writes that were dropped and not yet told of
	wake    chan struct{}

	said time.Time // when that was told; deliver's
}

// written is one write.
type written struct {
	database uint32
	tables   []*points.Table
	bytes    int
	durable  store.Durability
}

var _ store.Feed = (*feed)(nil)

func (f *feed) init(e *Engine) {
	f.engine, f.wake = e, make(chan struct{}, 1)
	f.interest.Store(&map[uint32][]*runner{})
}

// wants notes which triggers there are.
func (f *feed) wants(runners map[runnerKey]*runner) {
	m := map[uint32][]*runner{}
	for k, r := range runners {
		if r.spec.kind == kindWAL {
			m[k.database] = append(m[k.database], r)
		}
	}
	f.interest.Store(&m)
}

// Wants is store.Feed's.
func (f *feed) Wants(database uint32, table string) bool {
	for _, r := range (*f.interest.Load())[database] {
		if r.spec.table == "" || r.spec.table == table {
			return true
		}
	}
	return false
}

// Take is store.Feed's.
func (f *feed) Take(database uint32, tables []*points.Table, d store.Durability) {
	w := written{database: database, tables: tables, durable: d}
	for _, t := range tables {
		w.bytes += t.Bytes()
	}
	f.mu.Lock()
	f.pending = append(f.pending, w)
	f.bytes += w.bytes
	for f.bytes > f.engine.opts.QueueBytes && len(f.pending) > 1 {
		f.bytes -= f.pending[0].bytes
		f.pending[0] = written{}
		f.pending = f.pending[1:]
		f.lost++
		f.engine.dropped.Add(1)
	}
	f.mu.Unlock()
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// warnEvery is how often losses are told of at most.
const warnEvery = 10 * time.Second

// batchBytes bounds what one call gets.
const batchBytes = 4 << 20

// deliver brings writes to the triggers: those of one sync of the log together,
// by database.
func (f *feed) deliver() {
	ctx := f.engine.run
	for {
		f.mu.Lock()
		if len(f.pending) == 0 {
			f.pending = nil
			f.mu.Unlock()
			select {
			case <-ctx.Done():
				return
			case <-f.wake:
			}
			continue
		}
		first := f.pending[0]
		f.mu.Unlock()
		_ = first.durable.Wait(ctx) // asked again below
		if ctx.Err() != nil {
			return
		}
		f.mu.Lock()
		var group []written
		size := 0
		for len(f.pending) > 0 && f.pending[0].durable.Ready() && size < batchBytes {
			w := f.pending[0]
			f.pending[0] = written{}
			f.pending = f.pending[1:]
			f.bytes -= w.bytes
			size += w.bytes
			if w.durable.Wait(ctx) == nil { // a log that failed keeps nothing
				group = append(group, w)
			}
		}
		if now := time.Now(); f.lost > 0 && now.Sub(f.said) > warnEvery {
			f.engine.opts.Logger.Warn("triggers missed writes, which came faster than they become durable", "writes", f.lost)
			f.lost, f.said = 0, now
		}
		f.mu.Unlock()
		f.hand(group)
	}
}

func (f *feed) hand(group []written) {
	interest := *f.interest.Load()
	var order []uint32
	byDatabase := map[uint32][]*points.Table{}
	for _, w := range group {
		if byDatabase[w.database] == nil {
			order = append(order, w.database)
		}
		byDatabase[w.database] = append(byDatabase[w.database], w.tables...)
	}
	for _, db := range order {
		for _, r := range interest[db] {
			var b batch
			for _, t := range byDatabase[db] {
				if r.spec.table == "" || r.spec.table == t.Name {
					b.tables = append(b.tables, t)
					b.bytes += t.Bytes()
				}
			}
			if b.tables != nil {
				r.dropped(r.queue.put(b))
			}
		}
	}
}

// dropped counts and, every ten seconds at most, logs batches that were lost.
func (r *runner) dropped(n int) {
	if n == 0 {
		return
	}
	r.engine.dropped.Add(int64(n))
	q := &r.queue
	q.mu.Lock()
	q.lost += n
	say := 0
	if now := time.Now(); now.Sub(q.said) > warnEvery {
		say, q.lost, q.said = q.lost, 0, now
	}
	q.mu.Unlock()
	if say > 0 {
		r.log(levelWarn, fmt.Sprintf("trigger %s: dropped %d write batches (plugin too slow)", r.trigger.Name, say))
	}
}

// batch is what one call of a write trigger gets.
type batch struct {
	tables []*points.Table
	bytes  int
}

// maxBatches is how many batches wait for one trigger.
const maxBatches = 60

// queue is what waits for a trigger. When it is full, the oldest goes: it holds
// at most maxBatches, limit bytes, and as long as the queues of all triggers
// hold twice that, one batch.
type queue struct {
	mu    sync.Mutex
	list  []batch
	bytes int
	limit int
	total *atomic.Int64 // bytes in the queues of all triggers
	ended bool
	wake  chan struct{}

	lost int
	said time.Time
}

func (q *queue) init(limit int, total *atomic.Int64) {
	q.limit, q.total, q.wake = limit, total, make(chan struct{}, 1)
}

// put adds a batch and returns how many were dropped for it.
func (q *queue) put(b batch) (dropped int) {
	q.mu.Lock()
	if q.ended {
		q.mu.Unlock()
		return 0
	}
	q.list = append(q.list, b)
	q.add(b.bytes)
	for len(q.list) > maxBatches || len(q.list) > 1 && (q.bytes > q.limit || q.total.Load() > 2*int64(q.limit)) {
		q.pop()
		dropped++
	}
	q.mu.Unlock()
	select {
	case q.wake <- struct{}{}:
	default:
	}
	return dropped
}

// add counts bytes that come, or go. The caller holds mu.
func (q *queue) add(bytes int) {
	q.bytes += bytes
	q.total.Add(int64(bytes))
}

// pop takes the oldest batch off. The caller holds mu.
func (q *queue) pop() batch {
	b := q.list[0]
	q.list[0] = batch{}
	q.list = q.list[1:]
	q.add(-b.bytes)
	return b
}

// end throws away what waits, and what still comes.
func (q *queue) end() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.add(-q.bytes)
	q.list, q.ended = nil, true
}

// take waits for the oldest batch.
func (q *queue) take(ctx context.Context) (batch, bool) {
	for {
		q.mu.Lock()
		if len(q.list) > 0 {
			b := q.pop()
			q.mu.Unlock()
			return b, ctx.Err() == nil
		}
		q.mu.Unlock()
		select {
		case <-ctx.Done():
			return batch{}, false
		case <-q.wake:
		}
	}
}
