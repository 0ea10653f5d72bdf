package greptime

import (
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"tarn/edge/api/gate"
	"tarn/edge/api/greptime/statement"
	"tarn/edge/query/text"
	"tarn/store/column"
)

// format is one that /v1/sql answers in.
type format struct {
	// name is that of x-greptime-format.
	name, mime string
	// many says that there may be several statements.
	many bool
	make func(*answer, options) writer
}

// options are what a request says of its answer.
type options struct {
	limit   int64
	epoch   int64 // nanoseconds of the unit of influxdb_v1
	started time.Time
	zstd    bool // compresses arrow
}

// writer writes the answers of statements.
type writer interface {
	// affected is an answer of no rows.
	affected(n int64) error
	// begin, rows and done are one of rows.
	begin(columns []statement.Column) error
	rows(b *column.Batch, n int) error
	done() error
	// end is after the last statement.
	end() error
}

const (
	jsonMime  = "application/json"
	csvMime   = "text/csv; charset=utf-8"
	plainMime = "text/plain; charset=utf-8"
)

// formatOf finds a format by name; what is unknown is greptimedb_v1 (section
// 2.1).
func formatOf(name string) format {
	switch strings.ToLower(name) {
	case "influxdb_v1":
		return format{"influxdb_v1", jsonMime, true, func(a *answer, o options) writer { return &influxWriter{answer: a, o: o} }}
	case "csv":
		return format{"csv", csvMime, false, func(a *answer, _ options) writer { return &csvWriter{answer: a} }}
	case "csvwithnames":
		return format{"csv", csvMime, false, func(a *answer, _ options) writer { return &csvWriter{answer: a, names: true} }}
	case "csvwithnamesandtypes":
		return format{"csv", csvMime, false, func(a *answer, _ options) writer { return &csvWriter{answer: a, names: true, types: true} }}
	case "table":
		return format{"table", plainMime, false, func(a *answer, _ options) writer { return &tableWriter{answer: a} }}
	case "json":
		return format{"json", jsonMime, false, func(a *answer, o options) writer { return &objectWriter{answer: a, o: o} }}
	case "arrow":
		return format{"arrow", "application/arrow", false, func(a *answer, o options) writer { return &arrowWriter{answer: a, o: o} }}
	case "null":
		return format{"null", plainMime, false, func(a *answer, o options) writer { return &nullWriter{answer: a, o: o} }}
	}
	return format{"greptimedb_v1", jsonMime, true, func(a *answer, o options) writer { return &nativeWriter{answer: a, o: o} }}
}

// epochOf is the unit of influxdb_v1's times; milliseconds when it is unknown.
func epochOf(name string) int64 {
	switch name {
	case "ns", "n":
		return 1
	case "u", "us", "µ", "µs":
		return 1e3
	case "s":
		return 1e9
	}
	return 1e6
}

// nativeWriter is greptimedb_v1 (section 0.9).
type nativeWriter struct {
	*answer
	o       options
	outputs int
	cells   cells
	count   int64
}

func (n *nativeWriter) next() {
	if n.outputs == 0 {
		n.buf = append(n.buf, `{"output":[`...)
	} else {
		n.buf = append(n.buf, ',')
	}
	n.outputs++
}

func (n *nativeWriter) affected(rows int64) error {
	n.next()
	n.buf = append(n.buf, `{"affectedrows":`...)
	n.buf = append(strconv.AppendInt(n.buf, rows, 10), '}')
	return n.put()
}

func (n *nativeWriter) begin(columns []statement.Column) error {
	n.next()
	n.count, n.cells = 0, cells{columns: columns}
	n.buf = append(n.buf, `{"records":{"schema":{"column_schemas":[`...)
	for i, c := range columns {
		if i > 0 {
			n.buf = append(n.buf, ',')
		}
		n.buf = text.AppendJSONString(append(n.buf, `{"name":`...), c.Name)
		n.buf = text.AppendJSONString(append(n.buf, `,"data_type":`...), c.DataType)
		n.buf = append(n.buf, '}')
	}
	n.buf = append(n.buf, `]},"rows":[`...)
	return nil
}

func (n *nativeWriter) rows(b *column.Batch, rows int) error {
	n.cells.load(b, 0)
	for row := range rows {
		if n.count > 0 {
			n.buf = append(n.buf, ',')
		}
		n.count++
		n.buf = n.cells.list(n.buf, row)
		if err := n.put(); err != nil {
			return err
		}
	}
	return nil
}

func (n *nativeWriter) done() error {
	n.buf = append(n.buf, `],"total_rows":`...)
	n.buf = append(strconv.AppendInt(n.buf, n.count, 10), "}}"...)
	return n.put()
}

func (n *nativeWriter) end() error {
	if n.outputs == 0 {
		n.buf = append(n.buf, '{')
	} else {
		n.buf = append(n.buf, "],"...)
	}
	n.buf = append(n.buf, `"execution_time_ms":`...)
	n.buf = append(strconv.AppendInt(n.buf, gate.Elapsed(n.o.started), 10), '}')
	return nil
}

// influxWriter is influxdb_v1: the shape of InfluxDB's version 1.
type influxWriter struct {
	*answer
	o       options
	outputs int
	cells   cells
	count   int64
}

func (n *influxWriter) next() {
	if n.outputs == 0 {
		n.buf = append(n.buf, `{"results":[`...)
	} else {
		n.buf = append(n.buf, ',')
	}
	n.buf = strconv.AppendInt(append(n.buf, `{"statement_id":`...), int64(n.outputs), 10)
	n.buf = append(n.buf, `,"series":[`...)
	n.outputs++
}

func (n *influxWriter) affected(int64) error {
	n.next()
	n.buf = append(n.buf, "]}"...)
	return n.put()
}

func (n *influxWriter) begin(columns []statement.Column) error {
	n.next()
	n.count, n.cells = 0, cells{columns: columns}
	n.buf = append(n.buf, `{"name":"","columns":[`...)
	return nil
}

func (n *influxWriter) rows(b *column.Batch, rows int) error {
	n.cells.load(b, n.o.epoch)
	for row := range rows {
		if n.count > 0 {
			n.buf = append(n.buf, ',')
		} else {
			for i, c := range n.cells.columns {
				if i > 0 {
					n.buf = append(n.buf, ',')
				}
				n.buf = text.AppendJSONString(n.buf, c.Name)
			}
			n.buf = append(n.buf, `],"values":[`...)
		}
		n.count++
		n.buf = n.cells.list(n.buf, row)
		if err := n.put(); err != nil {
			return err
		}
	}
	return nil
}

func (n *influxWriter) done() error {
	if n.count == 0 { // neither columns nor values
		n.buf = append(n.buf, `],"values":[`...)
	}
	n.buf = append(n.buf, "]}]}"...)
	return n.put()
}

func (n *influxWriter) end() error {
	n.buf = append(n.buf, `],"execution_time_ms":`...)
	n.buf = append(strconv.AppendInt(n.buf, gate.Elapsed(n.o.started), 10), '}')
	return nil
}

// objectWriter is json: an object a row.
type objectWriter struct {
	*answer
	o     options
	cells cells
	keys  [][]byte
	count int64
}

func (n *objectWriter) affected(rows int64) error {
	n.buf = append(n.buf, `{"data":[],"affected_rows":`...)
	n.buf = append(strconv.AppendInt(n.buf, rows, 10), ',')
	return nil
}

func (n *objectWriter) begin(columns []statement.Column) error {
	n.cells = cells{columns: columns}
	for _, c := range columns {
		n.keys = append(n.keys, append(text.AppendJSONString(nil, c.Name), ':'))
	}
	n.buf = append(n.buf, `{"data":[`...)
	return nil
}

func (n *objectWriter) rows(b *column.Batch, rows int) error {
	n.cells.load(b, 0)
	for row := range rows {
		if n.count > 0 {
			n.buf = append(n.buf, ',')
		}
		n.count++
		n.buf = append(n.buf, '{')
		for i := range n.keys {
			if i > 0 {
				n.buf = append(n.buf, ',')
			}
			n.buf = n.cells.one(append(n.buf, n.keys[i]...), i, row)
		}
		n.buf = append(n.buf, '}')
		if err := n.put(); err != nil {
			return err
		}
	}
	return nil
}

func (n *objectWriter) done() error {
	n.buf = append(n.buf, "],"...)
	return nil
}

func (n *objectWriter) end() error {
	n.buf = append(n.buf, `"execution_time_ms":`...)
	n.buf = append(strconv.AppendInt(n.buf, gate.Elapsed(n.o.started), 10), '}')
	return nil
}

// csvWriter is CSV, whose lines end in CRLF.
type csvWriter struct {
	*answer
	names, types bool
	cells        cells
}

func (c *csvWriter) affected(n int64) error {
	c.buf = append(strconv.AppendInt(c.buf, n, 10), '\n')
	return nil
}

func (c *csvWriter) begin(columns []statement.Column) error {
	c.cells = cells{columns: columns, plain: true}
	head := func(name func(statement.Column) string) {
		for i, col := range columns {
			if i > 0 {
				c.buf = append(c.buf, ',')
			}
			c.buf = appendCSV(c.buf, name(col))
		}
		c.buf = append(c.buf, "\r\n"...)
	}
	if c.names {
		head(func(c statement.Column) string { return c.Name })
	}
	if c.types {
		head(func(c statement.Column) string { return c.DataType })
	}
	return nil
}

func (c *csvWriter) rows(b *column.Batch, n int) error {
	c.cells.load(b, 0)
	for row := range n {
		for i := range c.cells.columns {
			if i > 0 {
				c.buf = append(c.buf, ',')
			}
			if !b.Cols[i].IsNull(row) {
				c.buf = c.cells.csv(c.buf, i, row)
			}
		}
		c.buf = append(c.buf, "\r\n"...)
		if err := c.put(); err != nil {
			return err
		}
	}
	return nil
}

func (c *csvWriter) done() error { return nil }
func (c *csvWriter) end() error  { return nil }

// maxTable bounds the text of a table, which is in memory until its widths are
// known.
const maxTable = 32 << 20

// tableWriter draws a table.
type tableWriter struct {
	*answer
	cells  cells
	widths []int
	texts  []byte
	ends   []int
}

func (t *tableWriter) affected(n int64) error {
	t.buf = append(strconv.AppendInt(t.buf, n, 10), '\n')
	return nil
}

func (t *tableWriter) begin(columns []statement.Column) error {
	t.cells = cells{columns: columns}
	for _, c := range columns {
		t.widths = append(t.widths, utf8.RuneCountInString(c.Name))
	}
	return nil
}

func (t *tableWriter) rows(b *column.Batch, n int) error {
	t.cells.load(b, 0)
	for row := range n {
		for i := range t.cells.columns {
			from := len(t.texts)
			t.texts = t.cells.one(t.texts, i, row)
			t.widths[i] = max(t.widths[i], utf8.RuneCount(t.texts[from:]))
			t.ends = append(t.ends, len(t.texts))
		}
		if len(t.texts) > maxTable {
			return gate.Errorf(gate.RuntimeResourcesExhausted, "a table of more than %d MB: use another format, or LIMIT", maxTable>>20)
		}
	}
	return nil
}

func (t *tableWriter) done() error {
	rule := func(left, middle, right string, name func(int) string) {
		t.buf = append(t.buf, left...)
		for i, w := range t.widths {
			if i > 0 {
				t.buf = append(t.buf, middle...)
			}
			text := name(i)
			t.buf = append(t.buf, "─"...)
			t.buf = append(t.buf, text...)
			t.buf = append(t.buf, strings.Repeat("─", w+1-utf8.RuneCountInString(text))...)
		}
		t.buf = append(append(t.buf, right...), '\n')
	}
	rule("┌", "┬", "┐", func(i int) string { return t.cells.columns[i].Name })
	from := 0
	for k, end := range t.ends {
		i := k % len(t.widths)
		cell := t.texts[from:end]
		from = end
		t.buf = append(append(t.buf, "│ "...), cell...)
		t.buf = append(t.buf, strings.Repeat(" ", t.widths[i]+1-utf8.RuneCount(cell))...)
		if i == len(t.widths)-1 {
			t.buf = append(t.buf, "│\n"...)
			if err := t.put(); err != nil {
				return err
			}
		}
	}
	rule("└", "┴", "┘", func(int) string { return "" })
	return nil
}

func (t *tableWriter) end() error { return nil }

// nullWriter only counts.
type nullWriter struct {
	*answer
	o     options
	count int64
}

func (n *nullWriter) affected(rows int64) error {
	n.buf = append(strconv.AppendInt(n.buf, rows, 10), " rows affected.\n"...)
	return nil
}

func (n *nullWriter) begin([]statement.Column) error { return nil }

func (n *nullWriter) rows(_ *column.Batch, rows int) error {
	n.count += int64(rows)
	return nil
}

func (n *nullWriter) done() error {
	n.buf = append(strconv.AppendInt(n.buf, n.count, 10), " rows in set.\n"...)
	return nil
}

func (n *nullWriter) end() error {
	n.buf = append(n.buf, "Elapsed: "...)
	n.buf = strconv.AppendFloat(n.buf, time.Since(n.o.started).Seconds(), 'f', 3, 64)
	n.buf = append(n.buf, " sec.\n"...)
	return nil
}
