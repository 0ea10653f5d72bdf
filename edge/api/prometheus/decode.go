package prometheus

import (
	"errors"
	"fmt"
	"math"
	"sync"
	"unicode/utf8"

	"tarn/edge/ingest"
	"tarn/store/points"
	"tarn/store/schema"
)

// decoder turns write requests into rows. It is pooled with all its memory.
type decoder struct {
	// begin starts the rows of a database.
	begin    func(database string) (*ingest.Rows, error)
	database string // of the request
	// look is how new tables look when hints say so; nil for as they come.
	look     *ingest.Look
	targets  []target
	samples  int
	known    int      // how many of the samples are of series that were known
	families []family // metadata

	series  series
	symbols [][]byte // of protocol 2.0
	refs    []uint32
	recall  ingest.Recall // of series that came before
	labels  []byte        // of a series of protocol 2.0, as 1.0 has them
	rows    func(database string) (*ingest.Rows, error)

	raw, plain []byte // scratch: the body as it came, and decompressed
}

type decoders struct{ pool sync.Pool }

func (p *decoders) get() *decoder {
	if d, ok := p.pool.Get().(*decoder); ok {
		return d
	}
	d := &decoder{}
	d.rows = func(database string) (*ingest.Rows, error) {
		t, err := d.targetNamed(database)
		if err != nil {
			return nil, err
		}
		return t.rows, nil
	}
	return d
}

// keepScratch bounds the buffers that a pooled decoder keeps.
const keepScratch = 4 << 20

func (p *decoders) put(d *decoder) {
	d.recall.Forget()
	for _, t := range d.targets {
		t.rows.Close()
	}
	clear(d.targets)
	clear(d.symbols)
	clear(d.families)
	clear(d.series.tags[:cap(d.series.tags)])
	d.targets, d.symbols, d.families, d.samples, d.known = d.targets[:0], d.symbols[:0], d.families[:0], 0, 0
	d.series = series{tags: d.series.tags[:0], samples: d.series.samples[:0]}
	d.begin, d.look = nil, nil
	if cap(d.raw) > keepScratch {
		d.raw = nil
	}
	if cap(d.plain) > keepScratch {
		d.plain = nil
	}
	p.pool.Put(d)
}

// target is the rows of one database.
type target struct {
	database string
	rows     *ingest.Rows
	looks    map[string]ingest.Look // of new tables
}

// series is one TimeSeries of a request. Everything aliases the request.
type series struct {
	name     []byte
	tags     []points.Tag
	database []byte // of a control label
	deciding int    // which label that was: the larger one wins
	samples  []point
	// raw are the labels as they came, if these bytes say all of them: what the
	// series is remembered by.
	raw []byte
}

type point struct {
	ms    int64
	value float64
}

func (s *series) reset() {
	s.name, s.database, s.deciding = nil, nil, 0
	s.tags, s.samples, s.raw = s.tags[:0], s.samples[:0], nil
}

// The labels that control where a series goes; they are not stored (spec
// section 4.1). Tables of one physical table are a matter of storage that Tarn
// does not have.
const (
	physicalTable  = "__physical_table__"
	physicalTable2 = "x_greptime_physical_table"
)

// rank orders the labels that name a database.
func rank(label []byte) int {
	switch string(label) {
	case "x_greptime_database":
		return 1
	case "__database__":
		return 2
	case "__schema__":
		return 3
	}
	return 0
}

var (
	errNoName    = errors.New("a series has no label __name__")
	errHistogram = errors.New("remote write v1 native histogram ingestion is unsupported; use remote write v2")
)

// label adds a label to the series. An empty value is an absent label.
func (s *series) label(name, value []byte) error {
	if !validLabel(name) {
		return fmt.Errorf("invalid label name %q: it must match [a-zA-Z_][a-zA-Z0-9_]*", name)
	}
	switch string(name) {
	case "__name__":
		if s.name != nil {
			return errors.New("the label __name__ comes twice")
		}
		s.name = value
		return nil
	case physicalTable, physicalTable2:
		return nil
	}
	if r := rank(name); r > 0 {
		if r > s.deciding {
			s.deciding, s.database = r, value
		}
		return nil
	}
	s.tags = append(s.tags, points.Tag{Key: name, Value: value})
	return nil
}

// validLabel says whether a label's name matches [a-zA-Z_][a-zA-Z0-9_]*.
func validLabel(name []byte) bool {
	for i, c := range name {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c == '_':
		case i > 0 && c >= '0' && c <= '9':
		default:
			return false
		}
	}
	return len(name) > 0
}

// valueField is the field of a metric's value in a new table.
var valueField = []byte("greptime_value")

// field is the column that takes the values of a table: that of its only
// field, or greptime_value.
func valueColumn(t *schema.Table) []byte {
	if t == nil {
		return valueField
	}
	if _, ok := t.ColumnBytes(valueField); ok {
		return valueField
	}
	var only []byte
	for _, c := range t.Columns {
		if c.Role == schema.Field {
			if only != nil {
				return valueField
			}
			only = []byte(c.Name)
		}
	}
	if only == nil {
		return valueField
	}
	return only
}

// maxMillis bounds timestamps: they are stored as ns.
const maxMillis = math.MaxInt64 / 1_000_000

// flush makes rows of the series.
func (d *decoder) flush() error {
	s := &d.series
	if len(s.name) == 0 {
		return errNoName
	}
	if !utf8.Valid(s.name) {
		return fmt.Errorf("the metric name %q is not UTF-8", s.name)
	}
	if len(s.samples) == 0 {
		return nil
	}
	to, err := d.target(s.database)
	if err != nil {
		return err
	}
	t, err := to.rows.Table(s.name)
	if err != nil {
		return err
	}
	if d.look != nil && t.Schema() == nil {
		if to.looks == nil {
			to.looks = map[string]ingest.Look{}
		}
		to.looks[t.Name()] = *d.look
	}
	if err := t.Series(nil, s.tags); err != nil {
		return err
	}
	column := valueColumn(t.Schema())
	for _, p := range s.samples {
		if p.ms > maxMillis || p.ms < -maxMillis {
			return fmt.Errorf("metric %s: the timestamp %d ms is outside of what can be stored (years 1677 to 2262)", s.name, p.ms)
		}
		t.Row(p.ms * 1e6)
		t.Float(column, p.value)
		if err := t.End(); err != nil {
			return err
		}
	}
	d.samples += len(s.samples)
	if s.raw != nil && (s.database == nil || len(s.database) > 0) {
		d.recall.Note(s.raw, t, string(s.database), column)
	}
	return nil
}

// again makes rows of a series that is known by its labels, which Recall found,
// and of what follows them in its message, if that is samples and nothing else.
// Otherwise it says no, and nothing was done.
func (d *decoder) again(m []byte) (done bool, err error) {
	points := d.series.samples[:0]
	for len(m) > 0 {
		// As nearly every sample is encoded.
		if len(m) < 2 || m[0] != 2<<3|byte(bytes) || m[1] >= 0x80 || int(m[1]) > len(m)-2 {
			return false, nil
		}
		end := 2 + int(m[1])
		ms, v, err := sample(m[2:end])
		if err != nil {
			return false, nil
		}
		points = append(points, point{ms, v})
		m = m[end:]
	}
	d.series.samples = points
	return d.addAgain()
}

// addAgain makes rows of the series that Recall found, unless its table has
// changed, or a time cannot be stored.
func (d *decoder) addAgain() (done bool, err error) {
	points := d.series.samples
	if len(points) == 0 {
		return true, nil
	}
	for _, p := range points {
		if p.ms > maxMillis || p.ms < -maxMillis {
			return false, nil
		}
	}
	t, ok := d.recall.Add(d.rows)
	if !ok {
		return false, nil
	}
	for _, p := range points {
		if err := t.AddFloat(p.ms*1e6, p.value); err != nil {
			return false, err
		}
	}
	d.samples += len(points)
	d.known += len(points)
	return true, nil
}

// targetNamed is target for a name that is empty when there is none.
func (d *decoder) targetNamed(database string) (*target, error) {
	if database == "" {
		return d.target(nil)
	}
	return d.target([]byte(database))
}

// target finds the rows of a database; nil means the request's. It is valid until
// the next call.
func (d *decoder) target(name []byte) (*target, error) {
	for i := range d.targets {
		if t := &d.targets[i]; name == nil && t.database == d.database || name != nil && t.database == string(name) {
			return t, nil
		}
	}
	database := d.database
	if name != nil {
		database = string(name)
	}
	rows, err := d.begin(database)
	if err != nil {
		return nil, err
	}
	d.targets = append(d.targets, target{database: database, rows: rows})
	return &d.targets[len(d.targets)-1], nil
}

// v1 reads a prometheus.WriteRequest.
func (d *decoder) v1(m []byte) error {
	for len(m) > 0 {
		f, rest, err := next(m)
		if err != nil {
			return undecodable(err)
		}
		m = rest
		switch f.number {
		case 1:
			if err := f.is(bytes); err != nil {
				return undecodable(err)
			}
			if n := d.recall.Guess(f.data); n > 0 {
				if done, err := d.again(f.data[n:]); err != nil {
					return err
				} else if done {
					continue
				}
			}
			if err := d.timeSeries(f.data); err != nil {
				return err
			}
		case 3:
			if err := f.is(bytes); err != nil {
				return undecodable(err)
			}
			if err := d.metadata(f.data); err != nil {
				return undecodable(err)
			}
		}
	}
	return nil
}

// timeSeries reads a prometheus.TimeSeries.
func (d *decoder) timeSeries(m []byte) error {
	s := &d.series
	s.reset()
	end, labels := labelRun(m)
	if d.recall.Find(m[:end]) {
		if done, err := d.again(m[end:]); done || err != nil {
			return err
		}
		s.reset()
	}
	raw := m[:end]
	for len(m) > 0 {
		f, rest, err := next(m)
		if err != nil {
			return undecodable(err)
		}
		m = rest
		switch f.number {
		case 1:
			labels--
			name, value, err := pair(f)
			if err != nil {
				return undecodable(err)
			}
			if err := s.label(name, value); err != nil {
				return err
			}
		case 2:
			if err := f.is(bytes); err != nil {
				return undecodable(err)
			}
			ms, v, err := sample(f.data)
			if err != nil {
				return undecodable(err)
			}
			s.samples = append(s.samples, point{ms, v})
		case 4:
			return errHistogram
		}
	}
	if labels == 0 { // no other labels came
		s.raw = raw
	}
	return d.flush()
}

// labelRun is where the labels end that a TimeSeries begins with, and how many
// they are.
func labelRun(m []byte) (end, count int) {
	for end+1 < len(m) && m[end] == 1<<3|byte(bytes) {
		from, size := end+2, uint64(m[end+1])
		if size >= 0x80 {
			var rest []byte
			var err error
			if size, rest, err = uvarint(m[end+1:]); err != nil {
				break
			}
			from = len(m) - len(rest)
		}
		if size > uint64(len(m)-from) {
			break
		}
		end = from + int(size)
		count++
	}
	return end, count
}

// pair reads a prometheus.Label.
func pair(f field) (name, value []byte, err error) {
	if err := f.is(bytes); err != nil {
		return nil, nil, err
	}
	for m := f.data; len(m) > 0; {
		var part field
		if part, m, err = next(m); err != nil {
			return nil, nil, err
		}
		switch part.number {
		case 1, 2:
			if err := part.is(bytes); err != nil {
				return nil, nil, err
			}
			if part.number == 1 {
				name = part.data
			} else {
				value = part.data
			}
		}
	}
	return name, value, nil
}

// metadata reads a prometheus.MetricMetadata.
func (d *decoder) metadata(m []byte) error {
	var out family
	for len(m) > 0 {
		f, rest, err := next(m)
		if err != nil {
			return err
		}
		m = rest
		switch f.number {
		case 1:
			if err := f.is(varint); err != nil {
				return err
			}
			out.kind = f.n
		case 2, 4, 5:
			if err := f.is(bytes); err != nil {
				return err
			}
			switch f.number {
			case 2:
				out.name = f.data
			case 4:
				out.help = f.data
			default:
				out.unit = f.data
			}
		}
	}
	d.families = append(d.families, out)
	return nil
}

// undecodable is the error of a body that is no write request.
func undecodable(err error) error { return &decodeError{err} }

type decodeError struct{ err error }

func (e *decodeError) Error() string {
	return "Failed to decode prometheus remote request: " + e.err.Error()
}

func (e *decodeError) Unwrap() error { return e.err }
