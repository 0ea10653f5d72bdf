//go:build linux

package main

import (
	"strings"
	"testing"
)

func TestWriteTableLeavesEmptyColumnsOut(t *testing.T) {
	var text strings.Builder
	err := writeTable(&text, []loadResult{
		{Server: "a", File: "f", Workers: 1, Values: 2e6, CPUAckSeconds: 1},
		{Server: "b", File: "f", Workers: 1, Values: 2e6, DiskBytes: 3e6},
	})
	if err != nil {
		t.Fatal(err)
	}
	var got [][]string
	for line := range strings.Lines(text.String()) {
		got = append(got, strings.Fields(line))
	}
	want := []string{
		"server file W CPU s/Mval ack disk MB B/value",
		"a f 1 0.500 - -",
		"b f 1 - 3.00 1.500",
	}
	if len(got) != len(want) {
		t.Fatalf("got %d lines:\n%s", len(got), text.String())
	}
	for i := range want {
		if line := strings.Join(got[i], " "); line != want[i] {
			t.Errorf("line %d: %q, want %q", i, line, want[i])
		}
	}
}

func TestMedianRuns(t *testing.T) {
	runs := []loadResult{
		{Server: "a", File: "f", Round: 1, CPUStopSeconds: 5},
		{Server: "b", File: "f", Round: 1, Error: "broken"},
		{Server: "a", File: "f", Round: 2, CPUStopSeconds: 1},
		{Server: "b", File: "f", Round: 2, CPUStopSeconds: 9},
		{Server: "a", File: "f", Round: 3, CPUStopSeconds: 3},
	}
	got := medianRuns(runs)
	if len(got) != 2 || got[0].Server != "a" || got[0].Round != 3 || got[1].Server != "b" || got[1].Round != 2 {
		t.Errorf("got %+v, want run 3 of a and run 2 of b", got)
	}
}
