package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"math"
	"slices"
	"strconv"

	"tarn/store/catalog"
	"tarn/store/schema"
	"tarn/store/segment"
	"tarn/store/vfs"
)

// What an alteration changed is in the catalog alone until the table's next file
// is written. So that a catalog that is made of the files does not bring back
// what was dropped, or an older name, a note of the table as it is now is put
// beside its files, after the catalog has it. Nothing else reads these notes.

// tableNoteName is the note's name in a table's directory.
const tableNoteName = "table.json"

// maxTableNote bounds what is read of a note: thousands of columns.
const maxTableNote = 8 << 20

// tableNote is what a note says.
type tableNote struct {
	Meta       segment.Meta       `json:"identity"`
	Schema     json.RawMessage    `json:"schema"`
	Definition *schema.Definition `json:"definition,omitempty"`
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// noteTable writes a table's note: eight hex digits of CRC-32C, a blank, and JSON.
// The alteration is done already, so that a note that cannot be written fails
// nothing.
func (s *Store) noteTable(r catalog.Table, seq uint64) {
	warn := func(err error) {
		s.opts.Logger.Warn("cannot write a note of an altered table: `tarn doctor --rebuild` would bring back how it was", "table", r.Schema.Name, "error", err)
	}
	n := tableNote{Meta: s.segmentMeta(r.Schema, nil), Definition: r.Schema.Def}
	n.Meta.MinSeq, n.Meta.MaxSeq = seq, seq
	text, err := segment.EncodeSchema(r.Schema)
	if err != nil {
		warn(err)
		return
	}
	n.Schema = json.RawMessage(text)
	body, err := json.Marshal(n)
	if err != nil {
		warn(err)
		return
	}
	dir := directory(r.Schema.DatabaseID, r.Schema.ID)
	if err := s.makeDirectory(dir); err != nil {
		warn(err)
		return
	}
	line := fmt.Appendf(nil, "%08x %s\n", crc32.Checksum(body, castagnoli), body)
	if err := vfs.WriteFileAtomic(s.opts.FS, s.opts.Dir+"/"+dir, tableNoteName, line); err != nil {
		warn(err)
	}
}

// removeTableNote is for a table that is gone.
func (s *Store) removeTableNote(t *schema.Table) {
	err := s.opts.FS.Remove(s.opts.Dir + "/" + directory(t.DatabaseID, t.ID) + "/" + tableNoteName)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		s.opts.Logger.Warn("cannot delete the note of a table that is gone", "table", t.Name, "error", err)
	}
}

// readTableNotes reads the notes of the tables that files are of. What is no
// whole note is left out: the files say nearly the same.
func readTableNotes(fsys vfs.FS, dir string, files []foundSegment) (notes []foundSegment) {
	seen := map[string]bool{}
	for _, f := range files {
		at := directory(f.DatabaseID, f.TableID)
		if seen[at] {
			continue
		}
		seen[at] = true
		if n, err := readTableNote(fsys, dir+"/"+at+"/"+tableNoteName); err == nil && n.DatabaseID == f.DatabaseID && n.TableID == f.TableID {
			notes = append(notes, n)
		}
	}
	return notes
}

func readTableNote(fsys vfs.FS, path string) (found foundSegment, err error) {
	file, err := fsys.Open(path)
	if err != nil {
		return found, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	size, err := file.Size()
	if err != nil {
		return found, err
	}
	text := make([]byte, min(size, maxTableNote))
	if n, err := file.ReadAt(text, 0); n < len(text) {
		return found, errors.Join(io.ErrUnexpectedEOF, err)
	}
	return parseTableNote(text)
}

// parseTableNote reads a note as a file without rows that is newer than all that
// were there.
func parseTableNote(text []byte) (found foundSegment, err error) {
	if len(text) < 10 || text[8] != ' ' {
		return found, errors.New("not a note of a table")
	}
	body := text[9 : len(text)-1]
	if sum, err := strconv.ParseUint(string(text[:8]), 16, 32); err != nil || uint32(sum) != crc32.Checksum(body, castagnoli) {
		return found, errors.New("the checksum does not match")
	}
	var n tableNote
	if err := json.Unmarshal(body, &n); err != nil {
		return found, err
	}
	sch, err := segment.DecodeSchema(string(n.Schema), n.Meta)
	if err != nil {
		return found, err
	}
	g := catalog.Segment{ID: math.MaxUint64, DatabaseID: n.Meta.DatabaseID, TableID: n.Meta.TableID, MaxSeq: n.Meta.MaxSeq}
	return foundSegment{Segment: g, meta: n.Meta, schema: sch, def: n.Definition, note: true}, nil
}

// isTableNote says whether a file in a table's directory is its note.
func isTableNote(name string) bool {
	return slices.Contains([]string{tableNoteName, tableNoteName + temporary}, name)
}
