package store

import (
	"log/slog"
	"time"

	"tarn/store/vfs"
)

// Options configure a Store. The zero value of a field means its default.
type Options struct {
	// FS holds the WAL and the segments; default the real file system.
	FS vfs.FS
	// Dir is the data directory.
	Dir string
	// CatalogPath is the SQLite file, on the real file system; default
	// Dir/catalog.db.
	CatalogPath string
	// NodeID is written into segments; default "tarn".
	NodeID string
	Logger *slog.Logger
	// Now is the wall clock, Monotonic one that never steps; a wall clock given
	// without the other is taken for one that does not step either. Earliest is
	// when this program was made: a clock that shows less is wrong.
	Now       func() time.Time
	Monotonic func() time.Duration
	Earliest  time.Time

	// BufferBytes of buffered rows start a checkpoint; twice as many make
	// writers wait for it with ErrBusy. Default 32 MiB.
	BufferBytes int64
	// CacheBytes is the size of the page cache; 0 means none.
	CacheBytes int
	// ValueCacheBytes bounds the memory of all last-value and distinct-value
	// caches; default 32 MiB.
	ValueCacheBytes int64
	// WALBytes of live log start a checkpoint; default 64 MiB.
	WALBytes int64
	// WALSyncRate is the sustained rate of syncs per second; default 2.
	WALSyncRate float64
	// FlushAge is how long a row may stay in the buffer; default 6 h.
	FlushAge time.Duration
	// SegmentBytes is the size at which a segment is closed and the next one
	// started; default 32 MiB.
	SegmentBytes int64

	// CompactInterval is the pause between looks for segments worth merging,
	// besides those after each checkpoint; default 1 min, negative never.
	CompactInterval time.Duration
	// CompactRate bounds the bytes per second that compactions write; default
	// 8 MiB, negative unlimited.
	CompactRate int64

	// MaxDiskBytes bounds the segments and the log on the disk; 0 means no
	// limit. Writes beyond it are refused with ErrQuota, or with EvictOldest the
	// oldest segments are deleted.
	MaxDiskBytes int64
	EvictOldest  bool

	// SyncTargets are those that segments go to. Segments that they have make
	// room within MaxDiskBytes first; others only with EvictOldest.
	SyncTargets []SyncTarget

	Limits Limits

	// RetentionInterval is the pause between passes that delete what is past
	// retention or hard deletion; default 30 min.
	RetentionInterval time.Duration
	// KeepExpired leaves all that in its place, for a look at a directory.
	KeepExpired bool
	// HardDeleteDefault is how long soft-deleted data stays; default 72 h.
	HardDeleteDefault time.Duration

	// LastCacheEviction and DistinctCacheEviction are the pauses between passes
	// that drop what is too old or too much in caches; default 10 s.
	LastCacheEviction, DistinctCacheEviction time.Duration

	// syncers is how many files are synced at a time: several where that is the
	// disk's own affair, one where a test counts operations.
	syncers int
	// walSegmentBytes is the size of a log file; tests make it small.
	walSegmentBytes int64
}

// Limits bound the catalog (spec section 2.5).
type Limits struct {
	Databases, Tables, Columns, Tags int
}

// defaultLimits are those of the vendor's server (spec section 2.5).
var defaultLimits = Limits{Databases: 5, Tables: 2000, Columns: 500, Tags: 256}

func (o Options) withDefaults() Options {
	if o.FS == nil {
		o.FS = vfs.OS()
	}
	if o.FS == vfs.OS() {
		setDefault(&o.syncers, 16)
	}
	if o.CatalogPath == "" {
		o.CatalogPath = o.Dir + "/catalog.db"
	}
	if o.NodeID == "" {
		o.NodeID = "tarn"
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
		if o.Monotonic == nil {
			start := time.Now()
			o.Monotonic = func() time.Duration { return time.Since(start) }
		}
	}
	if o.Monotonic == nil {
		o.Monotonic = func() time.Duration { return time.Duration(o.Now().UnixNano()) }
	}
	setDefault(&o.BufferBytes, 32<<20)
	setDefault(&o.ValueCacheBytes, 32<<20)
	setDefault(&o.WALBytes, 64<<20)
	setDefault(&o.WALSyncRate, 2)
	setDefault(&o.FlushAge, 6*time.Hour)
	setDefault(&o.SegmentBytes, 32<<20)
	setDefault(&o.CompactInterval, time.Minute)
	setDefault(&o.CompactRate, 8<<20)
	setDefault(&o.Limits.Databases, defaultLimits.Databases)
	setDefault(&o.Limits.Tables, defaultLimits.Tables)
	setDefault(&o.Limits.Columns, defaultLimits.Columns)
	setDefault(&o.Limits.Tags, defaultLimits.Tags)
	setDefault(&o.RetentionInterval, 30*time.Minute)
	setDefault(&o.HardDeleteDefault, 72*time.Hour)
	setDefault(&o.LastCacheEviction, 10*time.Second)
	setDefault(&o.DistinctCacheEviction, 10*time.Second)
	return o
}

func setDefault[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}
