//go:build linux

package main

import (
	"os"
	"path/filepath"
	"testing"
)

func TestReadProcOfThisProcess(t *testing.T) {
	s, err := readProc(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if s.rss <= 0 || s.peakRSS < s.rss/2 || s.cpu < 0 || s.written < 0 {
		t.Errorf("implausible sample %+v", s)
	}
}

func TestReadFields(t *testing.T) {
	name := filepath.Join(t.TempDir(), "status")
	if err := os.WriteFile(name, []byte("Name:\tx\nVmHWM:\t    1234 kB\nOther_write_bytes: 9\nwrite_bytes: 77\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := readFields(name, "write_bytes", "VmHWM")
	if err != nil {
		t.Fatal(err)
	}
	if got[0] != 77 || got[1] != 1234 {
		t.Errorf("got %v, want [77 1234]", got)
	}
	for _, key := range []string{"Missing", "Name"} {
		if _, err := readFields(name, key); err == nil {
			t.Errorf("%s: no error", key)
		}
	}
}

func TestAllocatedBytesCountsBlocksNotLengths(t *testing.T) {
	dir := t.TempDir()
	sparse, err := os.Create(filepath.Join(dir, "sparse"))
	if err != nil {
		t.Fatal(err)
	}
	const length = 64 << 20
	if err := sparse.Truncate(length); err != nil {
		t.Fatal(err)
	}
	if err := sparse.Close(); err != nil {
		t.Fatal(err)
	}
	got, err := allocatedBytes(dir)
	if err != nil {
		t.Fatal(err)
	}
	if got >= length {
		t.Errorf("an empty sparse file counts %d bytes", got)
	}
}
