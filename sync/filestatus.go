package upstream

import (
	"strings"
	"time"

	"tarn/store"
)

// FileStatus is a segment on its way to a target, for system tables.
type FileStatus struct {
	Target      string
	File        store.SyncFile
	State       string
	Attempts    int
	NextAttempt time.Duration
	LastError   string
}

var stateNames = [...]string{store.SyncSealed: "sealed", store.SyncUploading: "uploading", store.SyncUploaded: "uploaded",
	store.SyncCommitted: "committed", store.SyncParked: "parked"}

// files lists the worker's segments.
func (w *worker) files() (out []FileStatus) {
	files := w.store.SyncFiles(w.target.ID)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.arrivals(files)
	for _, f := range files {
		s := FileStatus{Target: w.target.ID, File: f, State: stateNames[f.Progress.State], Attempts: f.Progress.Attempts, LastError: f.Progress.LastError}
		if t := w.trouble[f.ID]; t != nil {
			s.Attempts, s.LastError, s.NextAttempt = t.back.failures, t.err, t.back.left()
		}
		out = append(out, s)
	}
	return out
}

// Files lists the segments of all targets.
func (m *Manager) Files() (out []FileStatus) {
	for _, w := range m.workers {
		out = append(out, w.files()...)
	}
	return out
}

// status is the worker's part of Status.
func (w *worker) status() TargetStatus {
	totals, _ := w.store.SyncTotals(w.target.ID)
	t := w.target
	s := TargetStatus{
		ID: t.ID, URL: t.URL, Kind: t.Kind, Format: t.Format, TimeUnit: t.TimeUnit, Databases: append([]string{}, t.Databases...),
		Manifest: totals.NextBatch - 1, CommittedFiles: totals.Files, CommittedRows: totals.Rows, CommittedBytes: totals.Bytes, Parked: []ParkedFile{},
	}
	if w.dest.bucket != nil {
		s.Note = w.dest.bucket.Note()
	}
	if totals.CommittedAt != 0 {
		at := time.Unix(0, totals.CommittedAt).UTC()
		s.CommittedAt = &at
	}
	now := time.Now()
	files := w.store.SyncFiles(w.target.ID)
	w.mu.Lock()
	w.arrivals(files)
	w.mu.Unlock()
	for _, f := range files {
		switch f.Progress.State {
		case store.SyncSealed:
			if f.Deleted {
				continue
			}
			s.Files.Sealed++
			if f.Ready {
				s.ReadyFiles++
			}
		case store.SyncUploading:
			s.Files.Uploading++
		case store.SyncUploaded:
			s.Files.Uploaded++
		case store.SyncCommitted:
			s.Files.Committed++
			continue
		case store.SyncParked:
			s.Files.Parked++
			if len(s.Parked) < maxParked {
				s.Parked = append(s.Parked, ParkedFile{f.ID, f.Database, f.Table, f.Bytes, f.Progress.Attempts, f.Progress.LastError})
			}
		}
		s.PendingRows += f.Rows
		s.PendingBytes += f.Bytes
		s.OldestPending = max(s.OldestPending, now.Sub(f.CreatedAt).Seconds())
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	s.Failures, s.LastError, s.SentBytes, s.Failed = w.back.failures, w.err, w.sent, w.failed
	s.Note = strings.Trim(s.Note+"; "+w.note, "; ")
	s.State = StateIdle
	switch {
	case totals.Paused:
		s.State = StatePaused
	case w.current != nil:
		c := *w.current
		s.State, s.Current = StateUploading, &c
	case w.back.failures > 0:
		s.State, s.NextAttempt = StateWaiting, w.back.left().Seconds()
	}
	return s
}
