package result

import (
	"bytes"
	"io"
	"strconv"

	"tarn/store/column"
)

// maxChunk ends a chunk before it has all its rows: whoever asks for chunks of a
// million rows gets shorter ones instead of our memory.
const maxChunk = 1 << 20

// v1JSON writes documents {"results":[...]}: one of all statements, or with
// chunks one of each run of rows. It holds at most the rows of a chunk.
type v1JSON struct {
	output
	opts  V1Options
	clock v1Clock

	documents  int // begun
	statements int // in the document

	id     int
	series Series
	cols   []Column
	mark   seriesMark
	rows   int    // of the open series, in this document
	open   bool   // a series is open
	any    bool   // the statement has a series in this document
	head   []byte // "columns":[...],"values":
	chunk  []byte // rows that wait to learn what follows
}

// NewV1JSON returns a writer of JSON to w.
func NewV1JSON(w io.Writer, o V1Options) V1 {
	if o.Pretty {
		w = &indenter{w: w}
	}
	return &v1JSON{output: newOutput(w), opts: o, clock: v1Clock{epoch: int64(o.Epoch)}}
}

// Held is Holder's.
func (j *v1JSON) Held() int64 {
	if !j.chunked() {
		return 0
	}
	return 2 * maxChunk // the rows, and the document of them
}

func (j *v1JSON) chunked() bool { return j.opts.ChunkSize > 0 }

// statement starts a result object.
func (j *v1JSON) statement(id int) {
	if j.chunked() || j.documents == 0 {
		j.documents++
		j.statements = 0
		j.buf = append(j.buf, `{"results":[`...)
	}
	if j.statements++; j.statements > 1 {
		j.buf = append(j.buf, ',')
	}
	j.buf = append(j.buf, `{"statement_id":`...)
	j.buf = strconv.AppendInt(j.buf, int64(id), 10)
}

// finish ends a result object, and its document when each has its own.
func (j *v1JSON) finish() error {
	j.buf = append(j.buf, '}')
	if j.chunked() {
		j.buf = append(j.buf, "]}\n"...)
	}
	return j.flush(j.chunked())
}

func (j *v1JSON) Message(id int, failure error, warning string) error {
	j.statement(id)
	if warning != "" {
		j.buf = append(j.buf, `,"messages":[{"level":"warning","text":`...)
		j.buf = append(appendV1String(j.buf, warning), "}]"...)
	}
	j.failure(failure)
	return j.finish()
}

func (j *v1JSON) failure(err error) {
	if err != nil {
		j.buf = appendV1String(append(j.buf, `,"error":`...), err.Error())
	}
}

func (j *v1JSON) Begin(id int, s Series, cols []Column) error {
	j.id, j.series, j.cols = id, s, cols
	j.mark, j.open, j.any, j.rows = seriesMark{}, false, false, 0
	j.clock.zone = s.Zone
	j.chunk = j.chunk[:0]
	j.head = append(j.head[:0], `"columns":[`...)
	for i, c := range j.shown() {
		if i > 0 {
			j.head = append(j.head, ',')
		}
		j.head = appendV1String(j.head, c.Name)
	}
	j.head = append(j.head, `],"values":[`...)
	if !j.chunked() {
		j.statement(id)
	}
	return nil
}

// shown are the columns of a series: the time and the values.
func (j *v1JSON) shown() []Column {
	var out []Column
	if j.series.HasTime {
		out = append(out, j.cols[1])
	}
	return append(out, j.cols[j.series.Values():]...)
}

func (j *v1JSON) WriteBatch(b *column.Batch) error {
	first := j.series.Values()
	keys := append([]*column.Vector{b.Cols[0]}, b.Cols[first-j.series.Tags:first]...)
	var cells []func([]byte, int) []byte
	for _, v := range b.Cols[first:] {
		cells = append(cells, v1Cell(v))
	}
	for row := range b.Len {
		fresh := j.mark.next(keys, row)
		if err := j.room(fresh); err != nil {
			return err
		}
		dst := &j.buf
		if j.chunked() {
			dst = &j.chunk
		}
		if !j.open {
			j.openSeries(dst)
		}
		if j.rows++; j.rows > 1 {
			*dst = append(*dst, ',')
		}
		*dst = append(*dst, '[')
		if j.series.HasTime {
			*dst = j.clock.append(*dst, b.Cols[1].Ints[row])
		}
		for i, c := range cells {
			if i > 0 || j.series.HasTime {
				*dst = append(*dst, ',')
			}
			*dst = c(*dst, row)
		}
		*dst = append(*dst, ']')
		if !j.chunked() {
			if err := j.flush(false); err != nil {
				return err
			}
		}
	}
	return nil
}

// room ends what must end before the next row: a series, a chunk.
func (j *v1JSON) room(fresh bool) error {
	if !j.chunked() {
		if fresh && j.open {
			j.buf = append(j.buf, "]}"...)
			j.open, j.rows = false, 0
		}
		return nil
	}
	if !j.open || !fresh && j.rows < j.opts.ChunkSize && len(j.chunk) < maxChunk {
		return nil
	}
	j.chunk = append(j.chunk, ']')
	if !fresh {
		j.chunk = append(j.chunk, `,"partial":true`...)
	}
	j.chunk = append(j.chunk, '}')
	return j.send(true, nil)
}

// send writes the chunk as a document.
func (j *v1JSON) send(more bool, failure error) error {
	j.statement(j.id)
	if len(j.chunk) > 0 {
		j.buf = append(append(append(j.buf, `,"series":[`...), j.chunk...), ']')
	}
	if more {
		j.buf = append(j.buf, `,"partial":true`...)
	}
	j.failure(failure)
	j.chunk, j.open, j.rows = j.chunk[:0], false, 0
	return j.finish()
}

func (j *v1JSON) openSeries(dst *[]byte) {
	switch {
	case j.chunked():
	case j.any:
		*dst = append(*dst, ',')
	default:
		*dst = append(*dst, `,"series":[`...)
	}
	j.any, j.open = true, true
	*dst = append(*dst, '{')
	if !j.series.Unnamed {
		*dst = append(appendV1String(append(*dst, `"name":`...), j.mark.texts[0]), ',')
	}
	if j.series.Tags > 0 {
		*dst = append(*dst, `"tags":{`...)
		for i, value := range j.mark.texts[1:] {
			if i > 0 {
				*dst = append(*dst, ',')
			}
			*dst = append(appendV1String(*dst, j.cols[j.series.Values()-j.series.Tags+i].Name), ':')
			*dst = appendV1String(*dst, value)
		}
		*dst = append(*dst, "},"...)
	}
	*dst = append(*dst, j.head...)
}

func (j *v1JSON) End(failure error) error {
	if j.series.Header && !j.mark.begun && failure == nil {
		head := bytes.TrimSuffix(j.head, []byte(`,"values":[`))
		if j.chunked() {
			j.chunk = append(append(append(j.chunk, '{'), head...), '}')
			return j.send(false, nil)
		}
		j.buf = append(append(append(j.buf, `,"series":[{`...), head...), "}]"...)
		return j.finish()
	}
	if j.chunked() {
		if j.open {
			j.chunk = append(j.chunk, "]}"...)
		}
		return j.send(false, failure)
	}
	if j.open {
		j.buf = append(j.buf, "]}"...)
	}
	if j.any {
		j.buf = append(j.buf, ']')
	}
	j.failure(failure)
	j.open = false
	return j.finish()
}

func (j *v1JSON) Close() error {
	if !j.chunked() {
		if j.documents == 0 {
			j.buf = append(j.buf, `{"results":[`...)
		}
		j.buf = append(j.buf, "]}\n"...)
	}
	return j.flush(true)
}

// indenter lays JSON out by four blanks a level.
type indenter struct {
	w        io.Writer
	out      []byte
	depth    int
	inText   bool
	escaped  bool
	justOpen bool
}

func (p *indenter) Write(b []byte) (int, error) {
	p.out = p.out[:0]
	for _, c := range b {
		p.put(c)
	}
	if _, err := p.w.Write(p.out); err != nil {
		return 0, err
	}
	return len(b), nil
}

func (p *indenter) put(c byte) {
	if p.inText {
		p.out = append(p.out, c)
		switch {
		case p.escaped:
			p.escaped = false
		case c == '\\':
			p.escaped = true
		case c == '"':
			p.inText = false
		}
		return
	}
	closing := c == ']' || c == '}'
	if p.justOpen && !closing {
		p.depth++
		p.line()
	}
	switch {
	case closing && p.justOpen:
	case closing:
		p.depth--
		p.line()
	}
	p.justOpen = c == '[' || c == '{'
	p.out = append(p.out, c)
	switch c {
	case '"':
		p.inText = true
	case ':':
		p.out = append(p.out, ' ')
	case ',':
		p.line()
	}
}

func (p *indenter) line() {
	p.out = append(p.out, '\n')
	for range p.depth {
		p.out = append(p.out, "    "...)
	}
}
