package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"tarn/store/column"
	"tarn/store/merge"
	"tarn/store/schema"
	"tarn/store/segment"
	"tarn/store/series"
)

// Scan reads a table. The rows that it yields are those that were visible when
// it was called.
func (s *Store) Scan(ctx context.Context, spec ScanSpec) (Rows, error) {
	db, err := s.lookup(spec.Database)
	if err != nil {
		return nil, err
	}
	t, ok := db.tableOf(s, spec.Table)
	if !ok {
		return nil, fmt.Errorf("scan table %s: %w", spec.Table.Name, ErrNotFound)
	}
	if spec.BatchRows <= 0 {
		spec.BatchRows = 4096
	}
	spec.MinTime = max(spec.MinTime, t.oldest(db, s.opts.Now()))
	r := &scan{store: s, table: t, spec: spec, usage: &segment.Usage{}, opened: map[*segmentFile]int{}}
	if err := r.plan(ctx); err != nil {
		return nil, errors.Join(s.setAside(fmt.Errorf("scan table %s: %w", spec.Table.Name, err)), r.Close())
	}
	return r, nil
}

// scan is a running scan: the sources in pieces, read one after the other.
type scan struct {
	store *Store
	table *table
	spec  ScanSpec

	held   []*segmentFile // acquired until Close
	pieces []piece        // not yet read
	reader merge.Reader
	parts  []*scan // of a scan that was split

	texts  []merge.TextTest // of spec.FieldTexts
	fields []schema.Column  // field columns to read, in order of spec.Columns
	places []place          // by output column
	batch  merge.Batch
	stats  ScanStats
	usage  *segment.Usage
	opened map[*segmentFile]int // the files that were opened, and their row groups

	snapshot *series.Snapshot // grows as segments are opened
	chosen   []bool           // by series number, when there is a filter
	checked  int              // series that chosen covers
}

// place says where an output column comes from.
type place struct {
	role  schema.Role
	index int // of scan.fields, or the tag's ordinal
}

// plan finds the sources that can hold wanted rows.
func (r *scan) plan(ctx context.Context) (err error) {
	sch := r.spec.Table
	for _, id := range r.spec.Columns {
		c := sch.Columns[id]
		p := place{role: c.Role}
		switch c.Role {
		case schema.Tag:
			p.index = slices.Index(sch.Tags, id)
		case schema.Field:
			p.index = len(r.fields)
			r.fields = append(r.fields, c)
		}
		r.places = append(r.places, p)
	}
	for _, t := range r.spec.FieldTexts {
		r.texts = append(r.texts, merge.NewTextTest(sch.Columns[t.Column], t.Values, t.Parts, t.Also))
	}
	segments, buffered := r.table.sources()
	r.held = segments
	sources := make([]merge.Source, 0, len(segments)+len(buffered))
	for _, f := range segments {
		sources = append(sources, f)
	}
	told := slices.Clone(r.fields) // what sources are asked about
	for _, b := range r.spec.FieldBounds {
		told = append(told, sch.Columns[b.Column])
	}
	for _, t := range r.spec.FieldTexts {
		told = append(told, sch.Columns[t.Column])
	}
	sources = continuing(append(sources, buffered...), sch, told)
	r.stats.Files, r.stats.Blocks = len(segments), len(buffered)
	sources = slices.DeleteFunc(sources, func(s merge.Source) bool {
		lo, hi := s.TimeRange()
		out := hi < r.spec.MinTime || lo > r.spec.MaxTime
		if out {
			r.pruned(s)
		}
		return out
	})
	if len(sources) == 0 {
		return nil
	}
	if r.spec.Order == SeriesTime {
		// One group, merged in rank order. Ranks need all series, so the
		// segments are opened now.
		for _, s := range sources {
			if err := r.open(ctx, s); err != nil {
				return err
			}
		}
		if sources, err = r.possible(ctx, sources); err != nil {
			return err
		}
		if err := r.filter(ctx); err != nil {
			return err
		}
		opts := r.options()
		opts.Rank = r.table.index.Ranks()
		r.reader = merge.NewOrderedReader(merge.SortBySeq(sources), opts)
		return nil
	}
	groups := r.groups(sources)
	switch r.spec.Order {
	case NewestFirst:
		slices.SortStableFunc(groups, func(a, b []merge.Source) int { return cmp.Compare(newest(b), newest(a)) })
	case OldestFirst:
		slices.SortStableFunc(groups, func(a, b []merge.Source) int { return cmp.Compare(oldest(a), oldest(b)) })
	}
	for _, g := range groups {
		r.pieces = append(r.pieces, piece{group: g, to: math.MaxInt})
	}
	return nil
}

func newest(group []merge.Source) int64 {
	t := int64(math.MinInt64)
	for _, s := range group {
		_, hi := s.TimeRange()
		t = max(t, hi)
	}
	return t
}

func oldest(group []merge.Source) int64 {
	t := int64(math.MaxInt64)
	for _, s := range group {
		lo, _ := s.TimeRange()
		t = min(t, lo)
	}
	return t
}

func (r *scan) open(ctx context.Context, s merge.Source) error {
	f := fileOf(s)
	if f == nil {
		return nil
	}
	if err := f.open(ctx); err != nil {
		return err
	}
	r.opened[f] = f.rowGroups()
	return nil
}

// pruned counts sources of which nothing is read.
func (r *scan) pruned(sources ...merge.Source) {
	for _, s := range sources {
		if fileOf(s) != nil {
			r.stats.FilesPruned++
		} else {
			r.stats.BlocksPruned++
		}
	}
}

// options are those of a reader that starts now.
func (r *scan) options() merge.Options {
	o := merge.Options{
		Columns: r.fields, MinTime: r.spec.MinTime, MaxTime: r.spec.MaxTime, BatchRows: r.spec.BatchRows,
		Append: r.table.schema.Load().Appends(), Texts: r.texts,
	}
	switch wanted := r.spec.Series; {
	case r.spec.Filter != nil:
		o.Keep = func(id uint32) bool { return r.chosen[id] }
	case wanted != nil:
		o.Keep = func(id uint32) bool { return int(id) < len(wanted) && wanted[id] }
	}
	return o
}

// filter asks the caller's filter about the series that came since it last
// ran, and refreshes the snapshot.
func (r *scan) filter(ctx context.Context) error {
	if tags := len(r.spec.Table.Tags); r.snapshot == nil {
		r.snapshot = r.table.index.Snapshot(tags)
	} else if r.snapshot.N < r.table.index.Len() {
		r.table.index.Refresh(r.snapshot, tags)
	}
	r.stats.Series = r.snapshot.N
	if r.spec.Filter == nil {
		return nil
	}
	r.chosen = append(r.chosen, make([]bool, r.snapshot.N-r.checked)...)
	r.stats.SeriesPruned += r.snapshot.N - r.checked
	candidates := r.candidates()
	const step = 4096
	ids := make([]uint32, 0, max(1, min(step, candidates.most(r.snapshot.N-r.checked))))
	for r.checked < r.snapshot.N {
		ids, r.checked = candidates.pick(ids[:0], r.checked, r.snapshot.N)
		if err := r.ask(ctx, ids); err != nil {
			return fmt.Errorf("filter series: %w", err)
		}
	}
	return nil
}

// ask lets the caller's filter decide about some series.
func (r *scan) ask(ctx context.Context, ids []uint32) error {
	if len(ids) == 0 {
		return nil
	}
	tags := column.Batch{Len: len(ids)}
	for _, column := range r.spec.FilterTags {
		tags.Cols = append(tags.Cols, r.tagColumn(column, ids))
	}
	keeps := make([]bool, len(ids))
	for i := range keeps {
		keeps[i] = true
	}
	if err := r.spec.Filter(ctx, &tags, keeps); err != nil {
		return err
	}
	for i, k := range keeps {
		if k {
			r.chosen[ids[i]] = true
			r.stats.SeriesPruned--
		}
	}
	return nil
}

// tagColumn has the values of a tag of some series.
func (r *scan) tagColumn(id int, series []uint32) *column.Vector {
	v := column.NewVector(column.Of(column.Dict), len(series))
	ordinal := slices.Index(r.spec.Table.Tags, id)
	for _, s := range series {
		r.snapshot.Fill(v, ordinal, s, 1)
	}
	return v
}

// candidates tells the series that spec.TagValues allows.
func (r *scan) candidates() tagTests {
	var tests tagTests
	for _, t := range r.spec.TagValues {
		ordinal := slices.Index(r.spec.Table.Tags, t.Column)
		tests = append(tests, tagTest{r.snapshot.Codes(ordinal), r.table.index.Lookup(ordinal, t.Values)})
	}
	return tests
}

// tagTests are all to be passed.
type tagTests []tagTest

// tagTest asks for one of some values of a tag.
type tagTest struct {
	codes  []uint32 // by series; nil when the tag has no value anywhere
	wanted []uint32 // ascending
}

// most is how many of n series may pass, as far as it is known at once.
func (t tagTests) most(n int) int {
	for _, test := range t {
		n = min(n, 64*len(test.wanted)) // more of a value come in several lots
	}
	return n
}

// pick fills ids with the series from..to-1 that pass, and returns where it stopped.
func (t tagTests) pick(ids []uint32, from, to int) ([]uint32, int) {
	if len(t) == 0 {
		for ; from < to && len(ids) < cap(ids); from++ {
			ids = append(ids, uint32(from))
		}
		return ids, from
	}
	codes, wanted := t[0].codes, t[0].wanted
	switch {
	case codes == nil || len(wanted) == 0:
		return ids, to
	case len(wanted) == 1:
		for ; from < to && len(ids) < cap(ids); from++ {
			if codes[from] == wanted[0] {
				ids = append(ids, uint32(from))
			}
		}
	default:
		for ; from < to && len(ids) < cap(ids); from++ {
			if _, ok := slices.BinarySearch(wanted, codes[from]); ok {
				ids = append(ids, uint32(from))
			}
		}
	}
	for _, test := range t[1:] {
		ids = slices.DeleteFunc(ids, func(id uint32) bool {
			if test.codes == nil {
				return true
			}
			_, ok := slices.BinarySearch(test.wanted, test.codes[id])
			return !ok
		})
	}
	return ids, from
}

// Next is Rows'.
func (r *scan) Next(ctx context.Context, b *column.Batch) error {
	ctx = segment.WithUsage(ctx, r.usage)
	for {
		if r.reader == nil {
			if err := r.nextGroup(ctx); err != nil {
				return r.store.setAside(err)
			}
		}
		err := r.reader.Next(ctx, &r.batch)
		if errors.Is(err, io.EOF) {
			r.reader = nil
			if len(r.pieces) == 0 {
				return io.EOF
			}
			continue
		}
		if err != nil {
			return r.store.setAside(fmt.Errorf("scan table %s: %w", r.spec.Table.Name, err))
		}
		r.emit(b)
		r.stats.Rows += int64(b.Len)
		r.stats.Batches++
		return nil
	}
}

// nextGroup starts reading the next group that may hold wanted rows.
func (r *scan) nextGroup(ctx context.Context) error {
	for len(r.pieces) > 0 {
		p := r.pieces[0]
		group := p.group
		r.pieces = r.pieces[1:]
		if r.spec.Floor != nil && newest(group) < r.spec.Floor.Load() || r.spec.Ceiling != nil && oldest(group) > r.spec.Ceiling.Load() {
			r.pruned(group...)
			continue
		}
		for _, s := range group {
			if err := r.open(ctx, s); err != nil {
				return fmt.Errorf("scan table %s: %w", r.spec.Table.Name, err)
			}
		}
		out, err := r.impossible(ctx, group)
		if err != nil {
			return fmt.Errorf("scan table %s: %w", r.spec.Table.Name, err)
		}
		if out {
			if p.from == 0 { // of all pieces of a file, one counts it
				r.pruned(group...)
			}
			continue
		}
		if err := r.filter(ctx); err != nil {
			return fmt.Errorf("scan table %s: %w", r.spec.Table.Name, err)
		}
		opts := r.options()
		opts.FromRow, opts.ToRow = p.from, p.to
		opts.Floor, opts.Ceiling, opts.Edge = r.spec.Floor, r.spec.Ceiling, r.spec.Edge
		opts.NoTimes = !slices.ContainsFunc(r.places, func(p place) bool { return p.role == schema.Time })
		r.reader = merge.NewReader(group, opts)
		return nil
	}
	return io.EOF
}

// groups are the sources that must be read together. Rows of a table that only
// appends never become one with others.
func (r *scan) groups(sources []merge.Source) [][]merge.Source {
	if !r.table.schema.Load().Appends() {
		return merge.Groups(sources)
	}
	groups := make([][]merge.Source, 0, len(sources))
	for _, s := range merge.SortBySeq(sources) {
		groups = append(groups, []merge.Source{s})
	}
	return groups
}

// possible are the sources that may have wanted rows.
func (r *scan) possible(ctx context.Context, sources []merge.Source) ([]merge.Source, error) {
	if len(r.spec.FieldBounds) == 0 && len(r.texts) == 0 {
		return sources, nil
	}
	var out []merge.Source
	for _, g := range r.groups(sources) {
		none, err := r.impossible(ctx, g)
		if err != nil {
			return nil, err
		}
		if none {
			r.pruned(g...)
		} else {
			out = append(out, g...)
		}
	}
	return out, nil
}

// impossible says whether no row of a group can be within the field bounds and
// pass the tests of texts. The value of a row that is merged is that of one of
// the sources: so none may have such a value, and what one lacks proves nothing.
// The reader of a lone source makes the tests of texts itself.
func (r *scan) impossible(ctx context.Context, group []merge.Source) (bool, error) {
	for _, b := range r.spec.FieldBounds {
		c := r.spec.Table.Columns[b.Column]
		if !slices.ContainsFunc(group, func(s merge.Source) bool { return mayLie(s, c, b) }) {
			return true, nil
		}
	}
	if len(group) == 1 && r.spec.Order != SeriesTime {
		return false, nil
	}
	for i := range r.texts {
		out := true
		for _, s := range group {
			var err error
			if out, err = lacks(ctx, s, r.texts[i:i+1]); err != nil {
				return false, err
			}
			if !out {
				break
			}
		}
		if out {
			return true, nil
		}
	}
	return false, nil
}

// mayLie says whether a source may have a value within a bound.
func mayLie(s merge.Source, c schema.Column, b FieldBound) bool {
	st, ok := s.ColumnStats(c)
	return !ok || st.Nulls < s.Rows() && !less(c.Kind, st.Max, b.Min) && !less(c.Kind, b.Max, st.Min)
}

// lacks says whether a source is known to have no text that passes.
func lacks(ctx context.Context, s merge.Source, tests []merge.TextTest) (bool, error) {
	t, ok := s.(merge.Searcher)
	if !ok {
		return false, nil
	}
	for row := 0; row < s.Rows(); {
		to, out, err := t.Rules(ctx, tests, row)
		if !out || err != nil {
			return false, err
		}
		row = to
	}
	return true, nil
}

// less compares two values given as bits of a kind.
func less(k column.Kind, a, b uint64) bool {
	switch k {
	case column.Float64:
		return math.Float64frombits(a) < math.Float64frombits(b)
	case column.Uint64, column.Bool:
		return a < b
	}
	return int64(a) < int64(b)
}

// emit turns the reader's batch into the caller's.
func (r *scan) emit(b *column.Batch) {
	n := len(r.batch.Times)
	b.Len = n
	for len(b.Cols) < len(r.places) {
		b.Cols = append(b.Cols, &column.Vector{})
	}
	b.Cols = b.Cols[:len(r.places)]
	for i, p := range r.places {
		switch p.role {
		case schema.Time:
			// As with fields, below.
			v := b.Cols[i]
			v.Reset(column.Of(column.Timestamp))
			v.Ints, r.batch.Times = r.batch.Times, v.Ints
			v.Len = n
		case schema.Tag:
			v := b.Cols[i]
			v.Reset(column.Of(column.Dict))
			for _, s := range r.batch.Spans {
				r.snapshot.Fill(v, p.index, s.Series, s.Rows)
			}
		case schema.Field:
			// The reader's vector is handed out, and the caller's old one kept
			// for the reader to fill next: nothing is copied.
			b.Cols[i], r.batch.Cols[p.index] = r.batch.Cols[p.index], b.Cols[i]
		}
	}
}

// Stats is Rows'.
func (r *scan) Stats() ScanStats {
	s, u := r.total(), r.usage.Totals()
	s.RowGroupsPruned = s.RowGroups - u.RowGroups
	s.Pages, s.PagesCached, s.BytesRead = u.Pages, u.Cached, u.Bytes
	return s
}

// Close is Rows'.
func (r *scan) Close() error {
	for _, p := range append(r.parts, r) {
		for f := range p.opened {
			f.rest()
		}
	}
	for _, f := range r.held {
		f.release()
	}
	r.held, r.pieces, r.reader = nil, nil, nil
	return nil
}
