package query

import (
	"fmt"
	"strconv"
	"time"

	"tarn/edge/query/plan"
	"tarn/store/column"
)

// Rows builds a small table row by row, for tables that the server makes up.
type Rows struct {
	columns []plan.Column
	batch   column.Batch
}

// NewRows returns an empty table.
func NewRows(columns []plan.Column) *Rows {
	r := &Rows{columns: columns}
	for _, c := range columns {
		r.batch.Cols = append(r.batch.Cols, column.NewVector(c.Type, 0))
	}
	return r
}

// Add appends a row: for each column nil or a value of its type (string, bool,
// int64, uint64, float64, time.Time, time.Duration, []string, []uint64).
func (r *Rows) Add(values ...any) {
	if len(values) != len(r.columns) {
		panic(fmt.Sprintf("BUG: a row of %d values for %d columns", len(values), len(r.columns)))
	}
	for i, x := range values {
		v := r.batch.Cols[i]
		if v.Type.Kind == column.List && x != nil {
			addList(v, x)
			continue
		}
		v.SetLen(r.batch.Len + 1)
		row := r.batch.Len
		switch x := x.(type) {
		case nil:
			v.SetLen(row)
			v.AppendNull(1)
		case string:
			v.Strings[row] = x
		case bool:
			v.Bools[row] = x
		case int64:
			v.Ints[row] = x
		case uint64:
			v.Uints[row] = x
		case float64:
			v.Floats[row] = x
		case time.Time:
			v.Ints[row] = x.UnixNano()
		case time.Duration:
			v.Ints[row] = int64(x)
		default:
			panic(fmt.Sprintf("BUG: a %T in a system table", x))
		}
	}
	r.batch.Len++
}

// addList appends a list to a List vector.
func addList(v *column.Vector, list any) {
	e := v.Children[0]
	switch list := list.(type) {
	case []string:
		e.Strings = append(e.Strings, list...)
		e.Len += len(list)
	case []uint64:
		e.Uints = append(e.Uints, list...)
		e.Len += len(list)
	default:
		panic(fmt.Sprintf("BUG: a %T as a list in a system table", list))
	}
	v.Offsets = append(v.Offsets, int32(e.Len))
	v.Len++
}

// Batch is all rows.
func (r *Rows) Batch() *column.Batch { return &r.batch }

func formatID(id int64) string { return strconv.FormatInt(id, 10) }
