package vfs

import (
	"io"
	"sync"
)

// Op is one operation that a Fault file system is about to do.
type Op struct {
	// N counts operations from 1.
	N int
	// Kind is the method's name in lower case: "create", "open", "remove",
	// "rename", "mkdir", "list", "stat", "syncdir", "write", "read",
	// "truncate", "sync", "preallocate".
	Kind string
	Name string
	// Bytes is the length of a write.
	Bytes int
}

// Injector decides the fate of an operation: nil lets it happen; an error is
// returned instead, after the first short bytes of a write were written.
type Injector func(op Op) (short int, err error)

// Fault passes operations on to another file system unless its injector says
// otherwise.
type Fault struct {
	FS
	mu     sync.Mutex
	n      int
	inject Injector
}

// NewFault returns a file system that asks inject before every operation.
func NewFault(inner FS, inject Injector) *Fault { return &Fault{FS: inner, inject: inject} }

// FailNth returns an injector that fails the n-th operation, and, when sticky,
// all that follow.
func FailNth(n int, sticky bool, err error) Injector {
	return func(op Op) (int, error) {
		if op.N == n || sticky && op.N > n {
			return op.Bytes / 2, err
		}
		return 0, nil
	}
}

// Ops is the number of operations so far.
func (f *Fault) Ops() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.n
}

func (f *Fault) op(kind, name string, bytes int) (int, error) {
	f.mu.Lock()
	f.n++
	op := Op{N: f.n, Kind: kind, Name: name, Bytes: bytes}
	f.mu.Unlock()
	return f.inject(op)
}

func (f *Fault) file(file File, err error) (File, error) {
	if err != nil {
		return nil, err
	}
	return &faultFile{file, f}, nil
}

// Create is FS's.
func (f *Fault) Create(name string) (File, error) {
	if _, err := f.op("create", name, 0); err != nil {
		return nil, err
	}
	return f.file(f.FS.Create(name))
}

// Open is FS's.
func (f *Fault) Open(name string) (File, error) {
	if _, err := f.op("open", name, 0); err != nil {
		return nil, err
	}
	return f.file(f.FS.Open(name))
}

// OpenReadWrite is FS's.
func (f *Fault) OpenReadWrite(name string) (File, error) {
	if _, err := f.op("open", name, 0); err != nil {
		return nil, err
	}
	return f.file(f.FS.OpenReadWrite(name))
}

// Remove is FS's.
func (f *Fault) Remove(name string) error {
	if _, err := f.op("remove", name, 0); err != nil {
		return err
	}
	return f.FS.Remove(name)
}

// Rename is FS's.
func (f *Fault) Rename(oldname, newname string) error {
	if _, err := f.op("rename", newname, 0); err != nil {
		return err
	}
	return f.FS.Rename(oldname, newname)
}

// MkdirAll is FS's.
func (f *Fault) MkdirAll(dir string) error {
	if _, err := f.op("mkdir", dir, 0); err != nil {
		return err
	}
	return f.FS.MkdirAll(dir)
}

// List is FS's.
func (f *Fault) List(dir string) ([]string, error) {
	if _, err := f.op("list", dir, 0); err != nil {
		return nil, err
	}
	return f.FS.List(dir)
}

// Stat is FS's.
func (f *Fault) Stat(name string) (Info, error) {
	if _, err := f.op("stat", name, 0); err != nil {
		return Info{}, err
	}
	return f.FS.Stat(name)
}

// SyncDir is FS's.
func (f *Fault) SyncDir(dir string) error {
	if _, err := f.op("syncdir", dir, 0); err != nil {
		return err
	}
	return f.FS.SyncDir(dir)
}

// Lock is FS's; it does not fail on purpose.
func (f *Fault) Lock(name string) (io.Closer, error) { return f.FS.Lock(name) }

type faultFile struct {
	File
	fs *Fault
}

func (f *faultFile) write(p []byte, write func([]byte) (int, error)) (int, error) {
	short, err := f.fs.op("write", f.Name(), len(p))
	if err == nil {
		return write(p)
	}
	n := 0
	if short > 0 {
		n, _ = write(p[:min(short, len(p))])
	}
	return n, err
}

func (f *faultFile) Write(p []byte) (int, error) { return f.write(p, f.File.Write) }

func (f *faultFile) WriteAt(p []byte, off int64) (int, error) {
	return f.write(p, func(p []byte) (int, error) { return f.File.WriteAt(p, off) })
}

func (f *faultFile) Read(p []byte) (int, error) {
	if _, err := f.fs.op("read", f.Name(), 0); err != nil {
		return 0, err
	}
	return f.File.Read(p)
}

func (f *faultFile) ReadAt(p []byte, off int64) (int, error) {
	if _, err := f.fs.op("read", f.Name(), 0); err != nil {
		return 0, err
	}
	return f.File.ReadAt(p, off)
}

func (f *faultFile) Sync() error {
	if _, err := f.fs.op("sync", f.Name(), 0); err != nil {
		return err
	}
	return f.File.Sync()
}

func (f *faultFile) Truncate(n int64) error {
	if _, err := f.fs.op("truncate", f.Name(), 0); err != nil {
		return err
	}
	return f.File.Truncate(n)
}

func (f *faultFile) Preallocate(n int64) error {
	if _, err := f.fs.op("preallocate", f.Name(), 0); err != nil {
		return err
	}
	return f.File.Preallocate(n)
}
