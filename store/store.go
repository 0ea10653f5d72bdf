package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"tarn/store/cache"
	"tarn/store/catalog"
	"tarn/store/vfs"
	"tarn/store/wal"
)

// Store is an open data directory. It is safe for concurrent use.
type Store struct {
	opts      Options
	lock      io.Closer
	catalog   *catalog.Catalog
	uuid      string
	wal       *wal.Log
	files     *fileCache
	tokens    *Tokens
	pipelines *Pipelines

	cacheBudget *cache.Budget // of the last-value and distinct-value caches

	// gate is held shared while a write enters the log and the buffers, and
	// exclusively while a checkpoint takes the buffers away.
	gate sync.RWMutex
	// checkpointing serialises checkpoints and hard deletions.
	checkpointing sync.Mutex
	// compacting serialises compactions.
	compacting sync.Mutex
	// directories are those of tables that this process knows to be on disk.
	directoriesMu sync.Mutex
	directories   map[string]bool
	// records is held from reading a table's lifetime until it is in the
	// catalog, so that a checkpoint never brings a deleted table back.
	records sync.Mutex

	// admin serialises changes of databases; byName has the live ones, byID
	// all.
	admin  sync.Mutex
	byName atomic.Pointer[map[string]*database]
	byID   atomic.Pointer[map[uint32]*database]

	// tables has every table whose data exists, soft-deleted ones too.
	tablesMu sync.Mutex
	tables   map[uint32]*table

	// triggers are all triggers of live databases, replaced as a whole under
	// admin; triggersChanged is told afterwards. feed gets what is written.
	triggers        atomic.Pointer[[]catalog.Trigger]
	triggersChanged atomic.Pointer[func()]
	feed            atomic.Pointer[Feed]

	nextDatabase, nextTable atomic.Uint32
	nextSegment             atomic.Uint64
	liveTables              atomic.Int64
	lastSeq                 atomic.Uint64
	buffered                atomic.Int64 // bytes in buffers, frozen ones too
	segmentBytes            atomic.Int64 // of registered segments, when they were last counted
	temporaryBytes          atomic.Int64 // of files that ReserveDisk was asked for
	syncedBytes             atomic.Int64 // of those that all targets have
	oldestWrite             atomic.Int64 // wall clock of the first write since the last freeze, 0 when none

	up upstream

	scratch sync.Pool
	wake    chan struct{} // asks for a checkpoint
	full    chan struct{} // asks for room within the quota
	limiter *rate.Limiter // of compactions; nil when they may go as fast as they can
	// wakeCompactor says that there are new segments.
	wakeCompactor chan struct{}
	closed        atomic.Bool
	failure       atomic.Pointer[error]
	stop          context.CancelFunc
	done          sync.WaitGroup
	stats         counters
	problems      problems
	clock         *wallClock
	distrusted    atomic.Bool // the clock, when it was last asked
	report        Recovery
}

// Open opens the data directory, recovers what a crash left, and starts the
// background work. No other process may have the directory open.
func Open(ctx context.Context, opts Options) (_ *Store, err error) {
	s := &Store{opts: opts.withDefaults(), tables: map[uint32]*table{}, directories: map[string]bool{}, wake: make(chan struct{}, 1), full: make(chan struct{}, 1), wakeCompactor: make(chan struct{}, 1)}
	if r := s.opts.CompactRate; r > 0 {
		s.limiter = rate.NewLimiter(rate.Limit(r), int(min(r, 1<<20)))
	}
	s.scratch.New = func() any { return &writeScratch{} }
	s.byName.Store(&map[string]*database{})
	s.byID.Store(&map[uint32]*database{})
	defer func() {
		if err != nil {
			err = fmt.Errorf("open data directory %s: %w", s.opts.Dir, errors.Join(err, s.release()))
		}
	}()
	if err := s.makeDir(); err != nil {
		return nil, err
	}
	if s.lock, err = s.opts.FS.Lock(s.opts.Dir + "/lock"); err != nil {
		return nil, err
	}
	if err := s.refuseHalfRestored(); err != nil {
		return nil, err
	}
	if err := removeBackupCopies(s.opts.CatalogPath); err != nil {
		return nil, err
	}
	state, err := s.openCatalog(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.openLog(ctx, state); err != nil {
		return nil, err
	}
	if state, err = s.reconcile(ctx, state); err != nil {
		return nil, err
	}
	s.uuid = state.UUID
	s.clock = newWallClock(s.opts, state)
	s.tokens = newTokens(s.catalog, state.Tokens, s.clock.expiry)
	s.pipelines = newPipelines(s.catalog, state.Pipelines, s.opts.Now)
	s.files = s.newFileCache()
	s.cacheBudget = cache.NewBudget(s.opts.ValueCacheBytes)
	s.restore(state)
	s.triggers.Store(&state.Triggers)
	s.restoreUpstream(state)
	if err := s.checkSegments(ctx); err != nil {
		return nil, err
	}
	if err := s.replay(ctx, state.Checkpoint); err != nil {
		return nil, err
	}
	s.countSegments()
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	s.stop = stop
	s.done.Go(func() { s.background(run) })
	if s.opts.CompactInterval > 0 {
		s.done.Go(func() { s.compactor(run) })
	}
	s.done.Go(func() { s.evictCaches(run) })
	return s, nil
}

// makeDir makes the data directory if it is not there. The directory above it
// is not ours, and need not be readable when there is nothing to make.
func (s *Store) makeDir() error {
	if _, err := s.opts.FS.Stat(s.opts.Dir); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return vfs.MkdirAllSync(s.opts.FS, s.opts.Dir, 1)
}

// UUID identifies the data directory: InfluxDB's cluster-uuid.
func (s *Store) UUID() string { return s.uuid }

// Pipelines are the log pipelines.
func (s *Store) Pipelines() *Pipelines { return s.pipelines }

// Tokens are the API tokens.
func (s *Store) Tokens() *Tokens { return s.tokens }

// Close stops background work, writes what is buffered to segments, and lets
// go of the directory. Writes and scans must have ended. When ctx ends first
// the rows stay in the log, for the next start.
func (s *Store) Close(ctx context.Context) error {
	if s.closed.Swap(true) {
		return ErrClosed
	}
	s.stop()
	s.done.Wait()
	var err error
	if s.failure.Load() == nil && s.wal.Failed() == nil {
		err = s.Checkpoint(ctx)
	}
	return errors.Join(err, s.release())
}

func (s *Store) release() error {
	var errs []error
	if s.files != nil {
		s.files.closeAll()
	}
	if s.wal != nil {
		errs = append(errs, s.wal.Close())
	}
	if s.catalog != nil {
		errs = append(errs, s.catalog.Close())
	}
	if s.lock != nil {
		errs = append(errs, s.lock.Close())
	}
	return errors.Join(errs...)
}

// background checkpoints when asked, when rows get old or a day ends, and
// sweeps what is past its time.
func (s *Store) background(ctx context.Context) {
	sweep := time.NewTicker(s.opts.RetentionInterval)
	defer sweep.Stop()
	// Age is counted in hours: looking once a minute costs nothing.
	age := time.NewTicker(min(time.Minute, s.opts.FlushAge))
	defer age.Stop()
	s.sweep(ctx)
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.wake:
		case <-age.C:
			if !s.aged() {
				continue
			}
		case <-sweep.C:
			s.sweep(ctx)
			continue
		case <-s.full:
			s.keepQuota(ctx)
			continue
		}
		if err := s.Checkpoint(ctx); err != nil && ctx.Err() == nil {
			s.stats.checkpointErrors.Add(1)
			s.stats.lastError.Store(&err)
			s.opts.Logger.Error("checkpoint failed; rows stay in memory and in the log", "error", err)
			select { // a full disk is not asked again at once
			case <-ctx.Done():
			case <-time.After(5 * time.Second):
			}
		}
		s.keepQuota(ctx)
	}
}

// aged says whether the oldest buffered row has waited long enough, or a UTC
// day has ended since it came: a day's rows then become a day's file.
func (s *Store) aged() bool {
	first := s.oldestWrite.Load()
	if first == 0 {
		return false
	}
	now := s.opts.Now().UnixNano()
	// A few minutes after midnight, so that stragglers are in.
	const settle = int64(5 * time.Minute)
	return now-first >= int64(s.opts.FlushAge) || now < first || dayOf(now-settle) > dayOf(first)
}

// requestCheckpoint wakes the background work.
func (s *Store) requestCheckpoint() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// requestCompaction wakes the compactor.
func (s *Store) requestCompaction() {
	select {
	case s.wakeCompactor <- struct{}{}:
	default:
	}
}

// written accounts for an accepted write.
func (s *Store) written(rows int64) {
	s.stats.rowsWritten.Add(rows)
	s.oldestWrite.CompareAndSwap(0, s.opts.Now().UnixNano())
	if s.wal.Stats().LiveBytes > s.opts.WALBytes {
		s.requestCheckpoint()
	}
}

// fail makes the store read-only: memory and log no longer agree.
func (s *Store) fail(err error) {
	s.failure.CompareAndSwap(nil, &err)
	s.opts.Logger.Error("the store is read-only now; restart to recover", "error", err)
}

func (s *Store) addTable(db *database, t *table) {
	s.tablesMu.Lock()
	s.tables[t.id] = t
	s.tablesMu.Unlock()
	db.setTable(t.schema.Load().Name, t)
	if db.info.Load().DeletedAt == 0 {
		s.liveTables.Add(1)
	}
}

// allTables lists every table with data, by ID.
func (s *Store) allTables() []*table {
	s.tablesMu.Lock()
	defer s.tablesMu.Unlock()
	ts := slices.Collect(maps.Values(s.tables))
	slices.SortFunc(ts, func(a, b *table) int { return int(int64(a.id) - int64(b.id)) })
	return ts
}

// lookup finds a live database.
func (s *Store) lookup(name string) (*database, error) {
	db, ok := (*s.byName.Load())[name]
	if !ok {
		return nil, fmt.Errorf("database %q: %w", name, ErrNotFound)
	}
	return db, nil
}

// lockTable finds a table and keeps its database from changing until unlock.
func (s *Store) lockTable(database, name string) (db *database, t *table, unlock func(), err error) {
	if db, err = s.lookup(database); err != nil {
		return nil, nil, nil, err
	}
	db.write.Lock()
	t, ok := db.table(name)
	if !ok {
		db.write.Unlock()
		return nil, nil, nil, fmt.Errorf("table %q: %w", name, ErrNotFound)
	}
	return db, t, db.write.Unlock, nil
}

func (s *Store) databaseByID(id uint32) (*database, bool) {
	db, ok := (*s.byID.Load())[id]
	return db, ok
}

// Database finds a live database.
func (s *Store) Database(name string) (Database, bool) {
	db, err := s.lookup(name)
	return Database{s, db}, err == nil
}

// Databases lists the live databases by name.
func (s *Store) Databases() []Database {
	m := *s.byName.Load()
	var out []Database
	for _, name := range slices.Sorted(maps.Keys(m)) {
		out = append(out, Database{s, m[name]})
	}
	return out
}
