package difftest

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// cell is one value of an answer: NULL, a float, or a text that starts with the
// letter of its kind (see testdata/duckdb/serve.mjs).
type cell struct {
	null  bool
	float float64
	text  string // empty for floats
}

func (c cell) String() string {
	switch {
	case c.null:
		return "NULL"
	case c.text == "":
		return strconv.FormatFloat(c.float, 'g', -1, 64)
	}
	return strconv.Quote(c.text)
}

// tolerance is how far, relatively, floats may lie apart whose value depends on
// the order in which rows were added up.
const tolerance = 1e-9

// differ says how two answers differ, or "". Rows are compared in their order
// if ordered, and as multisets otherwise. fuzzy columns hold floats that need
// only be near.
func differ(want, got [][]cell, ordered bool, fuzzy []bool) string {
	if len(want) != len(got) {
		return fmt.Sprintf("%d rows instead of %d", len(got), len(want))
	}
	if !ordered {
		order := func(a, b []cell) int { return compareRows(a, b, fuzzy) }
		slices.SortFunc(want, order)
		slices.SortFunc(got, order)
	}
	for i := range want {
		if len(want[i]) != len(got[i]) {
			return fmt.Sprintf("%d columns instead of %d", len(got[i]), len(want[i]))
		}
		for j := range want[i] {
			if !same(want[i][j], got[i][j], fuzzy[j]) {
				return fmt.Sprintf("row %d, column %d: %s instead of %s\n  in %s\n  for %s", i+1, j+1, got[i][j], want[i][j], got[i], want[i])
			}
		}
	}
	return ""
}

// compareRows orders rows, by what is certain first.
func compareRows(a, b []cell, fuzzy []bool) int {
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

func compareCells(a, b cell) int {
	switch {
	case a.null && b.null:
		return 0
	case a.null:
		return -1
	case b.null:
		return 1
	}
	return cmp.Or(strings.Compare(a.text, b.text), cmp.Compare(a.float, b.float))
}

func same(a, b cell, fuzzy bool) bool {
	if a.null || b.null {
		return a.null && b.null
	}
	x, y := a.float, b.float
	switch {
	case a.text != b.text:
		return false
	case x == y || x != x && y != y:
		return true
	}
	return fuzzy && math.Abs(x-y) <= tolerance*max(1, math.Abs(x), math.Abs(y))
}
