package column

import "fmt"

// Interval is a calendar span with three independent parts (spec/sql.md 7.2).
type Interval struct {
	Months, Days int32
	Nanos        int64
}

// Dictionary is the list of distinct values behind Dict codes. It only grows;
// a reader sees the prefix that existed when it took the slice.
type Dictionary struct {
	Values []string
}

// Vector is one column: Len values of one Type. Exactly one of the value
// slices is in use, chosen by the kind; a null row has an unspecified but
// addressable value there.
type Vector struct {
	Type Type
	// Len is the number of rows.
	Len int
	// Nulls holds the null rows; nil when there are none.
	Nulls Bitmap

	// Ints holds Int64, Timestamp, Duration, Date and TimeOfDay values.
	Ints []int64
	// Uints holds Uint64 values.
	Uints []uint64
	// Floats holds Float64 values.
	Floats []float64
	// Bools holds Bool values.
	Bools []bool
	// Strings holds String values.
	Strings []string
	// Codes holds Dict values, indexes into Dict.Values.
	Codes []uint32
	// Dict is the dictionary of Codes.
	Dict *Dictionary
	// Intervals holds IntervalKind values.
	Intervals []Interval
	// Offsets delimits List rows in Children[0]: row i is [Offsets[i], Offsets[i+1]).
	Offsets []int32
	// Children are the fields of a Struct (each of length Len), or the one
	// element vector of a List.
	Children []*Vector
}

// NewVector returns an empty vector with room for n rows.
func NewVector(t Type, n int) *Vector {
	v := &Vector{Type: t}
	v.Grow(n)
	return v
}

// IsNull says whether row i is null.
func (v *Vector) IsNull(i int) bool { return v.Type.Kind == Null || v.Nulls.Get(i) }

// HasNulls says whether any row is null.
func (v *Vector) HasNulls() bool {
	return v.Len > 0 && v.Type.Kind == Null || v.Nulls.Any(v.Len)
}

// Text returns the text of row i of a String or Dict vector.
func (v *Vector) Text(i int) string {
	if v.Type.Kind == Dict {
		return v.Dict.Values[v.Codes[i]]
	}
	return v.Strings[i]
}

// Reset makes the vector an empty one of type t and keeps its memory.
func (v *Vector) Reset(t Type) {
	v.Type, v.Len = t, 0
	v.Nulls.Reset()
	v.Ints, v.Uints, v.Floats = v.Ints[:0], v.Uints[:0], v.Floats[:0]
	v.Bools, v.Strings, v.Codes = v.Bools[:0], v.Strings[:0], v.Codes[:0]
	v.Intervals, v.Offsets, v.Dict = v.Intervals[:0], v.Offsets[:0], nil
	if t.Nested == nil {
		v.Children = nil
		return
	}
	if len(v.Children) != len(t.Nested.Types) {
		v.Children = make([]*Vector, len(t.Nested.Types))
	}
	for i := range v.Children {
		if v.Children[i] == nil {
			v.Children[i] = &Vector{}
		}
		v.Children[i].Reset(t.Nested.Types[i])
	}
	if t.Kind == List {
		v.Offsets = append(v.Offsets, 0)
	}
}

// Grow makes room for n more rows without changing the length.
func (v *Vector) Grow(n int) {
	switch v.Type.Kind {
	case Bool:
		v.Bools = grow(v.Bools, n)
	case Int64, Timestamp, Duration, Date, TimeOfDay:
		v.Ints = grow(v.Ints, n)
	case Uint64:
		v.Uints = grow(v.Uints, n)
	case Float64:
		v.Floats = grow(v.Floats, n)
	case String:
		v.Strings = grow(v.Strings, n)
	case Dict:
		v.Codes = grow(v.Codes, n)
	case IntervalKind:
		v.Intervals = grow(v.Intervals, n)
	case Struct, List:
		if len(v.Children) != len(v.Type.Nested.Types) {
			v.Reset(v.Type)
		}
		for _, c := range v.Children {
			c.Grow(n)
		}
	}
}

// SetLen makes the vector n rows long. Rows that it gains have unspecified
// values and are not null; use it before filling the slices by index.
func (v *Vector) SetLen(n int) {
	if n > v.Len {
		v.Grow(n - v.Len)
	} else {
		for i := n; i < v.Len && i>>6 < len(v.Nulls); i++ {
			v.Nulls.Clear(i)
		}
	}
	v.Len = n
	switch v.Type.Kind {
	case Bool:
		v.Bools = v.Bools[:n]
	case Int64, Timestamp, Duration, Date, TimeOfDay:
		v.Ints = v.Ints[:n]
	case Uint64:
		v.Uints = v.Uints[:n]
	case Float64:
		v.Floats = v.Floats[:n]
	case String:
		v.Strings = v.Strings[:n]
	case Dict:
		v.Codes = v.Codes[:n]
	case IntervalKind:
		v.Intervals = v.Intervals[:n]
	case Struct:
		for _, c := range v.Children {
			c.SetLen(n)
		}
	case List:
		for len(v.Offsets) <= n {
			v.Offsets = append(v.Offsets, v.Offsets[len(v.Offsets)-1])
		}
		v.Offsets = v.Offsets[:n+1]
	}
}

// AppendNull adds n null rows.
func (v *Vector) AppendNull(n int) {
	from := v.Len
	v.SetLen(from + n)
	v.Nulls.SetRange(from, from+n)
	switch v.Type.Kind {
	case String:
		clear(v.Strings[from:])
	case Dict:
		clear(v.Codes[from:])
	case Struct:
		for _, c := range v.Children {
			c.SetLen(from)
			c.AppendNull(n)
		}
	}
}

// AppendFrom adds rows [from, to) of src, which must have the same kind; a
// Dict vector takes over src's dictionary when it has none yet and must share
// it otherwise.
func (v *Vector) AppendFrom(src *Vector, from, to int) {
	if from >= to {
		return
	}
	if src.Type.Kind == Null && v.Type.Kind != Null {
		v.AppendNull(to - from)
		return
	}
	base := v.Len
	switch v.Type.Kind {
	case Bool:
		v.Bools = append(v.Bools, src.Bools[from:to]...)
	case Int64, Timestamp, Duration, Date, TimeOfDay:
		v.Ints = append(v.Ints, src.Ints[from:to]...)
	case Uint64:
		v.Uints = append(v.Uints, src.Uints[from:to]...)
	case Float64:
		v.Floats = append(v.Floats, src.Floats[from:to]...)
	case String:
		if src.Type.Kind == Dict {
			for i := from; i < to; i++ {
				v.Strings = append(v.Strings, textOrEmpty(src, i))
			}
		} else {
			v.Strings = append(v.Strings, src.Strings[from:to]...)
		}
	case Dict:
		if v.Dict == nil {
			v.Dict = src.Dict
		}
		v.Codes = append(v.Codes, src.Codes[from:to]...)
	case IntervalKind:
		v.Intervals = append(v.Intervals, src.Intervals[from:to]...)
	case Struct:
		for i, c := range v.Children {
			c.AppendFrom(src.Children[i], from, to)
		}
	case List:
		lo, hi := src.Offsets[from], src.Offsets[to]
		shift := v.Offsets[len(v.Offsets)-1] - lo
		v.Children[0].AppendFrom(src.Children[0], int(lo), int(hi))
		for i := from + 1; i <= to; i++ {
			v.Offsets = append(v.Offsets, src.Offsets[i]+shift)
		}
	}
	v.Len = base + to - from
	if len(src.Nulls) > 0 {
		for i := from; i < to; i++ {
			if src.Nulls.Get(i) {
				v.Nulls.Set(base + i - from)
			}
		}
	}
}

// Gather appends the rows of src that rows names, in that order.
func (v *Vector) Gather(src *Vector, rows []int32) {
	base := v.Len
	switch v.Type.Kind {
	case Null:
	case Bool:
		v.Bools = gather(v.Bools, src.Bools, rows)
	case Int64, Timestamp, Duration, Date, TimeOfDay:
		v.Ints = gather(v.Ints, src.Ints, rows)
	case Uint64:
		v.Uints = gather(v.Uints, src.Uints, rows)
	case Float64:
		v.Floats = gather(v.Floats, src.Floats, rows)
	case String:
		if src.Type.Kind == Dict {
			for _, r := range rows {
				v.Strings = append(v.Strings, textOrEmpty(src, int(r)))
			}
		} else {
			v.Strings = gather(v.Strings, src.Strings, rows)
		}
	case Dict:
		if v.Dict == nil {
			v.Dict = src.Dict
		}
		v.Codes = gather(v.Codes, src.Codes, rows)
	case IntervalKind:
		v.Intervals = gather(v.Intervals, src.Intervals, rows)
	case Struct:
		for i, c := range v.Children {
			c.Gather(src.Children[i], rows)
		}
	case List:
		for _, r := range rows {
			lo, hi := src.Offsets[r], src.Offsets[r+1]
			v.Children[0].AppendFrom(src.Children[0], int(lo), int(hi))
			v.Offsets = append(v.Offsets, v.Offsets[len(v.Offsets)-1]+hi-lo)
		}
	}
	v.Len = base + len(rows)
	if len(src.Nulls) > 0 {
		for i, r := range rows {
			if src.Nulls.Get(int(r)) {
				v.Nulls.Set(base + i)
			}
		}
	}
}

// Bytes is the memory that the vector holds, for budgets. String bytes count
// once per row although rows may share them.
func (v *Vector) Bytes() int {
	n := 8*cap(v.Nulls) + 8*cap(v.Ints) + 8*cap(v.Uints) + 8*cap(v.Floats) + cap(v.Bools) +
		16*cap(v.Strings) + 4*cap(v.Codes) + 16*cap(v.Intervals) + 4*cap(v.Offsets)
	for _, s := range v.Strings {
		n += len(s)
	}
	for _, c := range v.Children {
		n += c.Bytes()
	}
	return n
}

// textOrEmpty is Text, but safe on null rows of a Dict vector, whose code may
// point nowhere.
func textOrEmpty(v *Vector, i int) string {
	if v.Nulls.Get(i) {
		return ""
	}
	return v.Text(i)
}

func gather[T any](dst, src []T, rows []int32) []T {
	n := len(dst)
	dst = grow(dst, len(rows))[:n+len(rows)]
	out := dst[n:]
	for i, r := range rows {
		out[i] = src[r]
	}
	return dst
}

func grow[T any](s []T, n int) []T {
	if cap(s)-len(s) >= n {
		return s
	}
	c := 2 * cap(s)
	if c < len(s)+n {
		c = len(s) + n
	}
	t := make([]T, len(s), c)
	copy(t, s)
	return t
}

// Batch is a set of columns of equal length: rows on their way through a
// query.
type Batch struct {
	// Len is the number of rows; it counts also when there are no columns.
	Len int
	// Cols are the columns, each Len long.
	Cols []*Vector
}

// Check reports a column whose length is not the batch's: a broken operator.
func (b *Batch) Check() error {
	for i, c := range b.Cols {
		if c.Len != b.Len {
			return fmt.Errorf("BUG: column %d (%s) has %d rows in a batch of %d", i, c.Type, c.Len, b.Len)
		}
	}
	return nil
}

// Bytes is the memory that the batch's values hold.
func (b *Batch) Bytes() int {
	n := 0
	for _, c := range b.Cols {
		n += c.Bytes()
	}
	return n
}
