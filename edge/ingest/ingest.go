// Package ingest turns what protocols bring into column batches for the store.
package ingest

import (
	"context"
	"errors"
	"sync"
	"time"

	"tarn/lp"
	"tarn/store"
	"tarn/store/points"
)

// Store is what ingest needs of the storage engine.
type Store interface {
	Database(name string) (store.Database, bool)
	AdmitDatabase(name string) error
	Write(ctx context.Context, database string, b *points.Batch, o store.WriteOptions) error
	Limits() store.Limits
	TableCount() int
}

// ErrEmpty is a body without a single line.
var ErrEmpty = errors.New("incoming write was empty")

// Writer accepts writes for a store. It is safe for concurrent use.
type Writer struct {
	store Store
	now   func() time.Time
	heads sync.Pool     // of *[]byte, at most smallBody each
	pool  sync.Pool     // of *lineWriter, for small bodies
	grown sync.Pool     // the same for large ones
	rows  sync.Pool     // of *Rows
	large chan struct{} // see LimitLarge
	whole chan struct{}
	huge  chan struct{} // see LimitHuge
	// hugeBody is in bytes.
	hugeBody int
	held     int // see LimitRows
}

// NewWriter returns a Writer.
func NewWriter(s Store, now func() time.Time) *Writer {
	w := &Writer{store: s, now: now, held: MaxHeld}
	w.pool.New = func() any {
		return &lineWriter{batch: points.NewBatch(), decoder: lp.NewDecoder(nil), names: map[string]int{}}
	}
	w.grown.New = w.pool.New
	w.heads.New = func() any {
		b := make([]byte, 0, firstRead)
		return &b
	}
	return w
}

// Options say how to read and write one body.
type Options struct {
	Database  string
	Precision lp.Precision
	// AllOrNothing writes no line when one is bad.
	AllOrNothing bool
	// NoSync is store.WriteOptions'.
	NoSync bool
	// NoCreate makes lines of tables that do not exist bad ones.
	NoCreate bool
	// Look is how tables look that the write makes; nil: as they come.
	Look *Look
}

// MaxRejected is how many bad lines a Report lists, and maxOriginal how many
// bytes of each.
const (
	MaxRejected = 100
	maxOriginal = 1024
)

// Rejected is one bad line.
type Rejected struct {
	// Line is the physical number of the line's start, from 1.
	Line int
	// Original is the line's text, cut to 1024 bytes on a character boundary.
	Original string
	// Message says what is wrong.
	Message string
	// Limit says that a configured limit is the reason.
	Limit bool
}

// Report says what became of a body.
type Report struct {
	// Written is the number of lines written, and Failed that of bad lines.
	Written, Failed int
	// Rejected are the first MaxRejected bad lines.
	Rejected []Rejected
}

// LimitHit says whether a listed line was rejected because of a limit.
func (r *Report) LimitHit() bool {
	for _, j := range r.Rejected {
		if j.Limit {
			return true
		}
	}
	return false
}
