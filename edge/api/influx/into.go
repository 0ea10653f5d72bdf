package influx

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	ast "github.com/influxdata/influxql"

	"tarn/edge/ingest"
	"tarn/edge/query/influxql"
	"tarn/edge/query/result"
	"tarn/lp"
	"tarn/store/column"
)

// intoBytes of lines are written at once.
const intoBytes = 1 << 20

// selectInto runs SELECT INTO: the rows are written, group tags as tags and all
// else as fields, and the answer is their number (spec/influxql.md number 72).
func (a *API) selectInto(r *http.Request, req *v1Request, id int, s *ast.SelectStatement, out result.V1) error {
	written, err := a.copyRows(r, req, s)
	if err != nil {
		return out.Message(id, a.statementError(r, s, err), req.warning(s))
	}
	cols := []result.Column{{Name: influxql.MeasurementColumn, Type: column.Of(column.String)},
		{Name: "time", Type: column.Of(column.Timestamp)}, {Name: "written", Type: column.Of(column.Int64)}}
	b := column.Batch{Len: 1}
	for _, c := range cols {
		b.Cols = append(b.Cols, column.NewVector(c.Type, 1))
	}
	b.Cols[0].Strings = append(b.Cols[0].Strings, "result")
	b.Cols[1].Ints = append(b.Cols[1].Ints, 0)
	b.Cols[2].Ints = append(b.Cols[2].Ints, written)
	for _, v := range b.Cols {
		v.Len = 1
	}
	if err := out.Begin(id, result.Series{HasTime: true}, cols); err != nil {
		return err
	}
	if err := out.WriteBatch(&b); err != nil {
		return err
	}
	return out.End(nil)
}

// copyRows writes what a SELECT yields to its target.
func (a *API) copyRows(r *http.Request, req *v1Request, s *ast.SelectStatement) (written int64, err error) {
	m := s.Target.Measurement
	db, rp := m.Database, m.RetentionPolicy
	if db == "" {
		db = req.db
	}
	if db == "" {
		return 0, influxql.ErrNoDatabase
	}
	if rp == "" && m.Database == "" {
		rp = req.rp
	}
	target := influxql.StoredIn(db, rp)
	if _, ok := a.Store.Database(target); !ok {
		return 0, fmt.Errorf("database not found: %s", target)
	}
	res, err := a.Query.Query(r.Context(), req.query(s))
	if err != nil {
		return 0, err
	}
	defer res.Close()
	l := &lines{series: res.Series(), cols: res.Columns(), name: m.Name}
	var b column.Batch
	for {
		err := res.Next(r.Context(), &b)
		done := errors.Is(err, io.EOF)
		if err != nil && !done {
			return written, err
		}
		for row := 0; !done && row < b.Len; row++ {
			l.add(&b, row)
		}
		if l.buf.Len() > intoBytes || done && l.rows > 0 {
			report, err := a.Writer.WriteLines(r.Context(), &l.buf, ingest.Options{Database: target, Precision: lp.Nanosecond})
			switch {
			case err != nil:
				return written, err
			case report.Failed > 0:
				return written, fmt.Errorf("partial write of %d rows: %s", report.Written, report.Rejected[0].Message)
			}
			written += l.rows
			l.buf.Reset()
			l.rows = 0
		}
		if done {
			return written, nil
		}
	}
}

// lines writes rows as line protocol.
type lines struct {
	series result.Series
	cols   []result.Column
	name   string // of the target; empty keeps that of the source
	buf    bytes.Buffer
	rows   int64
}

var (
	escapeMeasurement = strings.NewReplacer(`,`, `\,`, ` `, `\ `, "\n", `\n`)
	escapeKey         = strings.NewReplacer(`,`, `\,`, ` `, `\ `, `=`, `\=`, "\n", `\n`)
	escapeString      = strings.NewReplacer(`"`, `\"`, `\`, `\\`)
)

// add writes a row that has any field.
func (l *lines) add(b *column.Batch, row int) {
	mark := l.buf.Len()
	name := l.name
	if name == "" {
		name = b.Cols[0].Text(row)
	}
	l.buf.WriteString(escapeMeasurement.Replace(name))
	first := l.series.Values()
	for i, v := range b.Cols[first-l.series.Tags : first] {
		if !v.IsNull(row) && v.Text(row) != "" {
			l.buf.WriteString("," + escapeKey.Replace(l.cols[first-l.series.Tags+i].Name) + "=" + escapeKey.Replace(v.Text(row)))
		}
	}
	separator := byte(' ')
	for i, v := range b.Cols[first:] {
		if v.IsNull(row) {
			continue
		}
		l.buf.WriteByte(separator)
		separator = ','
		l.buf.WriteString(escapeKey.Replace(l.cols[first+i].Name) + "=")
		l.value(v, row)
	}
	if separator == ' ' {
		l.buf.Truncate(mark)
		return
	}
	l.buf.WriteString(" " + strconv.FormatInt(b.Cols[1].Ints[row], 10) + "\n")
	l.rows++
}

func (l *lines) value(v *column.Vector, row int) {
	var n []byte
	switch v.Type.Kind {
	case column.Float64:
		n = strconv.AppendFloat(nil, v.Floats[row], 'g', -1, 64)
	case column.Uint64:
		n = append(strconv.AppendUint(nil, v.Uints[row], 10), 'u')
	case column.Bool:
		n = strconv.AppendBool(nil, v.Bools[row])
	case column.String, column.Dict:
		l.buf.WriteString(`"` + escapeString.Replace(v.Text(row)) + `"`)
		return
	default:
		n = append(strconv.AppendInt(nil, v.Ints[row], 10), 'i')
	}
	l.buf.Write(n)
}
