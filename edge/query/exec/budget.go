package exec

import (
	"context"
	"fmt"
	"math"
	"sync"
	"time"
)

// Pool is the memory that all running queries share. Each takes from it through
// a Budget of its own.
//
// A query that can do with less - by shorter stretches, or on disk - asks with
// Try, and gets at most an even share of the pool. One that cannot asks with
// Reserve, and waits a while for others to give back.
type Pool struct {
	// Limit in bytes; 0 means none.
	limit    int64
	patience time.Duration

	mu      sync.Mutex
	used    int64
	holders int // budgets that hold memory
	waiting int // of those
	// freed is closed when memory comes back; nil while nobody waits.
	freed chan struct{}
}

// patience is how long a query waits for the memory of others: most that run
// are done by then.
const patience = 30 * time.Second

// NewPool returns a pool of limit bytes; 0 means no limit.
func NewPool(limit int64) *Pool { return &Pool{limit: limit, patience: patience} }

// Used is how much is taken now, in bytes.
func (p *Pool) Used() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.used
}

// NewBudget returns the budget of a query, whose context ends its waiting.
func (p *Pool) NewBudget(ctx context.Context) *Budget { return &Budget{pool: p, ctx: ctx} }

// Budget bounds the memory that a query's operators keep. It may be used by
// several goroutines.
type Budget struct {
	pool *Pool
	ctx  context.Context // the query's

	// The pool's mutex guards the rest.
	used, peak int64
	waits      int // goroutines in Reserve
}

// Within is a budget of n bytes that b has reserved already.
func (b *Budget) Within(n int64) *Budget { return NewPool(n).NewBudget(b.ctx) }

// ErrMemory means that a query needs more memory than it may have.
type ErrMemory struct{ Limit int64 }

func (e *ErrMemory) Error() string {
	return fmt.Sprintf("Resources exhausted: the query needs more than its memory budget of %d MB: narrow the time range, select fewer columns, or raise --memory-limit", e.Limit>>20)
}

// ErrCrowded means that other queries hold the memory that this one needs.
type ErrCrowded struct{ Limit int64 }

func (e *ErrCrowded) Error() string {
	return fmt.Sprintf("other queries hold the memory that this one needs, of %d MB for all: try again later, or raise --memory-limit", e.Limit>>20)
}

// Reserve takes n bytes more; a negative n gives back, which cannot fail. It
// waits when other queries have what it needs.
func (b *Budget) Reserve(n int64) error {
	p := b.pool
	p.mu.Lock()
	defer p.mu.Unlock()
	if n <= 0 || p.limit == 0 || p.used+n <= p.limit {
		b.take(n)
		return nil
	}
	timeout := time.NewTimer(p.patience)
	defer timeout.Stop()
	for p.used+n > p.limit {
		if b.used+n > p.limit {
			return &ErrMemory{p.limit}
		}
		if err := b.wait(timeout.C); err != nil {
			return err
		}
	}
	b.take(n)
	return nil
}

// wait returns when memory came back, or with an error when that took too long
// or cannot happen. The caller holds the pool's mutex.
func (b *Budget) wait(timeout <-chan time.Time) error {
	p := b.pool
	if holds := b.used > 0; holds {
		if b.waits == 0 && p.waiting+1 >= p.holders {
			return &ErrCrowded{p.limit} // all would wait for each other
		}
		if b.waits++; b.waits == 1 {
			p.waiting++
		}
		defer func() {
			if b.waits--; b.waits == 0 {
				p.waiting--
			}
		}()
	}
	if p.freed == nil {
		p.freed = make(chan struct{})
	}
	freed := p.freed
	p.mu.Unlock()
	defer p.mu.Lock()
	select {
	case <-freed:
		return nil
	case <-b.ctx.Done():
		return b.ctx.Err()
	case <-timeout:
		return &ErrCrowded{p.limit}
	}
}

// Try takes n bytes more if that leaves the query within its share.
func (b *Budget) Try(n int64) error {
	p := b.pool
	p.mu.Lock()
	defer p.mu.Unlock()
	if n > 0 && p.limit > 0 && (b.used+n > b.share() || p.used+n > p.limit) {
		return &ErrMemory{p.limit}
	}
	b.take(n)
	return nil
}

// Share is what the query may have of the pool while it can do with less: an
// even part, and never so much that no other could begin.
func (b *Budget) Share() int64 {
	b.pool.mu.Lock()
	defer b.pool.mu.Unlock()
	if b.pool.limit == 0 {
		return math.MaxInt64
	}
	return b.share()
}

func (b *Budget) share() int64 {
	holders := int64(b.pool.holders)
	if b.used == 0 {
		holders++
	}
	return min(b.pool.limit/holders, b.pool.limit/4*3)
}

// take adds n, which may be negative. The caller holds the pool's mutex.
func (b *Budget) take(n int64) {
	p := b.pool
	switch before := b.used; {
	case before == 0 && n > 0:
		p.holders++
	case before > 0 && before+n == 0:
		p.holders--
	}
	b.used += n
	b.peak = max(b.peak, b.used)
	p.used += n
	if n < 0 && p.freed != nil {
		close(p.freed)
		p.freed = nil
	}
}

// Peak is the most that was reserved at once.
func (b *Budget) Peak() int64 {
	b.pool.mu.Lock()
	defer b.pool.mu.Unlock()
	return b.peak
}

// Close gives back all that is still reserved.
func (b *Budget) Close() {
	b.pool.mu.Lock()
	defer b.pool.mu.Unlock()
	b.take(-b.used)
}

// account keeps an operator's reservation equal to what it holds.
type account struct {
	budget *Budget
	held   int64
}

// set makes the reservation n bytes, and may wait for that.
func (a *account) set(n int64) error {
	if err := a.budget.Reserve(n - a.held); err != nil {
		return err
	}
	a.held = n
	return nil
}

// try makes the reservation n bytes if that is within the query's share.
func (a *account) try(n int64) error {
	if err := a.budget.Try(n - a.held); err != nil {
		return err
	}
	a.held = n
	return nil
}

func (a *account) release() {
	_ = a.budget.Reserve(-a.held) // giving back cannot fail
	a.held = 0
}
