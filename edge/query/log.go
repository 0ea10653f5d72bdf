package query

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// Log remembers the newest queries, running and finished.
type Log struct {
	mu      sync.Mutex
	entries []*Entry // oldest first
	size    int
	next    int64
}

func newLog(size int) *Log { return &Log{size: size} }

// Entry is one query of the log. Its fields are read through Log.List.
type Entry struct {
	log *Log
	QueryInfo
}

// QueryInfo describes a query.
type QueryInfo struct {
	ID       int64
	Database string
	Language Language
	Text     string
	// Phase is received, permit, planned, success, fail or cancel.
	Phase string
	// Permitted is when the query was let in among those that run.
	Issued, Permitted, Planned, Ended time.Time
	Rows, MaxMemory                   int64
	Running, Success, Cancel          bool
	Err                               string
}

// List copies the entries of a database, newest first.
func (l *Log) List(database string) []QueryInfo {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []QueryInfo
	for _, e := range slices.Backward(l.entries) {
		if e.Database == database {
			out = append(out, e.QueryInfo)
		}
	}
	return out
}

func (l *Log) start(r Request, now time.Time) *Entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.next++
	e := &Entry{l, QueryInfo{ID: l.next, Database: r.Database, Language: r.Language, Text: r.Text, Phase: "received", Issued: now, Running: true}}
	if len(l.entries) >= l.size {
		l.entries = slices.Delete(l.entries, 0, len(l.entries)-l.size+1)
	}
	l.entries = append(l.entries, e)
	return e
}

func (e *Entry) permitted(now time.Time) {
	e.log.mu.Lock()
	defer e.log.mu.Unlock()
	e.Phase, e.Permitted = "permit", now
}

func (e *Entry) planned(now time.Time) {
	e.log.mu.Lock()
	defer e.log.mu.Unlock()
	e.Phase, e.Planned = "planned", now
}

func (e *Entry) rows(n int64) {
	e.log.mu.Lock()
	defer e.log.mu.Unlock()
	e.Rows += n
}

func (e *Entry) memory(n int64) {
	e.log.mu.Lock()
	defer e.log.mu.Unlock()
	e.MaxMemory = n
}

func (e *Entry) finish(now time.Time, err error) {
	e.log.mu.Lock()
	defer e.log.mu.Unlock()
	e.Ended, e.Running = now, false
	switch {
	case err == nil:
		e.Phase, e.Success = "success", true
	case errors.Is(err, context.Canceled):
		e.Phase, e.Cancel = "cancel", true
	default:
		e.Phase, e.Err = "fail", err.Error()
	}
}
