package arrow

import (
	"bytes"
	"flag"
	"os"
	"strings"
	"testing"

	"tarn/store/column"
)

var rewrite = flag.Bool("rewrite", false, "write the golden file anew")

// nullable is a vector of which row 1 is null.
func nullable(v *column.Vector, n int) *column.Vector {
	v.SetLen(n)
	v.Nulls.Set(1)
	return v
}

// TestStream compares streams of columns of all types, plain and compressed, with
// those that arrow-go 18.4.0 has read as what is written here; read them again
// after -rewrite, or when another version of zstd makes other frames.
func TestStream(t *testing.T) {
	const n = 3
	of := func(k column.Kind) *column.Vector { return nullable(column.NewVector(column.Of(k), n), n) }
	ints := func(k column.Kind, values ...int64) *column.Vector {
		v := of(k)
		copy(v.Ints, values)
		return v
	}
	uints, floats, bools, texts, intervals := of(column.Uint64), of(column.Float64), of(column.Bool), of(column.String), of(column.IntervalKind)
	copy(uints.Uints, []uint64{1, 0, 1<<64 - 1})
	copy(floats.Floats, []float64{1.5, 0, -0.25})
	copy(bools.Bools, []bool{true, false, true})
	copy(texts.Strings, []string{"a", "ignored", "größe"})
	intervals.Intervals[2] = column.Interval{Months: 1, Days: -2, Nanos: 3}
	whole := column.NewVector(column.Of(column.Int64), n) // without nulls
	whole.SetLen(n)
	copy(whole.Ints, []int64{1, 2, 3})

	list := &column.Vector{Type: column.ListOf(column.Of(column.Int64)), Len: n, Offsets: []int32{0, 2, 2, 3}, Children: []*column.Vector{whole}}
	list.Nulls.Set(1)
	null := &column.Vector{Type: column.Of(column.Null), Len: n}

	var columns []Column
	b := &column.Batch{Len: n}
	add := func(name string, v *column.Vector, bits int, unit int64) {
		columns = append(columns, Column{Name: name, Type: v.Type, Bits: bits, Unit: unit})
		b.Cols = append(b.Cols, v)
	}
	add("int64", ints(column.Int64, -1, 0, 1<<62), 0, 1)
	add("int8", ints(column.Int64, -1, 0, 127), 8, 1)
	add("int32", whole, 32, 1)
	add("uint64", uints, 0, 1)
	add("uint16", uints, 16, 1)
	add("double", floats, 0, 1)
	add("float", floats, 32, 1)
	add("bool", bools, 0, 1)
	add("text", texts, 0, 1)
	for _, unit := range []int64{1, 1e3, 1e6, 1e9, day} {
		add("time", ints(column.Timestamp, 1_700_000_000_123_456_789, 0, -1), 0, unit)
	}
	add("date", ints(column.Date, 19724, 0, -1), 0, 1)
	add("clock", ints(column.TimeOfDay, 1e9, 0, 2), 0, 1)
	add("span", ints(column.Duration, 1e9, 0, -2), 0, 1)
	add("interval", intervals, 0, 1)
	add("list", list, 0, 1)
	add("null", null, 0, 1)

	// One without nulls that zstd makes shorter.
	long := column.NewVector(column.Of(column.String), n)
	long.SetLen(n)
	long.Strings[0] = strings.Repeat("tarn ", 100)
	add("long", long, 0, 1)

	for golden, compress := range map[string]bool{"testdata/types.arrows": false, "testdata/zstd.arrows": true} {
		s := NewStream(columns)
		if compress {
			if err := s.Compress(); err != nil {
				t.Fatal(err)
			}
		}
		got := s.AppendSchema(nil)
		for _, rows := range []int{n, 2} {
			var err error
			if got, err = s.AppendBatch(got, b, rows); err != nil {
				t.Fatal(err)
			}
		}
		compare(t, golden, s.AppendEnd(got))
	}
}

func compare(t *testing.T, golden string, got []byte) {
	t.Helper()
	if *rewrite {
		if err := os.WriteFile(golden, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("the stream differs from %s: %d bytes, want %d", golden, len(got), len(want))
	}
}
