package merge

import (
	"context"
	"errors"
	"io"
	"math"
	"strings"
	"testing"

	"tarn/store/column"
	"tarn/store/schema"
)

// long is a source of one series whose texts are long.
type long struct{ rows, text int }

func (l long) Runs() []Run                           { return []Run{{0, 0, uint32(l.rows)}} }
func (l long) Rows() int                             { return l.rows }
func (l long) SeqRange() (lo, hi uint64)             { return 1, 1 }
func (l long) Late() bool                            { return false }
func (l long) TimeRange() (lo, hi int64)             { return 0, int64(l.rows - 1) }
func (long) ColumnStats(schema.Column) (Stats, bool) { return Stats{}, false }

func (l long) ReadTime(_ context.Context, dst []int64, from, to int) ([]int64, error) {
	for i := from; i < to; i++ {
		dst = append(dst, int64(i))
	}
	return dst, nil
}

func (l long) ReadColumn(_ context.Context, dst *column.Vector, _ schema.Column, from, to int) error {
	for range to - from {
		dst.Strings, dst.Len = append(dst.Strings, strings.Repeat("x", l.text)), dst.Len+1
	}
	return nil
}

// TestBatchBytes: batches of long texts, or of many columns, have fewer rows.
func TestBatchBytes(t *testing.T) {
	texts := []schema.Column{{ID: 1, Name: "s", Role: schema.Field, Kind: column.String}}
	for _, c := range []struct{ rows, text, most int }{
		{100_000, 1, 16384}, // short ones come as wanted
		{20_000, 1000, 1100},
		{2_000, 100_000, leastRows},
	} {
		r := NewOrderedReader([]Source{long{c.rows, c.text}}, Options{Columns: texts, MinTime: math.MinInt64, MaxTime: math.MaxInt64, BatchRows: 16384, BatchBytes: 1 << 20})
		var b Batch
		rows, batches, largest := 0, 0, 0
		for {
			err := r.Next(t.Context(), &b)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if batches++; batches > 1 { // the first had to find out
				largest = max(largest, len(b.Times))
			}
			rows += len(b.Times)
		}
		if rows != c.rows || largest > c.most || largest < c.most/2 {
			t.Errorf("texts of %d bytes: %d rows of %d, at most %d at once", c.text, rows, c.rows, largest)
		}
	}
	var many []schema.Column
	for i := range 400 {
		many = append(many, schema.Column{ID: i + 1, Role: schema.Field, Kind: column.Float64})
	}
	if m := newMerged(nil, Options{Columns: many, BatchRows: 16384, BatchBytes: 1 << 20}); m.rows > 1<<20/8/400 {
		t.Errorf("%d rows of 400 columns at once", m.rows)
	}
}
