package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"tarn/store/catalog"
	"tarn/store/segment"
)

// A catalog that is damaged is replaced by one that is made of what can still be
// read of it and of the files' own footers:
//
//  1. The new catalog is written beside the old one, under the name of the old
//     one and rebuiltSuffix.
//  2. The old one is moved to the quarantine.
//  3. The new one gets its name.
//
// A crash before 2 leaves the old one, and all begins again; a crash between 2
// and 3 leaves a new one that is whole, and the next start goes on with 3.

// rebuiltSuffix is behind the name of a catalog that is not in its place yet.
const rebuiltSuffix = ".rebuilt"

// sqliteSuffixes are of the files that make one catalog.
var sqliteSuffixes = []string{"", "-wal", "-shm"}

// openCatalog opens the catalog, and replaces a damaged one.
func (s *Store) openCatalog(ctx context.Context) (state *catalog.State, err error) {
	path := s.opts.CatalogPath
	if err := finishRebuild(path); err != nil {
		return nil, err
	}
	cause := s.emptied()
	if cause == nil {
		if s.catalog, state, err = catalog.Open(ctx, path); !errors.Is(err, catalog.ErrCorrupt) {
			return state, err
		}
		cause = err
	}
	r, err := rebuild(ctx, s.opts, path)
	if err != nil {
		return nil, errors.Join(cause, fmt.Errorf("rebuild the catalog: %w", err))
	}
	p := Problem{Kind: ProblemCatalog, Path: "catalog.db", Kept: r.kept, Reason: cause.Error(), FoundAt: s.opts.Now().UTC(),
		Missing: strings.Join(r.Notes, "; ")}
	if err := s.quarantine().note(p); err != nil {
		return nil, err
	}
	s.found(p)
	for _, p := range r.Damaged {
		s.found(p)
	}
	s.catalog, state, err = catalog.Open(ctx, path)
	return state, err
}

// emptied says whether the catalog's file is there and has nothing in it, while
// there is data.
func (s *Store) emptied() error {
	info, err := os.Stat(s.opts.CatalogPath)
	if err != nil || info.Size() > 0 {
		return nil
	}
	if present, _, _, err := listSegments(s.opts.FS, s.opts.Dir); err != nil || len(present) == 0 {
		return nil
	}
	return fmt.Errorf("%w: the file is empty", catalog.ErrCorrupt)
}

// finishRebuild is step 3 after a crash.
func finishRebuild(path string) error {
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if _, err := os.Stat(path + rebuiltSuffix); err != nil {
		return nil
	}
	return renameSync(path+rebuiltSuffix, path)
}

// renameSync renames a file of the real file system for good.
func renameSync(from, to string) error {
	if err := os.Rename(from, to); err != nil {
		return err
	}
	for _, dir := range slices.Compact([]string{filepath.Dir(from), filepath.Dir(to)}) {
		d, err := os.Open(dir)
		if err != nil {
			return err
		}
		if err := errors.Join(d.Sync(), d.Close()); err != nil {
			return fmt.Errorf("sync directory %s: %w", dir, err)
		}
	}
	return nil
}

// Rebuilt says what a new catalog was made of.
type Rebuilt struct {
	// Databases, Tables, Segments and Tokens are how many there are now,
	// Salvaged says that the old catalog could be read at least in part.
	Databases, Tables, Segments, Tokens int
	Salvaged                            bool
	// Notes is what could not be brought back, in words.
	Notes []string
	// Damaged are files that went to the quarantine.
	Damaged []Problem

	kept string // where the old catalog is, relative
}

// rebuild replaces the catalog. Nobody may use it.
func rebuild(ctx context.Context, opts Options, path string) (r Rebuilt, err error) {
	state := &catalog.State{}
	var lost []string
	_, err = os.Stat(path)
	exists := err == nil
	if exists {
		old, l, err := catalog.Salvage(ctx, path)
		if lost = l; err == nil {
			state = old
			r.Salvaged = len(old.Databases) > 0
		}
	}
	whole := r.Salvaged && !slices.ContainsFunc(lost, func(l string) bool {
		return strings.HasPrefix(l, "segments:") || strings.HasPrefix(l, "tables:") || strings.HasPrefix(l, "columns:")
	})
	if !whole {
		// Of a table whose columns are not all known, its files know more.
		files, damaged, err := readAllSegments(ctx, opts)
		r.Damaged = damaged
		if err != nil {
			return r, err
		}
		state.Segments = slices.DeleteFunc(state.Segments, func(g catalog.Segment) bool {
			return slices.ContainsFunc(damaged, func(p Problem) bool { return p.Path == g.Path })
		})
		files = append(files, readTableNotes(opts.FS, opts.Dir, files)...)
		_, notes := adopt(state, files, opts.Now())
		r.Notes = append(r.Notes, notes...)
	}
	r.Notes = append(r.Notes, tidy(state)...)
	switch {
	case exists && !r.Salvaged:
		r.Notes = append(r.Notes, "nothing could be read of the old catalog")
	default:
		for _, l := range lost {
			r.Notes = append(r.Notes, "not readable in the old catalog: "+l)
		}
	}
	if len(state.Tokens) == 0 {
		r.Notes = append(r.Notes, "no token could be brought back: only their hashes were in the catalog, and nowhere else; make new ones")
	}
	r.Databases, r.Tables, r.Segments, r.Tokens = len(state.Databases), len(state.Tables), len(state.Segments), len(state.Tokens)
	fresh := path + rebuiltSuffix
	for _, suffix := range sqliteSuffixes {
		if err := os.Remove(fresh + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return r, err
		}
	}
	if err := catalog.Create(ctx, fresh, state); err != nil {
		return r, err
	}
	if exists {
		if r.kept, err = putAway(path); err != nil {
			return r, err
		}
	}
	return r, renameSync(fresh, path)
}

// putAway moves a catalog to the quarantine beside it.
func putAway(path string) (kept string, err error) {
	dir := filepath.Join(filepath.Dir(path), quarantineDir)
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return "", err
	}
	name := filepath.Base(path)
	for n := 2; ; n++ {
		if _, err := os.Stat(filepath.Join(dir, name)); errors.Is(err, fs.ErrNotExist) {
			break
		}
		name = fmt.Sprintf("%s.%d", filepath.Base(path), n)
	}
	// What belongs to the file goes first: it would be taken for the new one's.
	for _, suffix := range []string{"-shm", "-wal", ""} {
		err := renameSync(path+suffix, filepath.Join(dir, name+suffix))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
	}
	return quarantineDir + "/" + name, nil
}

// readAllSegments reads the footers of all files. Damaged ones go to the
// quarantine.
func readAllSegments(ctx context.Context, opts Options) (files []foundSegment, damaged []Problem, err error) {
	present, _, _, err := listSegments(opts.FS, opts.Dir)
	if err != nil {
		return nil, nil, err
	}
	for _, path := range present {
		f, err := readSegment(ctx, opts.FS, opts.Dir, path, false)
		var corrupt *segment.CorruptError
		switch {
		case errors.As(err, &corrupt) || errors.Is(err, segment.ErrForeign):
			p := Problem{Kind: ProblemSegment, Path: path, Reason: err.Error(), Missing: "the rows in it", FoundAt: opts.Now().UTC()}
			if err := (quarantine{opts.FS, opts.Dir}).move(&p); err != nil {
				return nil, damaged, err
			}
			damaged = append(damaged, p)
		case err != nil:
			return nil, damaged, fmt.Errorf("read %s: %w", path, err)
		default:
			files = append(files, f)
		}
	}
	return files, damaged, nil
}

// tidy drops what a salvaged state cannot keep: things of tables and tables of
// databases that are lost.
func tidy(state *catalog.State) (notes []string) {
	databases, tables := map[uint32]bool{}, map[uint32]bool{}
	for _, d := range state.Databases {
		databases[d.ID] = true
	}
	state.Tables = slices.DeleteFunc(state.Tables, func(t catalog.Table) bool {
		if !databases[t.Schema.DatabaseID] {
			notes = append(notes, fmt.Sprintf("table %q is lost with its database %d", t.Schema.Name, t.Schema.DatabaseID))
			return true
		}
		tables[t.Schema.ID] = true
		return false
	})
	state.Segments = slices.DeleteFunc(state.Segments, func(g catalog.Segment) bool {
		if !tables[g.TableID] {
			notes = append(notes, fmt.Sprintf("segment %s is lost with its table %d", g.Path, g.TableID))
		}
		return !tables[g.TableID]
	})
	state.Caches = slices.DeleteFunc(state.Caches, func(c catalog.Cache) bool {
		i := slices.IndexFunc(state.Tables, func(t catalog.Table) bool { return t.Schema.ID == c.TableID })
		known := i >= 0 && !slices.ContainsFunc(slices.Concat(c.Columns, c.Values), func(id int) bool { return id >= len(state.Tables[i].Schema.Columns) })
		if !known {
			notes = append(notes, fmt.Sprintf("cache %q is lost with its table or columns", c.Name))
		}
		return !known
	})
	state.Triggers = slices.DeleteFunc(state.Triggers, func(t catalog.Trigger) bool {
		if !databases[t.DatabaseID] {
			notes = append(notes, fmt.Sprintf("trigger %q is lost with its database %d", t.Name, t.DatabaseID))
		}
		return !databases[t.DatabaseID]
	})
	return notes
}
