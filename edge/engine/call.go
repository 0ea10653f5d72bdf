package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	"tarn/store/points"
)

// kind is what a call runs for.
type kind string

const (
	kindWAL      kind = "wal"
	kindSchedule kind = "schedule"
	kindRequest  kind = "request"
	kindScript   kind = "script"
)

// function is the entry point of a kind.
func (k kind) function() string {
	switch k {
	case kindWAL:
		return "process_writes"
	case kindSchedule:
		return "process_scheduled_call"
	}
	return "process_request"
}

// call is one run of a plugin.
type call struct {
	kind     kind
	code     *code
	key      string // of the cache
	database string
	args     map[string]string // nil for none
	test     bool

	tables  []*points.Table   // of kindWAL
	time    int64             // of kindSchedule: unix seconds
	query   map[string]string // of kindRequest
	headers map[string]string
	body    []byte
	script  json.RawMessage // members of kindScript

	host host
	log  func(level, text string)
}

// host is what calls may ask of the server.
type host interface {
	// query sends the rows of a query: start makes the beginning of a piece from
	// the names of the columns, send sends one.
	query(ctx context.Context, c *call, m message, start func(columns []byte) []byte, send func(piece []byte, more bool) error) error
	write(ctx context.Context, c *call, database *string, lines string, noSync bool) error
}

// encode is the exec message.
func (c *call) encode(inv uint64) []byte {
	b := fmt.Appendf(make([]byte, 0, 512), `{"op":"exec","inv":%d,"kind":"%s","test":%t,"key":`, inv, c.kind, c.test)
	b = appendText(b, c.key)
	if c.code != nil {
		b = appendText(append(b, `,"code":`...), c.code.sha)
	}
	b = appendText(append(b, `,"fn":`...), c.kind.function())
	b = appendStrings(append(b, `,"args":`...), c.args)
	switch c.kind {
	case kindWAL:
		b = appendTables(append(b, `,"tables":`...), c.tables)
	case kindSchedule:
		b = strconv.AppendInt(append(b, `,"time":`...), c.time, 10)
	case kindRequest:
		b = appendStrings(append(b, `,"query":`...), c.query)
		b = appendStrings(append(b, `,"headers":`...), c.headers)
	case kindScript:
		b = append(append(b, `,"script":`...), c.script...)
	}
	return append(b, '}')
}

// write is one queued write.
type write struct {
	database string // empty for the trigger's
	line     string
}

// outcome is how a call ended.
type outcome struct {
	// failed is the text of the error, if there was one.
	failed    string
	bad       bool
	raised    bool // by the entry point, not by loading
	traceback string

	writes  []write
	status  int
	headers map[string]string
	body    []byte
	script  json.RawMessage
}

func outcomeOf(m message, body []byte) outcome {
	o := outcome{traceback: m.Traceback, raised: m.Raised, status: m.Status, headers: m.Headers, body: body, script: m.Script}
	if m.Err != nil {
		o.failed, o.bad = *m.Err, true
		return o
	}
	for _, w := range m.Writes {
		var q write
		if w[0] != nil {
			q.database = *w[0]
		}
		if w[1] != nil {
			q.line = *w[1]
		}
		o.writes = append(o.writes, q)
	}
	return o
}
