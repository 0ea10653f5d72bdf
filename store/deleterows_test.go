package store

import (
	"fmt"
	"testing"
)

func TestWithout(t *testing.T) {
	for _, c := range []struct {
		times, gone []int64
		want        string
	}{
		{[]int64{1, 2, 3}, nil, "0-3 "},
		{[]int64{1, 2, 3}, []int64{0, 4}, "0-3 "},
		{[]int64{1, 2, 3}, []int64{1}, "1-3 "},
		{[]int64{1, 2, 3}, []int64{2}, "0-1 2-3 "},
		{[]int64{1, 2, 3}, []int64{3}, "0-2 "},
		{[]int64{1, 2, 3}, []int64{1, 2, 3}, ""},
		{[]int64{1, 2, 2, 2, 3}, []int64{2, 2}, "0-1 4-5 "}, // of a table that keeps rows apart
		{[]int64{5, 7, 9, 11}, []int64{1, 5, 6, 9, 10, 20}, "1-2 3-4 "},
	} {
		got := ""
		if err := without(c.times, c.gone, func(from, to int) error {
			got += fmt.Sprintf("%d-%d ", from, to)
			return nil
		}); err != nil || got != c.want {
			t.Errorf("%v without %v: %s, %v, want %s", c.times, c.gone, got, err, c.want)
		}
	}
}
