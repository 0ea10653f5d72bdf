package difftest

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// tolerance is how far, relatively, floats may lie apart whose value depends on
// the order in which rows were added up.
const tolerance = 1e-9

// differ says how two answers differ, or "". Rows are compared in their order
// if ordered, and as multisets otherwise. fuzzy columns hold floats that need
// only be near.
func differ(want, got [][]*string, ordered bool, fuzzy []bool) string {
	if len(want) != len(got) {
		return fmt.Sprintf("%d rows instead of %d", len(got), len(want))
	}
	if !ordered {
		want, got = slices.Clone(want), slices.Clone(got)
		order := func(a, b []*string) int { return compareRows(a, b, fuzzy) }
		slices.SortFunc(want, order)
		slices.SortFunc(got, order)
	}
	for i := range want {
		if len(want[i]) != len(got[i]) {
			return fmt.Sprintf("%d columns instead of %d", len(got[i]), len(want[i]))
		}
		for j := range want[i] {
			if !same(want[i][j], got[i][j], fuzzy[j]) {
				return fmt.Sprintf("row %d, column %d: %s instead of %s\n  in %s\n  for %s", i+1, j+1, shown(got[i][j]), shown(want[i][j]), shownRow(got[i]), shownRow(want[i]))
			}
		}
	}
	return ""
}

// compareRows orders rows, by what is certain first.
func compareRows(a, b []*string, fuzzy []bool) int {
	for _, uncertain := range []bool{false, true} {
		for j := range a {
			if fuzzy[j] != uncertain {
				continue
			}
			if d := compareCells(a[j], b[j]); d != 0 {
				return d
			}
		}
	}
	return 0
}

func compareCells(a, b *string) int {
	switch {
	case a == nil && b == nil:
		return 0
	case a == nil:
		return -1
	case b == nil:
		return 1
	}
	x, okx := number(*a)
	y, oky := number(*b)
	if !okx || !oky {
		return strings.Compare(*a, *b)
	}
	switch {
	case x < y || x != x && y == y:
		return -1
	case x > y || x == x && y != y:
		return 1
	}
	return 0
}

// number is a float cell's value.
func number(cell string) (float64, bool) {
	if cell[0] != 'f' {
		return 0, false
	}
	f, err := strconv.ParseFloat(cell[1:], 64)
	return f, err == nil
}

func same(a, b *string, fuzzy bool) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	x, okx := number(*a)
	y, oky := number(*b)
	switch {
	case !okx || !oky:
		return *a == *b
	case x == y || x != x && y != y:
		return true
	}
	return fuzzy && math.Abs(x-y) <= tolerance*max(1, math.Abs(x), math.Abs(y))
}

func shown(c *string) string {
	if c == nil {
		return "NULL"
	}
	return strconv.Quote(*c)
}

func shownRow(row []*string) string {
	parts := make([]string, len(row))
	for i, c := range row {
		parts[i] = shown(c)
	}
	return strings.Join(parts, " ")
}
