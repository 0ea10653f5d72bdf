package edge

import (
	"bytes"
	"os"
	"runtime/debug"
	"strconv"
	"strings"

	"tarn/edge/ingest"
	"tarn/store"
)

// minMemory is the smallest limit that leaves room for anything: the runtime,
// the catalog and the buffers of one request at a time need about 30 MB.
const minMemory = 48 << 20

// defaultMemory is used where the machine does not say what it has.
const defaultMemory = 256 << 20

// budget is how --memory-limit is divided.
type budget struct {
	limit  int64
	buffer int64 // rows that are not in segments yet
	cache  int64 // decoded pages
	values int64 // last-value and distinct-value caches
	query  int64 // all running queries together
	large  int   // large write requests at once
	huge   int   // bytes of a write request that there is one of at a time
	rows   int   // rows of one write request
	known  int   // what clients' labels stand for, from one request to the next
}

func newBudget(limit int64) budget {
	if limit == 0 {
		limit = defaultMemory
		if m := machineMemory(); m > 0 {
			limit = min(m/4, 1<<30)
		}
		limit = max(limit, minMemory)
	}
	// What a small limit has to divide is much less than the limit.
	rest := max(limit-unmanaged, limit/3)
	return budget{
		limit: limit,
		// A full buffer may double before writers are made to wait.
		buffer: min(max(rest/8, limit/16), 64<<20),
		// Pages can be decoded again: where there is little, they come last.
		cache:  min(rest/8, max(limit/4-14<<20, 2<<20), 128<<20),
		values: min(rest/12, 64<<20),
		// A query has needs that do not shrink with the machine.
		query: max(rest/4, min(limit/5, 10<<20)),
		// A body takes three to five times its length until it is written.
		large: int(min(max(limit>>26, 2), 16)),
		huge:  int(limit / 32),
		rows:  int(min(max(limit/4, 16<<20), ingest.MaxHeld)),
		known: int(min(rest/24, 32<<20)),
	}
}

// unmanaged is resident memory that Go's limit does not count: the pages of
// the binary, and SQLite's, and what the runtime needs for itself.
const unmanaged = 32 << 20

// apply makes the garbage collector work harder near the limit. A large page
// cache lies outside of its sight.
func (b budget) apply() {
	heap := b.limit - unmanaged
	if b.cache >= store.PageCacheOutside {
		heap -= b.cache
	}
	debug.SetMemoryLimit(heap)
	if os.Getenv("GOGC") != "" {
		return
	}
	percent := 100
	if b.limit >= roomy {
		percent = 200
	}
	debug.SetGCPercent(percent)
}

// roomy is a limit far beyond what most servers have in use: there the garbage
// collector may come half as often, which saves a tenth of the CPU. Near the limit
// it comes as often as it must.
const roomy = 256 << 20

// machineMemory is the smaller of the machine's memory and the cgroup's, 0
// when neither can be read.
func machineMemory() int64 {
	var total int64
	if data, err := os.ReadFile("/proc/meminfo"); err == nil {
		for line := range bytes.Lines(data) {
			if f := strings.Fields(string(line)); len(f) >= 2 && f[0] == "MemTotal:" {
				if kb, err := strconv.ParseInt(f[1], 10, 64); err == nil {
					total = kb << 10
				}
			}
		}
	}
	for _, path := range []string{"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"} {
		data, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		if n, err := strconv.ParseInt(strings.TrimSpace(string(data)), 10, 64); err == nil && n > 0 && (total == 0 || n < total) {
			total = n
		}
	}
	return total
}
