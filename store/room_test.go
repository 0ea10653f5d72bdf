package store

import (
	"strings"
	"testing"

	"tarn/store/points"
)

// TestHugeWriteFindsRoom: a write that takes most of the buffers comes when they
// are nearly empty, and those behind it are not refused for it.
func TestHugeWriteFindsRoom(t *testing.T) {
	m := newMachine(t, 1)
	m.options = func(o *Options) { o.BufferBytes = 1 << 20 }
	m.mustOpen()
	text := "s=" + strings.Repeat("x", 1000)
	small, huge := write{database: "d"}, write{database: "d"}
	for i := range int64(400) {
		small.rows = append(small.rows, one("d", "t", "a", i, text).rows...)
	}
	for i := range int64(900) {
		huge.rows = append(huge.rows, one("d", "t", "b", i, text).rows...)
	}
	for range 4 {
		m.must(m.write(small, false))
		m.must(m.write(huge, false))
	}
	m.check()
	if n := huge.batch().Bytes(); n < 900_000 || n > 1_000_000 {
		t.Errorf("900 texts of 1000 bytes are said to take %d bytes", n)
	}
	if n := points.NewBatch().Bytes(); n != 0 {
		t.Errorf("nothing takes %d bytes", n)
	}
	if got := m.store.Stats().Checkpoints; got == 0 {
		t.Error("no checkpoint made room")
	}
}
