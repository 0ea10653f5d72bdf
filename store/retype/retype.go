// Package retype converts values of a column whose type was changed
// (ALTER TABLE ... MODIFY COLUMN): what has no counterpart becomes NULL.
package retype

import (
	"math"
	"strconv"
	"strings"

	"tarn/store/column"
)

// Possible says whether values of a kind can be converted to another.
func Possible(from, to column.Kind) bool { return plain(from) && plain(to) }

func plain(k column.Kind) bool {
	switch k {
	case column.Bool, column.Int64, column.Uint64, column.Float64, column.String:
		return true
	}
	return false
}

// Fill gives the null rows of dst from row at on the values of src, converted:
// the first row of src is dst's row at. A value that the kind of dst, or bits of
// it, cannot hold leaves the row null; 0 bits are all. Rows that have a value
// keep it.
func Fill(dst *column.Vector, at int, src *column.Vector, bits uint8) {
	for i := range src.Len {
		if dst.IsNull(at+i) && !src.IsNull(i) && put(dst, at+i, src, i, bits) {
			dst.Nulls.Clear(at + i)
		}
	}
}

// put converts one value; false means that there is no counterpart.
func put(dst *column.Vector, to int, src *column.Vector, from int, bits uint8) (ok bool) {
	switch dst.Type.Kind {
	case column.String:
		dst.Strings[to], ok = text(src, from)
	case column.Bool:
		dst.Bools[to], ok = truth(src, from)
	case column.Int64:
		var v int64
		if v, ok = integer(src, from); ok && bits != 0 {
			ok = v<<(64-bits)>>(64-bits) == v
		}
		dst.Ints[to] = v
	case column.Uint64:
		var v uint64
		if v, ok = unsigned(src, from); ok && bits != 0 {
			ok = v>>bits == 0
		}
		dst.Uints[to] = v
	case column.Float64:
		var v float64
		if v, ok = float(src, from); bits == 32 {
			v = float64(float32(v))
		}
		dst.Floats[to] = v
	}
	return ok
}

func text(v *column.Vector, i int) (string, bool) {
	switch v.Type.Kind {
	case column.String:
		return v.Strings[i], true
	case column.Bool:
		return strconv.FormatBool(v.Bools[i]), true
	case column.Int64:
		return strconv.FormatInt(v.Ints[i], 10), true
	case column.Uint64:
		return strconv.FormatUint(v.Uints[i], 10), true
	case column.Float64:
		return floatText(v.Floats[i]), true
	}
	return "", false
}

// floatText is how CAST of SQL writes a number that is neither tiny nor huge:
// with a point.
func floatText(f float64) string {
	switch {
	case math.IsNaN(f):
		return "NaN"
	case math.IsInf(f, 1):
		return "inf"
	case math.IsInf(f, -1):
		return "-inf"
	}
	form := byte('f')
	if a := math.Abs(f); a != 0 && (a < 1e-5 || a >= 1e16) {
		form = 'e'
	}
	s := strconv.FormatFloat(f, form, -1, 64)
	if form == 'f' && !strings.Contains(s, ".") {
		s += ".0"
	}
	return strings.Replace(strings.Replace(s, "e+", "e", 1), "e-0", "e-", 1)
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

func truth(v *column.Vector, i int) (value, ok bool) {
	switch v.Type.Kind {
	case column.Bool:
		return v.Bools[i], true
	case column.Int64:
		return v.Ints[i] != 0, true
	case column.Uint64:
		return v.Uints[i] != 0, true
	case column.Float64:
		return v.Floats[i] != 0, true
	case column.String:
		switch strings.ToLower(v.Strings[i]) {
		case "true", "t", "yes", "y", "on", "1":
			return true, true
		case "false", "f", "no", "n", "off", "0":
			return false, true
		}
	}
	return false, false
}

func integer(v *column.Vector, i int) (int64, bool) {
	switch v.Type.Kind {
	case column.Int64:
		return v.Ints[i], true
	case column.Uint64:
		return int64(v.Uints[i]), v.Uints[i] <= math.MaxInt64
	case column.Float64:
		f := v.Floats[i]
		if !(f >= -(1<<63) && f < 1<<63) { // NaN, too
			return 0, false
		}
		return int64(f), true
	case column.Bool:
		return int64(boolInt(v.Bools[i])), true
	case column.String:
		n, err := strconv.ParseInt(v.Strings[i], 10, 64)
		return n, err == nil
	}
	return 0, false
}

func unsigned(v *column.Vector, i int) (uint64, bool) {
	switch v.Type.Kind {
	case column.Uint64:
		return v.Uints[i], true
	case column.Float64:
		f := v.Floats[i]
		if !(f > -1 && f < 1<<64) {
			return 0, false
		}
		return uint64(f), true
	case column.String:
		n, err := strconv.ParseUint(v.Strings[i], 10, 64)
		return n, err == nil
	}
	n, ok := integer(v, i)
	return uint64(n), ok && n >= 0
}

func float(v *column.Vector, i int) (float64, bool) {
	switch v.Type.Kind {
	case column.Float64:
		return v.Floats[i], true
	case column.Int64:
		return float64(v.Ints[i]), true
	case column.Uint64:
		return float64(v.Uints[i]), true
	case column.Bool:
		return float64(boolInt(v.Bools[i])), true
	case column.String:
		s := v.Strings[i]
		if strings.ContainsAny(s, "xX_") { // forms of Go
			return 0, false
		}
		f, err := strconv.ParseFloat(s, 64)
		return f, err == nil || math.IsInf(f, 0)
	}
	return 0, false
}
