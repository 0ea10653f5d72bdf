package expr

import (
	"cmp"
	"strings"

	"tarn/store/column"
)

// compareRows puts row i of a and row j of b in order, which are of one type;
// 0 says that they are not distinct. Nulls come first, NaN last; lists are
// compared by their first difference, structs field by field, intervals as
// months of 30 days of 24 hours, and if those are equal by their parts.
func compareRows(a *column.Vector, i int, b *column.Vector, j int) int {
	if x, y := a.IsNull(i), b.IsNull(j); x || y {
		return boolIndex(y) - boolIndex(x)
	}
	switch a.Type.Kind {
	case column.Bool:
		return boolIndex(a.Bools[i]) - boolIndex(b.Bools[j])
	case column.Uint64:
		return cmp.Compare(a.Uints[i], b.Uints[j])
	case column.Float64:
		x, y := a.Floats[i], b.Floats[j]
		if x != x || y != y {
			return boolIndex(x != x) - boolIndex(y != y)
		}
		return cmp.Compare(x, y)
	case column.String, column.Dict:
		return strings.Compare(a.Text(i), b.Text(j))
	case column.IntervalKind:
		x, y := a.Intervals[i], b.Intervals[j]
		return cmp.Or(compareInterval(x, y), cmp.Compare(x.Months, y.Months), cmp.Compare(x.Days, y.Days))
	case column.Struct:
		for k := range a.Children {
			if d := compareRows(a.Children[k], i, b.Children[k], j); d != 0 {
				return d
			}
		}
		return 0
	case column.List:
		x, y := a.Offsets[i], b.Offsets[j]
		for ; x < a.Offsets[i+1] && y < b.Offsets[j+1]; x, y = x+1, y+1 {
			if d := compareRows(a.Children[0], int(x), b.Children[0], int(y)); d != 0 {
				return d
			}
		}
		return cmp.Compare(a.Offsets[i+1]-x, b.Offsets[j+1]-y)
	}
	return cmp.Compare(a.Ints[i], b.Ints[j])
}
