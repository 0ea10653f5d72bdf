package exec

import (
	"context"
	"errors"
	"hash/maphash"
	"io"

	"tarn/edge/query/spill"
	"tarn/store/column"
)

// overflow takes rows of groups for which there is no memory, and keeps them in
// files: all rows of a group in the same one, in their order. Once the groups in
// memory are done, each file is grouped by itself, and may overflow again.
type overflow struct {
	space *spill.Space
	seed  maphash.Seed // another one each time, or a file would not be divided
	depth int          // of the rows in the files
	parts [overflowParts]*spill.Writer

	rows  [overflowParts][]int32
	piece column.Batch
}

const (
	overflowParts = 16
	// overflowDepth bounds how often rows are written: 16 files a time make
	// groups 65536 times as many as there is memory for.
	overflowDepth = 4
)

// overflowed is a file of rows.
type overflowed struct {
	run   *spill.Run
	depth int
}

func newOverflow(space *spill.Space, depth int) *overflow {
	return &overflow{space: space, seed: maphash.MakeSeed(), depth: depth}
}

// add keeps the rows of a batch that have no group; g has just numbered them.
func (o *overflow) add(b *column.Batch, g *grouper, groups []uint32) error {
	for i := range o.rows {
		o.rows[i] = o.rows[i][:0]
	}
	for row, n := range groups {
		if n == noGroup {
			part := g.hash(o.seed, row) % overflowParts
			o.rows[part] = append(o.rows[part], int32(row))
		}
	}
	for i, rows := range o.rows {
		if len(rows) == 0 {
			continue
		}
		if o.parts[i] == nil {
			var err error
			if o.parts[i], err = o.space.NewWriter(); err != nil {
				return err
			}
		}
		gatherRows(&o.piece, b, rows)
		if err := o.parts[i].Append(&o.piece); err != nil {
			return err
		}
	}
	return nil
}

// finish is the files, which are not written any more.
func (o *overflow) finish() (files []overflowed) {
	for i, w := range o.parts {
		if w != nil {
			files = append(files, overflowed{w.Finish(), o.depth})
			o.parts[i] = nil
		}
	}
	return files
}

// hash is of the keys of a row of the batch that was numbered last. Groups that
// are equal have equal hashes, however their texts are coded.
func (g *grouper) hash(seed maphash.Seed, row int) uint64 {
	h := uint64(0)
	for _, k := range g.keys {
		h *= 0x9e3779b97f4a7c15
		switch {
		case k.vec.IsNull(row):
		case k.t.IsText():
			h ^= maphash.String(seed, k.vec.Text(row))
		default:
			h ^= maphash.Comparable(seed, k.words[row])
		}
	}
	return h
}

// spilled are the files of an operator that groups.
type spilled struct {
	space   *spill.Space // nil: there are none
	over    *overflow    // takes the rows without a group, nil while there is memory
	todo    []overflowed
	depth   int // of the rows that are being grouped
	written int64
}

// begin makes a grouper without memory refuse new groups; their rows go to
// files. It says no when there can be none.
func (s *spilled) begin(g *grouper) bool {
	if s.space == nil || s.over != nil || s.depth >= overflowDepth {
		return false
	}
	g.freeze()
	s.over = newOverflow(s.space, s.depth+1)
	return true
}

// open yields the rows of the next file, which goes when that is closed. Without
// any left it returns io.EOF.
func (s *spilled) open() (Operator, error) {
	if s.over != nil {
		files := s.over.finish()
		s.over = nil
		for _, f := range files {
			s.written += f.run.Bytes()
		}
		s.todo = append(files, s.todo...)
	}
	if len(s.todo) == 0 {
		return nil, io.EOF
	}
	f := s.todo[0]
	s.todo, s.depth = s.todo[1:], f.depth
	return &runRows{f.run, f.run.NewReader()}, nil
}

func (s *spilled) note() string { return spilledNote(s.written) }

func (s *spilled) close() error {
	if s.over != nil {
		s.todo = append(s.todo, s.over.finish()...)
		s.over = nil
	}
	var errs []error
	for _, f := range s.todo {
		errs = append(errs, f.run.Close())
	}
	s.todo = nil
	return errors.Join(errs...)
}

// runRows yields the rows of a file, and removes it.
type runRows struct {
	run    *spill.Run
	reader *spill.Reader
}

func (r *runRows) Next(_ context.Context, b *column.Batch) error { return r.reader.Next(b) }

func (r *runRows) Close() error { return r.run.Close() }
