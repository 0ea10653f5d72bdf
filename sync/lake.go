package upstream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// LakeReport says what a run of the central committer did.
type LakeReport struct {
	Nodes     int   `json:"nodes"`
	Manifests int   `json:"manifests"`
	Objects   int   `json:"objects"`
	Rows      int64 `json:"rows"`
	// Removed objects are no more.
	Removed  int      `json:"removed"`
	Problems []string `json:"problems"`
}

// manifestNumber reads the number out of a manifest's key.
func manifestNumber(key string) (uint64, bool) {
	name, ok := strings.CutSuffix(key[strings.LastIndexByte(key, '/')+1:], ".json")
	n, err := strconv.ParseUint(name, 10, 64)
	return n, ok && err == nil && n > 0
}

// lakeProgress is where a run of the committer left off: only a hint, the
// tables' logs say what they have.
type lakeProgress struct {
	Nodes map[string]uint64 `json:"nodes"` // by directory below _manifest
}

const lakeProgressKey = "_manifest/_lake.json"

// lakeStep is how many manifests are committed at a time.
const lakeStep = 200

// CommitLake is the central committer: it tails the manifests of all nodes at a
// target (an s3 or file URL) and commits their objects to one Delta table for
// each table of theirs, <prefix>/<db>/<table>, partitioned by edge and date. A
// node whose manifests have a gap stops there, unless skipGaps. Running it
// twice, or two at the same time, commits nothing twice.
func CommitLake(ctx context.Context, target string, c Config, skipGaps bool) (*LakeReport, error) {
	t, err := ParseTarget(target, c)
	if err != nil {
		return nil, err
	}
	dest, err := open(t, newThrottle(0), defaultTiming)
	if err != nil {
		return nil, err
	}
	if dest.bucket == nil {
		return nil, fmt.Errorf("sync target %s: a lake is a bucket or a directory", t.URL)
	}
	return commitLake(ctx, patient{dest.bucket, defaultTiming}, skipGaps)
}

func commitLake(ctx context.Context, b bucket, skipGaps bool) (*LakeReport, error) {
	report := &LakeReport{Problems: []string{}}
	if err := b.Ready(ctx); err != nil {
		return nil, err
	}
	numbers := map[string][]uint64{}
	err := b.List(ctx, "_manifest/", "", func(key string, _ int64) error {
		dir, _, ok := strings.Cut(strings.TrimPrefix(key, "_manifest/"), "/")
		if n, is := manifestNumber(key); ok && is {
			numbers[dir] = append(numbers[dir], n)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	progress := lakeProgress{}
	body, err := b.Get(ctx, lakeProgressKey)
	if err == nil {
		err = json.Unmarshal(body, &progress)
	}
	if err != nil && !errors.Is(err, errAbsent) {
		return nil, fmt.Errorf("read the committer's progress: %w", err)
	}
	if progress.Nodes == nil {
		progress.Nodes = map[string]uint64{}
	}
	before := maps.Clone(progress.Nodes)
	report.Nodes = len(numbers)
	log := newDeltaLog(b)
	var pending []*Manifest
	reached := map[string]uint64{}
	commit := func() error {
		if err := log.commitTables(ctx, 2, pending); err != nil {
			var wrong *schemaError
			if !errors.As(err, &wrong) {
				return err
			}
			report.Problems = append(report.Problems, err.Error())
		}
		for _, m := range pending {
			report.Manifests++
			report.Objects += len(m.Adds)
			report.Removed += len(m.Replaces)
			for _, a := range m.Adds {
				report.Rows += a.Rows
			}
		}
		maps.Copy(progress.Nodes, reached)
		pending = pending[:0]
		return nil
	}
	for _, dir := range slices.Sorted(maps.Keys(numbers)) {
		last := progress.Nodes[dir]
		list := numbers[dir]
		slices.Sort(list)
		for _, n := range list {
			if n <= last {
				continue
			}
			m, err := getManifest(ctx, b, "_manifest/"+dir+"/", n)
			if err != nil {
				report.Problems = append(report.Problems, fmt.Sprintf("node %s: manifest %d: %v", dir, n, err))
				break
			}
			if m.Previous > last {
				report.Problems = append(report.Problems, fmt.Sprintf("node %s: manifests %d to %d are missing", dir, last+1, m.Previous))
				if !skipGaps {
					break
				}
			}
			pending = append(pending, m)
			last, reached[dir] = n, n
			if len(pending) >= lakeStep {
				if err := commit(); err != nil {
					return nil, err
				}
			}
		}
	}
	if err := commit(); err != nil {
		return nil, err
	}
	if maps.Equal(before, progress.Nodes) {
		return report, nil
	}
	if body, err = json.Marshal(progress); err != nil {
		return nil, err
	}
	return report, b.Set(ctx, lakeProgressKey, body)
}

// getManifest reads the n-th manifest of a directory.
func getManifest(ctx context.Context, b bucket, dir string, n uint64) (*Manifest, error) {
	body, err := b.Get(ctx, fmt.Sprintf("%s%010d.json", dir, n))
	if err != nil {
		return nil, err
	}
	m, err := readManifest(body)
	if err != nil {
		return nil, err
	}
	if m.Number != n || manifestDir(m.Node) != dir {
		return nil, fmt.Errorf("it says that it is number %d of %q", m.Number, m.Node)
	}
	return m, nil
}

// VerifyReport compares a target with what was committed.
type VerifyReport struct {
	Targets []TargetReport `json:"targets"`
}

// TargetReport is VerifyReport's part of one target.
type TargetReport struct {
	ID        string `json:"id"`
	Manifests int    `json:"manifests"`
	Objects   int    `json:"objects"`
	Rows      int64  `json:"rows"`
	Bytes     int64  `json:"bytes"`
	// Unlisted objects of this node are in no manifest: not yet, not any more
	// (when a prune did not end), or their segment was deleted here before it was
	// committed.
	Unlisted int      `json:"unlisted"`
	Problems []string `json:"problems"`
	// Note says why there is nothing to compare, which is no problem of a target
	// that was not asked for by name.
	Note  string `json:"note"`
	Error string `json:"error"`
}

// maxProblems bounds the problems that a report lists.
const maxProblems = 100

func (r *TargetReport) problem(format string, args ...any) {
	if len(r.Problems) == maxProblems {
		r.Problems = append(r.Problems, "and more")
	}
	if len(r.Problems) < maxProblems {
		r.Problems = append(r.Problems, fmt.Sprintf(format, args...))
	}
}

// Verify lists a target, or all, and compares: the manifests have no gaps, and
// each object that they list is there in its size.
func (m *Manager) Verify(ctx context.Context, target string) (*VerifyReport, error) {
	workers, err := m.chosen(target)
	if err != nil {
		return nil, err
	}
	out := &VerifyReport{Targets: []TargetReport{}}
	for _, w := range workers {
		r := TargetReport{ID: w.target.ID, Problems: []string{}}
		const lines = "a server that takes lines cannot be listed: count its rows with a query"
		switch {
		case w.dest.bucket == nil && target == "":
			r.Note = lines
		case w.dest.bucket == nil:
			r.Error = lines
		default:
			if err := w.verify(ctx, &r); err != nil {
				r.Error = clip(err.Error())
			}
		}
		out.Targets = append(out.Targets, r)
	}
	return out, ctx.Err()
}

func (w *worker) verify(ctx context.Context, r *TargetReport) error {
	b := w.patient()
	totals, _ := w.store.SyncTotals(w.target.ID)
	last := uint64(0)
	type sizes struct{ bytes, rows int64 }
	listed := map[string]sizes{}
	tables := map[string]bool{}
	err := w.manifests(ctx, func(n uint64, m *Manifest, err error) error {
		if err != nil {
			r.problem("manifest %d: %v", n, err)
			last = n
			return nil
		}
		if m.Previous > last {
			r.problem("manifests %d to %d are missing", last+1, m.Previous)
		}
		last = n
		r.Manifests++
		for _, key := range m.Replaces {
			r.Rows -= listed[key].rows
			delete(listed, key)
		}
		for _, a := range m.Adds {
			r.Rows += a.Rows - listed[a.Key].rows
			listed[a.Key] = sizes{a.Bytes, a.Rows}
			if parts := strings.SplitAfterN(a.Key, "/date=", 2); len(parts) == 2 {
				tables[strings.TrimSuffix(parts[0], "date=")] = true
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if last+1 < totals.NextBatch {
		r.problem("manifests %d to %d are missing, or are under another node name", last+1, totals.NextBatch-1)
	}
	for _, prefix := range slices.Sorted(maps.Keys(tables)) {
		err := b.List(ctx, prefix, "", func(key string, size int64) error {
			if !strings.HasSuffix(key, ".parquet") || strings.Contains(key, "/_delta_log/") {
				return nil
			}
			want, ok := listed[key]
			switch {
			case !ok:
				r.Unlisted++
			case want.bytes != size:
				r.problem("%s has %d bytes instead of %d", key, size, want.bytes)
			default:
				r.Objects++
				r.Bytes += size
			}
			delete(listed, key)
			return nil
		})
		if err != nil {
			return err
		}
	}
	for _, key := range slices.Sorted(maps.Keys(listed)) {
		r.problem("%s is missing", key)
	}
	return nil
}
