package upstream

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// dirBucket is a directory, such as a mounted network drive. It must exist: when
// nothing is mounted, nothing must be written to what lies below.
type dirBucket struct {
	root  string
	limit *throttle
}

var _ bucket = (*dirBucket)(nil)

// partial begins the names of files that are not complete.
const partial = ".tarn-partial-"

func (b *dirBucket) path(key string) string { return filepath.Join(b.root, filepath.FromSlash(key)) }

// Note is bucket's.
func (b *dirBucket) Note() string { return "" }

// Ready is bucket's.
func (b *dirBucket) Ready(context.Context) error {
	info, err := os.Stat(b.root)
	if err == nil && !info.IsDir() {
		err = errors.New("it is not a directory")
	}
	if err != nil {
		return fmt.Errorf("the directory %w: %w", errUnreachable, err)
	}
	return nil
}

// Put is bucket's: a temporary file, synced, gets its name unless it is taken,
// and then the directory is synced.
func (b *dirBucket) Put(ctx context.Context, key string, o object) error {
	if err := b.Ready(ctx); err != nil {
		return err
	}
	if done, err := b.there(ctx, key, &o); done || err != nil {
		return err
	}
	dir := filepath.Dir(b.path(key))
	if err := b.mkdir(dir); err != nil {
		return err
	}
	temporary, err := b.write(ctx, dir, &o)
	if err == nil {
		err = publish(temporary, b.path(key))
	}
	if errors.Is(err, fs.ErrExist) {
		err = nil
		if done, e := b.there(ctx, key, &o); e != nil || !done {
			err = errors.Join(fmt.Errorf("put %s: it came and went", key), e)
		}
	}
	if e := os.Remove(temporary); temporary != "" && e != nil && !errors.Is(e, fs.ErrNotExist) {
		err = errors.Join(err, e)
	}
	if err != nil {
		return fmt.Errorf("put %s: %w", key, err)
	}
	return syncDir(dir)
}

// there says whether the object is there already.
func (b *dirBucket) there(ctx context.Context, key string, o *object) (bool, error) {
	s, err := b.Stat(ctx, key)
	switch {
	case errors.Is(err, errAbsent):
		return false, nil
	case err != nil:
		return false, err
	case !o.same(s):
		return false, fmt.Errorf("put %s: %w", key, errTaken)
	}
	// Whoever made it may not have made it durable.
	return true, errors.Join(syncFile(b.path(key)), syncDir(filepath.Dir(b.path(key))))
}

// write makes a temporary file of the object, durable but for its name, which
// nobody else has: two writers of one file would spoil what one of them has
// published. What a crash left of the same object long ago goes.
func (b *dirBucket) write(ctx context.Context, dir string, o *object) (path string, err error) {
	name := partial + o.Hash[:16] + "-"
	old, _ := filepath.Glob(filepath.Join(dir, name+"*")) // none where the root's name is a pattern
	for _, path := range old {
		if info, err := os.Stat(path); err == nil && time.Since(info.ModTime()) > time.Hour {
			_ = os.Remove(path) // it is only in the way
		}
	}
	f, err := os.CreateTemp(dir, name+"*")
	if err != nil {
		return "", err
	}
	if err := f.Chmod(0o644); err != nil && !errors.Is(err, errors.ErrUnsupported) && !errors.Is(err, fs.ErrPermission) {
		return f.Name(), errors.Join(err, f.Close())
	}
	w := bufio.NewWriterSize(b.limit.writer(ctx, f, o.Progress), 256<<10)
	err = o.render(ctx, w)
	if err == nil {
		err = w.Flush()
	}
	if err == nil {
		err = f.Sync()
	}
	return f.Name(), errors.Join(err, f.Close())
}

// publish gives a file its name unless it is taken. Where there are no hard
// links it looks first: then two writers at the very same moment are not told
// apart, but keys are of one node.
func publish(temporary, path string) error {
	err := os.Link(temporary, path)
	if err == nil || errors.Is(err, fs.ErrExist) {
		return err
	}
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(fs.ErrExist, err)
	}
	return os.Rename(temporary, path)
}

// mkdir makes a directory below the root, durably.
func (b *dirBucket) mkdir(dir string) error {
	if _, err := os.Stat(dir); err == nil || dir == b.root {
		return err
	}
	if err := b.mkdir(filepath.Dir(dir)); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncDir(filepath.Dir(dir))
}

func syncFile(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// syncDir makes names durable. Some network file systems cannot, and say so.
func syncDir(dir string) error {
	err := syncFile(dir)
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTSUP) {
		return nil
	}
	return err
}

// Stat is bucket's. It reads the file to know its hash.
func (b *dirBucket) Stat(ctx context.Context, key string) (stat, error) {
	f, err := os.Open(b.path(key))
	if errors.Is(err, fs.ErrNotExist) {
		return stat{}, fmt.Errorf("%s: %w", key, errAbsent)
	}
	if err != nil {
		return stat{}, err
	}
	defer f.Close()
	m := newMeter(io.Discard)
	if _, err := io.Copy(m, &contextReader{ctx, f}); err != nil {
		return stat{}, fmt.Errorf("read %s: %w", key, err)
	}
	return stat{Size: m.n, Hash: m.sum()}, nil
}

// contextReader ends with its context.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c *contextReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}

// Get is bucket's.
func (b *dirBucket) Get(_ context.Context, key string) ([]byte, error) {
	f, err := os.Open(b.path(key))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: %w", key, errAbsent)
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readSmall(f, key)
}

// Set is bucket's.
func (b *dirBucket) Set(ctx context.Context, key string, body []byte) error {
	dir := filepath.Dir(b.path(key))
	if err := b.mkdir(dir); err != nil {
		return err
	}
	o := bytesObject(body)
	temporary, err := b.write(ctx, dir, &o)
	if err != nil {
		return errors.Join(fmt.Errorf("set %s: %w", key, err), os.Remove(temporary))
	}
	if err := os.Rename(temporary, b.path(key)); err != nil {
		return err
	}
	return syncDir(dir)
}

// Delete is bucket's.
func (b *dirBucket) Delete(ctx context.Context, key string) error {
	if err := b.Ready(ctx); err != nil {
		return err
	}
	if err := os.Remove(b.path(key)); errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return fmt.Errorf("delete %s: %w", key, err)
	}
	return syncDir(filepath.Dir(b.path(key)))
}

// List is bucket's.
func (b *dirBucket) List(ctx context.Context, prefix, after string, fn func(key string, size int64) error) error {
	if err := b.Ready(ctx); err != nil {
		return err
	}
	type entry struct {
		key  string
		size int64
	}
	var all []entry // a walk's order is another: a/b comes before a-b
	err := filepath.WalkDir(b.path(prefix), func(path string, d fs.DirEntry, err error) error {
		if err == nil {
			err = ctx.Err()
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || d.IsDir() || strings.HasPrefix(d.Name(), partial) {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(b.root, path)
		if err != nil {
			return err
		}
		if key := filepath.ToSlash(rel); key > after {
			all = append(all, entry{key, info.Size()})
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("list %s: %w", prefix, err)
	}
	slices.SortFunc(all, func(x, y entry) int { return strings.Compare(x.key, y.key) })
	for _, e := range all {
		if err := fn(e.key, e.size); err != nil {
			return err
		}
	}
	return nil
}
