package lp

import (
	"bytes"
	"testing"
)

// TestIndexByte searches at every alignment, for bytes that a word-wise search
// may mix up.
func TestIndexByte(t *testing.T) {
	text := []byte("a\x00\x01\x7f\x80\x81\xff\n\x0b\x0a ,=\x09\x0a\x0bcdefghijklmnopqrstuvwxyz\x0a\x8a")
	for from := range text {
		for to := from; to <= len(text); to++ {
			for c := range 256 {
				b := text[from:to]
				if got, want := indexByte(b, byte(c)), bytes.IndexByte(b, byte(c)); got != want {
					t.Fatalf("%#x in %q: %d, want %d", c, b, got, want)
				}
			}
		}
	}
}
