package store

import (
	"context"
	"errors"
	"fmt"
	"path"
	"sync"

	"tarn/store/catalog"
	"tarn/store/segment"
	"tarn/store/vfs"
)

// unsettled is a segment that is whole, but neither durable nor under its name.
type unsettled struct {
	seg   catalog.Segment
	file  vfs.File
	table int // of a checkpoint
}

// settleAtOnce is how many files wait to be made durable together. A checkpoint
// of a thousand small tables is a thousand files: one by one, each waits for the
// disk twice; together they share what the file system's journal writes.
const settleAtOnce = 64

// settle makes files durable and gives them their names. On an error none of
// them is left.
func (s *Store) settle(wet []unsettled) ([]unsettled, error) {
	err := s.together(len(wet), func(i int) error {
		f := wet[i]
		if err := f.file.Sync(); err != nil {
			return fmt.Errorf("finish %s: %w", f.seg.Path, err)
		}
		if err := verify(f); err != nil {
			return fmt.Errorf("finish %s: %w", f.seg.Path, err)
		}
		return nil
	})
	if err != nil {
		s.abandon(wet)
		return nil, err
	}
	renamed := 0
	for i, f := range wet {
		full := s.opts.Dir + "/" + f.seg.Path
		err = f.file.Close()
		wet[i].file = nil
		if err == nil {
			err = s.opts.FS.Rename(full+temporary, full)
		}
		if err != nil {
			err = fmt.Errorf("finish %s: %w", f.seg.Path, err)
			break
		}
		renamed++
	}
	if err == nil {
		err = s.settleNames(wet)
	}
	if err != nil {
		s.abandon(wet[renamed:])
		for _, f := range wet[:renamed] {
			s.files.remove(f.seg.Path)
		}
		return nil, err
	}
	for _, f := range wet {
		s.stats.segmentBytes.Add(f.seg.Bytes)
	}
	return wet, nil
}

// settleNames makes the names of files durable, and those of the directories
// above them that this process has not seen.
func (s *Store) settleNames(wet []unsettled) error {
	var dirs, fresh []string
	seen := map[string]bool{}
	s.directoriesMu.Lock()
	for _, f := range wet {
		dir := path.Dir(f.seg.Path)
		if seen[dir] {
			continue
		}
		seen[dir] = true
		dirs = append(dirs, dir)
		if s.directories[dir] {
			continue
		}
		fresh = append(fresh, dir)
		for up := path.Dir(dir); ; up = path.Dir(up) {
			if !seen[up] {
				seen[up] = true
				dirs = append(dirs, up)
			}
			if up == "." {
				break
			}
		}
	}
	s.directoriesMu.Unlock()
	err := s.together(len(dirs), func(i int) error {
		if err := s.opts.FS.SyncDir(path.Join(s.opts.Dir, dirs[i])); err != nil {
			return fmt.Errorf("sync directory %s: %w", dirs[i], err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	s.directoriesMu.Lock()
	defer s.directoriesMu.Unlock()
	for _, dir := range fresh {
		s.directories[dir] = true
	}
	return nil
}

// abandon deletes files that were not settled.
func (s *Store) abandon(wet []unsettled) {
	for i, f := range wet {
		if f.file != nil {
			_ = f.file.Close()
			wet[i].file = nil
		}
		s.removeTemporary(f.seg.Path)
	}
}

// together calls fn with the numbers below n, on the real file system several at
// a time: most of it is waiting.
func (s *Store) together(n int, fn func(i int) error) error {
	workers := min(n, s.opts.syncers)
	if workers <= 1 {
		for i := range n {
			if err := fn(i); err != nil {
				return err
			}
		}
		return nil
	}
	errs := make([]error, n)
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := w; i < n; i += workers {
				if errs[i] = fn(i); errs[i] != nil {
					return
				}
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// verify reads the footer back before anything relies on the file: a writer
// that lost rows must not let the log be released.
func verify(f unsettled) error {
	r, err := segment.Open(context.Background(), f.file, segment.ReaderOptions{Name: f.seg.Path})
	if err != nil {
		return fmt.Errorf("read back: %w", err)
	}
	if int64(r.Rows()) != f.seg.Rows {
		return fmt.Errorf("read back: %d rows were written, the footer says %d", f.seg.Rows, r.Rows())
	}
	return nil
}
