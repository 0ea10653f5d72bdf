package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"tarn/store/catalog"
)

// Segments are the queue of what goes upstream: nothing is copied. This file
// keeps, for each segment and target, how far it is, and answers what that
// allows: a segment that a target may have in part is not merged or rewritten,
// those that are merged have one state, which the result inherits, and what a
// target still wants does not expire. package upstream (folder sync) moves the
// bytes.

// SyncTarget is an upstream target that the store is to keep segments for.
type SyncTarget struct {
	// ID is the same at every start.
	ID string
	// Databases are the names of those that go there; empty means all.
	Databases []string
	// MaxDelay is how long a segment waits for its day to end and its
	// neighbours to be merged with it.
	MaxDelay time.Duration
}

// wants says whether a database goes to the target.
func (t *SyncTarget) wants(database string) bool {
	return len(t.Databases) == 0 || slices.Contains(t.Databases, database)
}

// SyncState and its values are the catalog's.
type SyncState = catalog.SyncState

// The states of a segment at a target, in order.
const (
	SyncSealed    = catalog.SyncSealed
	SyncUploading = catalog.SyncUploading
	SyncUploaded  = catalog.SyncUploaded
	SyncCommitted = catalog.SyncCommitted
	SyncParked    = catalog.SyncParked
)

// SyncProgress is how far a segment is on its way to a target.
type SyncProgress = catalog.SyncFile

// SyncFile is a segment that a target wants or has.
type SyncFile struct {
	ID               uint64
	TableID          uint32
	Database, Table  string
	Bytes, Rows      int64
	MinTime, MaxTime int64
	MinSeq, MaxSeq   uint64
	// CreatedAt is when the oldest part of it became a segment.
	CreatedAt time.Time
	// Ready says that a sealed segment may go: it will not be merged any more,
	// or has waited long enough.
	Ready bool
	// Late says that it may have rows of the series and time of rows in segments
	// with smaller sequence numbers.
	Late bool
	// Deleted says that its table or database is: a sealed one does not go.
	Deleted  bool
	Progress SyncProgress
}

// SyncTotals are what is kept of a target.
type SyncTotals = catalog.SyncTarget

// upstream is the state of all targets.
type upstream struct {
	mu      sync.Mutex
	targets map[string]*upstreamTarget
	// files has what is not sealed, by segment and target.
	files map[uint64]map[string]SyncProgress
	// seen is when this process first saw a segment, by its monotonic clock:
	// the wall clock may be wrong and jump.
	seen map[uint64]time.Time
	// purged has the names of tables whose data was deleted for good, as they
	// were before that.
	purged map[[2]string]bool
}

// upstreamTarget is a target that is configured now, or was once and has
// segments.
type upstreamTarget struct {
	SyncTotals
	config *SyncTarget // nil when it is not configured
	batch  *catalog.SyncBatch
}

// restoreUpstream takes over what the catalog knows, and the configured
// targets.
func (s *Store) restoreUpstream(state *catalog.State) {
	u := &s.up
	u.targets, u.files, u.seen = map[string]*upstreamTarget{}, map[uint64]map[string]SyncProgress{}, map[uint64]time.Time{}
	for _, t := range state.SyncTargets {
		u.targets[t.ID] = &upstreamTarget{SyncTotals: t}
	}
	for _, b := range state.SyncBatches {
		if t := u.targets[b.Target]; t != nil {
			t.batch = &b
		}
	}
	for _, f := range state.SyncFiles {
		u.put(f)
	}
	u.purged = map[[2]string]bool{}
	for _, t := range state.Tables {
		if t.Purged {
			s.notePurged(t)
		}
	}
	for i := range s.opts.SyncTargets {
		c := &s.opts.SyncTargets[i]
		if u.targets[c.ID] == nil {
			u.targets[c.ID] = &upstreamTarget{SyncTotals: SyncTotals{ID: c.ID, NextBatch: 1}}
		}
		u.targets[c.ID].config = c
	}
}

// put needs the lock.
func (u *upstream) put(f SyncProgress) {
	if u.files[f.SegmentID] == nil {
		u.files[f.SegmentID] = map[string]SyncProgress{}
	}
	u.files[f.SegmentID][f.Target] = f
}

// forget drops the states of segments that are gone. It needs the lock.
func (u *upstream) forget(ids []uint64) {
	for _, id := range ids {
		delete(u.files, id)
		delete(u.seen, id)
	}
}

// mergeState is what segments must have in common to be merged: the targets
// that have them. ok is false for one that a target may have in part, or does
// not list yet. It needs the lock.
func (u *upstream) mergeState(id uint64) (state string, ok bool) {
	states := u.files[id]
	if len(states) == 0 {
		return "", true
	}
	var have []string
	for target, f := range states {
		switch {
		case f.State == SyncCommitted:
			have = append(have, target)
		case f.State == SyncParked && f.Key == "": // nothing was sent
		default:
			return "", false
		}
	}
	slices.Sort(have)
	return strings.Join(have, "\x00"), true
}

// rewritable says why rows of a segment cannot be deleted now: a target may have
// them in part, and has to get the very same bytes in full.
func (s *Store) rewritable(f *segmentFile) error {
	s.up.mu.Lock()
	defer s.up.mu.Unlock()
	if _, ok := s.up.mergeState(f.ID); ok {
		return nil
	}
	for target, p := range s.up.files[f.ID] {
		if p.State != SyncCommitted {
			return fmt.Errorf("segment %d is on its way to sync target %q: %w", f.ID, target, ErrUploading)
		}
	}
	return nil
}

// inherit makes the states of segments that replace one of a merge state. It
// needs the lock.
func (u *upstream) inherit(id uint64, files []catalog.Segment) (states []SyncProgress) {
	for _, f := range files {
		for target, old := range u.files[id] {
			if old.State == SyncCommitted {
				states = append(states, SyncProgress{Target: target, SegmentID: f.ID, State: SyncCommitted, Batch: old.Batch, ChangedAt: old.ChangedAt})
			}
		}
	}
	return states
}

// synced says whether every configured target that wants a segment has it. With
// no such target it is false. It needs the lock.
func (s *Store) synced(f *segmentFile) bool {
	some := false
	for id, t := range s.up.targets {
		if t.config == nil || !t.config.wants(s.databaseName(f.DatabaseID)) {
			continue
		}
		if s.up.files[f.ID][id].State != SyncCommitted {
			return false
		}
		some = true
	}
	return some
}

// awaited says whether a target still wants a segment: neither retention nor a
// merge may take rows of it.
func (s *Store) awaited(t *table, f *segmentFile) bool {
	s.up.mu.Lock()
	defer s.up.mu.Unlock()
	live := s.live(t)
	for id, target := range s.up.targets {
		if target.config == nil || !target.config.wants(s.databaseName(f.DatabaseID)) {
			continue
		}
		switch s.up.files[f.ID][id].State {
		case SyncCommitted:
		case SyncSealed:
			if live {
				return true
			}
		default:
			return true
		}
	}
	return false
}

func (s *Store) databaseName(id uint32) string {
	if db, ok := s.databaseByID(id); ok {
		return db.name()
	}
	return ""
}

// SyncFiles lists the segments that a target wants or has, in write order.
func (s *Store) SyncFiles(target string) []SyncFile { return s.syncFiles(target, false) }

// SyncPending is SyncFiles without those that the target has for good: few,
// where a store may have tens of thousands, for who asks every few seconds.
func (s *Store) SyncPending(target string) []SyncFile { return s.syncFiles(target, true) }

func (s *Store) syncFiles(target string, pending bool) []SyncFile {
	now := s.opts.Now()
	today := dayOf(now.Add(-dayEnds).UnixNano())
	s.up.mu.Lock()
	defer s.up.mu.Unlock()
	t := s.up.targets[target]
	if t == nil || t.config == nil {
		return nil
	}
	var out []SyncFile
	for _, table := range s.allTables() {
		sch := table.schema.Load()
		database := s.databaseName(sch.DatabaseID)
		live := s.live(table)
		// The name of a deleted database is another one: what had begun to go
		// to the target goes on.
		wanted := t.config.wants(database)
		table.mu.RLock()
		segments := slices.Clone(table.segments)
		table.mu.RUnlock()
		merging := sync.OnceValue(func() map[*segmentFile]bool {
			if s.opts.CompactInterval > 0 && wanted && live {
				return mergeable(segments, s.opts.SegmentBytes, today, s.up.mergeState)
			}
			return nil
		})
		for _, f := range segments {
			progress, some := s.up.files[f.ID][target]
			if pending && progress.State == SyncCommitted {
				continue
			}
			if !some {
				if !wanted {
					continue
				}
				progress = SyncProgress{Target: target, SegmentID: f.ID}
			}
			if s.up.seen[f.ID].IsZero() {
				s.up.seen[f.ID] = time.Now()
			}
			created := time.Unix(0, f.CreatedAt)
			waited := max(now.Sub(created), time.Since(s.up.seen[f.ID]))
			settled := f.Bytes >= s.opts.SegmentBytes/2 || dayOf(f.MinTime) < today && !merging()[f]
			out = append(out, SyncFile{
				ID: f.ID, TableID: f.TableID, Database: database, Table: sch.Name, Bytes: f.Bytes, Rows: f.Segment.Rows,
				MinTime: f.MinTime, MaxTime: f.MaxTime, MinSeq: f.MinSeq, MaxSeq: f.MaxSeq, CreatedAt: created,
				Ready: settled || waited >= t.config.MaxDelay, Late: f.Segment.Late, Deleted: !live, Progress: progress,
			})
		}
	}
	slices.SortFunc(out, func(a, b SyncFile) int { return cmp.Or(cmp.Compare(a.MinSeq, b.MinSeq), cmp.Compare(a.ID, b.ID)) })
	return out
}

// SyncTotals is what is kept of a target, and its manifest that is about to be
// written, if there is one.
func (s *Store) SyncTotals(target string) (totals SyncTotals, batch []byte) {
	s.up.mu.Lock()
	defer s.up.mu.Unlock()
	t := s.up.targets[target]
	if t == nil {
		return SyncTotals{ID: target, NextBatch: 1}, nil
	}
	if t.batch != nil {
		batch = t.batch.Body
	}
	return t.SyncTotals, batch
}

// FormerSyncTargets lists the targets that are known but not configured.
func (s *Store) FormerSyncTargets() []string {
	s.up.mu.Lock()
	defer s.up.mu.Unlock()
	var out []string
	for id, t := range s.up.targets {
		if t.config == nil {
			out = append(out, id)
		}
	}
	slices.Sort(out)
	return out
}

// registered finds a segment by number. The up lock keeps it there.
func (s *Store) registered(tableID uint32, id uint64) *segmentFile {
	t := s.tableByID(tableID)
	if t == nil {
		return nil
	}
	t.mu.RLock()
	defer t.mu.RUnlock()
	if i := slices.IndexFunc(t.segments, func(f *segmentFile) bool { return f.ID == id }); i >= 0 {
		return t.segments[i]
	}
	return nil
}

// SetSyncProgress makes a segment's progress durable. It returns ErrNotFound
// when the segment was merged, deleted or evicted: forget it. A sealed state
// says that nothing of it can be at the target.
func (s *Store) SetSyncProgress(ctx context.Context, f SyncFile, p SyncProgress) error {
	s.up.mu.Lock()
	defer s.up.mu.Unlock()
	t := s.up.targets[p.Target]
	if t == nil || s.registered(f.TableID, f.ID) == nil {
		return fmt.Errorf("segment %d at sync target %q: %w", f.ID, p.Target, ErrNotFound)
	}
	p.SegmentID, p.ChangedAt = f.ID, s.opts.Now().UnixNano()
	ch := catalog.Change{PutSyncTargets: []catalog.SyncTarget{t.SyncTotals}, PutSyncFiles: []SyncProgress{p}}
	if p.State == SyncSealed {
		ch = catalog.Change{DeleteSyncFiles: []catalog.SyncSegment{{Target: p.Target, SegmentID: f.ID}}}
	}
	if err := s.catalog.Apply(ctx, ch); err != nil {
		return fmt.Errorf("segment %d at sync target %q: %w", f.ID, p.Target, err)
	}
	if p.State == SyncSealed {
		delete(s.up.files[f.ID], p.Target)
		return nil
	}
	s.up.put(p)
	return nil
}

// SetSyncProgressOf makes the progress of several segments at a target durable
// in one commit, which is less flash than one each. Those that were merged,
// deleted or evicted are passed over; kept are the others.
func (s *Store) SetSyncProgressOf(ctx context.Context, target string, files []SyncFile) (kept []SyncFile, err error) {
	s.up.mu.Lock()
	defer s.up.mu.Unlock()
	t := s.up.targets[target]
	if t == nil {
		return nil, fmt.Errorf("sync target %q: %w", target, ErrNotFound)
	}
	ch := catalog.Change{PutSyncTargets: []catalog.SyncTarget{t.SyncTotals}}
	now := s.opts.Now().UnixNano()
	for _, f := range files {
		if s.registered(f.TableID, f.ID) == nil {
			continue
		}
		f.Progress.Target, f.Progress.SegmentID, f.Progress.ChangedAt = target, f.ID, now
		kept = append(kept, f)
		if f.Progress.State == SyncSealed {
			ch.DeleteSyncFiles = append(ch.DeleteSyncFiles, catalog.SyncSegment{Target: target, SegmentID: f.ID})
		} else {
			ch.PutSyncFiles = append(ch.PutSyncFiles, f.Progress)
		}
	}
	if len(kept) == 0 {
		return nil, nil
	}
	if err := s.catalog.Apply(ctx, ch); err != nil {
		return nil, fmt.Errorf("%d segments at sync target %q: %w", len(kept), target, err)
	}
	for _, f := range kept {
		if f.Progress.State == SyncSealed {
			delete(s.up.files[f.ID], target)
		} else {
			s.up.put(f.Progress)
		}
	}
	return kept, nil
}

// BeginSyncBatch keeps the manifest of a target's next batch until CommitSync,
// and with it how far the segments are that it lists. Those that are gone are
// passed over.
func (s *Store) BeginSyncBatch(ctx context.Context, target string, number uint64, body []byte, files []SyncProgress) error {
	s.up.mu.Lock()
	defer s.up.mu.Unlock()
	t := s.up.targets[target]
	if t == nil {
		return fmt.Errorf("sync target %q: %w", target, ErrNotFound)
	}
	totals := t.SyncTotals
	totals.NextBatch = number
	b := catalog.SyncBatch{Target: target, Number: number, Body: body}
	ch := catalog.Change{PutSyncTargets: []catalog.SyncTarget{totals}, PutSyncBatches: []catalog.SyncBatch{b}}
	if t.batch != nil && t.batch.Number != number {
		ch.DeleteSyncBatches = []catalog.SyncBatch{*t.batch}
	}
	now := s.opts.Now().UnixNano()
	for _, p := range files {
		if _, ok := s.up.files[p.SegmentID][target]; ok {
			p.ChangedAt = now
			ch.PutSyncFiles = append(ch.PutSyncFiles, p)
		}
	}
	if err := s.catalog.Apply(ctx, ch); err != nil {
		return fmt.Errorf("begin batch %d of sync target %q: %w", number, target, err)
	}
	t.SyncTotals, t.batch = totals, &b
	for _, p := range ch.PutSyncFiles {
		s.up.put(p)
	}
	return nil
}

// CommitSync notes that a target has segments for good, by number. Those that
// are gone are passed over. number is that of their manifest, 0 for targets
// without; more is added to the target's totals.
func (s *Store) CommitSync(ctx context.Context, target string, number uint64, ids []uint64, more SyncTotals) error {
	s.up.mu.Lock()
	t := s.up.targets[target]
	if t == nil {
		s.up.mu.Unlock()
		return fmt.Errorf("sync target %q: %w", target, ErrNotFound)
	}
	now := s.opts.Now().UnixNano()
	totals := t.SyncTotals
	totals.Files, totals.Rows, totals.Bytes, totals.CommittedAt = totals.Files+more.Files, totals.Rows+more.Rows, totals.Bytes+more.Bytes, now
	ch := catalog.Change{}
	if number != 0 {
		totals.NextBatch = number + 1
		ch.DeleteSyncBatches = []catalog.SyncBatch{{Target: target, Number: number}}
	}
	ch.PutSyncTargets = []catalog.SyncTarget{totals}
	for _, id := range ids {
		p, ok := s.up.files[id][target]
		if !ok {
			continue
		}
		p.State, p.Batch, p.Attempts, p.LastError, p.ChangedAt = SyncCommitted, number, 0, "", now
		ch.PutSyncFiles = append(ch.PutSyncFiles, p)
	}
	err := s.catalog.Apply(ctx, ch)
	if err == nil {
		t.SyncTotals = totals
		if number != 0 {
			t.batch = nil
		}
		for _, p := range ch.PutSyncFiles {
			s.up.put(p)
		}
	}
	s.up.mu.Unlock()
	if err != nil {
		return fmt.Errorf("commit batch %d of sync target %q: %w", number, target, err)
	}
	s.countSegments() // what is upstream may go
	s.askForRoom()
	s.requestCompaction()
	return nil
}

// PauseSync stops or resumes a target, across restarts.
func (s *Store) PauseSync(ctx context.Context, target string, paused bool) error {
	s.up.mu.Lock()
	defer s.up.mu.Unlock()
	t := s.up.targets[target]
	if t == nil {
		return fmt.Errorf("sync target %q: %w", target, ErrNotFound)
	}
	totals := t.SyncTotals
	totals.Paused = paused
	if err := s.catalog.Apply(ctx, catalog.Change{PutSyncTargets: []catalog.SyncTarget{totals}}); err != nil {
		return fmt.Errorf("pause sync target %q: %w", target, err)
	}
	t.SyncTotals = totals
	return nil
}

// ErrConfigured means that a target is in use.
var ErrConfigured = errors.New("the sync target is configured: take it out of the configuration first")

// ForgetSync forgets what a former target has. Named again, it gets everything
// again.
func (s *Store) ForgetSync(ctx context.Context, target string) error {
	s.up.mu.Lock()
	defer s.up.mu.Unlock()
	t := s.up.targets[target]
	switch {
	case t == nil:
		return fmt.Errorf("sync target %q: %w", target, ErrNotFound)
	case t.config != nil:
		return fmt.Errorf("sync target %q: %w", target, ErrConfigured)
	}
	if err := s.catalog.Apply(ctx, catalog.Change{DeleteSyncTargets: []string{target}}); err != nil {
		return fmt.Errorf("forget sync target %q: %w", target, err)
	}
	delete(s.up.targets, target)
	for _, states := range s.up.files {
		delete(states, target)
	}
	return nil
}

// originalName is what something was called before it was deleted.
func originalName(name string, l catalog.Lifetime) string {
	if l.DeletedAt == 0 {
		return name
	}
	return deletedSuffix.ReplaceAllString(name, "")
}

// deletedSuffix is what deletedName adds.
var deletedSuffix = regexp.MustCompile(`-\d{8}T\d{6}(-\d+)?$`)

// originalNames are those of a table and its database.
func (s *Store) originalNames(t catalog.Table) (names [2]string) {
	if db, ok := s.databaseByID(t.Schema.DatabaseID); ok {
		d := db.info.Load()
		names[0] = originalName(d.Name, d.Lifetime)
	}
	names[1] = originalName(t.Schema.Name, t.Lifetime)
	return names
}

// notePurged remembers a table whose data is gone. It needs the lock of up.
func (s *Store) notePurged(t catalog.Table) {
	names := s.originalNames(t)
	s.up.purged[names] = true
	if def := t.Schema.Def; def != nil {
		for _, name := range def.Formerly {
			s.up.purged[[2]string{names[0], name}] = true
		}
	}
}

// SyncKeeps says what of a table should stay at targets, by the names that it
// and its database had when it was sent: rows from a time on, or none, since the
// table or its database was deleted for good. While one of the name is deleted
// and may still be there, all stays; so it does when a table has the name of one
// that is gone, but for its own retention, and when one had it that was renamed. A clock that is not to be trusted
// ends nothing.
func (s *Store) SyncKeeps(database, name string) (oldest int64, deleted bool) {
	names := [2]string{database, name}
	for _, t := range s.allTables() {
		if r := t.record(); !r.Purged && !s.live(t) && s.originalNames(r) == names {
			return MinTime, false
		}
	}
	if db, err := s.lookup(database); err == nil {
		for _, t := range *db.tables.Load() {
			if def := t.schema.Load().Def; def != nil && slices.Contains(def.Formerly, name) {
				return MinTime, false // rows of it may be there
			}
		}
		if t, ok := db.table(name); ok {
			now, why := s.clock.trusted()
			if why != "" {
				return MinTime, false
			}
			return t.oldest(db, now), false
		}
	}
	s.up.mu.Lock()
	defer s.up.mu.Unlock()
	return MinTime, s.up.purged[names]
}

// ClockDoubt says why nothing is deleted for its age now, or "".
func (s *Store) ClockDoubt() string {
	_, why := s.clock.trusted()
	return why
}
