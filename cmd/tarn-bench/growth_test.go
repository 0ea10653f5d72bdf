//go:build linux

package main

import (
	"bytes"
	"math"
	"strings"
	"testing"
)

func TestSlope(t *testing.T) {
	for want, ys := range map[float64][]float64{0: {5, 5, 5}, 1: {3, 30, 300}, -0.5: {100, 100 / math.Sqrt(10), 10}} {
		if got := slope([]int{1, 10, 100}, ys); math.Abs(got-want) > 1e-9 {
			t.Errorf("%v: %v, want %v", ys, got, want)
		}
	}
}

// TestShapes: a set has its rows, hosts and fields, and ends before newest.
func TestShapes(t *testing.T) {
	var out bytes.Buffer
	if err := (shape{hosts: 3, columns: 4, days: 10, rows: 30}).write(&out); err != nil {
		t.Fatal(err)
	}
	var d dataset
	d.tables = map[string]int64{}
	if err := d.scan(strings.NewReader(out.String()), 7); err != nil {
		t.Fatal(err)
	}
	day := int64(24 * 3600 * 1e9)
	if d.lines != 30 || d.values != 120 || d.tables["m"] != 30 || d.last != newest.UnixNano()-day || d.first != newest.UnixNano()-10*day {
		t.Errorf("%+v", d)
	}
	for _, want := range []string{"m,host=host_0,region=region_0,rack=0 f0=", "m,host=host_2,", ",f3="} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q", want)
		}
	}
}
