package store

import (
	"context"
	"errors"
	"fmt"
	"io"

	"tarn/store/column"
	"tarn/store/schema"
	"tarn/store/segment"
	"tarn/store/vfs"
)

// SyncColumn is a column of a file that goes upstream.
type SyncColumn = segment.ExportColumn

// SyncReader reads a segment for a target, aside of the page cache. The file
// stays until Close, even when the segment is dropped.
type SyncReader struct {
	held   *segmentFile
	file   vfs.File
	size   int64
	reader *segment.Reader
	export *segment.Export
}

// OpenSyncFile opens a segment. It returns ErrNotFound when it is gone. The
// caller closes the reader.
func (s *Store) OpenSyncFile(ctx context.Context, f SyncFile) (_ *SyncReader, err error) {
	s.up.mu.Lock()
	held := s.registered(f.TableID, f.ID)
	if held != nil {
		held.acquire()
	}
	s.up.mu.Unlock()
	if held == nil {
		return nil, fmt.Errorf("segment %d: %w", f.ID, ErrNotFound)
	}
	r := &SyncReader{held: held}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("open segment %d: %w", f.ID, err), r.Close())
		}
	}()
	if r.file, err = s.opts.FS.Open(s.opts.Dir + "/" + held.Path); err != nil {
		return nil, err
	}
	if r.size, err = r.file.Size(); err != nil {
		return nil, err
	}
	if r.reader, err = segment.Open(ctx, r.file, segment.ReaderOptions{Name: held.Path}); err != nil {
		return nil, err
	}
	return r, nil
}

// Close lets the file go.
func (r *SyncReader) Close() error {
	var err error
	if r.file != nil {
		err = r.file.Close()
	}
	r.held.release()
	return err
}

// Size is the segment's size in bytes.
func (r *SyncReader) Size() int64 { return r.size }

// Copy writes the segment as it is.
func (r *SyncReader) Copy(ctx context.Context, out io.Writer) error {
	buf := make([]byte, 64<<10)
	for at := int64(0); at < r.size; {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := r.file.ReadAt(buf[:min(int64(len(buf)), r.size-at)], at)
		if n == 0 {
			return fmt.Errorf("read segment %d at %d: %w", r.held.ID, at, err)
		}
		if _, err := out.Write(buf[:n]); err != nil {
			return err
		}
		at += int64(n)
	}
	return nil
}

// Columns are those of the segment as it is.
func (r *SyncReader) Columns() []SyncColumn { return r.reader.Columns() }

// Micros plans the segment in microseconds (see segment.Export) and returns the
// columns that it will have.
func (r *SyncReader) Micros(ctx context.Context) ([]SyncColumn, error) {
	if r.export == nil {
		e, err := segment.PlanExport(ctx, r.reader)
		if err != nil {
			return nil, err
		}
		r.export = e
	}
	return r.export.Columns(), nil
}

// CopyMicros writes the segment in microseconds: the same bytes every time.
func (r *SyncReader) CopyMicros(ctx context.Context, out io.Writer) error {
	if _, err := r.Micros(ctx); err != nil {
		return err
	}
	_, err := r.export.Write(ctx, out)
	return err
}

// Tags are the names of the tags, Fields the fields of the segment.
func (r *SyncReader) Tags() (names []string) {
	sch := r.reader.Schema()
	for _, id := range sch.Tags {
		names = append(names, sch.Columns[id].Name)
	}
	return names
}

// Fields are the fields that the segment has.
func (r *SyncReader) Fields() (fields []schema.Column) {
	sch := r.reader.Schema()
	for _, c := range r.reader.Columns() {
		if c.Role == schema.Field {
			f, _ := sch.Column(c.Name)
			fields = append(fields, f)
		}
	}
	return fields
}

// Each calls fn with all rows, at most 4096 at a time, of one series each: its
// tag values parallel to Tags, "" for none; times; and vectors parallel to
// Fields. What fn gets is valid until it returns.
func (r *SyncReader) Each(ctx context.Context, fn func(tags []string, times []int64, cols []*column.Vector) error) error {
	const step = 4096
	fields := r.Fields()
	cols := make([]*column.Vector, len(fields))
	for i, f := range fields {
		cols[i] = column.NewVector(column.Of(f.Kind), 0)
	}
	var times []int64
	for s := range r.reader.NumSeries() {
		tags := r.reader.SeriesTags(s)
		for from, end := r.reader.SeriesRows(s); from < end; from += step {
			to := min(from+step, end)
			var err error
			if times, err = r.reader.ReadTime(ctx, times[:0], from, to); err != nil {
				return err
			}
			for i, f := range fields {
				cols[i].Reset(column.Of(f.Kind))
				if err := r.reader.ReadColumn(ctx, cols[i], f, from, to); err != nil {
					return err
				}
			}
			if err := fn(tags, times, cols); err != nil {
				return err
			}
		}
	}
	return nil
}
