package ingest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"tarn/lp"
	"tarn/store"
	"tarn/store/column"
	"tarn/store/points"
	"tarn/store/schema"
)

// WriteLines reads line protocol and writes its good lines. Bad lines are in
// the report; an error means that nothing was written.
func (w *Writer) WriteLines(ctx context.Context, body io.Reader, o Options) (Report, error) {
	if err := w.store.AdmitDatabase(o.Database); err != nil {
		return Report{}, err
	}
	turn := w.lines(ctx, body)
	defer turn.Done()
	head := w.heads.Get().(*[]byte)
	defer w.heads.Put(head)
	all, err := readHead(head, turn)
	if err != nil {
		return Report{}, fmt.Errorf("read the body: %w", err)
	}
	// What grew with a large body is not for those that wait for their turn.
	pool := &w.pool
	if !all {
		pool = &w.grown
		if err := turn.Await(len(*head)); err != nil {
			return Report{}, fmt.Errorf("read the body: %w", err)
		}
	}
	lw := pool.Get().(*lineWriter)
	defer func() {
		if !w.tooHuge(lw.held) {
			pool.Put(lw)
		}
	}()
	lw.reset(w.store, o.Database)
	lw.noCreate, lw.most = o.NoCreate, w.held
	defer lw.batch.Reset()
	if all {
		lw.decoder.ResetBytes(*head)
	} else {
		lw.decoder.Reset(io.MultiReader(bytes.NewReader(*head), turn))
	}
	report, err := lw.read(o.Precision, w.now().UnixNano())
	switch {
	case err != nil:
		return report, err
	case report.Written == 0 && report.Failed == 0:
		return report, ErrEmpty
	case report.Written == 0, report.Failed > 0 && o.AllOrNothing:
		report.Written = 0
		return report, nil
	}
	if o.Look != nil {
		for _, t := range lw.batch.Tables {
			if lw.state(t).schema != nil {
				continue
			}
			if err := w.define(ctx, o.Database, t.Name, o.Look); err != nil {
				return Report{}, err
			}
		}
	}
	if err := w.store.Write(ctx, o.Database, lw.batch, store.WriteOptions{NoSync: o.NoSync}); err != nil {
		return report, err
	}
	return report, nil
}

// readHead reads the first part of a body into memory that is used again, and
// says whether it is all of it.
func readHead(head *[]byte, body io.Reader) (all bool, err error) {
	b := (*head)[:0]
	defer func() { *head = b }()
	for len(b) < smallBody {
		if len(b) == cap(b) {
			b = slices.Grow(b, min(len(b), smallBody-len(b)))
		}
		n, err := body.Read(b[len(b):min(cap(b), smallBody)])
		b = b[:len(b)+n]
		if errors.Is(err, io.EOF) {
			return true, nil
		}
		if err != nil {
			return false, err
		}
	}
	return false, nil
}

// lineWriter validates lines against the schema and collects them in a batch.
// A bad line leaves no trace in it.
type lineWriter struct {
	batch   *points.Batch
	decoder *lp.Decoder

	db     store.Database
	exists bool // db is there
	limits store.Limits
	tables int // in the store
	// noCreate is Options.NoCreate.
	noCreate bool
	// held is about how many bytes the rows take, with a word for each field that
	// they lack, and most what they may.
	held, most int

	states []tableState   // by table of the batch
	names  map[string]int // name -> table of the batch
	fields []int          // scratch: field columns of the current line, -1 for new ones
	tags   []points.Tag
}

// tableState is what validation knows of a table of the batch.
type tableState struct {
	schema  *schema.Table // nil for a new table
	columns int           // with the batch's new ones
	tags    int
	fields  uint64 // lp.Line.FieldsID of the table's Plan
}

func (w *lineWriter) state(t *points.Table) *tableState { return &w.states[t.Index()] }

func (w *lineWriter) reset(s Store, database string) {
	w.batch.Reset()
	w.db, w.exists = s.Database(database)
	w.limits, w.tables = s.Limits(), s.TableCount()
	w.held = 0
	w.states = w.states[:0]
	clear(w.names)
}

// read takes in the lines of the decoder.
func (w *lineWriter) read(precision lp.Precision, now int64) (Report, error) {
	var report Report
	d := w.decoder
	defer d.ResetBytes(nil) // holds on to no request
	for d.Next() {
		var err error
		if bad := d.LineErr(); bad != nil {
			err = bad
		} else {
			err = w.line(d.Line(), precision, now)
		}
		if w.held > w.most {
			return report, tooMuch(w.most)
		}
		if err == nil {
			report.Written++
			continue
		}
		report.Failed++
		if len(report.Rejected) < MaxRejected {
			report.Rejected = append(report.Rejected, reject(d, err))
		}
	}
	if err := d.Err(); err != nil {
		return report, fmt.Errorf("read the body: %w", err)
	}
	return report, nil
}

func reject(d *lp.Decoder, err error) Rejected {
	r := Rejected{Message: err.Error()}
	var bad *lp.Error
	if errors.As(err, &bad) {
		r.Message = bad.Reason
	}
	r.Line = d.Line().Number
	r.Original = strings.ToValidUTF8(string(cut(d.Line().Raw, maxOriginal)), "\uFFFD")
	var limit *store.LimitError
	r.Limit = errors.As(err, &limit)
	return r
}

// cut returns at most n bytes of text, and no half of a character at the end.
func cut(text []byte, n int) []byte {
	if len(text) <= n {
		return text
	}
	text = text[:n]
	for i := n - 1; i >= 0 && i > n-utf8.UTFMax; i-- {
		if utf8.RuneStart(text[i]) {
			if !utf8.FullRune(text[i:]) {
				text = text[:i]
			}
			break
		}
	}
	return text
}

// kinds maps lp's kinds to those of columns.
var kinds = [...]column.Kind{
	lp.Float: column.Float64, lp.Integer: column.Int64, lp.Unsigned: column.Uint64, lp.Boolean: column.Bool, lp.String: column.String,
}

// line adds one line to the batch, or says what is wrong with it.
func (w *lineWriter) line(l *lp.Line, precision lp.Precision, now int64) error {
	var time int64
	if !l.HasTime {
		time = precision.Truncate(now)
	} else {
		var ok bool
		if time, ok = precision.ToNanos(l.Time); !ok {
			return fmt.Errorf("timestamp, %d, out of range for precision: %s", l.Time, precision)
		}
	}
	t, series, known := w.batch.Lookup(l.Key)
	if known {
		// The usual case: the fields are those of the line before.
		if st := w.state(t); st.fields != l.FieldsID {
			if err := w.matchFields(t, st, l); err != nil {
				return err
			}
			st.fields = l.FieldsID
		}
	} else {
		var err error
		if t, series, err = w.newSeries(l); err != nil {
			return err
		}
	}
	row := t.AddRow(series, time)
	w.held += rowCost(len(t.Fields))
	for i := range l.Fields {
		f := &l.Fields[i]
		col := t.Fields[t.Plan[i]]
		if f.Kind == lp.String {
			w.held += len(f.Str)
			col.SetString(row, f.Str)
		} else {
			col.Set(row, f.Bits)
		}
	}
	return nil
}

// matchFields makes t.Plan the columns of the line's fields, adding new ones
// when all are good.
func (w *lineWriter) matchFields(t *points.Table, st *tableState, l *lp.Line) error {
	if len(t.Plan) == len(l.Fields) {
		same := true
		for i := range l.Fields {
			c := t.Fields[t.Plan[i]]
			if c.Kind != kinds[l.Fields[i].Kind] || c.Name != string(l.Fields[i].Key) {
				same = false
				break
			}
		}
		if same {
			return nil
		}
	}
	added, err := w.checkFields(t, st, nil, l)
	if err != nil {
		return err
	}
	w.addFields(t, st, added, l)
	return nil
}

// checkFields looks up the columns of the line's fields into w.fields and
// counts those that are new. t is nil for a table that the batch lacks.
func (w *lineWriter) checkFields(t *points.Table, st *tableState, tags []lp.Tag, l *lp.Line) (added int, err error) {
	w.fields = w.fields[:0]
	for i := range l.Fields {
		f := &l.Fields[i]
		kind := kinds[f.Kind]
		idx := -1
		if t != nil {
			idx = t.FieldIndex(f.Key)
		}
		if idx >= 0 {
			if have := t.Fields[idx].Kind; have != kind {
				return 0, mismatch(string(f.Key), schema.Column{Role: schema.Field, Kind: have}, schema.Column{Role: schema.Field, Kind: kind})
			}
			w.fields = append(w.fields, idx)
			continue
		}
		w.fields = append(w.fields, -1)
		got := schema.Column{Role: schema.Field, Kind: kind}
		if st.schema != nil {
			if c, ok := st.schema.ColumnBytes(f.Key); ok {
				if c.Role != schema.Field || c.Kind != kind {
					return 0, mismatch(c.Name, c, got)
				}
				continue
			}
		}
		if t != nil && slices.Contains(t.Tags, string(f.Key)) || slices.ContainsFunc(tags, func(g lp.Tag) bool { return string(g.Key) == string(f.Key) }) {
			return 0, mismatch(string(f.Key), schema.Column{Role: schema.Tag}, got)
		}
		if err := store.CheckColumnName("field", string(f.Key)); err != nil {
			return 0, err
		}
		added++
	}
	if added > 0 && st.columns+added > w.limits.Columns {
		return 0, store.LimitColumns(w.limits.Columns)
	}
	return added, nil
}

func (w *lineWriter) addFields(t *points.Table, st *tableState, added int, l *lp.Line) {
	t.Plan = t.Plan[:0]
	for i, idx := range w.fields {
		if idx < 0 {
			had := len(t.Fields)
			if idx = t.Field(l.Fields[i].Key, kinds[l.Fields[i].Kind]); len(t.Fields) > had {
				w.held += fieldCost(len(t.Times)) // the rows so far lack it
			}
		}
		t.Plan = append(t.Plan, idx)
	}
	st.columns += added
}

// newSeries adds the series of a line whose key the batch has not seen.
func (w *lineWriter) newSeries(l *lp.Line) (*points.Table, uint32, error) {
	name, tags, bad := l.ParseKey()
	if bad != nil {
		return nil, 0, bad
	}
	var t *points.Table
	var st *tableState
	var fresh tableState
	if i, ok := w.names[string(name)]; ok {
		t, st = w.batch.Tables[i], &w.states[i]
	} else {
		fresh = tableState{columns: 1}
		if w.exists {
			if s, ok := w.db.TableBytes(name); ok {
				fresh = tableState{schema: s, columns: s.Live(), tags: len(s.Tags)}
			}
		}
		if fresh.schema == nil && w.noCreate {
			return nil, 0, &NoTableError{Table: string(name)}
		}
		if fresh.schema == nil && w.tables+1 > w.limits.Tables {
			return nil, 0, store.LimitTables(w.limits.Tables)
		}
		st = &fresh
	}
	newTags, err := w.checkTags(t, st, tags)
	if err != nil {
		return nil, 0, err
	}
	st.columns += newTags // counted with the fields
	newFields, err := w.checkFields(t, st, tags, l)
	if err != nil {
		st.columns -= newTags
		return nil, 0, err
	}
	st.tags += newTags
	if t == nil {
		if fresh.schema == nil {
			w.tables++
		}
		t = w.batch.Table(name)
		w.states = append(w.states, fresh)
		w.names[t.Name] = t.Index()
		st = &w.states[len(w.states)-1]
	}
	w.addFields(t, st, newFields, l)
	st.fields = l.FieldsID
	w.tags = w.tags[:0]
	for _, g := range tags {
		w.tags = append(w.tags, points.Tag{Key: g.Key, Value: g.Value})
	}
	known := t.NumSeries()
	series := t.AddSeries(l.Key, w.tags)
	w.held += seriesCost + len(l.Key)
	if t.NumSeries() > known {
		w.held += seriesCost + 2*len(t.SeriesKey(series))
	}
	return t, series, nil
}

// checkTags validates the tags of a line and counts those that are new to the
// table.
func (w *lineWriter) checkTags(t *points.Table, st *tableState, tags []lp.Tag) (added int, err error) {
	for _, g := range tags {
		if t != nil && slices.Contains(t.Tags, string(g.Key)) {
			continue
		}
		if st.schema != nil {
			if c, ok := st.schema.ColumnBytes(g.Key); ok {
				if c.Role != schema.Tag {
					return 0, mismatch(c.Name, c, schema.Column{Role: schema.Tag})
				}
				continue
			}
		}
		if t != nil {
			if f := t.FieldIndex(g.Key); f >= 0 {
				return 0, mismatch(string(g.Key), schema.Column{Role: schema.Field, Kind: t.Fields[f].Kind}, schema.Column{Role: schema.Tag})
			}
		}
		if err := store.CheckColumnName("tag", string(g.Key)); err != nil {
			return 0, err
		}
		added++
	}
	switch {
	case added == 0:
	case st.columns+added > w.limits.Columns:
		return 0, store.LimitColumns(w.limits.Columns)
	case st.tags+added > w.limits.Tags:
		return 0, store.LimitTags(w.limits.Tags)
	}
	return added, nil
}

func mismatch(name string, want, got schema.Column) error {
	return fmt.Errorf("invalid column type for column '%s', expected %s, got %s", name, want.InfluxType(), got.InfluxType())
}
