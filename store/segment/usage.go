package segment

import (
	"context"
	"sync"
)

// Usage is what reads of segments cost. It is safe for concurrent use.
type Usage struct {
	mu     sync.Mutex
	totals UsageTotals
	groups map[rowGroup]struct{} // those that a page was read of
}

// UsageTotals are the numbers of a Usage.
type UsageTotals struct {
	// Pages counts the pages read, Cached those of them that the page cache had.
	Pages, Cached int
	// Bytes were read from files.
	Bytes int64
	// RowGroups are those that a page was read of.
	RowGroups int
}

// rowGroup is one row group of all segments.
type rowGroup struct {
	reader *Reader
	index  uint32
}

type usageKey struct{}

// WithUsage returns a context in which reads are counted in u.
func WithUsage(ctx context.Context, u *Usage) context.Context {
	return context.WithValue(ctx, usageKey{}, u)
}

// Totals are the numbers of now.
func (u *Usage) Totals() UsageTotals {
	u.mu.Lock()
	defer u.mu.Unlock()
	t := u.totals
	t.RowGroups = len(u.groups)
	return t
}

// countBytes notes bytes that were read to find out that pages need not be.
func countBytes(ctx context.Context, size int) {
	u, ok := ctx.Value(usageKey{}).(*Usage)
	if !ok {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.totals.Bytes += int64(size)
}

// countPage notes that a page of a row group was read.
func (r *Reader) countPage(ctx context.Context, group uint32, b body, size int) {
	u, ok := ctx.Value(usageKey{}).(*Usage)
	if !ok {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.totals.Pages++
	if b.cached {
		u.totals.Cached++
	} else {
		u.totals.Bytes += int64(size)
	}
	if u.groups == nil {
		u.groups = map[rowGroup]struct{}{}
	}
	u.groups[rowGroup{r, group}] = struct{}{}
}
