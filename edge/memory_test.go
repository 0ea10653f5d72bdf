package edge

import "testing"

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
