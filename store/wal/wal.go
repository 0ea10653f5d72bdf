package wal

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"tarn/store/vfs"
)

// Options configure a Log. The zero value of a field means its default.
type Options struct {
	// SegmentSize is the size of a segment file; default 4 MiB.
	SegmentSize int64
	// SyncRate is how many syncs per second are spent in the long run, and
	// SyncBurst how many at once; defaults 2 and 100.
	SyncRate  float64
	SyncBurst int
	// SyncBytes or SyncRows of pending records are synced whatever the rate;
	// defaults 16 KiB and 1000. The rate is for streams of small writes, of
	// which the padding would wear out the flash: who sends much at once, and
	// waits for each answer, must not be slowed down to the rate just because
	// his rows compress well.
	SyncBytes, SyncRows int
	// MaxPending bounds the records that wait for the disk; Append fails with
	// ErrFull above it. Default 64 MiB.
	MaxPending int
	// Recycle is how many released files are kept for reuse; default 2.
	Recycle int
	// MinSeq and MinSegment are lower bounds for new numbers: what a
	// checkpoint has seen. Segments below MinSegment are not replayed.
	MinSeq, MinSegment uint64
	// Quarantine takes a damaged segment out of the directory when it is
	// released; default is to give it a name that is never read.
	Quarantine func(name string) error
	Logger     *slog.Logger
}

func (o Options) withDefaults() Options {
	if o.SegmentSize == 0 {
		o.SegmentSize = 4 << 20
	}
	if o.SyncRate == 0 {
		o.SyncRate = 2
	}
	if o.SyncBurst == 0 {
		o.SyncBurst = 100
	}
	if o.SyncBytes == 0 {
		o.SyncBytes = 16 << 10
	}
	if o.SyncRows == 0 {
		o.SyncRows = 1000
	}
	if o.MaxPending == 0 {
		o.MaxPending = 64 << 20
	}
	if o.Recycle == 0 {
		o.Recycle = 2
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

// Errors of a Log.
var (
	// ErrFull means that the disk cannot keep up; try again later.
	ErrFull = errors.New("the write-ahead log has too many unwritten bytes")
	// ErrClosed means that the log was closed.
	ErrClosed = errors.New("the write-ahead log is closed")
	// ErrUnusable is what Replay's callback wraps when a record is intact but
	// makes no sense to it.
	ErrUnusable = errors.New("unusable record")
	// ErrTooLarge means that a payload exceeds MaxRecord.
	ErrTooLarge = errors.New("the record is too large for the write-ahead log")
)

// Recovery says what Open found.
type Recovery struct {
	Segments int
	Records  int64
	// Torn says that the last write before the crash was cut off, which is
	// normal, and where.
	Torn        bool
	TornSegment uint64
	TornOffset  int64
	// Corrupt names the segments that lost records they had promised.
	Corrupt []string
	// Missing counts sequence numbers that should be there, MissingFirst those
	// of them between Options.MinSeq and the first record.
	Missing, MissingFirst uint64
	// Last is the largest sequence number of a record, 0 when there is none.
	Last uint64
}

// Log is an open write-ahead log. It is safe for concurrent use.
type Log struct {
	fs   vfs.FS
	dir  string
	opts Options

	mu      sync.Mutex // guards what follows
	next    uint64     // sequence number of the next record
	pending []byte     // framed records of the group being gathered
	rows    int        // in pending
	group   *group
	failed  error // sticky
	closed  bool
	told    bool // the syncer, of the group
	quick   bool // the last sync was
	stats   Stats

	io       sync.Mutex // held while a group is written; taken before mu
	spare    []byte     // the other buffer
	file     vfs.File   // nil until the segment has its first group
	segment  uint64
	offset   int64
	segments []segmentInfo // older ones with records, by number
	free     []string      // files to recycle

	spent atomic.Int64 // tokens of groups that were written by who waits for them

	wake chan struct{} // tells the syncer of a first record, of a large group, or of the end
	stop chan struct{}
	done sync.WaitGroup
}

// segmentInfo is a segment that is not released.
type segmentInfo struct {
	number  uint64
	size    int64 // of the file
	used    int64
	corrupt bool
}

// group is the records that one sync makes durable.
type group struct {
	done chan struct{} // closed when err is final
	err  error
}

// Ticket stands for an appended record's durability.
type Ticket struct {
	group *group
	// log is not nil when the syncer was not told of the record: who waits writes
	// it, or tells.
	log *Log
}

// Ready says whether Wait would return at once.
func (t Ticket) Ready() bool {
	select {
	case <-t.group.done:
		return true
	default:
		return false
	}
}

// Wait returns nil once the record is durable, the log's error when it will
// never be, or ctx's, which undoes nothing. After AppendAwaited it may write and
// sync the group itself, and that ctx does not interrupt.
func (t Ticket) Wait(ctx context.Context) error {
	if t.Ready() {
		return t.group.err
	}
	if t.log != nil {
		t.log.lead(ctx, t.group)
	}
	select {
	case <-t.group.done:
		return t.group.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Stats are numbers of a log since it was opened, and its state.
type Stats struct {
	// AppendedBytes of payload came in; WrittenBytes went to disk, headers,
	// padding and zeroing included.
	AppendedBytes, WrittenBytes int64
	Records, Syncs              int64
	PendingBytes                int64
	// Segments are not released and LiveBytes is their content.
	Segments  int
	LiveBytes int64
	// Failed says that a write or sync failed: the log takes no more.
	Failed    bool
	LastError error
}

// Open reads the log in dir, which it makes, and prepares it for Replay and
// Append.
func Open(ctx context.Context, fsys vfs.FS, dir string, opts Options) (*Log, *Recovery, error) {
	l := &Log{fs: fsys, dir: dir, opts: opts.withDefaults(), wake: make(chan struct{}, 1), stop: make(chan struct{})}
	l.group = newGroup()
	if err := vfs.MkdirAllSync(fsys, dir, 1); err != nil {
		return nil, nil, fmt.Errorf("open log %s: %w", dir, err)
	}
	found, err := l.inspect(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("open log %s: %w", dir, err)
	}
	l.next = max(l.next, l.opts.MinSeq, 1)
	l.segment = max(l.segment, l.opts.MinSegment) + 1
	l.done.Go(l.sync)
	return l, found, nil
}

func newGroup() *group { return &group{done: make(chan struct{})} }

// inspect finds the segments and what they hold.
func (l *Log) inspect(ctx context.Context) (*Recovery, error) {
	names, err := l.fs.List(l.dir)
	if err != nil {
		return nil, err
	}
	found := &Recovery{}
	var obsolete []uint64
	for _, name := range names { // sorted: by number
		n, ok := parseName(name)
		switch {
		case !ok:
			if former, ok := strings.CutPrefix(name, freePrefix); ok {
				l.free = append(l.free, name)
				// Its stale records must not become those of a new segment.
				n, _ := parseName(former)
				l.segment = max(l.segment, n)
			}
			continue
		case n < l.opts.MinSegment:
			obsolete = append(obsolete, n)
			continue
		}
		l.segment = max(l.segment, n)
		if err := l.inspectSegment(ctx, n, found); err != nil {
			return nil, fmt.Errorf("read segment %d: %w", n, err)
		}
	}
	for _, n := range obsolete {
		l.retire(segmentInfo{number: n, size: l.opts.SegmentSize})
	}
	return found, l.settle(ctx)
}

// settle syncs what was found. After the death of the process, unlike that of
// the machine, there may be records that were written but not synced; they are
// replayed, so they must not be lost to a later power cut that keeps what was
// built upon them.
func (l *Log) settle(ctx context.Context) error {
	for _, s := range l.segments {
		if err := ctx.Err(); err != nil {
			return err
		}
		f, err := l.fs.OpenReadWrite(l.dir + "/" + segmentName(s.number))
		if err != nil {
			return err
		}
		if err := errors.Join(f.Sync(), f.Close()); err != nil {
			return fmt.Errorf("sync segment %d: %w", s.number, err)
		}
	}
	if len(l.segments) == 0 {
		return nil
	}
	if err := l.fs.SyncDir(l.dir); err != nil {
		return fmt.Errorf("sync directory %s: %w", l.dir, err)
	}
	return nil
}

func (l *Log) inspectSegment(ctx context.Context, n uint64, found *Recovery) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	data, err := l.read(n)
	if err != nil {
		return err
	}
	res, err := scan(data, n, func(r record) error {
		switch {
		case found.Last == 0 && l.opts.MinSeq > 0 && r.seq > l.opts.MinSeq:
			found.MissingFirst = r.seq - l.opts.MinSeq
			found.Missing += found.MissingFirst
		case found.Last > 0 && r.seq > found.Last+1:
			found.Missing += r.seq - found.Last - 1
		}
		found.Last = r.seq
		l.next = r.seq + 1
		return nil
	})
	if err != nil {
		return err
	}
	found.Segments++
	found.Records += int64(res.records)
	if res.torn {
		found.Torn, found.TornSegment, found.TornOffset = true, n, int64(res.end)
		l.opts.Logger.Warn("the log's tail is torn: the write in progress when the machine stopped is dropped", "segment", n, "offset", res.end)
	}
	if res.corrupt {
		found.Corrupt = append(found.Corrupt, segmentName(n))
		l.opts.Logger.Error("the log is corrupt: acknowledged records may be lost", "segment", n)
	}
	l.segments = append(l.segments, segmentInfo{number: n, size: int64(len(data)), used: int64(res.end), corrupt: res.corrupt})
	l.stats.LiveBytes += int64(res.end)
	l.stats.Segments++
	return nil
}

// read returns the bytes of a segment.
func (l *Log) read(n uint64) ([]byte, error) {
	f, err := l.fs.Open(l.dir + "/" + segmentName(n))
	if err != nil {
		return nil, err
	}
	size, err := f.Size()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	data := make([]byte, size)
	for at := 0; at < len(data); {
		m, err := f.ReadAt(data[at:], int64(at))
		at += m
		if err != nil && at < len(data) {
			return nil, errors.Join(err, f.Close())
		}
	}
	return data, f.Close()
}

// Replay calls fn for every good record, in order. It must come before the
// first Append. The payload is valid during the call only. An error of fn ends
// the replay, unless it wraps ErrUnusable: then the segment counts as corrupt,
// so that its file is kept aside when it is released, and the replay goes on.
func (l *Log) Replay(ctx context.Context, fn func(seq, segment uint64, payload []byte) error) error {
	l.io.Lock()
	segments := slices.Clone(l.segments)
	l.io.Unlock()
	for i, s := range segments {
		if err := ctx.Err(); err != nil {
			return err
		}
		data, err := l.read(s.number)
		if err != nil {
			return fmt.Errorf("replay segment %d: %w", s.number, err)
		}
		unusable := false
		_, err = scan(data, s.number, func(r record) error {
			err := fn(r.seq, s.number, r.payload)
			if errors.Is(err, ErrUnusable) {
				unusable = true
				l.opts.Logger.Error("a record of the log is unusable: its rows are lost, its segment will be kept aside", "segment", s.number, "sequence", r.seq, "error", err)
				return nil
			}
			return err
		})
		if err != nil {
			return fmt.Errorf("replay segment %d: %w", s.number, err)
		}
		if unusable {
			l.io.Lock()
			l.segments[i].corrupt = true
			l.io.Unlock()
		}
	}
	return nil
}

// SkipTo makes seq the smallest number that a later record may get.
func (l *Log) SkipTo(seq uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.next = max(l.next, seq)
}

// Append adds a record of so many rows, and returns its sequence number and
// what to wait on for its durability. It copies the payload and does no I/O.
func (l *Log) Append(payload []byte, rows int) (seq uint64, t Ticket, err error) {
	return l.append(payload, rows, false)
}

// AppendAwaited is Append for who calls Wait or Forgo of the ticket next. When the
// group is to be synced at once, and syncing took so little the last time that
// handing the work to another goroutine and being woken by it would cost about as
// much, Wait does it.
func (l *Log) AppendAwaited(payload []byte, rows int) (seq uint64, t Ticket, err error) {
	return l.append(payload, rows, true)
}

// Forgo says that nobody will wait.
func (t Ticket) Forgo() {
	if t.log != nil {
		t.log.signal()
	}
}

// lead writes a group that the syncer may not know of, or tells it.
func (l *Log) lead(ctx context.Context, g *group) {
	if ctx.Err() != nil || !l.io.TryLock() {
		l.signal()
		return
	}
	defer l.io.Unlock()
	l.mu.Lock()
	pending := l.group == g // nobody else has taken it
	l.mu.Unlock()
	if pending {
		l.spent.Add(1)
		_ = l.flush() // sticky: whoever waits or appends gets it
	}
}

func (l *Log) append(payload []byte, rows int, awaited bool) (seq uint64, t Ticket, err error) {
	if len(payload) > MaxRecord {
		return 0, Ticket{}, ErrTooLarge
	}
	l.mu.Lock()
	switch {
	case l.failed != nil:
		err = l.failed
	case l.closed:
		err = ErrClosed
	case len(l.pending) > l.opts.MaxPending:
		err = ErrFull
	}
	if err != nil {
		l.mu.Unlock()
		return 0, Ticket{}, err
	}
	first, large := len(l.pending) == 0, l.large()
	seq = l.next
	l.next++
	l.pending = appendRecord(l.pending, seq, payload)
	l.rows += rows
	l.stats.AppendedBytes += int64(len(payload))
	l.stats.Records++
	t = Ticket{group: l.group}
	// The syncer needs to know of the first record, and when waiting for a
	// token ends early.
	wake := first || !large && l.large() || !l.told
	if awaited && l.quick && l.large() {
		t.log, wake = l, false
	}
	l.told = l.told || wake
	l.mu.Unlock()
	if wake {
		l.signal()
	}
	return seq, t, nil
}

func (l *Log) signal() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// Stats returns the numbers of now.
func (l *Log) Stats() Stats {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.stats
	s.PendingBytes = int64(len(l.pending))
	s.Failed, s.LastError = l.failed != nil, l.failed
	return s
}

// Failed is the error that ended the log, or nil.
func (l *Log) Failed() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.failed
}

// sync is the one goroutine that decides when to write. An idle log does not
// wake it.
func (l *Log) sync() {
	tokens, last := float64(l.opts.SyncBurst), time.Now()
	for {
		select {
		case <-l.stop:
			return
		case <-l.wake:
		}
		for {
			pending, large := l.gathered()
			if !pending {
				break
			}
			now := time.Now()
			tokens = min(tokens+now.Sub(last).Seconds()*l.opts.SyncRate, float64(l.opts.SyncBurst))
			last = now
			tokens = max(tokens-float64(l.spent.Swap(0)), 0)
			if tokens < 1 && !large {
				wait := time.NewTimer(time.Duration((1 - tokens) / l.opts.SyncRate * float64(time.Second)))
				select {
				case <-l.stop:
					wait.Stop()
					return
				case <-l.wake:
					wait.Stop()
				case <-wait.C:
				}
				continue
			}
			tokens = max(tokens-1, 0)
			l.io.Lock()
			_ = l.flush() // sticky: whoever waits or appends gets it
			l.io.Unlock()
		}
	}
}

// gathered says whether a group is being gathered, and whether it is large.
func (l *Log) gathered() (pending, large bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.pending) > 0, l.large()
}

// large says whether the pending group is worth a sync at once. The caller
// holds mu.
func (l *Log) large() bool { return len(l.pending) >= l.opts.SyncBytes || l.rows >= l.opts.SyncRows }
