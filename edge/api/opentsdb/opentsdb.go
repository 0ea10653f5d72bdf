// Package opentsdb serves OpenTSDB's /api/put as GreptimeDB has it
// (spec/greptimedb-http-api.md section 7).
package opentsdb

import (
	"fmt"
	"math"
	"net/http"
	"sync"
	"time"

	"tarn/edge/api/gate"
	"tarn/edge/auth"
	"tarn/edge/ingest"
	"tarn/edge/ingest/piped"
	"tarn/edge/pipeline"
	"tarn/edge/route"
	"tarn/edge/server"
	"tarn/store"
	"tarn/store/points"
	"tarn/store/schema"
)

// Family names this package's routes.
const Family = "opentsdb"

// API serves the endpoint.
type API struct {
	*gate.Gate
	Writer *ingest.Writer

	pool sync.Pool // of *request
}

// Routes lists the endpoints.
func (a *API) Routes() []route.Route {
	return []route.Route{{Method: "POST", Path: "/v1/opentsdb/api/put", Family: Family, Auth: auth.Token, Handle: a.put}}
}

// answer is what summary and details get.
type answer struct {
	Success int       `json:"success"`
	Failed  int       `json:"failed"`
	Errors  *[]failed `json:"errors,omitempty"`
}

// failed is a data point that was not written.
type failed struct {
	Point point  `json:"datapoint"`
	Error string `json:"error"`
}

// point is a data point as an answer shows it.
type point []byte

func (p point) MarshalJSON() ([]byte, error) { return p, nil }

// maxFailed bounds how many failed points an answer lists.
const maxFailed = 1000

func (a *API) put(w http.ResponseWriter, r *http.Request) {
	q := gate.Query(r)
	details, summary := q.Has("details"), q.Has("summary")
	out := answer{}
	if details {
		out.Errors = &[]failed{}
	}
	if err := a.write(r, details || summary, &out); err != nil {
		a.Fail(w, r, gate.ShapeB, err)
		return
	}
	if !details && !summary {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	server.JSON(w, http.StatusOK, out)
}

// write writes a body's points: all or none, unless partial says that the
// answer lists those that fail.
func (a *API) write(r *http.Request, partial bool, out *answer) error {
	db, err := a.WriteDatabase(r, "db")
	if err != nil {
		return err
	}
	hints, err := gate.Hints(r)
	if err != nil {
		return err
	}
	held, err := a.TakeBody(r, a.Writer)
	if err != nil {
		return err
	}
	defer held.Release()
	req, _ := a.pool.Get().(*request)
	if req == nil {
		req = &request{looks: map[string]ingest.Look{}}
	}
	req.look = look
	req.look.Hint(hints)
	defer func() {
		req.forget()
		a.pool.Put(req)
	}()
	if req.rows, err = a.Writer.Rows(db, ingest.RowOptions{NoCreate: hints["auto_create_table"] == "false"}); err != nil {
		return err
	}
	defer req.rows.Close()
	if err := req.read(held.Bytes, partial, out); err != nil {
		return err
	}
	return req.rows.CommitLooks(r.Context(), store.WriteOptions{}, req.looks)
}

// request is the scratch memory of one request.
type request struct {
	source pipeline.Source
	record pipeline.Record
	rows   *ingest.Rows
	tags   []points.Tag
	field  []byte
	look   ingest.Look            // what a new table looks like
	looks  map[string]ingest.Look // of new tables
}

func (q *request) forget() {
	q.source.Forget()
	q.record.Forget()
	q.rows = nil
	clear(q.tags[:cap(q.tags)])
	clear(q.looks)
}

func invalid(format string, args ...any) error {
	return gate.Bad("Invalid OpenTSDB Json request: %s", fmt.Sprintf(format, args...))
}

// read puts the points of a body into rows.
func (q *request) read(body []byte, partial bool, out *answer) error {
	q.source.Reset(ingest.ValidText(body), pipeline.JSON)
	for {
		ok, err := q.source.Next(&q.record)
		if err != nil {
			return invalid("%v", err)
		}
		if !ok {
			return nil
		}
		p, err := decode(&q.record)
		if err != nil {
			return invalid("point %d: %v", q.source.Index(), err)
		}
		err = q.add(p)
		switch {
		case err == nil:
			out.Success++
		case !partial:
			return err
		default:
			out.Failed++
			if out.Errors != nil && len(*out.Errors) < maxFailed {
				*out.Errors = append(*out.Errors, failed{q.record.AppendJSON(nil), err.Error()})
			}
		}
	}
}

// dataPoint is one point; its strings alias the request.
type dataPoint struct {
	metric string
	time   int64 // as written
	value  float64
	tags   []pipeline.Member
}

// decode reads a point, all four members of which must be there.
func decode(r *pipeline.Record) (p dataPoint, err error) {
	for _, name := range []string{"metric", "timestamp", "value", "tags"} {
		v := r.Get(name)
		if v == nil || v.Kind() == pipeline.Null {
			return p, fmt.Errorf("missing field `%s`", name)
		}
		ok := true
		switch name {
		case "metric":
			p.metric, ok = v.Text(), v.Kind() == pipeline.String
		case "timestamp":
			p.time, ok = whole(v)
		case "value":
			p.value, ok = v.Number()
		case "tags":
			p.tags, ok = v.Members(), v.Kind() == pipeline.Map
			for i := range p.tags {
				if p.tags[i].Value.Kind() != pipeline.String {
					return p, fmt.Errorf("the tag `%s` must be a string", p.tags[i].Name)
				}
			}
		}
		if !ok {
			return p, fmt.Errorf("invalid %s", name)
		}
	}
	return p, nil
}

// whole is a number without a fraction, or a text with one.
func whole(v *pipeline.Value) (int64, bool) {
	if v.Kind() == pipeline.Int {
		return v.Int(), true
	}
	f, ok := v.Number()
	return int64(f), ok && f == math.Trunc(f) && math.Abs(f) < 1<<62
}

// Times of OpenTSDB: below secondsBelow they are seconds, else milliseconds
// (13 digits).
const secondsBelow = 1e12

// add puts a point into rows, or says what is wrong with it.
func (q *request) add(p dataPoint) error {
	unit := int64(1e6)
	if p.time < secondsBelow && p.time > -secondsBelow {
		unit = 1e9
	}
	if p.time > math.MaxInt64/unit || p.time < math.MinInt64/unit {
		return gate.Bad("the timestamp %d is out of range", p.time)
	}
	if math.IsNaN(p.value) || math.IsInf(p.value, 0) {
		return gate.Bad("the value of %s is not finite", p.metric)
	}
	t, err := q.rows.Table(piped.Bytes(p.metric))
	if err != nil {
		return err
	}
	if err := q.chooseField(t); err != nil {
		return err
	}
	q.tags = q.tags[:0]
	for i := range p.tags {
		q.tags = append(q.tags, points.Tag{Key: piped.Bytes(piped.ColumnName(p.tags[i].Name)), Value: piped.Bytes(p.tags[i].Value.Text())})
	}
	if err := t.Series(nil, q.tags); err != nil {
		return err
	}
	t.Row(p.time * unit)
	t.Float(q.field, p.value)
	return t.End()
}

// look is how a table looks that this protocol makes.
var look = ingest.Look{TimeName: pipeline.TimestampColumn, Unit: time.Millisecond}

// ValueField is the field of tables that this protocol makes.
const ValueField = "greptime_value"

// chooseField finds the field for the values: the one that the table has.
func (q *request) chooseField(t *ingest.RowTable) error {
	q.field = append(q.field[:0], ValueField...)
	s := t.Schema()
	if s == nil {
		q.looks[t.Name()] = q.look
		return nil
	}
	if c, ok := s.Column(ValueField); ok && c.Role == schema.Field {
		return nil
	}
	fields := 0
	for _, c := range s.Columns {
		if c.Role == schema.Field {
			fields++
			q.field = append(q.field[:0], c.Name...)
		}
	}
	if fields > 1 {
		return gate.Bad("table %s has %d fields; a metric needs exactly one", s.Name, fields)
	}
	if fields == 0 {
		q.field = append(q.field[:0], ValueField...)
	}
	return nil
}
