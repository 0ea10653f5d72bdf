package upstream

import (
	"context"
	"errors"
	"fmt"
	"time"

	"tarn/store"
)

// beginBatch makes the manifest of what was uploaded.
func (w *worker) beginBatch(ctx context.Context, files []store.SyncFile) error {
	totals, _ := w.store.SyncTotals(w.target.ID)
	m := Manifest{Version: manifestVersion, Node: w.node, Origin: w.store.UUID(), Number: totals.NextBatch, CreatedAt: time.Now().UTC(), TimeUnit: w.target.TimeUnit}
	var err error
	if m.Previous, err = w.previous(ctx, m.Number); err != nil {
		return err
	}
	var progress []store.SyncProgress
	for i := range files {
		f := &files[i]
		if f.Progress.State != store.SyncUploaded || len(m.Adds) == maxBatch {
			continue
		}
		columns, err := w.columns(ctx, f)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			// It was whole when it was sent.
			w.mu.Lock()
			w.park(ctx, f, err)
			delete(w.uploaded, f.ID)
			w.mu.Unlock()
			continue
		}
		progress = append(progress, f.Progress)
		m.Adds = append(m.Adds, Add{
			Key: f.Progress.Key, Database: f.Database, Table: f.Table, Date: dateOf(f.MinTime), Rows: f.Rows, Bytes: f.Progress.ObjectBytes,
			SHA256: f.Progress.ObjectHash, SourceSHA256: f.Progress.SourceHash, MinTime: f.MinTime, MaxTime: f.MaxTime,
			MinSeq: f.MinSeq, MaxSeq: f.MaxSeq, Columns: columnSchema(columns, w.target.TimeUnit),
		})
	}
	if len(m.Adds) == 0 {
		return nil
	}
	body, err := m.encode()
	if err != nil {
		return err
	}
	return w.store.BeginSyncBatch(ctx, w.target.ID, m.Number, body, progress)
}

// patient is the bucket for what asks it many questions in a row, of which a bad
// link loses some.
func (w *worker) patient() patient { return patient{w.dest.bucket, w.timing} }

// previous is the number of the node's manifest before the one of a number.
func (w *worker) previous(ctx context.Context, number uint64) (last uint64, err error) {
	if number == 1 {
		return 0, nil
	}
	ctx, stop, _ := w.watch(ctx)
	defer stop()
	_, err = w.dest.bucket.Stat(ctx, manifestKey(w.node, number-1))
	if err == nil {
		return number - 1, nil
	}
	if !errors.Is(err, errAbsent) {
		return 0, err
	}
	// The node had another name until now, or somebody deleted manifests.
	err = w.patient().List(ctx, manifestDir(w.node), "", func(key string, _ int64) error {
		if n, ok := manifestNumber(key); ok && n < number {
			last = max(last, n)
		}
		return nil
	})
	return last, err
}

func (w *worker) columns(ctx context.Context, f *store.SyncFile) (columns []store.SyncColumn, err error) {
	r, err := w.store.OpenSyncFile(ctx, *f)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	if w.target.TimeUnit == Nanos {
		return r.Columns(), nil
	}
	return r.Micros(ctx)
}

// finishBatch writes a manifest, and what else makes its objects visible, and
// notes that it did.
func (w *worker) finishBatch(ctx context.Context, body []byte) error {
	m, err := readManifest(body)
	if err != nil {
		return fmt.Errorf("manifest in the catalog: %w", err)
	}
	if m.Node != w.node {
		m.Node = w.node
		if m.Previous, err = w.previous(ctx, m.Number); err != nil {
			return err
		}
		if body, err = m.encode(); err != nil {
			return err
		}
		return w.store.BeginSyncBatch(ctx, w.target.ID, m.Number, body, nil)
	}
	watched, stop, progress := w.watch(ctx)
	defer stop()
	o := bytesObject(body)
	o.Progress = progress
	key := manifestKey(m.Node, m.Number)
	if err := w.dest.bucket.Put(watched, key, o); errors.Is(err, errTaken) {
		return w.renumber(watched, m)
	} else if err != nil {
		return err
	}
	if w.target.Format == FormatDelta {
		if w.delta == nil {
			w.delta = newDeltaLog(w.patient())
		}
		err := w.delta.commitEdge(watched, m)
		var wrong *schemaError
		if errors.As(err, &wrong) {
			// The objects and the manifest are there; one table's log is not
			// worth stopping for.
			w.logger.Error("sync: a Delta table could not take a batch", "manifest", m.Number, "error", err)
			w.setNote(clip(fmt.Sprintf("a Delta table lacks files since manifest %d: %v", m.Number, err)))
		} else if err != nil {
			return err
		}
	}
	keys := map[string]bool{}
	more := store.SyncTotals{}
	for _, a := range m.Adds {
		keys[a.Key] = true
		more.Files, more.Rows, more.Bytes = more.Files+1, more.Rows+a.Rows, more.Bytes+a.Bytes
	}
	var ids []uint64
	for _, f := range w.list() {
		if f.Progress.State == store.SyncUploaded && keys[f.Progress.Key] {
			ids = append(ids, f.ID)
		}
	}
	if err := w.store.CommitSync(ctx, w.target.ID, m.Number, ids, more); err != nil {
		return err
	}
	w.logger.Info("sync: committed", "manifest", m.Number, "files", more.Files, "rows", more.Rows, "bytes", more.Bytes, "taken_out", len(m.Replaces))
	return nil
}

// renumber gives a manifest the next free number. That of the same data
// directory has its number when the catalog was brought back from a backup.
func (w *worker) renumber(ctx context.Context, m *Manifest) error {
	there, err := w.dest.bucket.Get(ctx, manifestKey(m.Node, m.Number))
	if err != nil {
		return err
	}
	other, err := readManifest(there)
	if err != nil {
		return fmt.Errorf("manifest %d at the target: %w", m.Number, err)
	}
	if other.Origin != m.Origin {
		return fmt.Errorf("the data directory %s sends to the same place under the name %q: give one of them another --node-id", other.Origin, m.Node)
	}
	err = w.patient().List(ctx, manifestDir(m.Node), "", func(key string, _ int64) error {
		if n, ok := manifestNumber(key); ok {
			m.Previous, m.Number = max(m.Previous, n), max(m.Number, n+1)
		}
		return nil
	})
	if err != nil {
		return err
	}
	body, err := m.encode()
	if err != nil {
		return err
	}
	w.logger.Warn("sync: the target has manifests that the catalog does not know; was it brought back from a backup?", "next", m.Number)
	return w.store.BeginSyncBatch(ctx, w.target.ID, m.Number, body, nil)
}
