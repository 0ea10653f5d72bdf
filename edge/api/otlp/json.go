package otlp

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"

	"tarn/edge/pipeline"
)

// message describes a message for JSON: its fields by their lowerCamelCase
// names.
type message struct{ fields map[string]field }

type field struct {
	number   protowire.Number
	kind     kind
	repeated bool
	message  *message // of kindMessage; nil for the message of AnyValue
}

type kind uint8

const (
	kindMessage kind = iota
	kindString
	kindHex    // trace and span IDs
	kindBase64 // other bytes
	kindBool
	kindVarint // and enumerations
	kindZigzag
	kindFixed64
	kindFixed32
	kindDouble
)

func of(pairs ...any) *message {
	m := &message{map[string]field{}}
	for i := 0; i < len(pairs); i += 2 {
		m.fields[pairs[i].(string)] = pairs[i+1].(field)
	}
	return m
}

func one(n protowire.Number, k kind) field      { return field{number: n, kind: k} }
func many(n protowire.Number, k kind) field     { return field{number: n, kind: k, repeated: true} }
func sub(n protowire.Number, m *message) field  { return field{number: n, message: m} }
func list(n protowire.Number, m *message) field { return field{number: n, message: m, repeated: true} }
func attributes(n protowire.Number) field       { return list(n, keyValue) }
func resourceOf(n protowire.Number) field       { return sub(n, of("attributes", attributes(1))) }
func dataPoints(n protowire.Number, m *message) field {
	return sub(n, of("dataPoints", list(1, m), "aggregationTemporality", one(2, kindVarint), "isMonotonic", one(3, kindBool)))
}
func exportOf(name, scopes string, scope *message) *message {
	return of(name, list(1, of("resource", resourceOf(1), scopes, list(2, scope), "schemaUrl", one(3, kindString))))
}

// The messages of section 10.1, as far as they are read.
var (
	anyValue = &message{map[string]field{}}
	keyValue = of("key", one(1, kindString), "value", sub(2, anyValue))
	scope    = of("name", one(1, kindString), "version", one(2, kindString), "attributes", attributes(3))

	number = of("attributes", attributes(7), "startTimeUnixNano", one(2, kindFixed64), "timeUnixNano", one(3, kindFixed64),
		"asDouble", one(4, kindDouble), "asInt", one(6, kindFixed64), "flags", one(8, kindVarint))
	histogram = of("attributes", attributes(9), "timeUnixNano", one(3, kindFixed64), "count", one(4, kindFixed64), "sum", one(5, kindDouble),
		"bucketCounts", many(6, kindFixed64), "explicitBounds", many(7, kindDouble), "flags", one(10, kindVarint))
	buckets     = of("offset", one(1, kindZigzag), "bucketCounts", many(2, kindVarint))
	exponential = of("attributes", attributes(1), "timeUnixNano", one(3, kindFixed64), "count", one(4, kindFixed64), "sum", one(5, kindDouble),
		"scale", one(6, kindZigzag), "zeroCount", one(7, kindFixed64), "positive", sub(8, buckets), "negative", sub(9, buckets),
		"flags", one(10, kindVarint), "zeroThreshold", one(14, kindDouble))
	summary = of("attributes", attributes(7), "timeUnixNano", one(3, kindFixed64), "count", one(4, kindFixed64), "sum", one(5, kindDouble),
		"quantileValues", list(6, of("quantile", one(1, kindDouble), "value", one(2, kindDouble))), "flags", one(8, kindVarint))
	metric = of("name", one(1, kindString), "description", one(2, kindString), "unit", one(3, kindString), "gauge", dataPoints(5, number),
		"sum", dataPoints(7, number), "histogram", dataPoints(9, histogram), "exponentialHistogram", dataPoints(10, exponential), "summary", dataPoints(11, summary))
	exportMetrics = exportOf("resourceMetrics", "scopeMetrics", of("scope", sub(1, scope), "metrics", list(2, metric), "schemaUrl", one(3, kindString)))

	event = of("timeUnixNano", one(1, kindFixed64), "name", one(2, kindString), "attributes", attributes(3))
	link  = of("traceId", one(1, kindHex), "spanId", one(2, kindHex), "traceState", one(3, kindString), "attributes", attributes(4))
	span  = of("traceId", one(1, kindHex), "spanId", one(2, kindHex), "traceState", one(3, kindString), "parentSpanId", one(4, kindHex),
		"name", one(5, kindString), "kind", one(6, kindVarint), "startTimeUnixNano", one(7, kindFixed64), "endTimeUnixNano", one(8, kindFixed64),
		"attributes", attributes(9), "events", list(11, event), "links", list(13, link),
		"status", sub(15, of("message", one(2, kindString), "code", one(3, kindVarint))), "flags", one(16, kindFixed32))
	exportTraces = exportOf("resourceSpans", "scopeSpans", of("scope", sub(1, scope), "spans", list(2, span), "schemaUrl", one(3, kindString)))

	logRecord = of("timeUnixNano", one(1, kindFixed64), "severityNumber", one(2, kindVarint), "severityText", one(3, kindString),
		"body", sub(5, anyValue), "attributes", attributes(6), "flags", one(8, kindFixed32), "traceId", one(9, kindHex), "spanId", one(10, kindHex),
		"observedTimeUnixNano", one(11, kindFixed64), "eventName", one(12, kindString))
	exportLogs = exportOf("resourceLogs", "scopeLogs", of("scope", sub(1, scope), "logRecords", list(2, logRecord), "schemaUrl", one(3, kindString)))
)

// anyFields are those of AnyValue, which contains itself.
func anyFields(name string) (field, bool) {
	switch name {
	case "stringValue":
		return one(1, kindString), true
	case "boolValue":
		return one(2, kindBool), true
	case "intValue":
		return one(3, kindVarint), true
	case "doubleValue":
		return one(4, kindDouble), true
	case "arrayValue":
		return sub(5, arrayValue), true
	case "kvlistValue":
		return sub(6, kvlistValue), true
	case "bytesValue":
		return one(7, kindBase64), true
	}
	return field{}, false
}

var (
	arrayValue  = of("values", list(1, anyValue))
	kvlistValue = of("values", list(1, keyValue))
)

func (m *message) field(name string) (field, bool) {
	if strings.Contains(name, "_") { // protobuf's JSON takes the original names, too
		name = camel(name)
	}
	if m == anyValue {
		return anyFields(name)
	}
	f, ok := m.fields[name]
	return f, ok
}

func camel(s string) string {
	var b strings.Builder
	up := false
	for _, c := range []byte(s) {
		switch {
		case c == '_':
			up = true
		case up && c >= 'a' && c <= 'z':
			b.WriteByte(c - 'a' + 'A')
			up = false
		default:
			b.WriteByte(c)
			up = false
		}
	}
	return b.String()
}

// transcode makes a protobuf message of its JSON. Unknown names are skipped.
func transcode(body []byte, m *message) ([]byte, error) {
	t := transcoder{}
	t.r.Reset(body)
	out, err := t.object(make([]byte, 0, len(body)/2), m)
	if err == nil {
		err = t.r.End()
	}
	return out, err
}

type transcoder struct{ r pipeline.JSONReader }

func (t *transcoder) object(dst []byte, m *message) ([]byte, error) {
	err := t.r.Object(func(name string) error {
		f, ok := m.field(name)
		k, err := t.r.Kind()
		switch {
		case err != nil:
			return err
		case !ok || k == pipeline.Null:
			return t.r.Skip()
		case !f.repeated:
			dst, err = t.value(dst, f)
			return err
		}
		return t.r.Array(func() error {
			var err error
			dst, err = t.value(dst, f)
			return err
		})
	})
	return dst, err
}

// value appends a field. Values that have no escapes alias the body, so the
// reader's memory is given back after each.
func (t *transcoder) value(dst []byte, f field) ([]byte, error) {
	if f.kind == kindMessage {
		dst = protowire.AppendTag(dst, f.number, protowire.BytesType)
		at := len(dst)
		dst, err := t.object(dst, f.message)
		if err != nil {
			return dst, err
		}
		// The length goes before what it is the length of.
		size := protowire.SizeVarint(uint64(len(dst) - at))
		n := len(dst) - at
		dst = append(dst, make([]byte, size)...)
		copy(dst[at+size:], dst[at:at+n])
		protowire.AppendVarint(dst[:at], uint64(n))
		return dst, nil
	}
	defer t.r.Rewind()
	v, err := t.r.Value()
	if err != nil {
		return dst, err
	}
	dst, err = appendScalar(dst, f, &v)
	if err != nil {
		return dst, t.r.Fail(err.Error())
	}
	return dst, nil
}

var errKind = errors.New("a value of the wrong type")

func appendScalar(dst []byte, f field, v *pipeline.Value) ([]byte, error) {
	switch f.kind {
	case kindString, kindHex, kindBase64:
		if v.Kind() != pipeline.String {
			return dst, errKind
		}
		raw := []byte(v.Text())
		var err error
		switch f.kind {
		case kindHex:
			raw, err = hex.DecodeString(v.Text())
		case kindBase64:
			if raw, err = base64.StdEncoding.DecodeString(v.Text()); err != nil {
				raw, err = base64.RawURLEncoding.DecodeString(strings.TrimRight(v.Text(), "="))
			}
		}
		if err != nil {
			return dst, err
		}
		dst = protowire.AppendTag(dst, f.number, protowire.BytesType)
		return protowire.AppendBytes(dst, raw), nil
	case kindBool:
		if v.Kind() != pipeline.Bool {
			return dst, errKind
		}
		dst = protowire.AppendTag(dst, f.number, protowire.VarintType)
		return protowire.AppendVarint(dst, protowire.EncodeBool(v.Bool())), nil
	case kindDouble:
		d, ok := v.Number()
		if !ok {
			return dst, errKind
		}
		dst = protowire.AppendTag(dst, f.number, protowire.Fixed64Type)
		return protowire.AppendFixed64(dst, math.Float64bits(d)), nil
	}
	n, err := integer(v)
	if err != nil {
		return dst, err
	}
	switch f.kind {
	case kindFixed64:
		dst = protowire.AppendTag(dst, f.number, protowire.Fixed64Type)
		return protowire.AppendFixed64(dst, n), nil
	case kindFixed32:
		dst = protowire.AppendTag(dst, f.number, protowire.Fixed32Type)
		return protowire.AppendFixed32(dst, uint32(n)), nil
	case kindZigzag:
		n = protowire.EncodeZigZag(int64(n))
	}
	dst = protowire.AppendTag(dst, f.number, protowire.VarintType)
	return protowire.AppendVarint(dst, n), nil
}

// integer reads a 64-bit integer of either sign: a number, or a text with one.
func integer(v *pipeline.Value) (uint64, error) {
	switch v.Kind() {
	case pipeline.Int:
		return uint64(v.Int()), nil
	case pipeline.Uint:
		return v.Uint(), nil
	case pipeline.String:
		if i, err := strconv.ParseInt(v.Text(), 10, 64); err == nil {
			return uint64(i), nil
		}
		return strconv.ParseUint(v.Text(), 10, 64)
	case pipeline.Float:
		if f := v.Float(); f == math.Trunc(f) && math.Abs(f) < 1<<53 {
			return uint64(int64(f)), nil
		}
	}
	return 0, fmt.Errorf("%w: an integer is expected", errKind)
}
