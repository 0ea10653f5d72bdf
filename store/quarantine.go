package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"tarn/store/catalog"
	"tarn/store/segment"
	"tarn/store/vfs"
)

// What is damaged is moved to the folder "quarantine" of the data directory,
// beside a note that says what it was, where it came from and what queries miss
// without it. Nothing there is ever deleted by Tarn. As long as there are notes
// the store says in its health that it lacks something: who has dealt with a
// file takes it and its note away, and restarts the server.
//
// The note comes first, then the move, then the catalog: a crash in between
// leaves a note about a file that is still in its place, and the next start
// finishes what it announces.

// quarantineDir is below the data directory.
const quarantineDir = "quarantine"

// noteSuffix ends the names of notes.
const noteSuffix = ".note.json"

// Kinds of Problem.
const (
	ProblemSegment = "segment"
	ProblemLog     = "wal"
	ProblemCatalog = "catalog"
)

// Problem is damage that the store found and goes on without.
type Problem struct {
	// Kind is one of ProblemSegment, ProblemLog and ProblemCatalog.
	Kind string `json:"kind"`
	// Path is where the damaged file was, relative to the data directory.
	Path string `json:"path"`
	// Kept is where it is now; empty when there is nothing to keep, or it is
	// still needed where it is.
	Kept string `json:"kept,omitempty"`
	// Reason says what is wrong with it, Missing what queries lack.
	Reason  string    `json:"reason"`
	Missing string    `json:"missing,omitempty"`
	FoundAt time.Time `json:"found_at"`
	// Segment is what the catalog knew of a segment.
	Segment *catalog.Segment `json:"segment,omitempty"`
}

// String is for people.
func (p Problem) String() string {
	s := fmt.Sprintf("%s %s: %s", p.Kind, p.Path, p.Reason)
	if p.Missing != "" {
		s += "; missing: " + p.Missing
	}
	if p.Kept != "" {
		s += "; kept as " + p.Kept
	}
	return s
}

// problems are what the store knows of.
type problems struct {
	mu   sync.Mutex
	list []Problem
}

// put adds a problem, or replaces that of the same kind and path.
func (p *problems) put(one Problem) {
	p.mu.Lock()
	defer p.mu.Unlock()
	same := func(o Problem) bool {
		return o.Kind == one.Kind && o.Path == one.Path && (one.Kind != ProblemCatalog || o.FoundAt.Equal(one.FoundAt))
	}
	if i := slices.IndexFunc(p.list, same); i >= 0 {
		p.list[i] = one
		return
	}
	p.list = append(p.list, one)
}

// Problems lists what is damaged, the oldest first.
func (s *Store) Problems() []Problem {
	s.problems.mu.Lock()
	defer s.problems.mu.Unlock()
	return slices.Clone(s.problems.list)
}

// countProblems is how many there are of each kind.
func (s *Store) countProblems() map[string]int {
	n := map[string]int{}
	for _, p := range s.Problems() {
		n[p.Kind]++
	}
	return n
}

// quarantine is the folder of a data directory.
type quarantine struct {
	fs  vfs.FS
	dir string // the data directory
}

// name is what a file is called in the folder.
func (quarantine) name(filePath string) string { return strings.ReplaceAll(filePath, "/", "-") }

// note writes the note of a problem.
func (q quarantine) note(p Problem) error {
	dir := q.dir + "/" + quarantineDir
	if err := vfs.MkdirAllSync(q.fs, dir, 1); err != nil {
		return err
	}
	text, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return err
	}
	name := q.name(p.Path)
	if p.Kind == ProblemCatalog { // of which there is always another one
		for n := 2; ; n++ {
			if _, err := q.fs.Stat(dir + "/" + name + noteSuffix); errors.Is(err, fs.ErrNotExist) {
				break
			}
			name = fmt.Sprintf("%s.%d", q.name(p.Path), n)
		}
	}
	if err := vfs.WriteFileAtomic(q.fs, dir, name+noteSuffix, append(text, '\n')); err != nil {
		return fmt.Errorf("write a note about %s: %w", p.Path, err)
	}
	return nil
}

// move notes a problem and moves its file into the folder.
func (q quarantine) move(p *Problem) error {
	p.Kept = quarantineDir + "/" + q.name(p.Path)
	if err := q.note(*p); err != nil {
		return err
	}
	if err := q.fs.Rename(q.dir+"/"+p.Path, q.dir+"/"+p.Kept); err != nil {
		return fmt.Errorf("move %s to the quarantine: %w", p.Path, err)
	}
	for _, d := range []string{q.dir + "/" + quarantineDir, path.Dir(q.dir + "/" + p.Path)} {
		if err := q.fs.SyncDir(d); err != nil {
			return fmt.Errorf("sync directory %s: %w", d, err)
		}
	}
	return nil
}

// notes reads all notes.
func (q quarantine) notes() (out []Problem, err error) {
	dir := q.dir + "/" + quarantineDir
	names, err := q.fs.List(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look into the quarantine: %w", err)
	}
	for _, name := range names {
		if !strings.HasSuffix(name, noteSuffix) {
			continue
		}
		text, err := readFile(q.fs, dir+"/"+name)
		if err != nil {
			return nil, fmt.Errorf("read the note %s: %w", name, err)
		}
		var p Problem
		if err := json.Unmarshal(text, &p); err != nil {
			// Somebody edited it, or it is damaged like the rest.
			p = Problem{Kind: ProblemSegment, Path: strings.TrimSuffix(name, noteSuffix), Reason: "the note about it cannot be read: " + err.Error()}
		}
		out = append(out, p)
	}
	slices.SortStableFunc(out, func(a, b Problem) int { return a.FoundAt.Compare(b.FoundAt) })
	return out, nil
}

// maxNote bounds what is read of a note.
const maxNote = 1 << 20

// readFile returns a small file's content.
func readFile(fsys vfs.FS, name string) ([]byte, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	size, err := f.Size()
	if err == nil && size > maxNote {
		err = fmt.Errorf("%d bytes are too many", size)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	data := make([]byte, size)
	for at := 0; at < len(data); {
		n, err := f.ReadAt(data[at:], int64(at))
		if at += n; err != nil && at < len(data) {
			return nil, errors.Join(err, f.Close())
		}
	}
	return data, f.Close()
}

// found notes a problem in the log and in the health.
func (s *Store) found(p Problem) {
	s.problems.put(p)
	s.opts.Logger.Error("damage found: going on without it", "kind", p.Kind, "path", p.Path, "reason", p.Reason, "missing", p.Missing, "kept", p.Kept)
}

func (s *Store) quarantine() quarantine { return quarantine{s.opts.FS, s.opts.Dir} }

// damagedError is a read that failed because its segment is damaged or gone.
type damagedError struct {
	file *segmentFile
	err  error
}

func (e *damagedError) Error() string {
	return fmt.Sprintf("%v; queries go on without this file (see /health), this one ends here", e.err)
}

func (e *damagedError) Unwrap() error { return e.err }

// damaged marks an error that says that the segment is no good.
func (f *segmentFile) damaged(err error) error {
	var corrupt *segment.CorruptError
	if errors.As(err, &corrupt) || errors.Is(err, segment.ErrForeign) || errors.Is(err, fs.ErrNotExist) {
		return &damagedError{f, err}
	}
	return err
}

// missing says what queries lack without a segment.
func (s *Store) missing(g *catalog.Segment) string {
	name := fmt.Sprintf("table %d of database %d", g.TableID, g.DatabaseID)
	if t := s.tableByID(g.TableID); t != nil {
		name = fmt.Sprintf("table %q", t.schema.Load().Name)
		if db, ok := s.databaseByID(g.DatabaseID); ok {
			name += fmt.Sprintf(" of database %q", db.name())
		}
	}
	return fmt.Sprintf("%d rows of %s from %s to %s", g.Rows, name,
		time.Unix(0, g.MinTime).UTC().Format(time.RFC3339), time.Unix(0, g.MaxTime).UTC().Format(time.RFC3339))
}

// setAside looks whether err is about a damaged segment, and if it is takes the
// segment out of use. It returns err. The caller holds no lock of the store.
func (s *Store) setAside(err error) error {
	var d *damagedError
	if !errors.As(err, &d) {
		return err
	}
	s.checkpointing.Lock()
	defer s.checkpointing.Unlock()
	if e := s.setAsideLocked(context.Background(), d.file, d.err); e != nil {
		s.opts.Logger.Error("cannot set a damaged segment aside; it stays where it is", "path", d.file.Path, "error", e)
	}
	return err
}

// setAsideLocked takes a segment out of use: a damaged file goes to the
// quarantine and out of the catalog; one that is not there stays in the catalog,
// for the case that its disk comes back. The caller holds checkpointing.
func (s *Store) setAsideLocked(ctx context.Context, f *segmentFile, cause error) error {
	t := s.tableByID(f.TableID)
	if t == nil || !t.has(f) {
		return nil // somebody else was faster
	}
	p := Problem{Kind: ProblemSegment, Path: f.Path, Reason: cause.Error(), Missing: s.missing(&f.Segment), FoundAt: s.opts.Now().UTC(), Segment: &f.Segment}
	if errors.Is(cause, fs.ErrNotExist) {
		p.Reason = "the file is not there"
		t.lose(f)
		s.found(p)
		f.release()
		s.countSegments()
		return nil
	}
	if err := s.verifyAgain(ctx, f); err == nil {
		// The medium or the memory lied once, maybe what the page cache holds.
		// What was read is not used; what lies on the disk is fine.
		if c := s.files.pages; c != nil {
			c.Reset()
		}
		s.opts.Logger.Warn("a segment could not be read and now it can", "path", f.Path, "error", cause)
		return nil
	}
	if err := s.quarantine().move(&p); err != nil {
		return err
	}
	if err := s.catalog.Apply(ctx, catalog.Change{RemoveSegments: []uint64{f.ID}}); err != nil {
		return fmt.Errorf("forget segment %d: %w", f.ID, err)
	}
	t.lose(f)
	t.mu.Lock()
	t.lost = slices.DeleteFunc(t.lost, func(g catalog.Segment) bool { return g.ID == f.ID })
	t.mu.Unlock()
	s.found(p)
	f.release()
	s.countSegments()
	return nil
}

// verifyAgain reads a whole segment from the disk.
func (s *Store) verifyAgain(ctx context.Context, f *segmentFile) error {
	file, err := s.opts.FS.Open(s.opts.Dir + "/" + f.Path)
	if err != nil {
		return err
	}
	r, err := segment.Open(ctx, file, segment.ReaderOptions{Name: f.Path})
	if err == nil {
		err = r.Verify(ctx)
	}
	if err == nil && r.Info().Rows != f.Segment.Rows {
		err = fmt.Errorf("%d rows instead of %d", r.Info().Rows, f.Segment.Rows)
	}
	return errors.Join(err, file.Close())
}

// has says whether a segment is in use.
func (t *table) has(f *segmentFile) bool {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return slices.Contains(t.segments, f)
}

// lose takes a segment out of use that the catalog still has.
func (t *table) lose(f *segmentFile) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.segments = slices.DeleteFunc(slices.Clone(t.segments), func(o *segmentFile) bool { return o == f })
	t.lost = append(t.lost, f.Segment)
}

// checkSegments looks, at the start, whether the registered files are there and
// have the size that they should have, and finishes what a crash left of a
// quarantine.
func (s *Store) checkSegments(ctx context.Context) error {
	notes, err := s.quarantine().notes()
	if err != nil {
		return err
	}
	announced := map[string]Problem{}
	for _, p := range notes {
		s.problems.put(p)
		announced[p.Path] = p
	}
	for _, t := range s.allTables() {
		for _, f := range slices.Clone(t.segments) {
			info, err := s.opts.FS.Stat(s.opts.Dir + "/" + f.Path)
			p, noted := announced[f.Path]
			switch {
			case errors.Is(err, fs.ErrNotExist) && noted && p.Kept != "": // moved, and then came the crash
				if err := s.catalog.Apply(ctx, catalog.Change{RemoveSegments: []uint64{f.ID}}); err != nil {
					return fmt.Errorf("forget segment %d: %w", f.ID, err)
				}
				t.segments = slices.DeleteFunc(t.segments, func(o *segmentFile) bool { return o == f })
			case errors.Is(err, fs.ErrNotExist):
				err = s.setAsideLocked(ctx, f, fs.ErrNotExist)
				if err != nil {
					return err
				}
			case err != nil:
				return fmt.Errorf("look at segment %d: %w", f.ID, err)
			case info.Size != f.Bytes:
				if err := s.setAsideLocked(ctx, f, fmt.Errorf("the file has %d bytes instead of %d", info.Size, f.Bytes)); err != nil {
					return err
				}
			}
		}
	}
	if n := len(notes); n > 0 {
		s.opts.Logger.Warn("there are damaged files in the quarantine; queries lack what was in them", "notes", n, "dir", s.opts.Dir+"/"+quarantineDir)
	}
	return nil
}
