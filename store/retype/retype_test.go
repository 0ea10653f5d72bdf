package retype

import (
	"fmt"
	"math"
	"testing"

	"tarn/store/column"
)

// vector has one value, given as its kind's Go type.
func vector(v any) *column.Vector {
	var out *column.Vector
	switch v := v.(type) {
	case int64:
		out = column.NewVector(column.Of(column.Int64), 1)
		out.Ints = append(out.Ints, v)
	case uint64:
		out = column.NewVector(column.Of(column.Uint64), 1)
		out.Uints = append(out.Uints, v)
	case float64:
		out = column.NewVector(column.Of(column.Float64), 1)
		out.Floats = append(out.Floats, v)
	case bool:
		out = column.NewVector(column.Of(column.Bool), 1)
		out.Bools = append(out.Bools, v)
	case string:
		out = column.NewVector(column.Of(column.String), 1)
		out.Strings = append(out.Strings, v)
	}
	out.Len = 1
	return out
}

func TestFill(t *testing.T) {
	null := any(nil)
	for _, c := range []struct {
		from any
		to   column.Kind
		bits uint8
		want any
	}{
		{int64(-7), column.String, 0, "-7"}, {int64(-7), column.Float64, 0, -7.0}, {int64(-7), column.Uint64, 0, null}, {int64(0), column.Bool, 0, false},
		{int64(127), column.Int64, 8, int64(127)}, {int64(128), column.Int64, 8, null}, {int64(-128), column.Int64, 8, int64(-128)}, {int64(-129), column.Int64, 8, null},
		{uint64(math.MaxUint64), column.Int64, 0, null}, {uint64(math.MaxUint64), column.String, 0, "18446744073709551615"},
		{uint64(65535), column.Uint64, 16, uint64(65535)}, {uint64(65536), column.Uint64, 16, null}, {uint64(2), column.Bool, 0, true},
		{1.0, column.String, 0, "1.0"}, {1.25, column.String, 0, "1.25"}, {1e21, column.String, 0, "1e21"}, {1e-7, column.String, 0, "1e-7"},
		{math.NaN(), column.String, 0, "NaN"}, {math.Inf(-1), column.String, 0, "-inf"}, {math.Inf(1), column.String, 0, "inf"},
		{-1.9, column.Int64, 0, int64(-1)}, {math.NaN(), column.Int64, 0, null}, {0x1p63, column.Int64, 0, null}, {-0x1p63, column.Int64, 0, int64(math.MinInt64)},
		{-1.5, column.Uint64, 0, null}, {-0.5, column.Uint64, 0, uint64(0)}, {0x1p64, column.Uint64, 0, null}, {0.1, column.Float64, 32, float64(float32(0.1))},
		{true, column.String, 0, "true"}, {true, column.Int64, 0, int64(1)}, {false, column.Uint64, 0, uint64(0)}, {true, column.Float64, 0, 1.0},
		{"12", column.Int64, 0, int64(12)}, {"12", column.Uint64, 0, uint64(12)}, {"300", column.Uint64, 8, null}, {"1.5", column.Int64, 0, null}, {"", column.Int64, 0, null},
		{"1.5", column.Float64, 0, 1.5}, {"words", column.Float64, 0, null}, {"0x10", column.Float64, 0, null}, {"1_0", column.Float64, 0, null},
		{"yes", column.Bool, 0, true}, {"F", column.Bool, 0, false}, {"maybe", column.Bool, 0, null},
	} {
		dst := column.NewVector(column.Of(c.to), 3)
		dst.AppendNull(2)
		Fill(dst, 1, vector(c.from), c.bits)
		got := null
		if !dst.IsNull(1) {
			switch c.to {
			case column.Int64:
				got = dst.Ints[1]
			case column.Uint64:
				got = dst.Uints[1]
			case column.Float64:
				got = dst.Floats[1]
			case column.Bool:
				got = dst.Bools[1]
			case column.String:
				got = dst.Strings[1]
			}
		}
		if fmt.Sprintf("%T %v", got, got) != fmt.Sprintf("%T %v", c.want, c.want) {
			t.Errorf("%T %v to %s in %d bits: %v, want %v", c.from, c.from, column.Of(c.to), c.bits, got, c.want)
		}
		if !dst.IsNull(0) {
			t.Errorf("%v: row 0 has a value", c.from)
		}
	}
}

func TestFillKeepsValues(t *testing.T) {
	dst := vector(int64(1))
	Fill(dst, 0, vector("2"), 0)
	if dst.Ints[0] != 1 {
		t.Errorf("the newer value was replaced: %d", dst.Ints[0])
	}
}

func TestPossible(t *testing.T) {
	for _, k := range []column.Kind{column.Timestamp, column.Dict, column.Null} {
		if Possible(k, column.String) || Possible(column.String, k) {
			t.Errorf("kind %d", k)
		}
	}
}
