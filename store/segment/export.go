package segment

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"

	"tarn/store/column"
	"tarn/store/schema"
)

// RemainderSuffix is appended to the name of a timestamp column for the column
// that has what microseconds leave of it.
const RemainderSuffix = "_ns_rem"

// ExportColumn is a column of an exported file, in the order in which it lies.
type ExportColumn struct {
	Name string
	Role schema.Role
	Kind column.Kind
	// Remainder marks an INT32 column of nanoseconds, 0 to 999, that belong to
	// the timestamp column that Name starts with.
	Remainder bool
}

// Export is a plan to write a segment again for readers that know no
// nanoseconds, such as Spark: timestamps are in microseconds, rounded down, and
// where that loses something a column of remainders follows. Sorting, row
// groups and encodings are a segment's. The bytes depend on the segment alone.
type Export struct {
	r      *Reader
	sch    *schema.Table
	fields []schema.Column
	// remainders are the last of fields; of says which timestamp field each
	// belongs to, -1 for time.
	of []int
}

// exportRows is how many rows are held at a time.
const exportRows = 8192

// PlanExport reads the segment's timestamps to learn which need remainders.
func PlanExport(ctx context.Context, r *Reader) (*Export, error) {
	e := &Export{r: r, sch: r.sch}
	for _, c := range r.cols {
		if c.Role == schema.Field {
			e.fields = append(e.fields, c.Column)
		}
	}
	n := len(e.fields)
	for i := -1; i < n; i++ {
		if i >= 0 && e.fields[i].Kind != column.Timestamp {
			continue
		}
		lossy, err := e.lossy(ctx, i)
		if err != nil {
			return nil, err
		}
		if !lossy {
			continue
		}
		name := schema.TimeColumn
		if i >= 0 {
			name = e.fields[i].Name
		}
		for name += RemainderSuffix; ; name += "_" {
			if _, taken := e.sch.Column(name); !taken {
				break
			}
		}
		e.sch = e.sch.With(schema.Column{Name: name, Role: schema.Field, Kind: column.Int64})
		c, _ := e.sch.Column(name)
		e.fields, e.of = append(e.fields, c), append(e.of, i)
	}
	return e, nil
}

// lossy says whether a timestamp field, or time for -1, has values that are no
// whole microseconds.
func (e *Export) lossy(ctx context.Context, field int) (bool, error) {
	var times []int64
	v := column.NewVector(column.Of(column.Timestamp), 0)
	for from := 0; from < e.r.Rows(); from += exportRows {
		to := min(from+exportRows, e.r.Rows())
		var err error
		if field < 0 {
			times, err = e.r.ReadTime(ctx, times[:0], from, to)
		} else {
			v.Reset(column.Of(column.Timestamp))
			err = e.r.ReadColumn(ctx, v, e.fields[field], from, to)
			times = v.Ints
		}
		if err != nil {
			return false, err
		}
		for i, t := range times {
			if t%1000 != 0 && (field < 0 || !v.IsNull(i)) {
				return true, nil
			}
		}
	}
	return false, nil
}

// Columns are those of the file.
func (e *Export) Columns() []ExportColumn {
	var out []ExportColumn
	first := len(e.fields) - len(e.of)
	for i, c := range fileColumns(e.sch, e.fields) {
		out = append(out, ExportColumn{Name: c.Name, Role: c.Role, Kind: c.Kind, Remainder: i > len(e.sch.Tags)+first})
	}
	return out
}

// Write writes the file to out, in the order of its bytes.
func (e *Export) Write(ctx context.Context, out io.Writer) (Info, error) {
	w, err := NewWriter(out, e.sch, e.fields, e.r.meta, WriterOptions{Append: true, remainders: len(e.of), export: true})
	if err != nil {
		return Info{}, err
	}
	defer func() {
		if w.err == nil {
			w.fail(errClosed) // gives the encoder back
		}
	}()
	n := len(e.fields) - len(e.of)
	cols := make([]*column.Vector, len(e.fields))
	for i, f := range e.fields {
		cols[i] = column.NewVector(column.Of(f.Kind), 0)
	}
	var times []int64
	for s := range e.r.NumSeries() {
		tags := e.r.SeriesTags(s)
		for from, end := e.r.SeriesRows(s); from < end; from += exportRows {
			to := min(from+exportRows, end)
			if times, err = e.r.ReadTime(ctx, times[:0], from, to); err != nil {
				return Info{}, err
			}
			for i, f := range e.fields[:n] {
				cols[i].Reset(column.Of(f.Kind))
				if err := e.r.ReadColumn(ctx, cols[i], f, from, to); err != nil {
					return Info{}, err
				}
			}
			e.remain(cols, times)
			if err := w.Append(tags, times, cols, 0); err != nil {
				return Info{}, err
			}
		}
	}
	info, err := w.Close()
	if err != nil {
		return Info{}, err
	}
	if info.Rows != e.r.info.Rows {
		return Info{}, fmt.Errorf("BUG: %d rows of segment %s became %d", e.r.info.Rows, e.r.opts.Name, info.Rows)
	}
	return info, nil
}

// remain fills the columns of remainders, and leaves microseconds in the
// timestamp fields.
func (e *Export) remain(cols []*column.Vector, times []int64) {
	n := len(cols) - len(e.of)
	for k, field := range e.of {
		v := cols[n+k]
		v.Reset(column.Of(column.Int64))
		for i := range times {
			switch {
			case field < 0:
				v.Ints = append(v.Ints, remainder(times[i]))
				v.Len++
			case cols[field].IsNull(i):
				v.AppendNull(1)
			default:
				v.Ints = append(v.Ints, remainder(cols[field].Ints[i]))
				v.Len++
			}
		}
	}
	for i, f := range e.fields[:n] {
		if f.Kind == column.Timestamp {
			for k, t := range cols[i].Ints {
				cols[i].Ints[k] = micros(t)
			}
		}
	}
}

// micros rounds down to microseconds, also before the epoch.
func micros(t int64) int64 {
	q := t / 1000
	if t%1000 < 0 {
		q--
	}
	return q
}

func remainder(t int64) int64 {
	r := t % 1000
	if r < 0 {
		r += 1000
	}
	return r
}

func lessInt32(a, b []byte) bool {
	return int32(binary.LittleEndian.Uint32(a)) < int32(binary.LittleEndian.Uint32(b))
}

// Columns are those of the segment, in the order in which they lie.
func (r *Reader) Columns() []ExportColumn {
	out := make([]ExportColumn, len(r.cols))
	for i, c := range r.cols {
		out[i] = ExportColumn{Name: c.Name, Role: c.Role, Kind: c.Kind}
	}
	return out
}
