// Package spill keeps rows that queries cannot hold in memory in temporary
// files.
//
// A Space is a folder of them, with a limit. A Writer takes batches and ends as
// a Run, which any number of Readers yield again in the same order. What the
// files hold means nothing to another process: a Space that is opened empties
// its folder.
package spill

import (
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"

	"tarn/store/vfs"
)

// FS is what a Space needs of a file system; vfs.FS has it.
type FS interface {
	Create(name string) (vfs.File, error)
	Remove(name string) error
	MkdirAll(dir string) error
	List(dir string) ([]string, error)
}

// Options configure a Space.
type Options struct {
	// Limit is the most bytes that all files have at once; 0 means none.
	Limit int64
	// Reserve, when not nil, is asked for bytes of disk before they are written,
	// and is given them back as a negative number, which cannot fail.
	Reserve func(bytes int64) error
}

// Space is a folder of temporary files. It is safe for concurrent use.
type Space struct {
	fs   FS
	dir  string
	opts Options
	next atomic.Int64
	used atomic.Int64
}

// Error means that temporary files could not be written: no more are allowed,
// or the disk does not take them.
type Error struct{ Err error }

func (e *Error) Error() string { return "temporary files: " + e.Err.Error() }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Open makes the folder, or empties the one that a crash left.
func Open(fs FS, dir string, o Options) (*Space, error) {
	if err := fs.MkdirAll(dir); err != nil {
		return nil, fmt.Errorf("make the folder of temporary files: %w", err)
	}
	names, err := fs.List(dir)
	if err != nil {
		return nil, fmt.Errorf("list temporary files: %w", err)
	}
	for _, n := range names {
		if err := fs.Remove(dir + "/" + n); err != nil {
			return nil, fmt.Errorf("remove a temporary file: %w", err)
		}
	}
	return &Space{fs: fs, dir: dir, opts: o}, nil
}

// Used is the size of all files, in bytes.
func (s *Space) Used() int64 { return s.used.Load() }

// reserve takes n bytes more of the limit and of the disk.
func (s *Space) reserve(n int64) error {
	if used := s.used.Add(n); s.opts.Limit > 0 && used > s.opts.Limit {
		s.used.Add(-n)
		return &Error{fmt.Errorf("more than the %d MB that are allowed would be needed", s.opts.Limit>>20)}
	}
	if s.opts.Reserve == nil {
		return nil
	}
	if err := s.opts.Reserve(n); err != nil {
		s.used.Add(-n)
		return &Error{err}
	}
	return nil
}

// file is one temporary file.
type file struct {
	vfs.File
	space *Space
	path  string
	size  int64 // reserved
}

func (s *Space) create() (*file, error) {
	path := s.dir + "/" + strconv.FormatInt(s.next.Add(1), 10)
	f, err := s.fs.Create(path)
	if err != nil {
		return nil, &Error{err}
	}
	return &file{File: f, space: s, path: path}, nil
}

// remove closes and deletes the file, and gives back what it had.
func (f *file) remove() error {
	err := errors.Join(f.Close(), f.space.fs.Remove(f.path))
	f.space.used.Add(-f.size)
	if f.space.opts.Reserve != nil && f.size > 0 {
		_ = f.space.opts.Reserve(-f.size) // giving back cannot fail
	}
	f.size = 0
	if err != nil {
		return fmt.Errorf("remove a temporary file: %w", err)
	}
	return nil
}
