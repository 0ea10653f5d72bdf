package cache

import (
	"sync/atomic"
	"unsafe"
)

// Budget bounds the memory of several caches. It is safe for concurrent use.
type Budget struct {
	limit   int64
	used    atomic.Int64
	dropped atomic.Int64
}

// NewBudget returns a budget of so many bytes.
func NewBudget(limit int64) *Budget { return &Budget{limit: limit} }

// Used is the memory taken, in bytes.
func (b *Budget) Used() int64 { return b.used.Load() }

// Dropped counts the rows that caches left out because the budget was spent.
func (b *Budget) Dropped() int64 { return b.dropped.Load() }

// account is one cache's share of the budget, guarded by the cache's lock.
type account struct {
	budget *Budget
	bytes  int64
}

// take asks for n more bytes.
func (a *account) take(n int64) bool {
	if a.budget.used.Add(n) > a.budget.limit {
		a.budget.used.Add(-n)
		return false
	}
	a.bytes += n
	return true
}

// give returns n bytes.
func (a *account) give(n int64) {
	a.bytes -= n
	a.budget.used.Add(-n)
}

// extend makes a slice n elements longer, with zeros, if the budget allows.
func extend[T any](a *account, s []T, n int) ([]T, bool) {
	if len(s)+n <= cap(s) {
		s = s[:len(s)+n]
		clear(s[len(s)-n:])
		return s, true
	}
	// Doubling wastes too much of a budget once slices are large.
	room := cap(s) + max(16, min(cap(s), cap(s)/4+4096))
	room = max(room, len(s)+n)
	if !a.take(size[T](room - cap(s))) {
		return s, false
	}
	t := make([]T, len(s)+n, room)
	copy(t, s)
	return t, true
}

// size is the memory of n elements.
func size[T any](n int) int64 {
	var t T
	return int64(n) * int64(unsafe.Sizeof(t))
}
