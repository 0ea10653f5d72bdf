package upstream

import (
	"context"
	"errors"

	"tarn/store"
)

// concluded notes how something that concerns the whole target went.
func (w *worker) concluded(ctx context.Context, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err == nil {
		w.recovered()
		return
	}
	if ctx.Err() != nil {
		return // interrupted: no failure
	}
	w.fails(err)
}

// recovered needs the lock.
func (w *worker) recovered() {
	if w.back.failures > 0 {
		w.logger.Info("sync: the target works again", "failures", w.back.failures)
	}
	w.back.succeed()
	w.offline, w.err = false, ""
}

// fails needs the lock.
func (w *worker) fails(err error) {
	if w.back.failures == 0 {
		w.logger.Warn("sync: failed; trying again", "error", err)
	}
	w.back.fail()
	var busy *busyError
	if errors.As(err, &busy) {
		w.back.atLeast(busy.after)
	}
	w.offline = errors.Is(err, errUnreachable)
	w.failed++
	w.err = clip(err.Error())
}

// clip bounds what others' answers may take.
func clip(text string) string {
	const most = 1000
	if len(text) > most {
		text = text[:most] + "..."
	}
	return text
}

// fileConcluded notes how sending a file went.
func (w *worker) fileConcluded(ctx context.Context, f *store.SyncFile, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var refused *refusedError
	var local *localError
	switch {
	case err == nil:
		w.arrived++
		delete(w.trouble, f.ID)
		w.recovered()
		return
	case ctx.Err() != nil:
		return
	case errors.Is(err, store.ErrNotFound):
		delete(w.trouble, f.ID) // merged or deleted meanwhile
		return
	case errors.Is(err, errUnreachable):
		w.fails(err)
		return
	case errors.As(err, &refused), errors.As(err, &local), errors.Is(err, errTaken):
		w.failed++
		w.park(ctx, f, err)
		return
	}
	if w.trouble == nil {
		w.trouble = map[uint64]*fileTrouble{}
	}
	t := w.trouble[f.ID]
	if t == nil {
		t = &fileTrouble{back: backoff{base: w.timing.base, most: w.timing.most}, arrived: w.arrived}
		w.trouble[f.ID] = t
	}
	t.back.fail()
	t.err = clip(err.Error())
	w.fails(err)
	if t.back.failures >= parkAfter && w.arrived > t.arrived {
		w.park(ctx, f, err)
	}
}

// park sets a file aside, so that the next ones proceed. It needs the lock.
func (w *worker) park(ctx context.Context, f *store.SyncFile, err error) {
	p := f.Progress
	for _, now := range w.store.SyncPending(w.target.ID) {
		if now.ID == f.ID {
			p = now.Progress
		}
	}
	p.State, p.LastError, p.Attempts = store.SyncParked, clip(err.Error()), 1
	if t := w.trouble[f.ID]; t != nil {
		p.Attempts = t.back.failures
	}
	w.logger.Error("sync: a file is set aside; `tarn sync now` tries again", "segment", f.ID, "database", f.Database, "table", f.Table, "error", err)
	if err := w.store.SetSyncProgress(ctx, *f, p); err != nil && !errors.Is(err, store.ErrNotFound) {
		w.fails(err)
		return
	}
	delete(w.trouble, f.ID)
}

// hurry lets everything go at once.
func (w *worker) hurry(ctx context.Context) error {
	var errs []error
	for _, f := range w.store.SyncPending(w.target.ID) {
		if f.Progress.State != store.SyncParked {
			continue
		}
		p := f.Progress
		p.State, p.Attempts, p.LastError = store.SyncUploading, 0, ""
		if p.Key == "" {
			p.State = store.SyncSealed
		}
		if err := w.store.SetSyncProgress(ctx, f, p); err != nil && !errors.Is(err, store.ErrNotFound) {
			errs = append(errs, err)
		}
	}
	w.mu.Lock()
	w.forced = true
	w.back.succeed()
	clear(w.trouble)
	w.mu.Unlock()
	w.nudge()
	return errors.Join(errs...)
}
