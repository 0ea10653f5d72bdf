// Package result writes the rows of queries in the formats of the HTTP API
// (spec/influxdb3-http-api.md sections 3.2 and 3.3).
package result

import (
	"fmt"
	"io"
	"sync"

	"tarn/store/column"
)

// Format is an output format.
type Format uint8

// The formats.
const (
	// JSON is one array of row objects; members that are NULL are left out.
	JSON Format = iota
	// JSONL is one such object a line.
	JSONL
	// CSV has a header line unless there is no row.
	CSV
	// Pretty is a table of ASCII art.
	Pretty
	// Parquet is one Parquet file.
	Parquet
)

// ParseFormat reads a format's name.
func ParseFormat(name string) (Format, error) {
	switch name {
	case "json":
		return JSON, nil
	case "jsonl", "json_lines":
		return JSONL, nil
	case "csv":
		return CSV, nil
	case "pretty":
		return Pretty, nil
	case "parquet":
		return Parquet, nil
	}
	return JSON, fmt.Errorf("unknown variant `%s`, expected one of `parquet`, `csv`, `pretty`, `json`, `jsonl`", name)
}

// ContentType is the media type of the format.
func (f Format) ContentType() string {
	switch f {
	case JSONL:
		return "application/jsonl"
	case CSV:
		return "text/csv"
	case Pretty:
		return "text/plain; charset=utf-8"
	case Parquet:
		return "application/vnd.apache.parquet"
	}
	return "application/json"
}

// Column is one output column.
type Column struct {
	Name string
	Type column.Type
}

// Writer writes rows. Close ends the output; it does not close what is below.
type Writer interface {
	WriteBatch(b *column.Batch) error
	Close() error
}

// Holder is a Writer that holds more than a few rows in memory.
type Holder interface {
	// Held is how many bytes: what it has now, or what it may come to have.
	Held() int64
}

// usualGroup is how many bytes of values may make a row group of Parquet.
const usualGroup = 8 << 20

// New returns a writer of the format to w.
func New(f Format, w io.Writer, cols []Column) (Writer, error) {
	return NewWithin(f, w, cols, usualGroup)
}

// NewWithin is New for a writer that, where the format lets it choose, should
// hold no more than that many bytes of values.
func NewWithin(f Format, w io.Writer, cols []Column, bytes int64) (Writer, error) {
	switch f {
	case JSON, JSONL:
		return newJSON(w, cols, f == JSONL), nil
	case CSV:
		return newCSV(w, cols), nil
	case Pretty:
		return newPretty(w, cols), nil
	case Parquet:
		return newParquet(w, cols, int(min(bytes, usualGroup)))
	}
	return nil, fmt.Errorf("BUG: no writer for format %d", f)
}

// flushBytes is how much is gathered before it is written out: a few TCP
// segments, far less than a batch can grow to.
const flushBytes = 64 << 10

// outputBuffers are of outputs that are done.
var outputBuffers = sync.Pool{New: func() any { return new([]byte) }}

// output gathers bytes for a writer.
type output struct {
	w      io.Writer
	buf    []byte
	pooled *[]byte // where buf came from; nil after the last flush
}

func newOutput(w io.Writer) output {
	p := outputBuffers.Get().(*[]byte)
	return output{w: w, buf: (*p)[:0], pooled: p}
}

// flush writes what is gathered when it is enough, or all of it when it is the
// last.
func (o *output) flush(last bool) error {
	if last {
		defer o.release()
	}
	if len(o.buf) < flushBytes && !last || len(o.buf) == 0 {
		return nil
	}
	_, err := o.w.Write(o.buf)
	o.buf = o.buf[:0]
	if err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	return nil
}

// release gives the buffer to others. An output that is given up leaves it to the
// garbage collector.
func (o *output) release() {
	if o.pooled == nil {
		return
	}
	if cap(o.buf) <= 2*flushBytes {
		*o.pooled = o.buf[:0]
		outputBuffers.Put(o.pooled)
	}
	o.buf, o.pooled = nil, nil
}
