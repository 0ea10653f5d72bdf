package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"tarn/store/catalog"
	"tarn/store/schema"
	"tarn/store/segment"
	"tarn/store/vfs"
)

// foundSegment is a segment file as its own footer describes it.
type foundSegment struct {
	catalog.Segment
	meta   segment.Meta
	schema *schema.Table
	// A note has no rows, and a definition.
	note bool
	def  *schema.Definition
}

// listSegments lists what lies below the segment directory, relative to the
// data directory: segments, those that were never finished, and others.
func listSegments(fsys vfs.FS, dir string) (segments, unfinished, others []string, err error) {
	var walk func(at string) error
	walk = func(at string) error {
		names, err := fsys.List(dir + "/" + at)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("look into %s: %w", at, err)
		}
		for _, name := range names {
			path := at + "/" + name
			switch {
			case isTableNote(name):
			case strings.HasSuffix(name, ".parquet"+temporary):
				unfinished = append(unfinished, path)
			case strings.HasSuffix(name, ".parquet") && segmentNumber(name) > 0:
				segments = append(segments, path)
			case !strings.Contains(name, "."):
				if err := walk(path); err != nil {
					return err
				}
			default:
				others = append(others, path)
			}
		}
		return nil
	}
	err = walk("segments")
	return segments, unfinished, others, err
}

// readSegment reads a segment's footer, and with whole everything.
func readSegment(ctx context.Context, fsys vfs.FS, dir, path string, whole bool) (found foundSegment, err error) {
	file, err := fsys.Open(dir + "/" + path)
	if err != nil {
		return found, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	r, err := segment.Open(ctx, file, segment.ReaderOptions{Name: path})
	if err != nil {
		return found, err
	}
	if whole {
		if err := r.Verify(ctx); err != nil {
			return found, err
		}
	}
	m, i := r.Meta(), r.Info()
	g := catalog.Segment{ID: segmentNumber(path[strings.LastIndexByte(path, '/')+1:]), DatabaseID: m.DatabaseID, TableID: m.TableID, Path: path,
		Bytes: i.Bytes, Rows: i.Rows, Series: int64(i.Series), MinTime: i.MinTime, MaxTime: i.MaxTime, MinSeq: m.MinSeq, MaxSeq: m.MaxSeq, Late: m.Late}
	return foundSegment{Segment: g, meta: m, schema: r.Schema()}, nil
}

// adopt adds files that a catalog lacks to its state, with the databases and
// tables that they need. It returns the change that does the same to the
// catalog, and what a person should know.
func adopt(state *catalog.State, files []foundSegment, now time.Time) (ch catalog.Change, notes []string) {
	// The newest file knows best what its table is called.
	slices.SortFunc(files, func(a, b foundSegment) int { return cmp.Or(cmp.Compare(b.MaxSeq, a.MaxSeq), cmp.Compare(b.ID, a.ID)) })
	touched, have := map[uint32]bool{}, map[uint64]bool{}
	for _, g := range state.Segments {
		have[g.ID] = true
	}
	for _, f := range files {
		if !adoptDatabase(state, f, now, &notes) {
			continue
		}
		t, ok := adoptTable(state, f, now, &notes)
		if !ok {
			continue
		}
		if have[f.ID] || f.note {
			continue // only the schema was wanted
		}
		g := f.Segment
		g.CreatedAt = now.UnixNano()
		state.Segments = append(state.Segments, g)
		touched[t.Schema.ID] = true
	}
	// Which rows of these files have older or newer versions elsewhere nobody
	// has written down: they are merged wherever they overlap.
	for i := range state.Segments {
		g := &state.Segments[i]
		if !touched[g.TableID] {
			continue
		}
		was := g.Late
		g.Late = slices.ContainsFunc(state.Segments, func(o catalog.Segment) bool {
			return o.TableID == g.TableID && o.ID != g.ID && o.MinTime <= g.MaxTime && g.MinTime <= o.MaxTime
		}) || g.Late
		switch {
		case !have[g.ID]:
			ch.AddSegments = append(ch.AddSegments, *g)
		case g.Late && !was:
			ch.MarkLate = append(ch.MarkLate, *g)
		}
	}
	slices.SortFunc(state.Segments, func(a, b catalog.Segment) int { return cmp.Compare(a.ID, b.ID) })
	for id := range touched {
		i := slices.IndexFunc(state.Tables, func(t catalog.Table) bool { return t.Schema.ID == id })
		ch.Tables = append(ch.Tables, state.Tables[i])
	}
	ch.Databases = slices.Clone(state.Databases)
	return ch, notes
}

// adoptDatabase sees to a file's database; false means that its data is to stay
// deleted.
func adoptDatabase(state *catalog.State, f foundSegment, now time.Time, notes *[]string) bool {
	i := slices.IndexFunc(state.Databases, func(d catalog.Database) bool { return d.ID == f.DatabaseID })
	if i >= 0 {
		return !state.Databases[i].Purged
	}
	name := f.meta.Database
	if CheckDatabaseName(name) != nil {
		name = fmt.Sprintf("database_%d", f.DatabaseID)
	}
	if slices.ContainsFunc(state.Databases, func(d catalog.Database) bool { return d.Name == name }) {
		renamed := fmt.Sprintf("%s-recovered-%d", name[:min(len(name), MaxNameLength-24)], f.DatabaseID)
		*notes = append(*notes, fmt.Sprintf("there are two databases %q: the older one is now %q", name, renamed))
		name = renamed
	}
	state.Databases = append(state.Databases, catalog.Database{ID: f.DatabaseID, Name: name, Lifetime: catalog.Lifetime{CreatedAt: now.UnixNano()}})
	*notes = append(*notes, fmt.Sprintf("database %q comes from the files; its retention is for ever until you set it", name))
	return true
}

// adoptTable sees to a file's table.
func adoptTable(state *catalog.State, f foundSegment, now time.Time, notes *[]string) (*catalog.Table, bool) {
	i := slices.IndexFunc(state.Tables, func(t catalog.Table) bool { return t.Schema.ID == f.TableID })
	if i >= 0 {
		t := &state.Tables[i]
		switch have := t.Schema; {
		case t.Purged:
			return nil, false
		case extends(f.schema, have):
			t.Schema = dropped(f.schema, have).Renamed(have.Name).Defined(have.Def)
		case !extends(have, f.schema):
			*notes = append(*notes, fmt.Sprintf("%s is left alone: its columns are not those of table %q", f.Path, have.Name))
			return nil, false
		default:
			t.Schema = dropped(have, f.schema)
		}
		if t.Schema.Def == nil && f.def != nil {
			t.Schema = t.Schema.Defined(f.def)
		}
		return t, true
	}
	name := f.meta.Table
	if slices.ContainsFunc(state.Tables, func(t catalog.Table) bool { return t.Schema.DatabaseID == f.DatabaseID && t.Schema.Name == name }) {
		renamed := fmt.Sprintf("%s-recovered-%d", name, f.TableID)
		*notes = append(*notes, fmt.Sprintf("there are two tables %q: the older one, probably deleted, is now %q", name, renamed))
		name = renamed
	}
	state.Tables = append(state.Tables, catalog.Table{Schema: f.schema.Renamed(name).Defined(f.def), Lifetime: catalog.Lifetime{CreatedAt: now.UnixNano()}})
	return &state.Tables[len(state.Tables)-1], true
}

// extends says whether a has the columns of b first, and then maybe more; one of
// them may know that a column was dropped, and the other not.
func extends(a, b *schema.Table) bool {
	return a.DatabaseID == b.DatabaseID && len(a.Columns) >= len(b.Columns) && slices.EqualFunc(a.Columns[:len(b.Columns)], b.Columns, sameColumn)
}

func sameColumn(a, b schema.Column) bool {
	undropped := func(c schema.Column) schema.Column {
		c.FilledTo = 0 // may have been corrected
		if c.Role == schema.Dropped {
			c.Role, c.DroppedAt = schema.Field, 0
		}
		return c
	}
	return undropped(a) == undropped(b)
}

// dropped is the wider one of two tables without what was dropped in either: a
// column that is gone does not come back. Of two numbers of a write the lower one
// was corrected.
func dropped(wide, narrow *schema.Table) *schema.Table {
	for i, c := range narrow.Columns {
		if c.Role == schema.Dropped && wide.Columns[i].Role == schema.Field {
			wide = wide.Drop(i, c.DroppedAt)
		}
		if c.FilledTo < wide.Columns[i].FilledTo {
			wide = wide.FilledUntil(i, c.FilledTo)
		}
	}
	return wide
}

// reconcile compares the catalog with the files. Files that the catalog does not
// know are leftovers of a crash, whose rows are elsewhere, too; or the catalog
// has lost its newest changes, and then they are all there is of their rows.
func (s *Store) reconcile(ctx context.Context, state *catalog.State) (*catalog.State, error) {
	present, unfinished, _, err := listSegments(s.opts.FS, s.opts.Dir)
	if err != nil {
		return nil, err
	}
	known := map[string]bool{}
	for _, g := range state.Segments {
		known[g.Path] = true
	}
	var unknown []string
	for _, path := range present {
		s.nextSegment.Store(max(s.nextSegment.Load(), segmentNumber(path[strings.LastIndexByte(path, '/')+1:])))
		if !known[path] {
			unknown = append(unknown, path)
		}
		delete(known, path)
	}
	// Databases are registered before their first row. Segments without any
	// database are not orphans: it is the catalog that is lost.
	if len(unknown) > 0 && len(state.Databases) == 0 {
		return nil, fmt.Errorf("there are segments, such as %s, but the catalog %s is empty: bring back the catalog that belongs to them, or run `tarn doctor --rebuild`", unknown[0], s.opts.CatalogPath)
	}
	gone := map[uint32]bool{} // tables that miss a file
	for _, g := range state.Segments {
		gone[g.TableID] = gone[g.TableID] || known[g.Path]
	}
	log := s.report.Log
	logged := max(state.Checkpoint.Seq, log.Last)
	var adopted []foundSegment
	orphans := unfinished
	for _, path := range unknown {
		f, err := readSegment(ctx, s.opts.FS, s.opts.Dir, path, false)
		var corrupt *segment.CorruptError
		switch {
		case errors.As(err, &corrupt) || errors.Is(err, segment.ErrForeign):
			p := Problem{Kind: ProblemSegment, Path: path, Reason: "the catalog does not know it, and it is damaged: " + err.Error(), FoundAt: s.opts.Now().UTC()}
			if err := s.quarantine().move(&p); err != nil {
				return nil, err
			}
			s.found(p)
		case err != nil:
			return nil, fmt.Errorf("read the unregistered %s: %w", path, err)
		case f.MaxSeq <= logged && !gone[f.TableID] && (log.MissingFirst == 0 || f.MaxSeq <= state.Checkpoint.Seq):
			orphans = append(orphans, path)
		default:
			adopted = append(adopted, f)
		}
	}
	if err := s.removeOrphans(orphans); err != nil {
		return nil, err
	}
	if len(adopted) == 0 {
		return state, nil
	}
	ch, notes := adopt(state, adopted, s.opts.Now())
	obsolete := replacedBy(state, known, adopted)
	ch.RemoveSegments = append(ch.RemoveSegments, obsolete...)
	isObsolete := func(g catalog.Segment) bool { return slices.Contains(obsolete, g.ID) }
	ch.MarkLate = slices.DeleteFunc(ch.MarkLate, isObsolete)
	state.Segments = slices.DeleteFunc(state.Segments, isObsolete)
	if err := s.catalog.Apply(ctx, ch); err != nil {
		return nil, fmt.Errorf("take in files that the catalog lacks: %w", err)
	}
	s.report.Adopted = len(adopted)
	last := uint64(0)
	for _, f := range adopted {
		last = max(last, f.MaxSeq)
	}
	s.wal.SkipTo(last + 1)
	s.sawSeq(last)
	if last >= state.Checkpoint.Seq+log.MissingFirst { // what the log lacks is in these files
		s.report.Log.Missing -= log.MissingFirst
	}
	p := Problem{Kind: ProblemCatalog, Path: "catalog.db", FoundAt: s.opts.Now().UTC(),
		Reason: fmt.Sprintf("it had lost its newest changes: %d files that it did not know were taken in again", len(adopted))}
	if len(notes) > 0 {
		p.Missing = strings.Join(notes, "; ")
	}
	s.found(p)
	return state, s.quarantine().note(p)
}

// replacedBy are the registered segments that are not there and whose rows
// adopted ones have: those made them obsolete, and then the catalog forgot.
func replacedBy(state *catalog.State, gone map[string]bool, adopted []foundSegment) (ids []uint64) {
	for _, g := range state.Segments {
		if !gone[g.Path] {
			continue
		}
		lo, hi := MaxTime, MinTime
		for _, f := range adopted {
			if f.TableID == g.TableID && f.MinSeq <= g.MinSeq && g.MaxSeq <= f.MaxSeq && dayOf(f.MinTime) == dayOf(g.MinTime) {
				lo, hi = min(lo, f.MinTime), max(hi, f.MaxTime)
			}
		}
		if lo <= g.MinTime && g.MaxTime <= hi {
			ids = append(ids, g.ID)
		}
	}
	return ids
}

// removeOrphans deletes files whose rows are elsewhere, too: leftovers of a
// crash, or of a removal whose reader was still busy.
func (s *Store) removeOrphans(paths []string) error {
	for _, path := range paths {
		if err := s.opts.FS.Remove(s.opts.Dir + "/" + path); err != nil {
			return fmt.Errorf("remove the orphan %s: %w", path, err)
		}
		s.nextSegment.Store(max(s.nextSegment.Load(), segmentNumber(path[strings.LastIndexByte(path, '/')+1:])))
		s.report.Orphans++
	}
	return nil
}
