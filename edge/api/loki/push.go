package loki

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"tarn/edge/api/gate"
	"tarn/edge/ingest"
	"tarn/edge/ingest/piped"
	"tarn/edge/pipeline"
	"tarn/store/points"
)

// push is the scratch memory of one request.
type push struct {
	batch *piped.Batch
	pipe  *pipeline.Pipeline // nil for the default columns
	table string

	reader   pipeline.JSONReader
	labels   []label
	metadata []pipeline.Member
	tags     []points.Tag
	text     []byte
	unpacked []byte           // the body without snappy
	rows     *ingest.RowTable // of the current stream
	refused  error            // why the current stream cannot be written
}

// maxKept is how large the memory of a body may be that is kept for the next.
const maxKept = 1 << 20

// label is one label of a stream.
type label struct{ name, value string }

func (p *push) forget() {
	p.batch, p.pipe, p.rows, p.refused = nil, nil, nil, nil
	p.reader.Forget()
	if cap(p.unpacked) > maxKept {
		p.unpacked = nil
	}
	clear(p.labels[:cap(p.labels)])
	clear(p.metadata[:cap(p.metadata)])
	clear(p.tags[:cap(p.tags)])
}

// maxLabels bounds the labels of a stream, and the metadata of an entry.
const maxLabels = 500

// look is how a table looks that this protocol makes.
var look = ingest.Look{TimeName: pipeline.TimestampColumn, Unit: time.Nanosecond, Append: true, Types: map[string]string{metadataColumn: "Json"},
	Order: []string{pipeline.TimestampColumn, lineColumn, metadataColumn}}

// stream begins a stream whose labels are in p.labels.
func (p *push) stream() {
	p.refused = nil
	if p.pipe != nil {
		return
	}
	p.tags = p.tags[:0]
	for i := range p.labels {
		l := &p.labels[i]
		p.tags = append(p.tags, points.Tag{Key: piped.Bytes(piped.ColumnName(l.name)), Value: piped.Bytes(l.value)})
	}
	p.rows, p.refused = p.batch.Rows().Table(piped.Bytes(p.table))
	if p.refused == nil {
		p.batch.Look(p.table, look)
		p.refused = p.rows.Series(nil, p.tags)
	}
}

var colLine, colMetadata = []byte(lineColumn), []byte(metadataColumn)

// entry adds one entry of the current stream; its metadata are in p.metadata.
func (p *push) entry(ns int64, line string) {
	if p.pipe != nil {
		p.record(ns, line)
		return
	}
	if p.refused != nil {
		p.batch.Refuse(p.refused)
		return
	}
	p.rows.Row(ns)
	p.rows.String(colLine, piped.Bytes(line))
	meta := pipeline.MapOf(p.metadata)
	p.text = meta.AppendJSON(p.text[:0])
	p.rows.String(colMetadata, p.text)
	if err := p.rows.End(); err != nil {
		p.batch.Refuse(err)
		return
	}
	p.batch.Wrote()
}

// Names of an entry's parts for a pipeline.
const (
	lineField      = "loki_line"
	labelPrefix    = "loki_label_"
	metadataPrefix = "loki_metadata_"
)

// record takes an entry through the pipeline.
func (p *push) record(ns int64, line string) {
	rec := &p.batch.Record
	rec.Reset()
	name := func(prefix, name string) string {
		return rec.End(append(append(rec.Begin(len(prefix)+len(name)), prefix...), name...))
	}
	rec.Add(pipeline.TimestampColumn, pipeline.TimeOf(ns, pipeline.Nanosecond))
	rec.Add(lineField, pipeline.StringOf(line))
	for i := range p.labels {
		rec.Set(name(labelPrefix, p.labels[i].name), pipeline.StringOf(p.labels[i].value))
	}
	for i := range p.metadata {
		rec.Set(name(metadataPrefix, p.metadata[i].Name), p.metadata[i].Value)
	}
	_ = p.batch.Add(p.pipe, rec) // counted there
}

func invalid(format string, args ...any) error {
	return gate.Bad("Invalid Loki JSON request: %s", fmt.Sprintf(format, args...))
}

// json reads a body of JSON. What is wrong with its frame fails it; what is
// wrong with an entry makes that entry a bad record.
func (p *push) json(body []byte) error {
	r := &p.reader
	r.Reset(body)
	if k, err := r.Kind(); err == nil && k != pipeline.Map {
		return invalid("payload is not an object")
	}
	found := false
	var frame error
	err := r.Object(func(name string) error {
		if name != "streams" || found {
			return r.Skip()
		}
		found = true
		if k, err := r.Kind(); err == nil && k != pipeline.List {
			frame = invalid("streams is not an array")
			return frame
		}
		return r.Array(p.jsonStream)
	})
	if err == nil {
		err = r.End()
	}
	switch {
	case frame != nil:
		return frame
	case err != nil:
		return gate.Bad("Failed to parse payload as json: %w", err)
	case !found:
		return invalid("missing streams")
	}
	return nil
}

// jsonStream reads one stream. Its values may come before its labels.
func (p *push) jsonStream() error {
	r := &p.reader
	r.Rewind()
	if k, err := r.Kind(); err != nil || k != pipeline.Map {
		return r.Skip()
	}
	p.labels = p.labels[:0]
	labelled, values := false, -1
	err := r.Object(func(name string) error {
		switch {
		case name == "stream" && !labelled:
			labelled = true
			return p.jsonLabels()
		case name == "values" && labelled && values < 0:
			values = math.MaxInt
			p.stream()
			return p.jsonValues()
		case name == "values" && values < 0:
			values = r.Offset()
		}
		return r.Skip()
	})
	if err != nil || values < 0 || values == math.MaxInt {
		return err
	}
	end := r.Offset()
	r.Seek(values)
	p.stream()
	if err := p.jsonValues(); err != nil {
		return err
	}
	r.Seek(end)
	return nil
}

func (p *push) jsonLabels() error {
	r := &p.reader
	if k, err := r.Kind(); err != nil || k != pipeline.Map {
		return r.Skip()
	}
	return r.Object(func(name string) error {
		if k, err := r.Kind(); err != nil || k != pipeline.String || len(p.labels) == maxLabels {
			return r.Skip()
		}
		value, err := r.Text()
		p.label(name, value)
		return err
	})
}

// label adds a label; of a name that comes twice the last counts.
func (p *push) label(name, value string) {
	for i := range p.labels {
		if p.labels[i].name == name {
			p.labels[i].value = value
			return
		}
	}
	p.labels = append(p.labels, label{name, value})
}

func (p *push) jsonValues() error {
	r := &p.reader
	if k, err := r.Kind(); err != nil || k != pipeline.List {
		return r.Skip()
	}
	return r.Array(p.jsonEntry)
}

// jsonEntry reads ["ns", "line", {metadata}]. Upstream passes over malformed
// ones without a word; here they are counted, too.
func (p *push) jsonEntry() error {
	r := &p.reader
	if k, err := r.Kind(); err != nil || k != pipeline.List {
		p.malformed()
		return r.Skip()
	}
	var ns int64
	var line string
	good := true
	at := 0
	p.metadata = p.metadata[:0]
	err := r.Array(func() error {
		at++
		k, err := r.Kind()
		switch {
		case err != nil:
			return err
		case at == 1 && k == pipeline.String:
			text, err := r.Text()
			if err != nil {
				return err
			}
			ns, err = strconv.ParseInt(text, 10, 64)
			good = good && err == nil
			return nil
		case at == 2 && k == pipeline.String:
			line, err = r.Text()
			return err
		case at == 3 && k == pipeline.Map:
			return p.jsonMetadata()
		}
		good = good && at > 2
		return r.Skip()
	})
	if err != nil {
		return err
	}
	if !good || at < 2 {
		p.malformed()
		return nil
	}
	p.entry(ns, line)
	return nil
}

func (p *push) jsonMetadata() error {
	r := &p.reader
	return r.Object(func(name string) error {
		if k, err := r.Kind(); err != nil || k != pipeline.String || len(p.metadata) == maxLabels {
			return r.Skip()
		}
		value, err := r.Text()
		p.meta(name, value)
		return err
	})
}

func (p *push) meta(name, value string) {
	for i := range p.metadata {
		if p.metadata[i].Name == name {
			p.metadata[i].Value = pipeline.StringOf(value)
			return
		}
	}
	p.metadata = append(p.metadata, pipeline.Member{Name: name, Value: pipeline.StringOf(value)})
}

// malformed counts an entry that is none.
func (p *push) malformed() { p.batch.PassOver() }
