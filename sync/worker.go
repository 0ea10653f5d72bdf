package upstream

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math"
	"slices"
	gosync "sync"
	"time"

	"tarn/store"
)

// worker sends segments to one target, one at a time.
type worker struct {
	store  *store.Store
	target *Target
	node   string
	dest   destination
	timing timing
	logger *slog.Logger
	wake   chan struct{}
	turn   chan struct{} // has one element while somebody works
	delta  *deltaLog     // of format delta, made when needed

	mu      gosync.Mutex
	back    backoff
	offline bool // the last thing that is known is that the target cannot be reached
	err     string
	// trouble is of files whose sending failed; parked ones are in the catalog.
	trouble map[uint64]*fileTrouble
	// uploaded is of files that arrived and that the catalog still calls
	// uploading: a commit costs flash, and after a crash a look at the target
	// finds them. Their batch brings it to the catalog.
	uploaded map[uint64]store.SyncProgress
	// ahead is of files that were claimed with another one and that nothing was
	// sent of yet. After a crash they count as if something was.
	ahead map[uint64]store.SyncFile
	// forced lets files go that could wait, until there are none left.
	forced    bool
	current   *Current
	interrupt func() // ends what is under way
	note      string // of the Delta log
	arrived   int64  // files that arrived since the start
	sent      int64
	failed    int64
}

// fileTrouble is what is known of a file that failed.
type fileTrouble struct {
	back backoff
	err  string
	// arrived is the worker's when it first failed.
	arrived int64
}

const (
	// maxBatch is how many objects a manifest lists.
	maxBatch = 100
	// maxClaim is how many files are claimed in one commit, and maxClaimBytes
	// how large they are together unless it is one. A gateway with a table for
	// each metric has thousands of small ones.
	maxClaim      = 32
	maxClaimBytes = 4 << 20
	// parkAfter is how often a file may fail while others arrive.
	parkAfter = 8
)

func (w *worker) run(ctx context.Context) {
	for ctx.Err() == nil {
		wait := w.step(ctx)
		if wait <= 0 {
			continue
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-w.wake:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// nudge makes the worker look again.
func (w *worker) nudge() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// step does one thing and says how long to wait before the next.
func (w *worker) step(ctx context.Context) time.Duration {
	if w.enter(ctx) != nil {
		return 0 // run looks at ctx
	}
	defer w.leave()
	totals, body := w.store.SyncTotals(w.target.ID)
	if totals.Paused {
		return time.Hour // Resume nudges
	}
	w.mu.Lock()
	left := w.back.left()
	w.mu.Unlock()
	if left > 0 {
		return left
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	w.mu.Lock()
	w.interrupt = cancel
	w.mu.Unlock()
	if body != nil {
		w.concluded(ctx, w.finishBatch(ctx, body))
		return 0
	}
	files := w.list()
	uploaded := 0
	for i := range files {
		if files[i].Progress.State == store.SyncUploaded {
			uploaded++
		}
	}
	f, wait := w.next(files)
	switch {
	case uploaded >= maxBatch, f == nil && uploaded > 0:
		w.concluded(ctx, w.beginBatch(ctx, files))
	case f != nil:
		w.fileConcluded(ctx, f, w.send(ctx, f))
	default:
		if wait == math.MaxInt64 {
			w.mu.Lock()
			w.forced = false
			w.mu.Unlock()
		}
		return min(wait, w.timing.poll)
	}
	return 0
}

// list is the segments that the target does not have for good, arrived ones
// marked. Only the worker itself asks: what it knows of others is forgotten.
func (w *worker) list() []store.SyncFile {
	files := w.store.SyncPending(w.target.ID)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.arrivals(files)
	if len(w.uploaded)+len(w.ahead) == 0 {
		return files
	}
	uploaded, ahead := map[uint64]store.SyncProgress{}, map[uint64]store.SyncFile{}
	for _, f := range files {
		if p, ok := w.uploaded[f.ID]; ok && f.Progress.State == store.SyncUploaded {
			uploaded[f.ID] = p
		}
		if _, ok := w.ahead[f.ID]; ok && f.Progress.State == store.SyncUploading {
			ahead[f.ID] = f
		}
	}
	w.uploaded, w.ahead = uploaded, ahead
	return files
}

// arrivals marks the files that arrived and that the catalog does not know of
// yet. It needs the lock.
func (w *worker) arrivals(files []store.SyncFile) {
	for i := range files {
		if p, ok := w.uploaded[files[i].ID]; ok && files[i].Progress.State == store.SyncUploading {
			files[i].Progress = p
		}
	}
}

// next chooses the file to send, and otherwise says how soon one that failed may
// be tried again.
func (w *worker) next(files []store.SyncFile) (best *store.SyncFile, wait time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	wait, fewest := math.MaxInt64, math.MaxInt
	for i := range files {
		f := &files[i]
		switch f.Progress.State {
		case store.SyncUploading:
		case store.SyncSealed:
			if f.Deleted || !f.Ready && !w.forced {
				continue
			}
		default:
			continue
		}
		if w.dest.lines != nil && f.Late && waitsFor(files[:i], f) {
			continue
		}
		failures := 0
		if t := w.trouble[f.ID]; t != nil {
			failures = t.back.failures
			if left := t.back.left(); left > 0 {
				wait = min(wait, left)
				continue
			}
		}
		// What was begun goes first, what failed often last.
		if f.Progress.State == store.SyncUploading && failures == 0 {
			failures = -1
		}
		if failures < fewest {
			best, fewest = f, failures
		}
	}
	return best, wait
}

// waitsFor says whether one of the earlier files may have rows that f has newer
// values for. Lines are merged in the order in which they arrive.
func waitsFor(earlier []store.SyncFile, f *store.SyncFile) bool {
	return slices.ContainsFunc(earlier, func(e store.SyncFile) bool {
		return e.TableID == f.TableID && e.Progress.State != store.SyncCommitted && e.MinTime <= f.MaxTime && f.MinTime <= e.MaxTime
	})
}

// localError is a failure to read the segment.
type localError struct{ err error }

func (e *localError) Error() string { return e.err.Error() }
func (e *localError) Unwrap() error { return e.err }

// send makes one attempt to bring a file to the target.
func (w *worker) send(ctx context.Context, f *store.SyncFile) (err error) {
	r, err := w.store.OpenSyncFile(ctx, *f)
	if err != nil {
		if errors.Is(err, store.ErrNotFound) {
			return err
		}
		return &localError{err}
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	if w.isOffline() {
		// Nothing is claimed while the link is down: files can still be merged
		// with their neighbours.
		if err := w.ready(ctx); err != nil {
			return errors.Join(err, w.release(ctx))
		}
	}
	w.setCurrent(&Current{Database: f.Database, Table: f.Table, Key: f.Progress.Key, Bytes: f.Bytes})
	defer w.setCurrent(nil)
	if w.dest.lines != nil {
		return w.sendLines(ctx, f, r)
	}
	return w.sendObject(ctx, f, r)
}

func (w *worker) ready(ctx context.Context) error {
	ctx, stop, _ := w.watch(ctx)
	defer stop()
	if w.dest.lines != nil {
		return w.dest.lines.Ready(ctx)
	}
	return w.dest.bucket.Ready(ctx)
}

// errStalled is the cause of the end of a request that made no progress.
var errStalled = errors.New("nothing moved for too long")

// watch ends a context when progress is not reported in time.
func (w *worker) watch(ctx context.Context) (_ context.Context, stop func(), progress func(int)) {
	ctx, cancel := context.WithCancelCause(ctx)
	timer := time.AfterFunc(w.timing.stall, func() { cancel(errStalled) })
	progress = func(n int) {
		timer.Reset(w.timing.stall)
		w.mu.Lock()
		w.sent += int64(n)
		if w.current != nil {
			w.current.Sent += int64(n)
		}
		w.mu.Unlock()
	}
	return ctx, func() { timer.Stop(); cancel(nil) }, progress
}

// sendObject puts a segment into the bucket.
func (w *worker) sendObject(ctx context.Context, f *store.SyncFile, r *store.SyncReader) error {
	p := f.Progress
	w.mu.Lock()
	_, fresh := w.ahead[f.ID]
	delete(w.ahead, f.ID)
	w.mu.Unlock()
	write := w.writer(r)
	if p.ObjectHash == "" {
		if err := w.prepare(ctx, f, r, &p); err != nil {
			return err
		}
	}
	if p.State == store.SyncSealed {
		fresh = true
		if err := w.claim(ctx, f, &p); err != nil {
			return err
		}
	}
	w.setCurrent(&Current{Database: f.Database, Table: f.Table, Key: p.Key, Bytes: p.ObjectBytes})
	watched, stop, progress := w.watch(ctx)
	err := w.dest.bucket.Put(watched, p.Key, object{
		Size: p.ObjectBytes, Hash: p.ObjectHash, Source: p.SourceHash, Write: write, Again: !fresh, Upload: p.Upload, Progress: progress,
		SaveUpload: func(ctx context.Context, id string) error {
			p.Upload = id
			return w.store.SetSyncProgress(ctx, *f, p)
		},
	})
	if err != nil && context.Cause(watched) == errStalled {
		err = fmt.Errorf("%w: %w", errStalled, err)
	}
	stop()
	switch {
	case err == nil:
		p.State, p.Upload, p.Attempts, p.LastError = store.SyncUploaded, "", 0, ""
		w.mu.Lock()
		if w.uploaded == nil {
			w.uploaded = map[uint64]store.SyncProgress{}
		}
		w.uploaded[f.ID] = p
		w.mu.Unlock()
		return nil
	case errors.Is(err, errChanged):
		// Another version of this program would write other bytes: announce these.
		p.ObjectHash, p.ObjectBytes, p.Upload = "", 0, ""
		return errors.Join(err, w.store.SetSyncProgress(ctx, *f, p))
	case errors.Is(err, errUnreachable) && fresh && p.Upload == "" && !errors.As(err, new(*sentError)):
		return errors.Join(err, w.release(ctx, *f))
	}
	return err
}

// claim makes a file stay as it is until it has arrived, and some that are next
// with it: a commit costs tens of KiB of flash, more than a small file itself.
func (w *worker) claim(ctx context.Context, f *store.SyncFile, p *store.SyncProgress) error {
	p.State = store.SyncUploading
	claimed := *f
	claimed.Progress = *p
	kept, err := w.store.SetSyncProgressOf(ctx, w.target.ID, append(w.others(ctx, f), claimed))
	if err != nil {
		return err
	}
	err = fmt.Errorf("segment %d: %w", f.ID, store.ErrNotFound)
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, k := range kept {
		if k.ID == f.ID {
			err = nil
			continue
		}
		if w.ahead == nil {
			w.ahead = map[uint64]store.SyncFile{}
		}
		w.ahead[k.ID] = k
	}
	return err
}

// others are the files that are claimed with one, as they will be. What goes
// wrong with one of them will be said when it is its turn.
func (w *worker) others(ctx context.Context, f *store.SyncFile) (out []store.SyncFile) {
	room := maxClaimBytes - f.Bytes
	for _, o := range w.list() {
		w.mu.Lock()
		wait := o.ID == f.ID || o.Progress.State != store.SyncSealed || o.Deleted || !o.Ready && !w.forced || w.trouble[o.ID] != nil
		w.mu.Unlock()
		if wait || o.Bytes > room {
			continue
		}
		if len(out) == maxClaim-1 || ctx.Err() != nil {
			break
		}
		r, err := w.store.OpenSyncFile(ctx, o)
		if err != nil {
			continue
		}
		if err := errors.Join(w.prepare(ctx, &o, r, &o.Progress), r.Close()); err != nil {
			continue
		}
		room -= o.Bytes
		o.Progress.State = store.SyncUploading
		out = append(out, o)
	}
	return out
}

// release undoes claim: of files that nothing was sent of, and of all that were
// claimed ahead. They may be merged until the link is back.
func (w *worker) release(ctx context.Context, files ...store.SyncFile) error {
	w.mu.Lock()
	files = slices.AppendSeq(files, maps.Values(w.ahead))
	clear(w.ahead)
	w.mu.Unlock()
	for i := range files {
		files[i].Progress.State = store.SyncSealed
	}
	_, err := w.store.SetSyncProgressOf(ctx, w.target.ID, files)
	return err
}

// writer yields the object's bytes. Its own failures are local ones.
func (w *worker) writer(r *store.SyncReader) func(ctx context.Context, out io.Writer) error {
	return func(ctx context.Context, out io.Writer) error {
		remote := &outcome{w: out}
		var err error
		if w.target.TimeUnit == Nanos {
			err = r.Copy(ctx, remote)
		} else {
			err = r.CopyMicros(ctx, remote)
		}
		if err != nil && remote.err == nil && ctx.Err() == nil {
			return &localError{err}
		}
		return err
	}
}

// outcome remembers that it was writing that failed.
type outcome struct {
	w   io.Writer
	err error
}

func (o *outcome) Write(p []byte) (int, error) {
	n, err := o.w.Write(p)
	if err != nil {
		o.err = err
	}
	return n, err
}

// prepare learns key, size and checksums.
func (w *worker) prepare(ctx context.Context, f *store.SyncFile, r *store.SyncReader, p *store.SyncProgress) error {
	source := newMeter(io.Discard)
	if err := r.Copy(ctx, source); err != nil {
		if ctx.Err() != nil {
			return err
		}
		return &localError{err}
	}
	sent := newMeter(io.Discard)
	if err := w.writer(r)(ctx, sent); err != nil {
		return err
	}
	p.SourceHash, p.ObjectHash, p.ObjectBytes = source.sum(), sent.sum(), sent.n
	if p.Key == "" {
		p.Key = objectKey(w.node, f, p.SourceHash)
	}
	return nil
}

// sendLines sends a segment as line protocol. It may be sent again: rows have an
// identity.
func (w *worker) sendLines(ctx context.Context, f *store.SyncFile, r *store.SyncReader) error {
	p := f.Progress
	if p.State == store.SyncSealed {
		p.State, p.Key = store.SyncUploading, "lines"
		if err := w.store.SetSyncProgress(ctx, *f, p); err != nil {
			return err
		}
	}
	watched, stop, progress := w.watch(ctx)
	bytes, err := w.dest.lines.Send(watched, f, r, w.node, progress)
	if err != nil && context.Cause(watched) == errStalled {
		err = fmt.Errorf("%w: %w", errStalled, err)
	}
	stop()
	if err != nil {
		return err
	}
	return w.store.CommitSync(ctx, w.target.ID, 0, []uint64{f.ID}, store.SyncTotals{Files: 1, Rows: f.Rows, Bytes: bytes})
}

// stopCurrent ends what is under way; it goes on later.
func (w *worker) stopCurrent() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.interrupt != nil {
		w.interrupt()
	}
}

func (w *worker) isOffline() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.offline
}

func (w *worker) setNote(note string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.note = note
}

func (w *worker) setCurrent(c *Current) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.current = c
}

// busyError is an answer that says when to try again.
type busyError struct {
	err   error
	after time.Duration
}

func (e *busyError) Error() string { return e.err.Error() }
func (e *busyError) Unwrap() error { return e.err }

// order sorts adds by table and write order.
func order(a, b Add) int {
	return cmp.Or(cmp.Compare(a.Database, b.Database), cmp.Compare(a.Table, b.Table), cmp.Compare(a.MinSeq, b.MinSeq), cmp.Compare(a.Key, b.Key))
}
