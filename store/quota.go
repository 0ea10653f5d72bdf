package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"tarn/store/catalog"
)

// The quota bounds what segments and the log take on the disk. Either writes are
// refused when it is reached, while reads go on, or the oldest segments make
// room: those that all sync targets have, and others if that is wanted. Files that replace others lie beside them for a moment: leave the file
// system some room above the quota.

// diskBytes is what counts against the quota: registered segments, log that no
// checkpoint covers, and temporary files.
func (s *Store) diskBytes() int64 {
	return s.segmentBytes.Load() + s.wal.Stats().LiveBytes + s.temporaryBytes.Load()
}

// spareDisk is what temporary files leave free of the file system: the log must
// go on.
const spareDisk = 64 << 20

// ReserveDisk counts n bytes of temporary files, which lie in the data
// directory, against the quota. It returns ErrQuota when there is no room for
// them: no data is deleted to make some. A negative n gives back.
func (s *Store) ReserveDisk(n int64) error {
	s.temporaryBytes.Add(n)
	if n <= 0 {
		return nil
	}
	full := s.opts.MaxDiskBytes > 0 && s.diskBytes() > s.opts.MaxDiskBytes
	if free, _, err := s.opts.FS.Free(s.opts.Dir); err == nil && free < spareDisk {
		full = true
	}
	if full {
		s.temporaryBytes.Add(-n)
		return ErrQuota
	}
	return nil
}

// overQuota says whether writes are refused.
func (s *Store) overQuota() bool {
	return s.opts.MaxDiskBytes > 0 && !s.opts.EvictOldest && s.diskBytes()-s.syncedBytes.Load() >= s.opts.MaxDiskBytes
}

// countSegments lists the registered segments of all tables, and notes how much
// they take. It is called after whatever adds or removes some.
func (s *Store) countSegments() (files []*segmentFile, bytes int64) {
	for _, t := range s.allTables() {
		t.mu.RLock()
		files = append(files, t.segments...)
		t.mu.RUnlock()
	}
	for _, f := range files {
		bytes += f.Bytes
	}
	s.segmentBytes.Store(bytes)
	s.up.mu.Lock()
	defer s.up.mu.Unlock()
	evictable := int64(0)
	for _, f := range files {
		if s.synced(f) {
			evictable += f.Bytes
		}
	}
	s.syncedBytes.Store(evictable)
	return files, bytes
}

// enforceQuota deletes the oldest segments that are upstream when that is needed,
// and others when it is wanted as well.
func (s *Store) enforceQuota(ctx context.Context) error {
	s.checkpointing.Lock()
	defer s.checkpointing.Unlock()
	files, bytes := s.countSegments()
	used := bytes + s.wal.Stats().LiveBytes // temporary files go by themselves
	if s.opts.MaxDiskBytes <= 0 || used <= s.opts.MaxDiskBytes {
		return nil
	}
	slices.SortFunc(files, func(a, b *segmentFile) int { return cmp.Or(cmp.Compare(a.MaxTime, b.MaxTime), cmp.Compare(a.ID, b.ID)) })
	upstream, others := s.partition(files)
	if files = upstream; s.opts.EvictOldest {
		files = append(files, others...)
	}
	// Some more than needed goes, so that not every checkpoint has to.
	target := s.opts.MaxDiskBytes - s.opts.MaxDiskBytes/20 - s.wal.Stats().LiveBytes
	n, freed := 0, int64(0)
	for n < len(files) && bytes-freed > target {
		freed += files[n].Bytes
		n++
	}
	if n == 0 {
		return nil
	}
	if err := s.dropSegments(ctx, files[:n]); err != nil {
		return fmt.Errorf("make room within the quota: %w", err)
	}
	s.stats.evictedBytes.Add(freed)
	s.opts.Logger.Warn("the oldest data made room within the quota", "segments", n, "of_them_upstream", min(n, len(upstream)), "bytes", freed, "quota", s.opts.MaxDiskBytes)
	return nil
}

// askForRoom wakes the background when the quota is exceeded: what checkpoints
// that somebody asked for write, and what targets have from now on.
func (s *Store) askForRoom() {
	if s.opts.MaxDiskBytes <= 0 || s.diskBytes() <= s.opts.MaxDiskBytes {
		return
	}
	select {
	case s.full <- struct{}{}:
	default:
	}
}

// partition tells segments that all sync targets have from others.
func (s *Store) partition(files []*segmentFile) (upstream, others []*segmentFile) {
	s.up.mu.Lock()
	defer s.up.mu.Unlock()
	for _, f := range files {
		if s.synced(f) {
			upstream = append(upstream, f)
		} else {
			others = append(others, f)
		}
	}
	return upstream, others
}

// dropSegments forgets registered segments for good. The caller holds
// checkpointing.
func (s *Store) dropSegments(ctx context.Context, files []*segmentFile) error {
	var ch catalog.Change
	for _, f := range files {
		ch.RemoveSegments = append(ch.RemoveSegments, f.ID)
	}
	if err := s.unregister(ctx, files, ch); err != nil {
		return err
	}
	s.countSegments()
	return nil
}

func (s *Store) unregister(ctx context.Context, files []*segmentFile, ch catalog.Change) error {
	s.up.mu.Lock()
	defer s.up.mu.Unlock()
	if err := s.catalog.Apply(ctx, ch); err != nil {
		return err
	}
	s.up.forget(ch.RemoveSegments)
	for _, f := range files {
		t := s.tableByID(f.TableID)
		if t == nil {
			continue
		}
		t.mu.Lock()
		t.segments = slices.DeleteFunc(slices.Clone(t.segments), func(o *segmentFile) bool { return o == f })
		t.mu.Unlock()
		f.removed.Store(true)
		f.release()
	}
	return nil
}

// keepQuota is enforceQuota for the background, which can only log a failure.
func (s *Store) keepQuota(ctx context.Context) {
	if err := s.enforceQuota(ctx); err != nil && ctx.Err() == nil {
		s.opts.Logger.Error("cannot keep to the quota", "error", err)
	}
}
