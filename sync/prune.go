package upstream

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// PruneReport says what was taken out of targets, or would be.
type PruneReport struct {
	DryRun  bool          `json:"dry_run"`
	Targets []PruneTarget `json:"targets"`
}

// PruneTarget is PruneReport's part of one target. The numbers are of what is
// gone, even where an error ended it.
type PruneTarget struct {
	ID      string `json:"id"`
	Objects int    `json:"objects"`
	Rows    int64  `json:"rows"`
	Bytes   int64  `json:"bytes"`
	// Removed are the first of the objects.
	Removed []PrunedObject `json:"removed"`
	Note    string         `json:"note"`
	Error   string         `json:"error"`
}

// PrunedObject is an object that goes.
type PrunedObject struct {
	Key      string `json:"key"`
	Database string `json:"database"`
	Table    string `json:"table"`
	Rows     int64  `json:"rows"`
	Bytes    int64  `json:"bytes"`
	Reason   string `json:"reason"`
}

// Reasons of PrunedObject.
const (
	PruneDeleted    = "deleted"    // its table or database was, for good
	PruneRetention  = "retention"  // all its rows are older
	PruneUnfinished = "unfinished" // a manifest took it out before, and then something failed
)

const (
	// maxReplaces is how many objects a manifest takes out.
	maxReplaces = 1000
	// maxRemoved bounds the objects that a report names.
	maxRemoved = 1000
)

// Prune takes out of a target, or all, what this node put there and has no more
// by its own will: objects of tables and databases that were deleted for good,
// and those that retention has outlived; of one database, or all for "". What
// is not here for any other reason, such as the quota, stays.
func (m *Manager) Prune(ctx context.Context, target, database string, dry bool) (*PruneReport, error) {
	workers, err := m.chosen(target)
	if err != nil {
		return nil, err
	}
	out := &PruneReport{DryRun: dry, Targets: []PruneTarget{}}
	for _, w := range workers {
		r := PruneTarget{ID: w.target.ID, Removed: []PrunedObject{}}
		const lines = "a server that takes lines is not pruned: delete there"
		switch {
		case w.dest.bucket == nil && target == "":
			r.Note = lines
		case w.dest.bucket == nil:
			r.Error = lines
		default:
			if err := w.prune(ctx, database, dry, &r); err != nil {
				r.Error = clip(err.Error())
			}
		}
		out.Targets = append(out.Targets, r)
	}
	return out, ctx.Err()
}

func (r *PruneTarget) count(o PrunedObject) {
	r.Objects, r.Rows, r.Bytes = r.Objects+1, r.Rows+o.Rows, r.Bytes+o.Bytes
	if len(r.Removed) < maxRemoved {
		r.Removed = append(r.Removed, o)
	}
}

// prune first has a manifest (and a Delta log) say that objects are no more and
// deletes them then: whatever ends it in between, nobody is told of an object
// that is not there, and the next run finds what is left.
func (w *worker) prune(ctx context.Context, database string, dry bool, r *PruneTarget) error {
	if !dry {
		if err := w.enter(ctx); err != nil {
			return err
		}
		defer w.leave()
		if totals, _ := w.store.SyncTotals(w.target.ID); totals.Paused {
			return errors.New("it is paused: resume it first")
		}
		if err := w.finishBatches(ctx); err != nil {
			return err
		}
	}
	if why := w.store.ClockDoubt(); why != "" {
		r.Note = "nothing goes for its age while the clock is not to be trusted: " + why
	}
	objects, err := w.prunable(ctx, database)
	if err != nil {
		return err
	}
	for part := range slices.Chunk(objects, maxReplaces) {
		if !dry {
			if err := w.takeOut(ctx, part); err != nil {
				return err
			}
		}
		for _, o := range part {
			if !dry {
				if err := w.patient().Delete(ctx, o.Key); err != nil {
					return err
				}
			}
			r.count(o)
		}
	}
	return nil
}

// takeOut makes the manifest that says that objects are no more.
func (w *worker) takeOut(ctx context.Context, objects []PrunedObject) error {
	totals, _ := w.store.SyncTotals(w.target.ID)
	m := Manifest{Version: manifestVersion, Node: w.node, Origin: w.store.UUID(), Number: totals.NextBatch, CreatedAt: time.Now().UTC(), TimeUnit: w.target.TimeUnit, Adds: []Add{}}
	for _, o := range objects {
		if o.Reason != PruneUnfinished {
			m.Replaces = append(m.Replaces, o.Key)
		}
	}
	if len(m.Replaces) == 0 {
		return nil
	}
	err := w.patient().again(ctx, func() (err error) { m.Previous, err = w.previous(ctx, m.Number); return err })
	if err != nil {
		return err
	}
	body, err := m.encode()
	if err != nil {
		return err
	}
	if err := w.store.BeginSyncBatch(ctx, w.target.ID, m.Number, body, nil); err != nil {
		return err
	}
	return w.finishBatches(ctx)
}

// finishBatches writes the manifest that is begun, if there is one.
func (w *worker) finishBatches(ctx context.Context) error {
	for {
		_, body := w.store.SyncTotals(w.target.ID)
		if body == nil {
			return nil
		}
		// It may get another number first.
		if err := w.patient().again(ctx, func() error { return w.finishBatch(ctx, body) }); err != nil {
			return err
		}
	}
}

// prunable finds the objects that go, in their keys' order.
func (w *worker) prunable(ctx context.Context, database string) ([]PrunedObject, error) {
	listed, removed := map[string]PrunedObject{}, map[string]PrunedObject{}
	kept := map[[2]string]keeps{}
	err := w.manifests(ctx, func(n uint64, m *Manifest, err error) error {
		if err != nil {
			return fmt.Errorf("manifest %d: %w", n, err)
		}
		if m.Origin != w.store.UUID() {
			return nil
		}
		for _, key := range m.Replaces {
			if o, ok := listed[key]; ok {
				removed[key] = o
				delete(listed, key)
			}
		}
		for _, a := range m.Adds {
			if w.mine(&a) && (database == "" || a.Database == database) {
				listed[a.Key] = PrunedObject{Key: a.Key, Database: a.Database, Table: a.Table, Rows: a.Rows, Bytes: a.Bytes, Reason: w.outlived(&a, kept)}
				delete(removed, a.Key)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	// What is on its way is wanted there.
	for _, f := range w.store.SyncPending(w.target.ID) {
		delete(listed, f.Progress.Key)
		delete(removed, f.Progress.Key)
	}
	gone := map[string]PrunedObject{}
	for key, o := range listed {
		if o.Reason != "" {
			gone[key] = o
		}
	}
	roots := map[string]bool{}
	for key := range removed {
		roots[key[:strings.Index(key, "/date=")+1]] = true
	}
	for root := range roots {
		err := w.patient().List(ctx, root, "", func(key string, _ int64) error {
			if o, ok := removed[key]; ok {
				o.Reason = PruneUnfinished
				gone[key] = o
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	out := make([]PrunedObject, 0, len(gone))
	for _, key := range slices.Sorted(maps.Keys(gone)) {
		out = append(out, gone[key])
	}
	return out, nil
}

// mine says whether an object has a key that this node gives.
func (w *worker) mine(a *Add) bool {
	_, err := tableRoot(a.Key, 3)
	return err == nil && strings.HasPrefix(a.Key, escape(a.Database)+"/"+escape(a.Table)+"/edge="+escape(w.node)+"/date=")
}

// keeps is what store.SyncKeeps says of a table.
type keeps struct {
	oldest  int64
	deleted bool
}

// outlived says why an object goes, "" when it stays. known has the tables that
// were asked for already.
func (w *worker) outlived(a *Add, known map[[2]string]keeps) string {
	names := [2]string{a.Database, a.Table}
	k, ok := known[names]
	if !ok {
		k.oldest, k.deleted = w.store.SyncKeeps(a.Database, a.Table)
		known[names] = k
	}
	switch {
	case k.deleted:
		return PruneDeleted
	case a.MaxTime < k.oldest:
		return PruneRetention
	}
	return ""
}

// manifests reads those of this node in order; fn gets what is wrong with one.
func (w *worker) manifests(ctx context.Context, fn func(n uint64, m *Manifest, err error) error) error {
	b, dir := w.patient(), manifestDir(w.node)
	var numbers []uint64
	err := b.List(ctx, dir, "", func(key string, _ int64) error {
		if n, ok := manifestNumber(key); ok {
			numbers = append(numbers, n)
		}
		return nil
	})
	if err != nil {
		return err
	}
	slices.Sort(numbers)
	for _, n := range numbers {
		m, err := getManifest(ctx, b, dir, n)
		if err := fn(n, m, err); err != nil {
			return err
		}
	}
	return nil
}

// enter waits for the worker's turn: it works on one thing at a time.
func (w *worker) enter(ctx context.Context) error {
	select {
	case w.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (w *worker) leave() { <-w.turn }
