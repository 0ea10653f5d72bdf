// Package points holds the columnar form of one write request: what every
// protocol's front-end builds, the WAL encodes and the buffer takes in.
//
// A Batch is filled row by row and owns all its memory, so that a pooled one
// costs no allocation in steady state. Rows refer to series by a number local
// to their table in this batch; the store maps those to its own.
package points

import (
	"encoding/binary"
	"hash/maphash"
	"slices"

	"tarn/store/column"
)

// Tag is one tag of a series. The slices are copied by whoever takes them.
type Tag struct{ Key, Value []byte }

// Batch is the rows of one write request to one database.
type Batch struct {
	// Tables in order of first appearance.
	Tables []*Table

	raw    keyTable // raw series key as written -> table<<32 | local series
	spare  []*Table // recycled, the next one last
	fields []*Field // recycled, the next one last
	placed []placed // scratch of AddSeries
	canon  []byte   // scratch of AddSeries
	enc    encoder  // scratch of Encode
	dec    decoder  // scratch of Decode
}

// placed is a tag's value with the tag's index.
type placed struct {
	tag   int
	value []byte
}

// seed is that of all batches of the process, so that a hash of Hash is good for
// any of them.
var seed = maphash.MakeSeed()

// Hash is the hash of a canonical series key, for AddKey.
func Hash(key []byte) uint64 { return maphash.Bytes(seed, key) }

// NewBatch returns an empty batch.
func NewBatch() *Batch { return &Batch{} }

// Reset empties the batch and keeps its memory.
func (b *Batch) Reset() {
	// In reverse, so that a batch like this one gets each table and field back
	// in its old place, names included.
	for _, t := range slices.Backward(b.Tables) {
		t.reset(b)
		b.spare = append(b.spare, t)
	}
	b.Tables = b.Tables[:0]
	b.raw.reset()
}

// Rows is the number of rows in all tables.
func (b *Batch) Rows() int {
	n := 0
	for _, t := range b.Tables {
		n += len(t.Times)
	}
	return n
}

// Bytes is about what the rows take.
func (b *Batch) Bytes() int {
	n := 0
	for _, t := range b.Tables {
		n += len(t.Times) * (12 + 8*len(t.Fields))
		for _, f := range t.Fields {
			n += len(f.Data)
		}
	}
	return n
}

// Table returns the table of that name, making it if need be.
func (b *Batch) Table(name []byte) *Table {
	for _, t := range b.Tables { // requests name few tables; Lookup spares even this
		if t.Name == string(name) {
			return t
		}
	}
	t := b.newTable()
	if t.Name != string(name) { // a recycled one mostly has it
		t.Name = string(name)
	}
	return t
}

// AddTable is Table for a name that the batch is known to lack: it searches
// nothing.
func (b *Batch) AddTable(name string) *Table {
	t := b.newTable()
	t.Name = name
	return t
}

func (b *Batch) newTable() *Table {
	var t *Table
	if n := len(b.spare); n > 0 {
		t, b.spare = b.spare[n-1], b.spare[:n-1]
	} else {
		t = &Table{}
	}
	t.batch, t.index = b, len(b.Tables)
	b.Tables = append(b.Tables, t)
	return t
}

// Lookup finds the table and series that AddSeries stored under a raw key.
func (b *Batch) Lookup(raw []byte) (t *Table, series uint32, ok bool) {
	v, ok := b.raw.get(maphash.Bytes(seed, raw), raw)
	if !ok {
		return nil, 0, false
	}
	return b.Tables[v>>32], uint32(v), true
}

// Table is the rows of one table in a batch.
type Table struct {
	Name string
	// Tags are the tag names in order of first appearance; series refer to
	// them by index.
	Tags []string
	// Fields are the field columns in order of first appearance.
	Fields []*Field
	// Series is the local series number of each row.
	Series []uint32
	// Times is the timestamp of each row, ns since epoch.
	Times []int64

	// ID, TagIDs and Field.ID are the store's: set before encoding, and by
	// decoding.
	ID     uint32
	TagIDs []int

	// Known are, by local series, the numbers that Owner gave them, plus 1; 0, or
	// none, is a series whose number is not known. Who numbers the series leaves
	// it here, and a front-end that remembers it spares the looking up.
	Known []uint32
	Owner *Owner

	// Plan is free for the front-end that fills the batch: what it remembers
	// of the table's previous row. It is emptied by Reset.
	Plan []int

	batch   *Batch
	index   int
	arena   []byte   // canonical series keys, one after the other
	ends    []uint32 // ends[s] is where series s's key ends in arena
	keys    []uint64 // open addressing: 32 bits of a canonical key's hash, and its series + 1; 0 is free
	perm    []uint32 // scratch of SortBySeries
	counts  []uint32
	scratch []uint64
}

// Owner stands for whoever numbers the series of a table, as long as the process
// lives: numbers of different owners have nothing to do with each other.
type Owner struct{ _ int64 } // not empty: each has an address of its own

// Know notes the number that the owner gave to a local series.
func (t *Table) Know(owner *Owner, series, number uint32) {
	if t.Owner != owner {
		t.Owner, t.Known = owner, t.Known[:0]
	}
	for len(t.Known) <= int(series) {
		t.Known = append(t.Known, 0)
	}
	t.Known[series] = number + 1
}

// Number is the number that the owner gave to a local series, if it is known.
func (t *Table) Number(owner *Owner, series uint32) (uint32, bool) {
	if t.Owner != owner || int(series) >= len(t.Known) || t.Known[series] == 0 {
		return 0, false
	}
	return t.Known[series] - 1, true
}

// Field is one field column of a table. Bits has one word a row: an int64, a
// uint64, float64 bits, 0 or 1, or for String the offset<<32|length of the
// text in Data. Rows that never got a value are null. Call Table.Pad before
// reading.
type Field struct {
	Name  string
	Kind  column.Kind
	ID    int
	Bits  []uint64
	Nulls column.Bitmap
	Data  []byte
}

func (t *Table) reset(b *Batch) {
	for _, f := range slices.Backward(t.Fields) {
		b.fields = append(b.fields, f)
	}
	t.Fields = t.Fields[:0]
	t.Tags, t.TagIDs = t.Tags[:0], t.TagIDs[:0]
	t.Series, t.Times = t.Series[:0], t.Times[:0]
	t.Plan = t.Plan[:0]
	t.Known, t.Owner = t.Known[:0], nil
	if len(t.ends) > 0 {
		clear(t.keys)
	}
	t.arena, t.ends = t.arena[:0], t.ends[:0]
	t.ID = 0
}

// Index is the table's place in Batch.Tables.
func (t *Table) Index() int { return t.index }

// AddSeries returns the local number of the series with these tags, in any
// order, and remembers it under raw for Lookup when raw is not empty. Tags
// with an empty value are left out: they are absent.
func (t *Table) AddSeries(raw []byte, tags []Tag) uint32 {
	b := t.batch
	b.placed = b.placed[:0]
	for i, g := range tags {
		if len(g.Value) == 0 {
			continue
		}
		// The canonical order is that of the indexes. Most series name their
		// tags in that order, so sorting by insertion has nothing to do.
		p := placed{t.tag(g.Key, i), g.Value}
		b.placed = append(b.placed, p)
		for j := len(b.placed) - 1; j > 0 && b.placed[j-1].tag > p.tag; j-- {
			b.placed[j], b.placed[j-1] = b.placed[j-1], p
		}
	}
	b.canon = b.canon[:0]
	for _, p := range b.placed {
		b.canon = AppendTag(b.canon, p.tag, p.value)
	}
	s := t.AddKey(b.canon, Hash(b.canon))
	if len(raw) > 0 {
		b.raw.put(maphash.Bytes(seed, raw), raw, uint64(t.index)<<32|uint64(s))
	}
	return s
}

// AppendTag adds a tag to a canonical series key.
func AppendTag(key []byte, tag int, value []byte) []byte {
	key = binary.AppendUvarint(key, uint64(tag))
	key = binary.AppendUvarint(key, uint64(len(value)))
	return append(key, value...)
}

// AddKey returns the local number of the series with a canonical key (see
// SeriesKey) that has that Hash. The tags of the key are in Tags.
func (t *Table) AddKey(key []byte, hash uint64) uint32 {
	if 4*len(t.ends) >= 3*len(t.keys) {
		t.growKeys()
	}
	mask, high := uint64(len(t.keys)-1), hash>>32<<32
	i := hash & mask
	for ; t.keys[i] != 0; i = (i + 1) & mask {
		if s := uint32(t.keys[i]) - 1; t.keys[i]>>32<<32 == high && string(t.SeriesKey(s)) == string(key) {
			return s
		}
	}
	s := uint32(len(t.ends))
	t.keys[i] = high | uint64(s+1)
	t.arena = append(t.arena, key...)
	t.ends = append(t.ends, uint32(len(t.arena)))
	return s
}

// growKeys doubles the table of the keys.
func (t *Table) growKeys() {
	t.keys = make([]uint64, max(64, 2*len(t.keys)))
	mask := uint64(len(t.keys) - 1)
	for s := range t.ends {
		hash := Hash(t.SeriesKey(uint32(s)))
		i := hash & mask
		for t.keys[i] != 0 {
			i = (i + 1) & mask
		}
		t.keys[i] = hash>>32<<32 | uint64(s+1)
	}
}

// AddTag returns the index of a tag, making it if need be. likely is where it
// probably is.
func (t *Table) AddTag(name []byte, likely int) int { return t.tag(name, likely) }

// tag returns the index of a tag, making it if need be. likely is where it
// probably is.
func (t *Table) tag(name []byte, likely int) int {
	if likely < len(t.Tags) && t.Tags[likely] == string(name) {
		return likely
	}
	for i, n := range t.Tags {
		if n == string(name) {
			return i
		}
	}
	n := len(t.Tags)
	// The table's previous batch may have left the same name there.
	if n < cap(t.Tags) && t.Tags[:n+1][n] == string(name) {
		t.Tags = t.Tags[:n+1]
	} else {
		t.Tags = append(t.Tags, string(name))
	}
	return n
}

// NumSeries is the number of distinct series in the table.
func (t *Table) NumSeries() int { return len(t.ends) }

// SeriesKey is the canonical key of a local series: for each present tag, in
// ascending order of its index in Tags, uvarint index, uvarint length, value.
// See EachTag. The slice aliases the batch.
func (t *Table) SeriesKey(series uint32) []byte {
	from := uint32(0)
	if series > 0 {
		from = t.ends[series-1]
	}
	return t.arena[from:t.ends[series]]
}

// EachTag calls fn for every tag of a canonical series key, with the tag's
// index in Tags. The value aliases key.
func EachTag(key []byte, fn func(tag int, value []byte)) {
	for len(key) > 0 {
		tag, n := binary.Uvarint(key)
		key = key[n:]
		size, n := binary.Uvarint(key)
		key = key[n:]
		fn(int(tag), key[:size])
		key = key[size:]
	}
}

// Field returns the index of a field column, making it if need be. The kind of
// an existing one is not compared: that is the front-end's check.
func (t *Table) Field(name []byte, kind column.Kind) int {
	if i := t.FieldIndex(name); i >= 0 {
		return i
	}
	return t.AddField(name, kind)
}

// AddField is Field for a name that the table is known to lack: it searches
// nothing.
func (t *Table) AddField(name []byte, kind column.Kind) int {
	var f *Field
	if b := t.batch; len(b.fields) > 0 {
		f = b.fields[len(b.fields)-1]
		b.fields = b.fields[:len(b.fields)-1]
	} else {
		f = &Field{}
	}
	if f.Name != string(name) {
		f.Name = string(name)
	}
	f.Kind, f.ID = kind, 0
	f.Bits, f.Nulls, f.Data = f.Bits[:0], f.Nulls[:0], f.Data[:0]
	t.Fields = append(t.Fields, f)
	return len(t.Fields) - 1
}

// FieldIndex returns the index of a field column, or -1.
func (t *Table) FieldIndex(name []byte) int {
	for i, f := range t.Fields {
		if f.Name == string(name) {
			return i
		}
	}
	return -1
}

// AddRow adds a row with no field values and returns its number.
func (t *Table) AddRow(series uint32, time int64) int {
	t.Series = append(t.Series, series)
	t.Times = append(t.Times, time)
	return len(t.Times) - 1
}

// Set gives a row its value; rows are set in ascending order, each once.
func (f *Field) Set(row int, bits uint64) {
	if len(f.Bits) < row {
		f.pad(row)
	}
	f.Bits = append(f.Bits, bits)
}

// SetString gives a row its text.
func (f *Field) SetString(row int, s []byte) {
	off := len(f.Data)
	f.Data = append(f.Data, s...)
	f.Set(row, uint64(off)<<32|uint64(len(s)))
}

// Text is the text of a row of a String field. It aliases the batch.
func (f *Field) Text(row int) []byte {
	w := f.Bits[row]
	return f.Data[w>>32 : w>>32+w&0xffffffff]
}

func (f *Field) pad(rows int) {
	from := len(f.Bits)
	for len(f.Bits) < rows {
		f.Bits = append(f.Bits, 0)
	}
	f.Nulls.SetRange(from, rows)
}

// Pad gives every field a word for every row, null where it has no value.
func (t *Table) Pad() {
	for _, f := range t.Fields {
		if len(f.Bits) < len(t.Times) {
			f.pad(len(t.Times))
		}
	}
}

// SortBySeries groups the rows by local series; rows of one series stay in the
// order in which they came, so that the last write of a time stays last. The
// fields are padded first.
func (t *Table) SortBySeries() {
	t.Pad()
	n := len(t.Times)
	if slices.IsSorted(t.Series) {
		return
	}
	// A counting sort: series numbers are dense and small.
	t.counts = slices.Grow(t.counts[:0], len(t.ends)+1)[:len(t.ends)+1]
	clear(t.counts)
	for _, s := range t.Series {
		t.counts[s+1]++
	}
	for i := 1; i < len(t.counts); i++ {
		t.counts[i] += t.counts[i-1]
	}
	if cap(t.perm) < n {
		t.perm = make([]uint32, n)
	}
	t.perm = t.perm[:n]
	for row, s := range t.Series {
		t.perm[t.counts[s]] = uint32(row)
		t.counts[s]++
	}
	if cap(t.scratch) < n {
		t.scratch = make([]uint64, n)
	}
	tmp := t.scratch[:n]
	for i, p := range t.perm {
		tmp[i] = uint64(t.Series[p])
	}
	for i, v := range tmp {
		t.Series[i] = uint32(v)
	}
	for i, p := range t.perm {
		tmp[i] = uint64(t.Times[p])
	}
	for i, v := range tmp {
		t.Times[i] = int64(v)
	}
	for _, f := range t.Fields {
		for i, p := range t.perm {
			tmp[i] = f.Bits[p]
		}
		copy(f.Bits, tmp)
		if f.Nulls.Any(n) {
			f.permuteNulls(t.perm, tmp)
		}
	}
}

// permuteNulls makes row i null if row perm[i] was. scratch has a word a row.
func (f *Field) permuteNulls(perm []uint32, scratch []uint64) {
	old := column.Bitmap(scratch[:copy(scratch, f.Nulls)])
	clear(f.Nulls)
	for i, p := range perm {
		if old.Get(int(p)) {
			f.Nulls.Set(i)
		}
	}
}
