package vfs

import (
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"path"
	"slices"
	"sync"
	"time"
)

// Mem is a file system in memory that knows what a power cut would leave.
//
// Expected usage: run the code under test on NewMem(), take CrashClone at any
// moment, and recover from the clone, while the original goes on or is dropped.
type Mem struct {
	mu    sync.Mutex
	dirs  map[string]bool     // true when the name is on disk
	names map[string]*memNode // the names as a program sees them
	saved map[string]*memNode // the names as the disk has them
	moves []memMove           // between saved and names
	locks map[string]bool
	// FreeBytes is what Free reports as available.
	FreeBytes int64
}

// memNode is a file's content. Between syncs it remembers every write, since
// any of them, in any order and in part, may be what a crash keeps.
type memNode struct {
	mu      sync.Mutex
	data    []byte
	synced  []byte
	pending []memWrite
	mod     time.Time
}

// memMove gives a file a name or, with an empty one, takes it away. A file has
// one name at a time, also after a crash: that a rename leaves neither two nor
// none is what every journaling file system promises.
type memMove struct {
	node     *memNode
	from, to string
}

func (v memMove) apply(names map[string]*memNode) {
	maps.DeleteFunc(names, func(_ string, n *memNode) bool { return n == v.node })
	if v.to != "" {
		names[v.to] = v.node
	}
}

func (v memMove) touches(dir string) bool {
	return v.from != "" && path.Dir(v.from) == dir || v.to != "" && path.Dir(v.to) == dir
}

// move changes names now and on disk some day.
func (m *Mem) move(v memMove) {
	v.apply(m.names)
	m.moves = append(m.moves, v)
}

// memWrite is one write or, with no data, a truncation to off.
type memWrite struct {
	off  int64
	data []byte
}

// sector is the unit that a disk writes whole.
const sector = 512

// NewMem returns an empty file system.
func NewMem() *Mem {
	return &Mem{dirs: map[string]bool{".": true, "/": true}, names: map[string]*memNode{}, saved: map[string]*memNode{}, locks: map[string]bool{}, FreeBytes: 1 << 40}
}

// CrashClone returns the file system as a crash at this moment might leave it:
// of what was not synced, a random part survives. Locks do not.
func (m *Mem) CrashClone(rng *rand.Rand) *Mem {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := NewMem()
	c.FreeBytes = m.FreeBytes
	for _, d := range slices.Sorted(maps.Keys(m.dirs)) { // parents first
		_, ok := c.dirs[path.Dir(d)]
		if ok && (m.dirs[d] || rng.IntN(2) == 0) {
			c.dirs[d] = true
		}
	}
	names := maps.Clone(m.saved)
	for _, v := range m.moves {
		if rng.IntN(2) == 0 {
			v.apply(names)
		}
	}
	for _, n := range slices.Sorted(maps.Keys(names)) {
		if c.hasDir(path.Dir(n)) {
			k := names[n].crash(rng)
			c.names[n], c.saved[n] = k, k
		}
	}
	return c
}

func (m *Mem) hasDir(dir string) bool {
	_, ok := m.dirs[dir]
	return ok
}

// crash returns the node with a random part of what was not synced.
func (n *memNode) crash(rng *rand.Rand) *memNode {
	n.mu.Lock()
	defer n.mu.Unlock()
	data := slices.Clone(n.synced)
	for _, w := range n.pending {
		switch rng.IntN(3) {
		case 0: // lost
		case 1: // written
			data = w.apply(data, w.data)
		case 2: // torn: some of its sectors
			if w.data == nil {
				continue
			}
			for off := 0; off < len(w.data); {
				end := min(len(w.data), int((w.off+int64(off))/sector*sector+sector-w.off))
				if rng.IntN(2) == 0 {
					data = memWrite{w.off + int64(off), nil}.apply(data, w.data[off:end])
				}
				off = end
			}
		}
	}
	return &memNode{data: slices.Clone(data), synced: data, mod: n.mod}
}

func (w memWrite) apply(data, p []byte) []byte {
	if p == nil { // truncation
		if int64(len(data)) >= w.off {
			return data[:w.off]
		}
		return append(data, make([]byte, w.off-int64(len(data)))...)
	}
	if need := w.off + int64(len(p)) - int64(len(data)); need > 0 {
		data = append(data, make([]byte, need)...)
	}
	copy(data[w.off:], p)
	return data
}

func (m *Mem) open(op, name string, create, truncate bool) (File, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	name = path.Clean(name)
	n := m.names[name]
	if n == nil {
		if !create || !m.hasDir(path.Dir(name)) {
			return nil, notExist(op, name)
		}
		n = &memNode{mod: time.Now()}
		m.move(memMove{node: n, to: name})
	}
	f := &memFile{node: n, name: name, readOnly: !create}
	if truncate {
		if err := f.Truncate(0); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// Create is FS's.
func (m *Mem) Create(name string) (File, error) { return m.open("create", name, true, true) }

// Open is FS's.
func (m *Mem) Open(name string) (File, error) { return m.open("open", name, false, false) }

// OpenReadWrite is FS's.
func (m *Mem) OpenReadWrite(name string) (File, error) { return m.open("open", name, true, false) }

// Remove is FS's.
func (m *Mem) Remove(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	name = path.Clean(name)
	n := m.names[name]
	if n == nil {
		return notExist("remove", name)
	}
	m.move(memMove{node: n, from: name})
	return nil
}

// Rename is FS's.
func (m *Mem) Rename(oldname, newname string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	oldname, newname = path.Clean(oldname), path.Clean(newname)
	n := m.names[oldname]
	if n == nil || !m.hasDir(path.Dir(newname)) {
		return notExist("rename", oldname)
	}
	if oldname != newname {
		m.move(memMove{node: n, from: oldname, to: newname})
	}
	return nil
}

// MkdirAll is FS's.
func (m *Mem) MkdirAll(dir string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for d := path.Clean(dir); !m.hasDir(d); d = path.Dir(d) {
		m.dirs[d] = false
	}
	return nil
}

// List is FS's.
func (m *Mem) List(dir string) ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	dir = path.Clean(dir)
	if !m.hasDir(dir) {
		return nil, notExist("list", dir)
	}
	var names []string
	for n := range m.names {
		if path.Dir(n) == dir {
			names = append(names, path.Base(n))
		}
	}
	for d := range m.dirs {
		if d != dir && path.Dir(d) == dir {
			names = append(names, path.Base(d))
		}
	}
	slices.Sort(names)
	return names, nil
}

// Stat is FS's.
func (m *Mem) Stat(name string) (Info, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	name = path.Clean(name)
	if m.hasDir(name) {
		return Info{Dir: true}, nil
	}
	n := m.names[name]
	if n == nil {
		return Info{}, notExist("stat", name)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	return Info{Size: int64(len(n.data)), ModTime: n.mod}, nil
}

// SyncDir is FS's.
func (m *Mem) SyncDir(dir string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	dir = path.Clean(dir)
	if !m.hasDir(dir) {
		return notExist("sync", dir)
	}
	for d := range m.dirs {
		if path.Dir(d) == dir {
			m.dirs[d] = true
		}
	}
	m.moves = slices.DeleteFunc(m.moves, func(v memMove) bool {
		if v.touches(dir) {
			v.apply(m.saved)
			return true
		}
		return false
	})
	return nil
}

// Lock is FS's.
func (m *Mem) Lock(name string) (io.Closer, error) {
	f, err := m.OpenReadWrite(name)
	if err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	name = f.Name()
	if m.locks[name] {
		return nil, fmt.Errorf("lock %s: %w", name, ErrLocked)
	}
	m.locks[name] = true
	return memLock{m, name}, nil
}

type memLock struct {
	fs   *Mem
	name string
}

func (l memLock) Close() error {
	l.fs.mu.Lock()
	defer l.fs.mu.Unlock()
	delete(l.fs.locks, l.name)
	return nil
}

// Free is FS's.
func (m *Mem) Free(string) (available, total int64, err error) { return m.FreeBytes, 1 << 40, nil }

// memFile is an open memNode.
type memFile struct {
	node     *memNode
	name     string
	readOnly bool
	mu       sync.Mutex
	pos      int64
}

func (f *memFile) Read(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n, err := f.ReadAt(p, f.pos)
	f.pos += int64(n)
	if n > 0 {
		err = nil
	}
	return n, err
}

func (f *memFile) ReadAt(p []byte, off int64) (int, error) {
	f.node.mu.Lock()
	defer f.node.mu.Unlock()
	if off >= int64(len(f.node.data)) {
		return 0, io.EOF
	}
	n := copy(p, f.node.data[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (f *memFile) Write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n, err := f.WriteAt(p, f.pos)
	f.pos += int64(n)
	return n, err
}

func (f *memFile) WriteAt(p []byte, off int64) (int, error) {
	if f.readOnly {
		return 0, &fs.PathError{Op: "write", Path: f.name, Err: fs.ErrPermission}
	}
	if len(p) == 0 {
		return 0, nil
	}
	f.node.mu.Lock()
	defer f.node.mu.Unlock()
	w := memWrite{off, slices.Clone(p)}
	f.node.data = w.apply(f.node.data, w.data)
	f.node.pending = append(f.node.pending, w)
	f.node.mod = time.Now()
	return len(p), nil
}

func (f *memFile) Truncate(size int64) error {
	if f.readOnly {
		return &fs.PathError{Op: "truncate", Path: f.name, Err: fs.ErrPermission}
	}
	f.node.mu.Lock()
	defer f.node.mu.Unlock()
	w := memWrite{size, nil}
	f.node.data = w.apply(f.node.data, nil)
	f.node.pending = append(f.node.pending, w)
	return nil
}

func (f *memFile) Sync() error {
	f.node.mu.Lock()
	defer f.node.mu.Unlock()
	f.node.synced = slices.Clone(f.node.data)
	f.node.pending = nil
	return nil
}

func (f *memFile) Size() (int64, error) {
	f.node.mu.Lock()
	defer f.node.mu.Unlock()
	return int64(len(f.node.data)), nil
}

func (f *memFile) Preallocate(n int64) error {
	if size, _ := f.Size(); size < n {
		return f.Truncate(n)
	}
	return nil
}

func (f *memFile) Close() error { return nil }

func (f *memFile) Name() string { return f.name }
