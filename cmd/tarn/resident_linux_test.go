package main

import (
	"os"
	"strconv"
	"strings"
	"testing"
)

// TestUnmapStart: the pages of the program go, and come back when they are called.
func TestUnmapStart(t *testing.T) {
	resident := func() (kb int) {
		status, err := os.ReadFile("/proc/self/status")
		if err != nil {
			t.Fatal(err)
		}
		_, rest, _ := strings.Cut(string(status), "RssFile:")
		kb, err = strconv.Atoi(strings.Fields(rest)[0])
		if err != nil {
			t.Fatal(err)
		}
		return kb
	}
	before := resident()
	if err := unmapStart(); err != nil {
		t.Fatal(err)
	}
	if after := resident(); after >= before {
		t.Errorf("%d kB of files are resident, %d before", after, before)
	}
	if got := strings.Repeat("ab", 3); got != "ababab" { // the program still runs
		t.Error(got)
	}
}
