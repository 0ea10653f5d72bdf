package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"tarn/store/catalog"
	"tarn/store/points"
	"tarn/store/segment"
	"tarn/store/wal"
)

// Severity says how bad a Finding is.
type Severity string

// Severities. An Error costs data or keeps the server from working; a Warning
// deserves a look.
const (
	Error   Severity = "error"
	Warning Severity = "warning"
)

// Finding is one thing that is not as it should be.
type Finding struct {
	Severity Severity `json:"severity"`
	// Path is relative to the data directory.
	Path string `json:"path"`
	Text string `json:"text"`
	// Advice is what to do about it, "" when nothing needs to be done by hand.
	Advice string `json:"advice,omitempty"`
}

// Inspection is what Inspect saw.
type Inspection struct {
	Dir       string              `json:"data_dir"`
	UUID      string              `json:"cluster_uuid,omitempty"`
	Catalog   InspectedCatalog    `json:"catalog"`
	Log       InspectedLog        `json:"wal"`
	Databases []InspectedDatabase `json:"databases"`
	// Segments, SegmentBytes and SegmentRows are registered; Unfinished and
	// Unregistered files are leftovers.
	Segments     int   `json:"segments"`
	SegmentBytes int64 `json:"segment_bytes"`
	SegmentRows  int64 `json:"segment_rows"`
	Unregistered int   `json:"unregistered_files"`
	Unfinished   int   `json:"unfinished_files"`
	Quarantined  int   `json:"quarantined"`
	DiskFree     int64 `json:"disk_free_bytes"`
	DiskTotal    int64 `json:"disk_total_bytes"`

	Findings []Finding `json:"findings"`
}

// InspectedCatalog is the state of the catalog.
type InspectedCatalog struct {
	Bytes  int64 `json:"bytes"`
	Tokens int   `json:"tokens"`
	// CheckpointSeq is the last write that is in files for sure.
	CheckpointSeq uint64 `json:"checkpoint_seq"`
}

// InspectedLog is the state of the write-ahead log.
type InspectedLog struct {
	Segments int   `json:"segments"`
	Bytes    int64 `json:"bytes"`
	Writes   int64 `json:"writes"`
	Rows     int64 `json:"rows"`
}

// InspectedDatabase is a database that is not gone.
type InspectedDatabase struct {
	Name      string           `json:"name"`
	Deleted   bool             `json:"deleted,omitempty"`
	Retention string           `json:"retention,omitempty"`
	Tables    []InspectedTable `json:"tables"`
}

// InspectedTable is a table that is not gone.
type InspectedTable struct {
	Name    string `json:"name"`
	Deleted bool   `json:"deleted,omitempty"`
	Columns int    `json:"columns"`
	Files   int    `json:"files"`
	Rows    int64  `json:"rows"`
	Bytes   int64  `json:"bytes"`
	From    string `json:"from,omitempty"`
	To      string `json:"to,omitempty"`
}

// Errors counts the findings of severity Error.
func (i *Inspection) Errors() (n int) {
	for _, f := range i.Findings {
		if f.Severity == Error {
			n++
		}
	}
	return n
}

func (i *Inspection) find(s Severity, path, advice, format string, args ...any) {
	i.Findings = append(i.Findings, Finding{s, path, fmt.Sprintf(format, args...), advice})
}

// Inspect checks a data directory that no server uses, and changes nothing: the
// catalog, the log, and every page of every segment. It fails with
// vfs.ErrLocked when a server has the directory.
func Inspect(ctx context.Context, opts Options) (_ *Inspection, err error) {
	opts = opts.withDefaults()
	lock, err := lockDir(opts)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	i := &Inspection{Dir: opts.Dir}
	state, err := i.catalog(ctx, opts)
	if err != nil {
		return nil, err
	}
	if err := i.segments(ctx, opts, state); err != nil {
		return nil, err
	}
	i.describe(state)
	if err := i.log(ctx, opts, state); err != nil {
		return nil, err
	}
	return i, i.surroundings(opts, state)
}

// lockDir takes the lock of a directory that is there.
func lockDir(opts Options) (io.Closer, error) {
	info, err := opts.FS.Stat(opts.Dir)
	if err == nil && !info.Dir {
		err = errors.New("it is no directory")
	}
	if err != nil {
		return nil, fmt.Errorf("data directory %s: %w", opts.Dir, err)
	}
	return opts.FS.Lock(opts.Dir + "/lock")
}

// catalog checks a copy of the catalog: opening one writes to it.
func (i *Inspection) catalog(ctx context.Context, opts Options) (state *catalog.State, err error) {
	info, err := os.Stat(opts.CatalogPath)
	if errors.Is(err, fs.ErrNotExist) {
		i.find(Error, "catalog.db", "tarn doctor --rebuild", "the catalog is not there")
		return &catalog.State{}, nil
	}
	if err != nil {
		return nil, err
	}
	i.Catalog.Bytes = info.Size()
	tmp, err := os.MkdirTemp("", "tarn-doctor-")
	if err != nil {
		return nil, fmt.Errorf("copy the catalog: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(tmp)) }()
	duplicate := func(to string) error {
		for _, suffix := range []string{"", "-wal"} {
			data, err := os.ReadFile(opts.CatalogPath + suffix)
			if err == nil {
				err = os.WriteFile(to+suffix, data, 0o600)
			}
			if err != nil && !(suffix != "" && errors.Is(err, fs.ErrNotExist)) {
				return fmt.Errorf("copy the catalog: %w", err)
			}
		}
		return nil
	}
	copied := filepath.Join(tmp, "catalog.db")
	if err := duplicate(copied); err != nil {
		return nil, err
	}
	var c *catalog.Catalog
	if info.Size() > 0 {
		c, state, err = catalog.Open(ctx, copied)
	} else {
		state, err = &catalog.State{}, fmt.Errorf("%w: the file is empty", catalog.ErrCorrupt)
	}
	if c != nil {
		err = errors.Join(err, c.Close())
	}
	if err != nil {
		i.find(Error, "catalog.db", "tarn doctor --rebuild, or start the server: it does the same", "%v", err)
		if !errors.Is(err, catalog.ErrCorrupt) {
			return &catalog.State{}, nil
		}
		again := filepath.Join(tmp, "salvage.db")
		if err := duplicate(again); err != nil {
			return nil, err
		}
		old, lost, err := catalog.Salvage(ctx, again)
		if err != nil {
			return &catalog.State{}, nil //nolint:nilerr // that it is damaged was said above
		}
		for _, l := range lost[:min(len(lost), 10)] {
			i.find(Error, "catalog.db", "", "not readable: %s", l)
		}
		state = old
	}
	i.UUID, i.Catalog.Tokens, i.Catalog.CheckpointSeq = state.UUID, len(state.Tokens), state.Checkpoint.Seq
	return state, nil
}

// segments checks the files, every byte of them.
func (i *Inspection) segments(ctx context.Context, opts Options, state *catalog.State) error {
	present, unfinished, others, err := listSegments(opts.FS, opts.Dir)
	if err != nil {
		return err
	}
	i.Unfinished = len(unfinished)
	for _, path := range unfinished {
		i.find(Warning, path, "", "was never finished; the next start deletes it")
	}
	for _, path := range others {
		i.find(Warning, path, "take it away", "is not a file of Tarn")
	}
	registered := map[string]catalog.Segment{}
	for _, g := range state.Segments {
		registered[g.Path] = g
		i.Segments, i.SegmentBytes, i.SegmentRows = i.Segments+1, i.SegmentBytes+g.Bytes, i.SegmentRows+g.Rows
	}
	for _, path := range present {
		if err := ctx.Err(); err != nil {
			return err
		}
		g, known := registered[path]
		delete(registered, path)
		f, err := readSegment(ctx, opts.FS, opts.Dir, path, true)
		if err != nil {
			i.find(Error, path, "tarn doctor --repair moves it to the quarantine", "%v", err)
			continue
		}
		if !known {
			i.Unregistered++
			i.find(Warning, path, "", "the catalog does not know it; the next start deletes it when its rows are elsewhere, too, and takes it in when not")
			continue
		}
		if f.TableID != g.TableID || f.DatabaseID != g.DatabaseID || f.Rows != g.Rows || f.Bytes != g.Bytes || f.MinTime != g.MinTime || f.MaxTime != g.MaxTime || f.MinSeq != g.MinSeq || f.MaxSeq != g.MaxSeq {
			i.find(Error, path, "tarn doctor --repair moves it to the quarantine", "it is not the file that the catalog means: %d rows, %d bytes, and not %d rows, %d bytes", f.Rows, f.Bytes, g.Rows, g.Bytes)
		}
	}
	for _, path := range slices.Sorted(maps.Keys(registered)) {
		i.find(Error, path, "bring it back, or tarn doctor --repair forgets it", "the file is not there")
	}
	return nil
}

// describe sums databases and tables up.
func (i *Inspection) describe(state *catalog.State) {
	for _, d := range state.Databases {
		if d.Purged {
			continue
		}
		db := InspectedDatabase{Name: d.Name, Deleted: d.DeletedAt != 0, Tables: []InspectedTable{}}
		if d.Retention > 0 {
			db.Retention = time.Duration(d.Retention).String()
		}
		for _, t := range state.Tables {
			if t.Schema.DatabaseID != d.ID || t.Purged {
				continue
			}
			it := InspectedTable{Name: t.Schema.Name, Deleted: t.DeletedAt != 0, Columns: t.Schema.Live()}
			lo, hi := int64(math.MaxInt64), int64(math.MinInt64)
			for _, g := range state.Segments {
				if g.TableID == t.Schema.ID {
					it.Files, it.Rows, it.Bytes = it.Files+1, it.Rows+g.Rows, it.Bytes+g.Bytes
					lo, hi = min(lo, g.MinTime), max(hi, g.MaxTime)
				}
			}
			if it.Files > 0 {
				it.From, it.To = time.Unix(0, lo).UTC().Format(time.RFC3339), time.Unix(0, hi).UTC().Format(time.RFC3339)
			}
			db.Tables = append(db.Tables, it)
		}
		slices.SortFunc(db.Tables, func(a, b InspectedTable) int { return cmp.Compare(a.Name, b.Name) })
		i.Databases = append(i.Databases, db)
	}
}

// log checks every record of the log.
func (i *Inspection) log(ctx context.Context, opts Options, state *catalog.State) error {
	seen := state.Checkpoint.Seq
	for _, g := range state.Segments {
		seen = max(seen, g.MaxSeq)
	}
	b := points.NewBatch()
	found, stats, err := wal.Inspect(ctx, opts.FS, opts.Dir+"/wal", wal.Options{MinSeq: seen + 1, MinSegment: state.Checkpoint.WALSegment},
		func(seq, segment uint64, payload []byte) error {
			b.Reset()
			if _, _, err := points.Decode(payload, b); err != nil {
				i.find(Error, "wal/"+wal.SegmentName(segment), "", "write %d makes no sense: %v; the next start goes on without it and keeps the segment", seq, err)
				return nil
			}
			i.Log.Writes++
			i.Log.Rows += int64(b.Rows())
			return nil
		})
	if errors.Is(err, fs.ErrNotExist) {
		return nil // never written to
	}
	if err != nil {
		i.find(Error, "wal", "", "cannot be read: %v", err)
		return nil
	}
	i.Log.Segments, i.Log.Bytes = found.Segments, stats.LiveBytes
	if found.Torn {
		i.find(Warning, "wal/"+wal.SegmentName(found.TornSegment), "", "the write in progress at the last stop is cut off at byte %d, which is normal after a crash", found.TornOffset)
	}
	for _, name := range found.Corrupt {
		i.find(Error, "wal/"+name, "", "records do not match their checksums; the next start goes on without them and keeps the segment")
	}
	if found.Missing > 0 {
		i.find(Error, "wal", "", "%d writes are missing", found.Missing)
	}
	return nil
}

// ours are the names in a data directory.
var ours = []string{"lock", "wal", "segments", quarantineDir, "plugins", "sync", "tmp"}

// surroundings looks at the quarantine, at foreign files, owners, the disk and
// the clock.
func (i *Inspection) surroundings(opts Options, state *catalog.State) error {
	notes, err := (quarantine{opts.FS, opts.Dir}).notes()
	if err != nil {
		return err
	}
	i.Quarantined = len(notes)
	for _, p := range notes {
		i.find(Warning, quarantineDir, "take the file and its note away when you have dealt with it", "%s", p)
	}
	names, err := opts.FS.List(opts.Dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		if !slices.Contains(ours, name) && !strings.HasPrefix(name, filepath.Base(opts.CatalogPath)) {
			i.find(Warning, name, "", "is not a file of Tarn")
		}
	}
	i.Findings = append(i.Findings, checkOwners(opts.Dir)...)
	if free, total, err := opts.FS.Free(opts.Dir); err == nil {
		i.DiskFree, i.DiskTotal = free, total
		switch {
		case free < 16<<20:
			i.find(Error, ".", "make room", "the disk is full: %d bytes are free", free)
		case free < total/20:
			i.find(Warning, ".", "make room", "the disk is nearly full: %d of %d bytes are free", free, total)
		}
	}
	newest := int64(0)
	for _, g := range state.Segments {
		newest = max(newest, g.CreatedAt)
	}
	now := opts.Now()
	switch latest := time.Unix(0, newest); {
	case now.Before(opts.Earliest):
		i.find(Error, "", "set the clock", "the clock shows %s, which is before this program was made: retention waits until it is right", now.UTC().Format(time.RFC3339))
	case now.Before(latest.Add(-clockSlack)):
		i.find(Error, "", "set the clock", "the clock shows %s, and the newest file was written at %s: one of them is wrong, and retention waits", now.UTC().Format(time.RFC3339), latest.UTC().Format(time.RFC3339))
	}
	return nil
}

// Repair moves damaged segments of a data directory that no server uses to the
// quarantine, forgets those that are not there, and deletes leftovers. What it
// did comes back in words. What a start of the server repairs by itself it
// leaves to that.
func Repair(ctx context.Context, opts Options) (done []string, err error) {
	opts = opts.withDefaults()
	lock, err := lockDir(opts)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	c, state, err := catalog.Open(ctx, opts.CatalogPath)
	if errors.Is(err, catalog.ErrCorrupt) {
		r, err := rebuild(ctx, opts, opts.CatalogPath)
		if err != nil {
			return nil, err
		}
		done = append(done, r.words()...)
		if c, state, err = catalog.Open(ctx, opts.CatalogPath); err != nil {
			return done, err
		}
	} else if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	present, unfinished, _, err := listSegments(opts.FS, opts.Dir)
	if err != nil {
		return done, err
	}
	if len(present) > 0 && len(state.Databases) == 0 {
		return done, errors.New("the catalog is empty, and there are segments: use --rebuild")
	}
	for _, path := range unfinished {
		if err := opts.FS.Remove(opts.Dir + "/" + path); err != nil {
			return done, err
		}
		done = append(done, path+": deleted, it was never finished")
	}
	registered := map[string]catalog.Segment{}
	for _, g := range state.Segments {
		registered[g.Path] = g
	}
	var ch catalog.Change
	for _, path := range present {
		g, known := registered[path]
		delete(registered, path)
		f, err := readSegment(ctx, opts.FS, opts.Dir, path, true)
		if err == nil && known && (f.TableID != g.TableID || f.Rows != g.Rows || f.Bytes != g.Bytes) {
			err = errors.New("it is not the file that the catalog means")
		}
		var corrupt *segment.CorruptError
		switch {
		case err == nil:
			continue
		case !known && !errors.As(err, &corrupt) && !errors.Is(err, segment.ErrForeign), errors.Is(err, ctx.Err()) && ctx.Err() != nil:
			return done, err
		}
		p := Problem{Kind: ProblemSegment, Path: path, Reason: err.Error(), Missing: fmt.Sprintf("%d rows of table %d", g.Rows, g.TableID), FoundAt: opts.Now().UTC(), Segment: &g}
		if err := (quarantine{opts.FS, opts.Dir}).move(&p); err != nil {
			return done, err
		}
		if known {
			ch.RemoveSegments = append(ch.RemoveSegments, g.ID)
		}
		done = append(done, path+": moved to "+p.Kept)
	}
	for path, g := range registered {
		ch.RemoveSegments = append(ch.RemoveSegments, g.ID)
		done = append(done, path+": forgotten, the file is not there")
	}
	if len(ch.RemoveSegments) > 0 {
		err = c.Apply(ctx, ch)
	}
	return done, err
}

// words is a Rebuilt for people.
func (r Rebuilt) words() []string {
	from := "the files' footers"
	if r.Salvaged {
		from = "what was readable of the old one, and " + from
	}
	out := []string{fmt.Sprintf("catalog.db: made anew from %s: %d databases, %d tables, %d segments, %d tokens", from, r.Databases, r.Tables, r.Segments, r.Tokens)}
	if r.kept != "" {
		out = append(out, "catalog.db: the old one is kept as "+r.kept)
	}
	for _, p := range r.Damaged {
		out = append(out, p.Path+": moved to "+p.Kept)
	}
	return append(out, r.Notes...)
}

// Rebuild makes the catalog of a data directory that no server uses anew, from
// what can be read of the old one, if there is one, and the files' footers. With
// one that is whole there is nothing to do.
func Rebuild(ctx context.Context, opts Options) (done []string, err error) {
	opts = opts.withDefaults()
	lock, err := lockDir(opts)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	if err := finishRebuild(opts.CatalogPath); err != nil {
		return nil, err
	}
	present, _, _, err := listSegments(opts.FS, opts.Dir)
	if err != nil {
		return nil, err
	}
	if info, err := os.Stat(opts.CatalogPath); err == nil && info.Size() > 0 {
		c, state, err := catalog.Open(ctx, opts.CatalogPath)
		if err == nil {
			err = c.Close()
		}
		if err == nil && (len(state.Databases) > 0 || len(present) == 0) {
			return []string{"catalog.db: it is whole, and stays"}, nil
		}
		if err != nil && !errors.Is(err, catalog.ErrCorrupt) {
			return nil, err
		}
	}
	r, err := rebuild(ctx, opts, opts.CatalogPath)
	if err != nil {
		return nil, err
	}
	return r.words(), nil
}
