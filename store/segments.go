package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"tarn/store/catalog"
	"tarn/store/column"
	"tarn/store/merge"
	"tarn/store/schema"
	"tarn/store/segment"
	"tarn/store/series"
	"tarn/store/vfs"
)

// segmentFile is a registered segment. The file is opened when rows of it are
// read; what the catalog knows is enough to pass over it. It is a merge.Source
// after open.
type segmentFile struct {
	catalog.Segment
	files *fileCache
	index *series.Index

	refs    atomic.Int64 // readers, plus one while it is registered
	removed atomic.Bool  // the last reader deletes the file

	mu     sync.Mutex
	source merge.Searcher // of the reader that is open, nil otherwise
	reader *segment.Reader
	file   vfs.File
}

var _ merge.Searcher = (*segmentFile)(nil)

func newSegmentFile(s catalog.Segment, files *fileCache, index *series.Index) *segmentFile {
	f := &segmentFile{Segment: s, files: files, index: index}
	f.refs.Store(1)
	return f
}

func (f *segmentFile) acquire() { f.refs.Add(1) }

// release ends what acquire began; the last one of a removed segment deletes
// the file.
func (f *segmentFile) release() {
	switch n := f.refs.Add(-1); {
	case n < 0:
		panic("BUG: segment " + f.Path + " released more often than acquired")
	case n == 0:
		f.files.drop(f)
		if f.removed.Load() {
			f.files.remove(f.Path)
		}
	}
}

// open makes the segment readable. The caller has acquired it.
func (f *segmentFile) open(ctx context.Context) error {
	f.files.touch(f)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.source != nil {
		return nil
	}
	path := f.files.dir + "/" + f.Path
	file, err := f.files.fs.Open(path)
	if err != nil {
		return f.damaged(fmt.Errorf("open segment %d: %w", f.ID, err))
	}
	r, err := segment.Open(ctx, file, segment.ReaderOptions{Name: f.Path, Cache: f.files.pages, CacheID: f.ID})
	if err == nil && !f.is(r) {
		err = &segment.CorruptError{Path: f.Path, Place: "footer", Err: errors.New("it is not the file that the catalog means")}
	}
	if err != nil {
		return f.damaged(errors.Join(fmt.Errorf("open segment %d: %w", f.ID, err), file.Close()))
	}
	ids, err := f.number(r)
	if err != nil {
		return errors.Join(fmt.Errorf("number the series of segment %d: %w", f.ID, err), file.Close())
	}
	r.DropTags() // the index has them: a million series are many megabytes
	f.reader, f.file, f.source = r, file, r.Source(ids)
	return nil
}

// is says whether an open file is the one that the catalog means.
func (f *segmentFile) is(r *segment.Reader) bool {
	m := r.Meta()
	return m.TableID == f.TableID && m.DatabaseID == f.DatabaseID && r.Info().Rows == f.Segment.Rows
}

// number maps the segment's series to the table's.
func (f *segmentFile) number(r *segment.Reader) ([]uint32, error) {
	// The file's tags are a prefix of the table's: tags are only added.
	ids := make([]uint32, r.NumSeries())
	for i := range ids {
		id, err := f.index.Resolve(r.SeriesTags(i))
		if err != nil {
			return nil, err
		}
		ids[i] = id
	}
	return ids, nil
}

// close gives up the file; open brings it back.
func (f *segmentFile) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.file != nil {
		_ = f.file.Close() // read-only: nothing can be lost
	}
	f.file, f.reader, f.source = nil, nil, nil
}

func (f *segmentFile) opened() merge.Searcher {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.source == nil {
		panic("BUG: segment " + f.Path + " is read without being open")
	}
	return f.source
}

// rest gives up the pages that scans left behind.
func (f *segmentFile) rest() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.reader != nil {
		f.reader.Rest()
	}
}

// rowGroups is how many the file has; it must be open.
func (f *segmentFile) rowGroups() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.reader.Info().RowGroups
}

// schema is the table's when the segment was written; it must be open.
func (f *segmentFile) schema() *schema.Table {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.reader.Schema()
}

// Runs is merge.Source's.
func (f *segmentFile) Runs() []merge.Run { return f.opened().Runs() }

// Rows is merge.Source's.
func (f *segmentFile) Rows() int { return int(f.Segment.Rows) }

// TimeRange is merge.Source's.
func (f *segmentFile) TimeRange() (lo, hi int64) { return f.MinTime, f.MaxTime }

// SeqRange is merge.Source's.
func (f *segmentFile) SeqRange() (lo, hi uint64) { return f.MinSeq, f.MaxSeq }

// Late is merge.Source's.
func (f *segmentFile) Late() bool { return f.Segment.Late }

// ReadTime is merge.Source's.
func (f *segmentFile) ReadTime(ctx context.Context, dst []int64, from, to int) ([]int64, error) {
	dst, err := f.opened().ReadTime(ctx, dst, from, to)
	if err != nil {
		return dst, f.damaged(fmt.Errorf("segment %d: %w", f.ID, err))
	}
	return dst, nil
}

// ReadColumn is merge.Source's.
func (f *segmentFile) ReadColumn(ctx context.Context, dst *column.Vector, col schema.Column, from, to int) error {
	if err := f.opened().ReadColumn(ctx, dst, col, from, to); err != nil {
		return f.damaged(fmt.Errorf("segment %d: %w", f.ID, err))
	}
	return nil
}

// Rules is merge.Searcher's.
func (f *segmentFile) Rules(ctx context.Context, tests []merge.TextTest, row int) (int, bool, error) {
	to, out, err := f.opened().Rules(ctx, tests, row)
	if err != nil {
		return to, false, f.damaged(fmt.Errorf("segment %d: %w", f.ID, err))
	}
	return to, out, nil
}

// Search is merge.Searcher's.
func (f *segmentFile) Search(ctx context.Context, dst []merge.Range, tests []merge.TextTest, from, to int) ([]merge.Range, error) {
	dst, err := f.opened().Search(ctx, dst, tests, from, to)
	if err != nil {
		return dst, f.damaged(fmt.Errorf("segment %d: %w", f.ID, err))
	}
	return dst, nil
}

// ColumnStats is merge.Source's.
func (f *segmentFile) ColumnStats(col schema.Column) (merge.Stats, bool) {
	return f.opened().ColumnStats(col)
}

// fileCache bounds the number of open segment files.
type fileCache struct {
	fs    vfs.FS
	dir   string
	pages pageCache // nil for none
	warn  func(msg string, args ...any)

	mu   sync.Mutex
	open []*segmentFile // most recently used last
}

func (s *Store) newFileCache() *fileCache {
	c := &fileCache{fs: s.opts.FS, dir: s.opts.Dir, warn: s.opts.Logger.Warn}
	if s.opts.CacheBytes > 0 {
		c.pages = newPageCache(s.opts.CacheBytes)
	}
	return c
}

// openFiles bounds the segment files kept open between scans: a dashboard's
// working set, well below any limit of file descriptors.
const openFiles = 64

// touch notes a use, and closes the least recently used file nobody reads.
func (c *fileCache) touch(f *segmentFile) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if i := slices.Index(c.open, f); i >= 0 {
		c.open = slices.Delete(c.open, i, i+1)
	}
	c.open = append(c.open, f)
	for i := 0; len(c.open) > openFiles && i < len(c.open)-1; {
		if old := c.open[i]; old.refs.Load() <= 1 {
			old.close()
			c.open = slices.Delete(c.open, i, i+1)
		} else {
			i++
		}
	}
}

// drop closes a segment that nobody refers to any more.
func (c *fileCache) drop(f *segmentFile) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f.close()
	if i := slices.Index(c.open, f); i >= 0 {
		c.open = slices.Delete(c.open, i, i+1)
	}
}

// closeAll closes every file and gives the page cache's memory back.
func (c *fileCache) closeAll() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, f := range c.open {
		f.close()
	}
	c.open = nil
	if c.pages != nil {
		c.pages.Reset()
	}
}

func (c *fileCache) remove(path string) {
	if err := c.fs.Remove(c.dir + "/" + path); err != nil {
		c.warn("cannot delete a segment; the next start will", "path", path, "error", err)
	}
}
