package segment

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestVerify flips every byte of a segment: what goes unseen lies in the column
// indexes, which only other readers use.
func TestVerify(t *testing.T) {
	rng := rand.New(rand.NewPCG(51, 52))
	m := newModel(rng, 5, 60, 2, allKinds...)
	file, _ := m.write(t, rng, WriterOptions{RowGroupRows: 100, PageRows: 30})
	verify := func(file []byte) error {
		r, err := Open(t.Context(), memFile(file), ReaderOptions{Name: "file"})
		if err != nil {
			return err
		}
		return r.Verify(t.Context())
	}
	if err := verify(file); err != nil {
		t.Fatal(err)
	}
	r := open(t, file, ReaderOptions{})
	first := int64(0)
	for _, c := range r.cols {
		for _, k := range c.chunks {
			first = max(first, k.end)
		}
	}
	for at := range file {
		bad := slices.Clone(file)
		bad[at] ^= 1 << rng.IntN(8)
		err := verify(bad)
		var corrupt *CorruptError
		switch {
		case err == nil && (int64(at) < first || int64(at) >= r.trail.indexOffset):
			t.Fatalf("damage of byte %d of %d goes unseen", at, len(file))
		case err != nil && !errors.As(err, &corrupt) && !errors.Is(err, ErrForeign):
			t.Fatalf("damage of byte %d: %v", at, err)
		}
	}
}
