package otlp

import (
	"fmt"
	"maps"
	"math"
	"net/http"
	"strconv"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"tarn/edge/api/gate"
	"tarn/edge/ingest"
	"tarn/edge/ingest/piped"
	"tarn/edge/pipeline"
	"tarn/store"
	"tarn/store/column"
	rows "tarn/store/points"
	"tarn/store/schema"
)

const (
	traceTable       = "opentelemetry_traces"
	headerTraceTable = "x-greptime-trace-table-name"
	traceV0, traceV1 = "greptime_trace_v0", "greptime_trace_v1"
)

// traceLook is how a table of traces looks.
var traceLook = ingest.Look{TimeName: "timestamp", Unit: time.Nanosecond, Append: true, Types: map[string]string{
	"timestamp_end": "TimestampNanosecond", "duration_nano": "UInt64", "parent_span_id": "String", "trace_id": "String", "span_id": "String",
	"span_kind": "String", "span_name": "String", "span_status_code": "String", "span_status_message": "String", "trace_state": "String",
	"scope_name": "String", "scope_version": "String", "span_events": "Json", "span_links": "Json",
	"span_attributes": "Json", "scope_attributes": "Json", "resource_attributes": "Json", // of version 0
}, Order: []string{
	"timestamp", "timestamp_end", "duration_nano", "parent_span_id", "trace_id", "span_id", "span_kind", "span_name", "span_status_code",
	"span_status_message", "trace_state", "scope_name", "scope_version", "service_name",
}, Tags: []string{"service_name"}, Fields: []store.FieldDef{{Name: "parent_span_id", Kind: column.String}}}

// spanWriter writes the spans of a request.
type spanWriter struct {
	*scratch
	rows   *ingest.Rows
	table  string
	v0     bool
	report report
	record pipeline.Record // memory of values
	cells  []spanCell
	// json are the columns that this request makes for lists and maps; nil when
	// there are none.
	json map[string]string
}

// spanCell is a column of the current span: name and text lie in scratch.text.
type spanCell struct {
	name, text [2]int
	value      pipeline.Value // its text, if it is one that is no JSON, is the message's
	made       bool           // text is in scratch.text: an id, or JSON
	json       bool           // a list or map
}

func (a *API) traces(r *http.Request, body []byte) (p report, err error) {
	w := spanWriter{table: r.Header.Get(headerTraceTable), report: report{noun: "spans", status: true, signal: "traces"}}
	if w.table == "" {
		w.table = traceTable
	}
	switch name := piped.PipelineName(r); name {
	case "", traceV1:
	case traceV0:
		w.v0 = true
	default:
		return p, gate.Bad("Pipeline `%s` is not supported for traces: it must be %s or %s", name, traceV1, traceV0)
	}
	db, err := a.WriteDatabase(r, "db")
	if err != nil {
		return p, err
	}
	w.report.database = db
	hints, err := gate.Hints(r)
	if err != nil {
		return p, err
	}
	if w.rows, err = a.Writer.Rows(db, ingest.RowOptions{NoCreate: hints["auto_create_table"] == "false"}); err != nil {
		return p, err
	}
	defer w.rows.Close()
	w.scratch = a.scratch()
	defer a.release(w.scratch)
	look := traceLook
	look.Hint(hints)
	w.looks[w.table] = look
	err = w.scoped(body, func(c *around, items []byte) error {
		return piped.Fields(items, func(n protowire.Number, f piped.Wire) error {
			if n != 2 || f.Type != protowire.BytesType {
				return nil
			}
			return w.span(c, f.Bytes)
		})
	})
	if err != nil {
		return p, err
	}
	if w.json != nil {
		maps.Copy(w.json, look.Types)
		look.Types = w.json
		w.looks[w.table] = look
	}
	return w.report, w.rows.CommitLooks(r.Context(), store.WriteOptions{}, w.looks)
}

// spanFields are the scalars of a Span.
type spanFields struct {
	traceID, spanID, parentID []byte
	state, name               string
	kind, start, end          uint64
	status                    []byte
	hasStatus                 bool
}

func readSpan(b []byte) (s spanFields, err error) {
	id := func(b []byte) []byte { return b[:min(len(b), 16)] }
	err = piped.Fields(b, func(n protowire.Number, f piped.Wire) error {
		switch {
		case n == 1 && f.Type == protowire.BytesType:
			s.traceID = id(f.Bytes)
		case n == 2 && f.Type == protowire.BytesType:
			s.spanID = id(f.Bytes)
		case n == 3 && f.Type == protowire.BytesType:
			s.state = piped.Text(f.Bytes)
		case n == 4 && f.Type == protowire.BytesType:
			s.parentID = id(f.Bytes)
		case n == 5 && f.Type == protowire.BytesType:
			s.name = piped.Text(f.Bytes)
		case n == 6 && f.Type == protowire.VarintType:
			s.kind = f.Number
		case n == 7 && f.Type == protowire.Fixed64Type:
			s.start = f.Number
		case n == 8 && f.Type == protowire.Fixed64Type:
			s.end = f.Number
		case n == 15 && f.Type == protowire.BytesType:
			s.status, s.hasStatus = f.Bytes, true
		}
		return nil
	})
	return s, err
}

var spanKinds = []string{"SPAN_KIND_UNSPECIFIED", "SPAN_KIND_INTERNAL", "SPAN_KIND_SERVER", "SPAN_KIND_CLIENT", "SPAN_KIND_PRODUCER", "SPAN_KIND_CONSUMER"}

var statusCodes = []string{"STATUS_CODE_UNSET", "STATUS_CODE_OK", "STATUS_CODE_ERROR"}

func nameOf(names []string, n uint64) string {
	if n < uint64(len(names)) {
		return names[n]
	}
	return strconv.FormatUint(n, 10)
}

// span writes one span, or counts it as rejected. The error is a message that is
// no protobuf.
func (w *spanWriter) span(c *around, b []byte) error {
	s, err := readSpan(b)
	if err != nil {
		return err
	}
	w.record.Reset()
	w.count, w.text, w.cells = 0, w.text[:0], w.cells[:0]
	statusCode, statusMessage := "", ""
	if s.hasStatus {
		code := uint64(0)
		err := piped.Fields(s.status, func(n protowire.Number, f piped.Wire) error {
			switch {
			case n == 2 && f.Type == protowire.BytesType:
				statusMessage = piped.Text(f.Bytes)
			case n == 3 && f.Type == protowire.VarintType:
				code = f.Number
			}
			return nil
		})
		if err != nil {
			return err
		}
		statusCode = nameOf(statusCodes, code)
	}
	if len(s.parentID) > 0 {
		w.hexCell("parent_span_id", s.parentID)
	}
	w.hexCell("trace_id", s.traceID)
	w.hexCell("span_id", s.spanID)
	w.textCell("span_kind", nameOf(spanKinds, s.kind))
	w.textCell("span_name", s.name)
	w.textCell("span_status_code", statusCode)
	w.textCell("span_status_message", statusMessage)
	w.textCell("trace_state", s.state)
	w.textCell("scope_name", c.scopeName)
	w.textCell("scope_version", c.scopeVersion)
	service := ""
	if err := w.attributeCells(b, &service); err != nil {
		return err
	}
	if err := w.listCells(b); err != nil {
		return err
	}
	if err := w.put(&s, service); err != nil {
		w.report.reject(1, err)
		return nil
	}
	w.report.accepted++
	return nil
}

func (w *spanWriter) cut(from int) [2]int { return [2]int{from, len(w.text)} }

func (w *spanWriter) nameCell(prefix, name string) [2]int {
	from := len(w.text)
	w.text = append(append(w.text, prefix...), name...)
	return w.cut(from)
}

func (w *spanWriter) textCell(name, text string) {
	w.cells = append(w.cells, spanCell{name: w.nameCell("", name), value: pipeline.StringOf(text)})
}

func (w *spanWriter) hexCell(name string, id []byte) {
	c := spanCell{name: w.nameCell("", name), made: true}
	from := len(w.text)
	w.text = appendHex(w.text, id)
	c.text = w.cut(from)
	w.cells = append(w.cells, c)
}

func (w *spanWriter) jsonCell(prefix, name string, v *pipeline.Value) {
	c := spanCell{name: w.nameCell(prefix, name), made: true}
	from := len(w.text)
	w.text = v.AppendJSON(w.text)
	c.text = w.cut(from)
	w.cells = append(w.cells, c)
}

// valueCell adds an attribute: scalars as they are, the rest as JSON.
func (w *spanWriter) valueCell(prefix, name string, v *pipeline.Value) {
	switch v.Kind() {
	case pipeline.Null:
	case pipeline.List, pipeline.Map:
		w.jsonCell(prefix, name, v)
		w.cells[len(w.cells)-1].json = true
	default:
		w.cells = append(w.cells, spanCell{name: w.nameCell(prefix, name), value: *v})
	}
}

// serviceName is the resource attribute that is the tag.
const serviceName = "service.name"

// attributeCells adds the attributes of span, scope and resource.
func (w *spanWriter) attributeCells(b []byte, service *string) error {
	span, err := w.object(&w.record, b, 9, 1)
	if err != nil {
		return err
	}
	scope, err := w.objectOf(&w.record, w.scope)
	if err != nil {
		return err
	}
	resource, err := w.objectOf(&w.record, w.resource)
	if err != nil {
		return err
	}
	for _, m := range resource.Members() {
		if m.Name == serviceName {
			*service = m.Value.Text()
		}
	}
	for _, p := range [...]struct {
		name  string
		value *pipeline.Value
	}{{"span_attributes", &span}, {"scope_attributes", &scope}, {"resource_attributes", &resource}} {
		if w.v0 {
			w.jsonCell("", p.name, p.value)
			continue
		}
		for i := range p.value.Members() {
			m := &p.value.Members()[i]
			if p.value == &resource && m.Name == serviceName {
				continue
			}
			w.valueCell(p.name+".", m.Name, &m.Value)
		}
	}
	return nil
}

// Field numbers of a span's lists.
const (
	fieldEvents = 11
	fieldLinks  = 13
)

// listCells adds span_events and span_links.
func (w *spanWriter) listCells(b []byte) error {
	for _, number := range [...]protowire.Number{fieldEvents, fieldLinks} {
		from := len(w.stack)
		err := piped.Fields(b, func(n protowire.Number, f piped.Wire) error {
			if n != number || f.Type != protowire.BytesType {
				return nil
			}
			if err := w.one(); err != nil {
				return err
			}
			var v pipeline.Value
			var err error
			if n == fieldEvents {
				v, err = w.event(f.Bytes)
			} else {
				v, err = w.link(f.Bytes)
			}
			w.stack = append(w.stack, pipeline.Member{Value: v})
			return err
		})
		if err != nil {
			return err
		}
		v := pipeline.ListOf(w.pop(&w.record, from))
		if number == fieldEvents {
			w.jsonCell("", "span_events", &v)
		} else {
			w.jsonCell("", "span_links", &v)
		}
	}
	return nil
}

func (w *spanWriter) event(b []byte) (v pipeline.Value, err error) {
	name, ns := "", uint64(0)
	err = piped.Fields(b, func(n protowire.Number, f piped.Wire) error {
		switch {
		case n == 1 && f.Type == protowire.Fixed64Type:
			ns = f.Number
		case n == 2 && f.Type == protowire.BytesType:
			name = piped.Text(f.Bytes)
		}
		return nil
	})
	if err != nil {
		return v, err
	}
	attributes, err := w.object(&w.record, b, 3, 1)
	if err != nil {
		return v, err
	}
	when := time.Unix(0, int64(min(ns, math.MaxInt64))).UTC().AppendFormat(w.record.Begin(40), "2006-01-02 15:04:05.000000000-0700")
	from := len(w.stack)
	w.member("name", pipeline.StringOf(name))
	w.member("time", pipeline.StringOf(w.record.End(when)))
	w.member("attributes", attributes)
	return pipeline.MapOf(w.pop(&w.record, from)), nil
}

func (w *spanWriter) link(b []byte) (v pipeline.Value, err error) {
	s, err := readSpan(b)
	if err != nil {
		return v, err
	}
	attributes, err := w.object(&w.record, b, 4, 1)
	if err != nil {
		return v, err
	}
	from := len(w.stack)
	w.member("trace_id", w.hexed(s.traceID))
	w.member("span_id", w.hexed(s.spanID))
	w.member("trace_state", pipeline.StringOf(s.state))
	w.member("attributes", attributes)
	return pipeline.MapOf(w.pop(&w.record, from)), nil
}

func (w *spanWriter) hexed(id []byte) pipeline.Value {
	return pipeline.StringOf(w.record.End(appendHex(w.record.Begin(2*len(id)), id)))
}

// member pushes a member of the map that is being made.
func (w *spanWriter) member(name string, v pipeline.Value) {
	w.stack = append(w.stack, pipeline.Member{Name: name, Value: v})
}

var colServiceName, colTimestampEnd, colDuration = []byte("service_name"), []byte("timestamp_end"), []byte("duration_nano")

// put adds the row of a span.
func (w *spanWriter) put(s *spanFields, service string) error {
	if s.start > math.MaxInt64 || s.end > math.MaxInt64 {
		return errTime
	}
	t, err := w.rows.Table(piped.Bytes(w.table))
	if err != nil {
		return err
	}
	w.tags = append(w.tags[:0], rows.Tag{Key: colServiceName, Value: piped.Bytes(service)})
	if err := t.Series(nil, w.tags); err != nil {
		return err
	}
	t.Row(int64(s.start))
	t.Timestamp(colTimestampEnd, int64(s.end))
	t.Uint(colDuration, s.end-min(s.start, s.end))
	for i := range w.cells {
		c := &w.cells[i]
		name := w.text[c.name[0]:c.name[1]]
		v := c.value
		if c.made {
			v = pipeline.StringOf(piped.String(w.text[c.text[0]:c.text[1]]))
		}
		if have, ok := t.Column(name); ok {
			if v, err = w.fit(have, v); err != nil {
				return err
			}
			if !c.made && v.Kind() == pipeline.String && w.isJSON(t, name) {
				v = pipeline.StringOf(w.record.End(c.value.AppendJSON(w.record.Begin(32))))
			}
		} else if c.json {
			if w.json == nil {
				w.json = map[string]string{}
			}
			w.json[string(name)] = "Json"
		}
		piped.PutValue(t, piped.String(name), &v)
	}
	return t.End()
}

// isJSON says whether a column of text holds JSON.
func (w *spanWriter) isJSON(t *ingest.RowTable, name []byte) bool {
	if s := t.Schema(); s != nil && s.Def != nil {
		if c, ok := s.Def.Columns[string(name)]; ok {
			return c.Type == "Json"
		}
	}
	return w.json[string(name)] != ""
}

// fit coerces a value to a column that the table has (section 5.3). Upstream
// widens an Int64 column that gets a fraction; here the span is rejected, since
// files are never rewritten for a type.
func (w *spanWriter) fit(have schema.Column, v pipeline.Value) (pipeline.Value, error) {
	if have.Role != schema.Field {
		return v, fmt.Errorf("column %s of table %s is no field", have.Name, w.table)
	}
	kind := v.Kind()
	switch have.Kind {
	case column.String:
		if kind != pipeline.String {
			return pipeline.StringOf(w.record.End(v.AppendJSON(w.record.Begin(32)))), nil
		}
		return v, nil
	case column.Bool:
		if kind == pipeline.Bool {
			return v, nil
		}
		if b, err := strconv.ParseBool(v.Text()); kind == pipeline.String && err == nil {
			return pipeline.BoolOf(b), nil
		}
	case column.Int64:
		if kind == pipeline.Int {
			return v, nil
		}
		if f, ok := v.Number(); ok && f == math.Trunc(f) && math.Abs(f) < 1<<53 {
			return pipeline.IntOf(int64(f)), nil
		}
	case column.Float64:
		if f, ok := v.Number(); ok {
			return pipeline.FloatOf(f), nil
		}
	}
	return v, &ingest.ConflictError{Table: w.table, Have: have, Got: schema.Column{Name: have.Name, Role: schema.Field, Kind: columnKinds[kind]}}
}

var columnKinds = map[pipeline.Kind]column.Kind{pipeline.Bool: column.Bool, pipeline.Int: column.Int64, pipeline.Float: column.Float64, pipeline.String: column.String}
