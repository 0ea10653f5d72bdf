package wal

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// quickSync is what a sync takes less than on a fast disk. On a slow one, such as
// an SD card, who waits for it shall not do it: he could not be interrupted.
const quickSync = time.Millisecond

// flush writes the pending group and syncs it. The caller holds io.
func (l *Log) flush() error {
	l.mu.Lock()
	buf, g := l.pending, l.group
	if l.failed != nil || len(buf) == 0 {
		err := l.failed
		l.mu.Unlock()
		return err
	}
	l.pending, l.rows, l.group, l.told = l.spare[:0], 0, newGroup(), false
	l.mu.Unlock()

	began := time.Now()
	written, err := l.writeGroup(buf)
	took := time.Since(began)
	// A buffer that one huge request has blown up is not kept.
	if cap(buf) <= max(l.opts.MaxPending/8, 64<<10) {
		l.spare = buf[:0]
	} else {
		l.spare = nil
	}
	l.mu.Lock()
	l.stats.WrittenBytes += written
	l.quick = took < quickSync
	if err != nil {
		// Never retried: after a failed sync nobody knows what the disk has.
		l.failed = fmt.Errorf("the write-ahead log failed: %w", err)
		g.err = l.failed
		l.group.err = l.failed
		close(l.group.done)
		l.pending = nil
		l.opts.Logger.Error("the write-ahead log failed; no more writes are accepted", "segment", l.segment, "error", err)
	} else {
		l.stats.Syncs++
	}
	l.mu.Unlock()
	close(g.done)
	return g.err
}

// writeGroup writes one group at the end of the segment, or of a new one when
// it does not fit, and syncs it.
func (l *Log) writeGroup(buf []byte) (written int64, err error) {
	padded := nextPage(len(buf))
	if l.file != nil && l.offset+int64(padded) > l.opts.SegmentSize {
		if err := l.finishSegment(); err != nil {
			return 0, err
		}
		l.segment++
	}
	seal(buf, l.segment)
	fresh := l.file == nil
	var page []byte
	if fresh {
		if written, err = l.openSegment(); err != nil {
			return written, fmt.Errorf("start segment %d: %w", l.segment, err)
		}
		page = appendHeader(nil, l.segment)
		if _, err := l.file.WriteAt(page, 0); err != nil {
			return written, fmt.Errorf("write the header of segment %d: %w", l.segment, err)
		}
		l.offset = pageSize
	}
	buf = append(buf, make([]byte, padded-len(buf))...)
	if _, err := l.file.WriteAt(buf, l.offset); err != nil {
		return written, fmt.Errorf("write segment %d at %d: %w", l.segment, l.offset, err)
	}
	if err := l.file.Sync(); err != nil {
		return written, fmt.Errorf("sync segment %d: %w", l.segment, err)
	}
	if fresh {
		if err := l.fs.SyncDir(l.dir); err != nil {
			return written, fmt.Errorf("sync directory %s: %w", l.dir, err)
		}
		l.mu.Lock()
		l.stats.Segments++
		l.stats.LiveBytes += pageSize
		l.mu.Unlock()
	}
	l.offset += int64(padded)
	l.mu.Lock()
	l.stats.LiveBytes += int64(padded)
	l.mu.Unlock()
	return written + int64(padded) + int64(len(page)), nil
}

// openSegment makes the file of the current segment, from a recycled one if
// there is one.
func (l *Log) openSegment() (written int64, err error) {
	name := l.dir + "/" + segmentName(l.segment)
	for len(l.free) > 0 {
		last := l.free[len(l.free)-1]
		l.free = l.free[:len(l.free)-1]
		if err := l.fs.Rename(l.dir+"/"+last, name); err != nil {
			l.opts.Logger.Warn("cannot recycle a log file", "file", last, "error", err)
			continue
		}
		l.file, err = l.fs.OpenReadWrite(name)
		return 0, err
	}
	if l.file, err = l.fs.Create(name); err != nil {
		return 0, err
	}
	if err := l.file.Preallocate(l.opts.SegmentSize); err != nil {
		return 0, fmt.Errorf("preallocate: %w", err)
	}
	return l.opts.SegmentSize, nil
}

// finishSegment closes the current file and remembers it.
func (l *Log) finishSegment() error {
	err := l.file.Close()
	l.segments = append(l.segments, segmentInfo{number: l.segment, size: max(l.offset, l.opts.SegmentSize), used: l.offset})
	l.file = nil
	if err != nil {
		return fmt.Errorf("close segment %d: %w", l.segment, err)
	}
	return nil
}

// Sync makes everything appended so far durable, now.
func (l *Log) Sync(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	l.io.Lock()
	defer l.io.Unlock()
	return l.flush()
}

// Rotate syncs what was appended and begins a new segment, whose number it
// returns: all earlier records lie in segments below it, all later ones do not.
func (l *Log) Rotate(ctx context.Context) (uint64, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	l.io.Lock()
	defer l.io.Unlock()
	if err := l.flush(); err != nil {
		return 0, err
	}
	if l.file != nil {
		if err := l.finishSegment(); err != nil {
			return 0, err
		}
		l.segment++
	}
	return l.segment, nil
}

// Release gives up the segments below before: their files are kept for reuse
// or deleted. That is done as well as possible: a file that stays is looked at
// again by the next Open.
func (l *Log) Release(ctx context.Context, before uint64) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	l.io.Lock()
	defer l.io.Unlock()
	var live int64
	kept := l.segments[:0]
	for _, s := range l.segments {
		if s.number < before {
			l.retire(s)
		} else {
			kept = append(kept, s)
			live += s.used
		}
	}
	l.segments = slices.Clip(kept)
	l.mu.Lock()
	l.stats.Segments = len(l.segments)
	if l.file != nil {
		l.stats.Segments++
		live += l.offset
	}
	l.stats.LiveBytes = live
	l.mu.Unlock()
	return nil
}

// retire recycles or deletes a segment's file. A corrupt one is kept for
// inspection.
func (l *Log) retire(s segmentInfo) {
	name := segmentName(s.number)
	from := l.dir + "/" + name
	var err error
	switch {
	case s.corrupt && l.opts.Quarantine != nil:
		err = l.opts.Quarantine(name)
	case s.corrupt:
		err = l.fs.Rename(from, from+corruptName)
	case len(l.free) < l.opts.Recycle && s.size == l.opts.SegmentSize:
		if err = l.fs.Rename(from, l.dir+"/"+freePrefix+name); err == nil {
			l.free = append(l.free, freePrefix+name)
		}
	default:
		err = l.fs.Remove(from)
	}
	if err != nil {
		l.opts.Logger.Warn("cannot release a log segment; the next start will", "segment", s.number, "error", err)
	}
}

// Close syncs what is pending and closes the log.
func (l *Log) Close() error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return ErrClosed
	}
	l.closed = true
	l.mu.Unlock()
	close(l.stop)
	l.done.Wait()
	l.io.Lock()
	defer l.io.Unlock()
	err := l.flush()
	if l.file != nil {
		err = errors.Join(err, l.file.Close())
		l.file = nil
	}
	return err
}
