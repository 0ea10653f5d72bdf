package ingest

import (
	"bytes"
	"hash/maphash"
	"math"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"tarn/store/column"
	"tarn/store/points"
	"tarn/store/schema"
)

// Known remembers, from one request to the next, what series the labels of a
// protocol stand for, by the bytes of the labels as they come: clients send the
// same ones again and again, and only the samples are new. It knows
// series of one float field whose table and columns there are. A series whose
// table's schema is another one now is not known any more.
//
// It is safe for concurrent use, and nil is a Known that knows nothing. The
// memory is bounded: when it is full nothing new is remembered, until as many
// series as it holds, several times over, were not known; then those go that
// nobody asked for since the last time. Clients come back to their series in
// turns, and of a turn that is too long this remembers a part, where dropping
// the oldest would remember nothing.
type Known struct {
	seed maphash.Seed
	most int // bytes

	mu      sync.RWMutex
	series  []knownSeries
	slots   []uint32 // open addressing: index of series + 1, 0 is free; a power of two
	tables  []knownTable
	byName  map[tableKey]uint32 // index of tables
	texts   []byte              // keys and labels
	turn    uint32
	bytes   int          // of all that
	refused atomic.Int64 // series that were not known since the last turn
}

// knownSeries is a series. It has no pointers: there may be many.
type knownSeries struct {
	hash, keyHash uint64 // of the labels with the place; of the key, see points.Hash
	tags          uint64 // a bit for each of the table's tags that it has, if there are at most 64
	at            uint32 // of the labels in texts, with the key after them
	labels, key   uint16 // lengths
	table         uint32
	number        uint32 // see knownTable.owner
	next          uint32 // which one came after it the last time, as its index + 1
	turn          uint32 // in which it was asked for
}

// knownTable is a table as it was when its series were remembered.
type knownTable struct {
	tableKey
	name   []byte // the same as table
	schema *schema.Table
	owner  *points.Owner
	field  []byte
	tags   [][]byte // in the order of schema.Tags, to which keys refer
}

// tableKey says what table labels mean that come with a place: whatever the
// request says beside the labels.
type tableKey struct{ place, database, table string }

// Bounds of what is remembered: texts that are longer are rare, and a header of
// 16 bits is enough for the others.
const (
	maxKnownLabels  = 4 << 10
	knownCost       = 64 + 8 // a series, and its slot at the usual load
	knownTableCost  = 256
	knownColumnCost = 64
)

// NewKnown returns a Known that takes so many bytes, about.
func NewKnown(most int) *Known {
	k := &Known{seed: maphash.MakeSeed(), most: min(most, 1<<30)}
	k.forget()
	return k
}

func (k *Known) forget() {
	k.series, k.slots, k.texts, k.bytes = nil, make([]uint32, 64), nil, 0
	k.tables, k.byName = nil, map[tableKey]uint32{}
}

// Recall is what one request asks of a Known. Its memory is used again.
//
//	r.Begin(known, place)
//	if r.Find(labels) {
//		t, known = r.Add(rows)
//	}
//	if known {
//		err = t.AddFloat(time, v)
//	} else {
//		... the row by Rows.Table, Series, Row, Float and End
//		r.Note(labels, t, database, field)
//	}
//	r.End()
//	... commit the rows
//	r.Learn()
//	... close the rows
//	r.Forget()
type Recall struct {
	known  *Known
	place  string
	salt   uint64
	last   uint32 // index + 1 of the series that came last
	tables []recalled
	used   []uint32 // the tables that are
	learnt []lesson
	texts  []byte // labels of lessons
	missed int
}

// recalled is a known table in the rows of a request.
type recalled struct {
	table *RowTable // nil until it is asked for
	stale bool      // its schema is another one now
	field int       // in the rows, -1 before the first
	same  uint64    // a bit for each tag whose index in the rows is that of the schema
}

// lesson is a series to remember.
type lesson struct {
	at, size int // of the labels in texts
	table    *RowTable
	database string
	series   uint32
	field    []byte
}

// Begin starts a request; place tells apart requests in which the same labels
// mean other tables. Until End nothing new is remembered.
func (r *Recall) Begin(k *Known, place string) {
	r.known, r.place, r.last, r.missed = k, place, 0, 0
	if k == nil {
		return
	}
	r.salt = maphash.String(k.seed, place)
	k.mu.RLock()
	if len(r.tables) < len(k.tables) {
		r.tables = append(r.tables, make([]recalled, len(k.tables)-len(r.tables))...)
	}
}

// End ends the asking. It must come once after Begin.
func (r *Recall) End() {
	if r.known == nil {
		return
	}
	for _, i := range r.used {
		r.tables[i] = recalled{}
	}
	r.used = r.used[:0]
	r.known.mu.RUnlock()
	if r.missed > 0 {
		r.known.refused.Add(int64(r.missed))
	}
}

// Guess says how many bytes of m are labels that are known, without looking for
// their end: those of the series that came after the last one before. The
// series is the one for Add then. 0 is no guess.
func (r *Recall) Guess(m []byte) int {
	if r.last == 0 {
		return 0
	}
	k := r.known
	i := atomic.LoadUint32(&k.series[r.last-1].next)
	if i == 0 || int(i) > len(k.series) {
		return 0
	}
	s := &k.series[i-1]
	n := int(s.labels)
	if len(m) < n || !bytes.Equal(k.texts[s.at:int(s.at)+n], m[:n]) || k.tables[s.table].place != r.place {
		return 0
	}
	r.last = i
	return n
}

// Find looks for the series of these labels, which is the one for Add then.
func (r *Recall) Find(labels []byte) bool {
	k := r.known
	if k == nil || len(labels) == 0 {
		return false
	}
	i := k.find(k.hash(labels, r.salt), labels, r.place)
	if i == 0 {
		r.missed++
		return false
	}
	if r.last != 0 {
		if next := &k.series[r.last-1].next; atomic.LoadUint32(next) != i {
			atomic.StoreUint32(next, i)
		}
	}
	r.last = i
	return true
}

func (k *Known) hash(labels []byte, salt uint64) uint64 { return maphash.Bytes(k.seed, labels) ^ salt }

// find returns a series' index + 1, or 0.
func (k *Known) find(hash uint64, labels []byte, place string) uint32 {
	mask := uint64(len(k.slots) - 1)
	for slot := hash & mask; k.slots[slot] != 0; slot = (slot + 1) & mask {
		s := &k.series[k.slots[slot]-1]
		if s.hash == hash && bytes.Equal(k.labels(s), labels) && k.tables[s.table].place == place {
			return k.slots[slot]
		}
	}
	return 0
}

func (k *Known) labels(s *knownSeries) []byte { return k.texts[s.at : s.at+uint32(s.labels)] }

func (k *Known) key(s *knownSeries) []byte {
	return k.texts[s.at+uint32(s.labels) : s.at+uint32(s.labels)+uint32(s.key)]
}

// Add makes the series that was found the current one of its table, to which
// AddFloat adds rows then. rows begins or continues the rows of the database that
// Note was told. It says no when the table has changed since.
func (r *Recall) Add(rows func(database string) (*Rows, error)) (*RowTable, bool) {
	k := r.known
	s := &k.series[r.last-1]
	known, state := &k.tables[s.table], &r.tables[s.table]
	if state.table == nil {
		r.used = append(r.used, s.table)
		*state = recalled{stale: true, field: -1}
		to, err := rows(known.database)
		if err != nil {
			return nil, false
		}
		t, err := to.Table(known.name)
		if err != nil {
			return nil, false
		}
		state.table, state.stale = t, t.schema != known.schema
	}
	if state.stale {
		r.missed++
		return nil, false
	}
	if atomic.LoadUint32(&s.turn) != k.turn {
		atomic.StoreUint32(&s.turn, k.turn)
	}
	state.table.addKnown(known, state, s, k.key(s))
	return state.table, true
}

// addKnown makes a known series the current one.
func (t *RowTable) addKnown(known *knownTable, state *recalled, s *knownSeries, key []byte) {
	r := t.rows
	p := t.table
	if p == nil {
		p = r.batch.AddTable(t.name)
		t.table = p
		r.places = append(r.places, t)
	}
	before := p.NumSeries()
	if s.tags&^state.same != 0 || len(known.tags) > 64 {
		state.align(p, known.tags, key)
	}
	if s.tags&^state.same == 0 && len(known.tags) <= 64 {
		t.series = p.AddKey(key, s.keyHash)
	} else {
		// The rows name the table's tags in another order.
		t.tags = t.tags[:0]
		points.EachTag(key, func(tag int, value []byte) {
			t.tags = append(t.tags, points.Tag{Key: known.tags[tag], Value: value})
		})
		t.series = p.AddSeries(nil, t.tags)
	}
	t.pending = false
	if p.NumSeries() > before {
		r.held += seriesCost + len(key)
		p.Know(known.owner, t.series, s.number)
	}
	if state.field < 0 {
		if state.field = p.FieldIndex(known.field); state.field < 0 {
			state.field = p.AddField(known.field, column.Float64)
			r.held += fieldCost(len(p.Times)) // the rows so far lack it
		}
	}
	t.known = state.field
}

// align brings the tags of a key into the rows, and notes those that have the
// index there that they have in the schema.
func (state *recalled) align(p *points.Table, names [][]byte, key []byte) {
	points.EachTag(key, func(tag int, _ []byte) {
		if tag < 64 && p.AddTag(names[tag], tag) == tag {
			state.same |= 1 << tag
		}
	})
}

// AddFloat adds a row of the series that Recall.Add made the current one.
func (t *RowTable) AddFloat(time int64, v float64) error {
	r := t.rows
	if r.held > r.writer.held {
		return tooMuch(r.writer.held)
	}
	p := t.table
	row := p.AddRow(t.series, time)
	r.held += rowCost(len(p.Fields))
	p.Fields[t.known].Set(row, math.Float64bits(v))
	return nil
}

// Note takes down that these labels mean the current series of a table, which has
// rows of that float field. Learn remembers it.
func (r *Recall) Note(labels []byte, t *RowTable, database string, field []byte) {
	k := r.known
	if k == nil || t.schema == nil || len(labels) == 0 || len(labels) > maxKnownLabels || k.full() {
		return
	}
	if c, ok := t.schema.ColumnBytes(field); !ok || c.Role != schema.Field || c.Kind != column.Float64 {
		return // it is new
	}
	r.learnt = append(r.learnt, lesson{at: len(r.texts), size: len(labels), table: t, database: database, series: t.series, field: field})
	r.texts = append(r.texts, labels...)
}

// full says whether there is no room, not even after another turn.
func (k *Known) full() bool { return k.bytes >= k.most && k.refused.Load() < k.patience() }

// patience is how many series that are not known make a turn.
func (k *Known) patience() int64 { return 4 * int64(len(k.series)+64) }

// Learn remembers what was taken down, once the rows are committed, and before
// they are closed.
func (r *Recall) Learn() {
	if len(r.learnt) == 0 {
		return
	}
	r.known.mu.Lock()
	defer r.known.mu.Unlock()
	for _, l := range r.learnt {
		r.known.add(l, r.texts[l.at:l.at+l.size], r.place, r.salt)
	}
}

// Forget drops what was taken down.
func (r *Recall) Forget() {
	clear(r.learnt)
	r.learnt, r.texts, r.known, r.place = r.learnt[:0], r.texts[:0], nil, ""
	if cap(r.texts) > maxKept || cap(r.learnt) > maxKept/64 {
		r.learnt, r.texts = nil, nil
	}
}

// maxKept bounds the memory that a Recall keeps, in bytes.
const maxKept = 1 << 20

// add remembers a series. The caller holds mu.
func (k *Known) add(l lesson, labels []byte, place string, salt uint64) {
	p := l.table.table
	number, ok := p.Number(p.Owner, l.series)
	if !ok || p.Owner == nil {
		return
	}
	if k.bytes >= k.most {
		if k.refused.Load() < k.patience() {
			return
		}
		k.sweep()
		if k.bytes >= k.most {
			return
		}
	}
	hash := k.hash(labels, salt)
	table := k.table(l, place)
	key, tags, ok := k.tables[table].key(nil, p, p.SeriesKey(l.series))
	if !ok {
		return
	}
	s := knownSeries{hash: hash, keyHash: points.Hash(key), tags: tags, at: uint32(len(k.texts)), labels: uint16(len(labels)), key: uint16(len(key)),
		table: table, number: number, turn: k.turn}
	k.texts = append(append(k.texts, labels...), key...)
	k.bytes += knownCost + len(labels) + len(key)
	if i := k.find(hash, labels, place); i != 0 { // of a schema that was
		k.series[i-1] = s
		return
	}
	k.insert(s)
}

func (k *Known) insert(s knownSeries) {
	k.series = append(k.series, s)
	if 2*len(k.series) > len(k.slots) {
		k.slots = make([]uint32, 2*len(k.slots))
		for i := range k.series {
			k.place(uint32(i))
		}
		return
	}
	k.place(uint32(len(k.series) - 1))
}

func (k *Known) place(i uint32) {
	mask := uint64(len(k.slots) - 1)
	slot := k.series[i].hash & mask
	for k.slots[slot] != 0 {
		slot = (slot + 1) & mask
	}
	k.slots[slot] = i + 1
}

// table returns the index of the table of a lesson, with the schema that its
// request saw.
func (k *Known) table(l lesson, place string) uint32 {
	sch, owner := l.table.schema, l.table.table.Owner
	name := tableKey{place, l.database, l.table.name}
	if i, ok := k.byName[name]; ok {
		if t := &k.tables[i]; t.schema == sch && t.owner == owner && bytes.Equal(t.field, l.field) {
			return i
		}
	}
	name.place = strings.Clone(place) // it may be a part of a request
	t := knownTable{tableKey: name, name: []byte(name.table), schema: sch, owner: owner, field: bytes.Clone(l.field)}
	for _, id := range sch.Tags {
		t.tags = append(t.tags, []byte(sch.Columns[id].Name))
	}
	i := uint32(len(k.tables))
	k.tables = append(k.tables, t)
	k.byName[name] = i
	k.bytes += t.bytes()
	return i
}

// key is a series' key of p with the tags' indexes in the schema, in their
// order; ok is false when it has a tag that the schema lacks, or is too long.
func (t *knownTable) key(dst []byte, p *points.Table, key []byte) (out []byte, tags uint64, ok bool) {
	type tag struct {
		index int
		value []byte
	}
	var all []tag
	ok = true
	points.EachTag(key, func(i int, value []byte) {
		c, found := t.schema.Column(p.Tags[i])
		if !found || c.Role != schema.Tag {
			ok = false
			return
		}
		all = append(all, tag{slices.Index(t.schema.Tags, c.ID), value})
	})
	if !ok {
		return nil, 0, false
	}
	slices.SortFunc(all, func(a, b tag) int { return a.index - b.index })
	for _, g := range all {
		dst = points.AppendTag(dst, g.index, g.value)
		tags |= 1 << (g.index & 63)
	}
	return dst, tags, len(dst) <= maxKnownLabels
}

// sweep begins a turn: what was not asked for in the last one goes.
func (k *Known) sweep() {
	series, tables, texts, last := k.series, k.tables, k.texts, k.turn
	k.forget()
	k.turn++
	k.refused.Store(0)
	moved := map[uint32]uint32{}
	for _, s := range series {
		if s.turn != last {
			continue
		}
		to, ok := moved[s.table]
		if !ok {
			t := tables[s.table]
			to = uint32(len(k.tables))
			k.tables = append(k.tables, t)
			k.byName[t.tableKey], moved[s.table] = to, to
			k.bytes += t.bytes()
		}
		text := texts[s.at : s.at+uint32(s.labels)+uint32(s.key)]
		s.table, s.at, s.next = to, uint32(len(k.texts)), 0
		k.texts = append(k.texts, text...)
		k.bytes += knownCost + len(text)
		k.insert(s)
	}
}

// bytes is about what a table takes, its schema included, which may be one that
// nobody else has any more.
func (t *knownTable) bytes() int { return knownTableCost + knownColumnCost*len(t.schema.Columns) }
