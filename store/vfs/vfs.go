// Package vfs is the small file system through which everything durable goes:
// the real one, one in memory that can crash, and one that fails on purpose.
//
// Names are slash-separated paths. Durability is as on a real disk: a file's
// bytes last once Sync returned, its name once SyncDir of its directory did.
package vfs

import (
	"errors"
	"fmt"
	"io"
	"path"
	"time"
)

// FS is a file system.
type FS interface {
	// Create makes a file, or empties the one that is there, for reading and
	// writing.
	Create(name string) (File, error)
	// Open opens a file for reading.
	Open(name string) (File, error)
	// OpenReadWrite opens a file for reading and writing, and makes it if it is
	// not there.
	OpenReadWrite(name string) (File, error)
	Remove(name string) error
	// Rename replaces what newname was.
	Rename(oldname, newname string) error
	MkdirAll(dir string) error
	// List returns the sorted base names in a directory.
	List(dir string) ([]string, error)
	Stat(name string) (Info, error)
	// SyncDir makes the names in a directory durable.
	SyncDir(dir string) error
	// Lock takes an exclusive lock on a file, which it makes, until the Closer
	// is closed or the process ends. It returns ErrLocked when somebody else
	// has it.
	Lock(name string) (io.Closer, error)
	// Free returns the bytes available to us, and the size, of the file system
	// that holds dir.
	Free(dir string) (available, total int64, err error)
}

// File is an open file. ReadAt and WriteAt may be called concurrently.
type File interface {
	io.Reader
	io.Writer
	io.ReaderAt
	io.WriterAt
	io.Closer
	// Sync makes the file's bytes and size durable.
	Sync() error
	Truncate(size int64) error
	Size() (int64, error)
	// Preallocate makes the file at least n bytes long; what it gains is zero
	// and occupies disk space.
	Preallocate(n int64) error
	Name() string
}

// Info describes a file.
type Info struct {
	Size    int64
	Dir     bool
	ModTime time.Time
}

// ErrLocked means that another process holds a lock.
var ErrLocked = errors.New("locked by another process")

// MkdirAllSync is MkdirAll that also makes the last levels names of the path
// durable. It does so whether or not they are new: the process that made them
// may have died before it could.
func MkdirAllSync(fsys FS, dir string, levels int) error {
	if err := fsys.MkdirAll(dir); err != nil {
		return fmt.Errorf("make directory %s: %w", dir, err)
	}
	for range levels {
		dir = path.Dir(dir)
		if err := fsys.SyncDir(dir); err != nil {
			return fmt.Errorf("sync directory %s: %w", dir, err)
		}
	}
	return nil
}

// WriteFileAtomic replaces a file's content: after a crash it has the old or
// the new one, whole.
func WriteFileAtomic(fsys FS, dir, name string, data []byte) (err error) {
	tmp := dir + "/" + name + ".tmp"
	f, err := fsys.Create(tmp)
	if err != nil {
		return fmt.Errorf("create %s: %w", tmp, err)
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(fmt.Errorf("write %s: %w", tmp, err), fsys.Remove(tmp))
	}
	if err := fsys.Rename(tmp, dir+"/"+name); err != nil {
		return fmt.Errorf("rename %s: %w", tmp, err)
	}
	if err := fsys.SyncDir(dir); err != nil {
		return fmt.Errorf("sync directory %s: %w", dir, err)
	}
	return nil
}
