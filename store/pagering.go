package store

import (
	"bytes"
	"hash/maphash"
	"sync"

	"github.com/VictoriaMetrics/fastcache"

	"tarn/store/segment"
)

// pageCache keeps decoded pages of segments.
type pageCache interface {
	segment.PageCache
	// Reset forgets all, and gives the memory back.
	Reset()
}

// PageCacheOutside is the smallest page cache that lies outside of the Go heap.
// Fastcache has 512 parts of at least 64 KiB each, and would grow to that
// whatever it is told; a smaller cache is a ring, which lies in the heap.
const PageCacheOutside = 32 << 20

// newPageCache makes a cache of so many bytes; nil for none.
func newPageCache(size int) pageCache {
	switch {
	case size <= 0:
		return nil
	case size < PageCacheOutside:
		return newPageRing(size)
	}
	return bigPageCache{fastcache.New(size)}
}

// bigPageCache lies outside of the garbage collector's sight.
type bigPageCache struct{ *fastcache.Cache }

// Get is segment.PageCache's.
func (c bigPageCache) Get(key, dst []byte) ([]byte, bool) {
	out := c.GetBig(dst, key)
	return out, len(out) > len(dst)
}

// Set is segment.PageCache's.
func (c bigPageCache) Set(key, value []byte) { c.SetBig(key, value) }

// pageRing forgets in the order in which pages came, as fastcache does: new
// ones overwrite the oldest.
type pageRing struct {
	seed maphash.Seed
	size int

	mu    sync.RWMutex
	data  []byte // made at the first use
	at    int    // where the next page goes
	spans []span // oldest first; those at and after at come first
	index map[uint64]span
}

// span is a page in the ring: its key, then its bytes.
type span struct {
	hash          uint64
	from, key, to int
}

func newPageRing(size int) *pageRing {
	return &pageRing{seed: maphash.MakeSeed(), size: size, index: map[uint64]span{}}
}

// Get is segment.PageCache's.
func (r *pageRing) Get(key, dst []byte) ([]byte, bool) {
	h := maphash.Bytes(r.seed, key)
	r.mu.RLock()
	defer r.mu.RUnlock()
	s, ok := r.index[h]
	if !ok || !bytes.Equal(r.data[s.from:s.key], key) {
		return dst, false
	}
	return append(dst, r.data[s.key:s.to]...), true
}

// Set is segment.PageCache's. A page that would throw out much else is not kept.
func (r *pageRing) Set(key, value []byte) {
	n := len(key) + len(value)
	if n > r.size/4 {
		return
	}
	h := maphash.Bytes(r.seed, key)
	r.mu.Lock()
	defer r.mu.Unlock()
	if s, ok := r.index[h]; ok && bytes.Equal(r.data[s.from:s.key], key) && bytes.Equal(r.data[s.key:s.to], value) {
		return
	}
	if r.data == nil {
		r.data = make([]byte, r.size)
	}
	if r.at+n > r.size {
		r.evict(r.size)
		r.at = 0
	}
	r.evict(r.at + n)
	s := span{h, r.at, r.at + len(key), r.at + n}
	copy(r.data[s.from:], key)
	copy(r.data[s.key:], value)
	r.spans = append(r.spans, s)
	r.index[h] = s
	r.at = s.to
}

// evict forgets what begins between the next place and to.
func (r *pageRing) evict(to int) {
	for len(r.spans) > 0 && r.spans[0].from >= r.at && r.spans[0].from < to {
		old := r.spans[0]
		if r.index[old.hash] == old { // and not a newer page
			delete(r.index, old.hash)
		}
		r.spans = r.spans[1:]
	}
}

// Reset is pageCache's.
func (r *pageRing) Reset() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.data, r.spans, r.at = nil, nil, 0
	clear(r.index)
}
