package store

import (
	"cmp"
	"slices"
	"time"
)

// Which segments are merged decides how often a byte is written again. Files
// of half the wanted size are left alone. While a day goes on, smaller ones
// wait until there are several; when it has ended, two are enough. No file is
// rewritten for the sake of others that are less than half of it together.
const (
	// compactFan is how many small segments of a day are worth merging while
	// it goes on.
	compactFan = 8
	// compactMost bounds the files that one compaction opens.
	compactMost = 64
	// dayEnds is how long after midnight a day counts as over.
	dayEnds = 10 * time.Minute
)

// unit is segments of a day that share write sequence numbers: what one
// checkpoint or compaction made. They are merged together or not at all.
type unit struct {
	files  []*segmentFile
	bytes  int64
	maxSeq uint64
}

// chooseRun finds the longest run of segments of one day that are worth
// merging, in write order. today is the number of the day that goes on.
// state is upstream.mergeState.
func chooseRun(segments []*segmentFile, size, today int64, state mergeState) (best []*segmentFile) {
	eachRun(segments, size, today, state, func(run []*segmentFile) {
		if len(run) > len(best) {
			best = run
		}
	})
	return best
}

// mergeable are the segments that a compaction would merge now.
func mergeable(segments []*segmentFile, size, today int64, state mergeState) map[*segmentFile]bool {
	out := map[*segmentFile]bool{}
	eachRun(segments, size, today, state, func(run []*segmentFile) {
		for _, f := range run {
			out[f] = true
		}
	})
	return out
}

// mergeState says what segments must have in common to be merged, and whether
// one may be at all.
type mergeState func(id uint64) (state string, ok bool)

// eachRun calls fn with runs that are worth merging, each in write order.
func eachRun(segments []*segmentFile, size, today int64, state mergeState, fn func([]*segmentFile)) {
	days := map[int64][]*segmentFile{}
	for _, f := range segments {
		d := dayOf(f.MinTime)
		days[d] = append(days[d], f)
	}
	for day, files := range days {
		need := 2
		if day >= today {
			need = compactFan
		}
		if len(files) < need {
			continue
		}
		var run []unit
		var common string
		end := func() {
			if got := worthwhile(run, need); len(got) > 0 {
				fn(got)
			}
			run = run[:0]
		}
		for _, u := range units(files) {
			of, ok := u.state(state)
			if !ok || u.bytes/int64(len(u.files)) >= size/2 {
				end()
				continue
			}
			if of != common {
				end()
			}
			common = of
			run = append(run, u)
		}
		end()
	}
}

// state is the merge state of all of the unit's files, if they have one.
func (u *unit) state(state mergeState) (common string, ok bool) {
	for i, f := range u.files {
		of, ok := state(f.ID)
		if !ok || i > 0 && of != common {
			return "", false
		}
		common = of
	}
	return common, true
}

// units puts a day's segments in write order, those of one range of sequence
// numbers together.
func units(files []*segmentFile) []unit {
	files = slices.Clone(files)
	slices.SortFunc(files, func(a, b *segmentFile) int {
		return cmp.Or(cmp.Compare(a.MinSeq, b.MinSeq), cmp.Compare(a.MaxSeq, b.MaxSeq), cmp.Compare(a.ID, b.ID))
	})
	var out []unit
	for _, f := range files {
		if n := len(out); n > 0 && f.MinSeq <= out[n-1].maxSeq {
			u := &out[n-1]
			u.files, u.bytes, u.maxSeq = append(u.files, f), u.bytes+f.Bytes, max(u.maxSeq, f.MaxSeq)
			continue
		}
		out = append(out, unit{[]*segmentFile{f}, f.Bytes, f.MaxSeq})
	}
	return out
}

// worthwhile is the longest part of a run of small units in which no unit
// outweighs the others by too much, if it is long enough.
func worthwhile(run []unit, need int) []*segmentFile {
	if len(run) < need {
		return nil
	}
	total, largest := int64(0), 0
	for i, u := range run {
		total += u.bytes
		if u.bytes > run[largest].bytes {
			largest = i
		}
	}
	if big := run[largest].bytes; big > 2*(total-big) {
		before, after := worthwhile(run[:largest], need), worthwhile(run[largest+1:], need)
		if len(after) > len(before) {
			return after
		}
		return before
	}
	var out []*segmentFile
	for _, u := range run {
		if len(out) > 0 && len(out)+len(u.files) > compactMost {
			break
		}
		out = append(out, u.files...)
	}
	if len(out) < 2 {
		return nil
	}
	return out
}
