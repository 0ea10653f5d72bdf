package otlp

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"tarn/edge/api/gate"
	"tarn/edge/ingest"
	"tarn/edge/ingest/piped"
	"tarn/edge/pipeline"
	rows "tarn/store/points"
)

const (
	logTable     = "opentelemetry_logs"
	headerTable  = "x-greptime-log-table-name"
	headerExtrct = "x-greptime-log-extract-keys"
)

// logLook is how a table of logs looks.
var logLook = ingest.Look{TimeName: "timestamp", Unit: time.Nanosecond, Append: true, Fulltext: []string{"body"}, Types: map[string]string{
	"trace_id": "String", "span_id": "String", "severity_text": "String", "severity_number": "Int32", "body": "String", "log_attributes": "Json",
	"trace_flags": "UInt32", "scope_version": "String", "scope_attributes": "Json", "scope_schema_url": "String",
	"resource_attributes": "Json", "resource_schema_url": "String",
}, Order: []string{
	"timestamp", "trace_id", "span_id", "severity_text", "severity_number", "body", "log_attributes", "trace_flags", "scope_name", "scope_version",
	"scope_attributes", "scope_schema_url", "resource_attributes", "resource_schema_url",
}}

// maxExtract bounds the attributes that become tags.
const maxExtract = 100

// logWriter writes the records of a request.
type logWriter struct {
	*scratch
	batch   *piped.Batch
	pipe    *pipeline.Pipeline
	table   string
	extract []string
	now     int64
	// texts of the current scope
	scopeText, resourceText []byte
	// texts of the extracted attributes
	extracted []byte
}

func (a *API) logs(r *http.Request, body []byte) (p report, err error) {
	o := piped.Options{Protocol: "otlp", Table: r.Header.Get(headerTable)}
	if o.Table == "" {
		o.Table = logTable
	}
	if o.Database, err = a.WriteDatabase(r, "db"); err != nil {
		return p, err
	}
	if o.Hints, err = gate.Hints(r); err != nil {
		return p, err
	}
	l := logWriter{table: o.Table, now: a.Logs.Now().UnixNano()}
	if name := piped.PipelineName(r); name != "" {
		version, err := piped.PipelineVersion(r)
		if err != nil {
			return p, err
		}
		if l.pipe, err = a.Logs.Library.Find(name, version); err != nil {
			return p, err
		}
	}
	for k := range strings.SplitSeq(r.Header.Get(headerExtrct), ",") {
		if k = strings.TrimSpace(k); k != "" && len(l.extract) < maxExtract && !slices.Contains(l.extract, k) {
			l.extract = append(l.extract, k)
		}
	}
	if l.batch, err = a.Logs.Begin(o); err != nil {
		return p, err
	}
	defer l.batch.Close()
	l.scratch = a.scratch()
	defer a.release(l.scratch)
	if l.pipe == nil { // which says itself how the table looks
		look := logLook
		look.Hint(o.Hints)
		l.batch.Look(l.table, look)
	}
	err = l.scoped(body, func(c *around, items []byte) error {
		if err := l.surroundings(); err != nil {
			return err
		}
		return piped.Fields(items, func(n protowire.Number, f piped.Wire) error {
			if n != 2 || f.Type != protowire.BytesType {
				return nil
			}
			return l.record(c, f.Bytes)
		})
	})
	if err == nil {
		err = l.batch.Commit(r.Context())
	}
	b := l.batch.Report()
	return report{accepted: b.Written + b.Dropped, rejected: b.Refused, first: b.First, noun: "log records"}, err
}

// surroundings renders the attributes of resource and scope.
func (l *logWriter) surroundings() error {
	if l.pipe != nil {
		return nil
	}
	rec := &l.batch.Record
	rec.Reset()
	l.count = 0
	v, err := l.objectOf(rec, l.resource)
	if err != nil {
		return err
	}
	l.resourceText = v.AppendJSON(l.resourceText[:0])
	if v, err = l.objectOf(rec, l.scope); err != nil {
		return err
	}
	l.scopeText = v.AppendJSON(l.scopeText[:0])
	return nil
}

// logRecordFields are the scalars of a LogRecord.
type logRecordFields struct {
	time, observed  uint64
	severity, flags uint64
	severityText    string
	body            []byte
	traceID, spanID []byte
}

func readLogRecord(b []byte) (r logRecordFields, err error) {
	err = piped.Fields(b, func(n protowire.Number, f piped.Wire) error {
		switch {
		case n == 1 && f.Type == protowire.Fixed64Type:
			r.time = f.Number
		case n == 2 && f.Type == protowire.VarintType:
			r.severity = f.Number
		case n == 3 && f.Type == protowire.BytesType:
			r.severityText = piped.Text(f.Bytes)
		case n == 5 && f.Type == protowire.BytesType:
			r.body = f.Bytes
		case n == 8 && f.Type == protowire.Fixed32Type:
			r.flags = f.Number
		case n == 9 && f.Type == protowire.BytesType:
			r.traceID = f.Bytes
		case n == 10 && f.Type == protowire.BytesType:
			r.spanID = f.Bytes
		case n == 11 && f.Type == protowire.Fixed64Type:
			r.observed = f.Number
		}
		return nil
	})
	if len(r.traceID) > 16 {
		r.traceID = r.traceID[:16]
	}
	if len(r.spanID) > 8 {
		r.spanID = r.spanID[:8]
	}
	return r, err
}

// instant is when a record happened: 0 is unknown.
func (l *logWriter) instant(r *logRecordFields) (int64, bool) {
	ns := r.time
	if ns == 0 {
		ns = r.observed
	}
	if ns == 0 {
		return l.now, true
	}
	return int64(ns), ns <= math.MaxInt64
}

// record writes one record, or counts it as bad.
func (l *logWriter) record(c *around, b []byte) error {
	r, err := readLogRecord(b)
	if err != nil {
		return err
	}
	rec := &l.batch.Record
	rec.Reset()
	l.count = 0
	ns, ok := l.instant(&r)
	if !ok {
		l.batch.Refuse(errTime)
		return nil
	}
	attributes, err := l.object(rec, b, 6, 1)
	if err != nil {
		return err
	}
	body, err := l.value(rec, r.body, 1)
	if err != nil {
		return err
	}
	if l.pipe != nil {
		return l.piped(c, &r, ns, attributes, body)
	}
	if err := l.row(c, &r, ns, attributes, body); err != nil {
		var wire *extractError
		if errors.As(err, &wire) {
			return gate.Bad("%w", err)
		}
		l.batch.Refuse(err)
		return nil
	}
	l.batch.Wrote()
	return nil
}

// names of the columns, as bytes.
var (
	colTraceID, colSpanID, colSeverityText, colSeverityNumber = []byte("trace_id"), []byte("span_id"), []byte("severity_text"), []byte("severity_number")
	colBody, colLogAttributes, colTraceFlags                  = []byte("body"), []byte("log_attributes"), []byte("trace_flags")
	colScopeName, colScopeVersion, colScopeAttributes         = []byte("scope_name"), []byte("scope_version"), []byte("scope_attributes")
	colScopeSchema, colResourceAttributes, colResourceSchema  = []byte("scope_schema_url"), []byte("resource_attributes"), []byte("resource_schema_url")
)

// row adds the default columns.
func (l *logWriter) row(c *around, r *logRecordFields, ns int64, attributes, body pipeline.Value) error {
	l.tags = append(l.tags[:0], rows.Tag{Key: colScopeName, Value: piped.Bytes(c.scopeName)})
	if err := l.extractTags(attributes); err != nil {
		return err
	}
	t, err := l.batch.Rows().Table(piped.Bytes(l.table))
	if err != nil {
		return err
	}
	if err := t.Series(nil, l.tags); err != nil {
		return err
	}
	t.Row(ns)
	// All texts are made first, since they share memory that may move.
	l.text = l.text[:0]
	cut := func(appendTo func(b []byte) []byte) [2]int {
		from := len(l.text)
		l.text = appendTo(l.text)
		return [2]int{from, len(l.text)}
	}
	trace := cut(func(b []byte) []byte { return appendHex(b, r.traceID) })
	span := cut(func(b []byte) []byte { return appendHex(b, r.spanID) })
	attrs := cut(attributes.AppendJSON)
	text := cut(func(b []byte) []byte {
		if body.Kind() == pipeline.String {
			return append(b, body.Text()...)
		}
		return body.AppendJSON(b)
	})
	at := func(p [2]int) []byte { return l.text[p[0]:p[1]] }
	t.String(colTraceID, at(trace))
	t.String(colSpanID, at(span))
	t.String(colSeverityText, piped.Bytes(r.severityText))
	t.Int(colSeverityNumber, int64(int32(r.severity)))
	if body.Kind() != pipeline.Null {
		t.String(colBody, at(text))
	}
	t.String(colLogAttributes, at(attrs))
	t.Uint(colTraceFlags, r.flags)
	t.String(colScopeVersion, piped.Bytes(c.scopeVersion))
	t.String(colScopeAttributes, l.scopeText)
	t.String(colScopeSchema, piped.Bytes(c.scopeSchema))
	t.String(colResourceAttributes, l.resourceText)
	t.String(colResourceSchema, piped.Bytes(c.resourceSchema))
	return t.End()
}

// extractError is an attribute that cannot be a tag.
type extractError struct{ key, kind string }

func (e *extractError) Error() string {
	return fmt.Sprintf("Unsupported json data type for tag: %s %s", e.key, e.kind)
}

// extractTags adds the tags that a header asks for: from the record's
// attributes, else the scope's, else the resource's.
func (l *logWriter) extractTags(attributes pipeline.Value) error {
	l.extracted = l.extracted[:0]
	for _, key := range l.extract {
		v := pipeline.Value{}
		found := false
		for _, m := range attributes.Members() {
			if m.Name == key {
				v, found = m.Value, true
			}
		}
		if !found {
			a := find(l.scope, key)
			if a == nil {
				a = find(l.resource, key)
			}
			if a == nil {
				continue
			}
			var err error
			if v, err = l.value(&l.batch.Record, a.value, 1); err != nil {
				return err
			}
		}
		switch v.Kind() {
		case pipeline.Null:
			continue
		case pipeline.Float, pipeline.List, pipeline.Map:
			return &extractError{key, v.Kind().String()}
		case pipeline.String:
			l.tags = append(l.tags, rows.Tag{Key: piped.Bytes(piped.ColumnName(key)), Value: piped.Bytes(v.Text())})
			continue
		}
		from := len(l.extracted)
		l.extracted = v.AppendJSON(l.extracted)
		l.tags = append(l.tags, rows.Tag{Key: piped.Bytes(piped.ColumnName(key)), Value: l.extracted[from:len(l.extracted):len(l.extracted)]})
	}
	return nil
}

// piped takes a record through the pipeline, as a map of section 5.4.
func (l *logWriter) piped(c *around, r *logRecordFields, ns int64, attributes, body pipeline.Value) error {
	rec := &l.batch.Record
	resource, err := l.objectOf(rec, l.resource)
	if err != nil {
		return err
	}
	scope, err := l.objectOf(rec, l.scope)
	if err != nil {
		return err
	}
	hexed := func(id []byte) pipeline.Value { return pipeline.StringOf(rec.End(appendHex(rec.Begin(2*len(id)), id))) }
	observed := int64(min(r.observed, math.MaxInt64))
	rec.Add("Timestamp", pipeline.TimeOf(ns, pipeline.Nanosecond))
	rec.Add("ObservedTimestamp", pipeline.TimeOf(observed, pipeline.Nanosecond))
	rec.Add("TraceId", hexed(r.traceID))
	rec.Add("SpanId", hexed(r.spanID))
	rec.Add("TraceFlags", pipeline.UintOf(r.flags))
	rec.Add("SeverityText", pipeline.StringOf(r.severityText))
	rec.Add("SeverityNumber", pipeline.IntOf(int64(int32(r.severity))))
	rec.Add("Body", body)
	rec.Add("ResourceSchemaUrl", pipeline.StringOf(c.resourceSchema))
	rec.Add("ResourceAttributes", resource)
	rec.Add("ScopeSchemaUrl", pipeline.StringOf(c.scopeSchema))
	rec.Add("ScopeName", pipeline.StringOf(c.scopeName))
	rec.Add("ScopeVersion", pipeline.StringOf(c.scopeVersion))
	rec.Add("ScopeAttributes", scope)
	rec.Add("LogAttributes", attributes)
	_ = l.batch.Add(l.pipe, rec) // counted there
	return nil
}

func appendHex(dst, b []byte) []byte {
	const digits = "0123456789abcdef"
	for _, c := range b {
		dst = append(dst, digits[c>>4], digits[c&15])
	}
	return dst
}
