package greptime

import (
	"tarn/edge/api/greptime/arrow"
	"tarn/edge/api/greptime/statement"
	"tarn/store/column"
)

// arrowWriter is the format arrow: a stream of Arrow's IPC format. The answer of
// a statement without rows is empty.
type arrowWriter struct {
	*answer
	o      options
	stream *arrow.Stream
}

func (*arrowWriter) affected(int64) error { return nil }

func (w *arrowWriter) begin(columns []statement.Column) error {
	out := make([]arrow.Column, len(columns))
	for i, c := range columns {
		out[i] = arrow.Column{Name: c.Name, Type: c.Type, Bits: narrow[c.DataType], Unit: c.Unit}
	}
	w.stream = arrow.NewStream(out)
	if w.o.zstd {
		if err := w.stream.Compress(); err != nil {
			return err
		}
	}
	w.buf = w.stream.AppendSchema(w.buf)
	return nil
}

// narrow are the widths of types of numbers that are narrower than their values.
var narrow = map[string]int{"Int8": 8, "Int16": 16, "Int32": 32, "UInt8": 8, "UInt16": 16, "UInt32": 32, "Float32": 32}

func (w *arrowWriter) rows(b *column.Batch, n int) (err error) {
	if n == 0 {
		return nil
	}
	if w.buf, err = w.stream.AppendBatch(w.buf, b, n); err != nil {
		return err
	}
	return w.put()
}

func (w *arrowWriter) done() error {
	w.buf = w.stream.AppendEnd(w.buf)
	return nil
}

func (*arrowWriter) end() error { return nil }
