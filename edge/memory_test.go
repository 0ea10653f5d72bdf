package edge

import (
	"os"
	"runtime/debug"
	"testing"
)

// TestBudget has all parts within the limit, from the size that README names on.
func TestBudget(t *testing.T) {
	for _, limit := range []int64{64e6, 100e6, 128 << 20, 256 << 20, 512 << 20, 1 << 30, 8 << 30} {
		b := newBudget(limit)
		// A full buffer may double.
		if sum := unmanaged + 2*b.buffer + b.cache + b.values + b.query; sum > limit || b.limit != limit {
			t.Errorf("of %d bytes the parts take %d: %+v", limit, sum, b)
		}
	}
}

// TestCollector: where the limit is far away, garbage is collected half as often.
func TestCollector(t *testing.T) {
	if os.Getenv("GOGC") != "" {
		t.Skip("GOGC is set: it counts")
	}
	for limit, want := range map[int64]int{minMemory: 100, roomy - 1: 100, roomy: 200, 1 << 30: 200} {
		newBudget(limit).apply()
		if got := debug.SetGCPercent(100); got != want {
			t.Errorf("limit %d: GOGC is %d, want %d", limit, got, want)
		}
	}
	newBudget(minMemory).apply()
}
