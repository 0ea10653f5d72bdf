package segment

import (
	"fmt"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// Encoders are a quarter of a megabyte each, and cost more to make than a
// small file to write: writers share them.
var encoders = sync.Pool{New: func() any {
	e, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1),
		zstd.WithWindowSize(1<<20), zstd.WithEncoderCRC(false), zstd.WithLowerEncoderMem(true), zstd.WithAllLitEntropyCompression(true))
	if err != nil {
		panic("BUG: zstd encoder options: " + err.Error())
	}
	return e
}}

// decoder is stateless for the caller: DecodeAll may be called concurrently.
var decoder = sync.OnceValue(func() *zstd.Decoder {
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderLowmem(true), zstd.WithDecodeAllCapLimit(true))
	if err != nil {
		panic("BUG: zstd decoder options: " + err.Error())
	}
	return d
})

// decompress decodes src, which holds size bytes, into buf if that is large
// enough. The result has slack bytes of capacity beyond its length.
func decompress(buf, src []byte, size int) ([]byte, error) {
	if cap(buf) < size+slack {
		buf = make([]byte, size+slack)
	}
	out, err := decoder().DecodeAll(src, buf[:0:size])
	if err != nil {
		return nil, fmt.Errorf("decompress: %w", err)
	}
	if len(out) != size {
		return nil, fmt.Errorf("decompress: got %d bytes instead of %d", len(out), size)
	}
	return buf[:size], nil
}
