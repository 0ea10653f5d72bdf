package segment

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"math/bits"
	"slices"

	"github.com/cespare/xxhash/v2"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
)

// A filter is Parquet's split-block Bloom filter: blocks of eight 32-bit words,
// in one of which a value, by its xxHash64, has a bit in each word. Behind the
// bits, where Parquet readers do not look, follow CRC-32Cs of stretches of
// filterSector bytes of them: a look at one value reads and checks no more than
// that. Exported files lack these.
const (
	filterBlock  = 32
	filterSector = 4096
	// filterBits are those of a distinct value in a full row group: about 1 % of
	// the values that are not there look as if they were. Others have no fewer
	// than filterLeast, which is 3 %, and less than twice as many.
	filterBits  = 10
	filterLeast = 8
)

// filterSalt has the factors of Parquet's specification.
var filterSalt = [8]uint32{0x47b6137b, 0x44974d91, 0x8824ad5b, 0xa2b7289d, 0x705495c7, 0x2df1424b, 0x9efc4947, 0x5c6bfb31}

// filterBuilder gathers the values of a chunk.
type filterBuilder struct {
	words []uint32
}

// reset empties the filter and gives it room for that many distinct values, in
// five times a power of two of blocks, which can be folded finely.
func (f *filterBuilder) reset(values int) {
	blocks := 5
	for blocks*filterBlock*8 < values*filterBits {
		blocks *= 2
	}
	f.words = slices.Grow(f.words[:0], 8*blocks)[:8*blocks]
	clear(f.words)
}

func (f *filterBuilder) blocks() int { return len(f.words) / 8 }

// filterPlace is the block of a hash.
func filterPlace(hash uint64, blocks int) int {
	return int((hash >> 32) * uint64(blocks) >> 32)
}

func (f *filterBuilder) add(s []byte) {
	h := xxhash.Sum64(s)
	w := (*[8]uint32)(f.words[8*filterPlace(h, f.blocks()):])
	for i, salt := range filterSalt {
		w[i] |= 1 << (uint32(h) * salt >> 27)
	}
}

// distinct estimates the number of distinct values from the bits that are set.
func (f *filterBuilder) distinct() int {
	set := 0
	for _, w := range f.words {
		set += bits.OnesCount32(w)
	}
	free := 1 - float64(set)/float64(32*len(f.words))
	if free <= 0 {
		return math.MaxInt32
	}
	return int(-math.Log(free) * float64(4*len(f.words)))
}

// fold makes the filter as small as its values allow. Since a block is chosen
// by the share of the whole that a hash stands for, blocks that are neighbours
// become one.
func (f *filterBuilder) fold() {
	need := max(1, (f.distinct()*filterLeast+filterBlock*8-1)/(filterBlock*8))
	factor := 1
	for k := 2; k <= f.blocks()/need; k++ {
		if f.blocks()%k == 0 {
			factor = k
		}
	}
	if factor == 1 {
		return
	}
	n := f.blocks() / factor
	for b := range n {
		var sum [8]uint32
		for k := range factor {
			for i := range sum {
				sum[i] |= f.words[8*(b*factor+k)+i]
			}
		}
		copy(f.words[8*b:], sum[:])
	}
	f.words = f.words[:8*n]
}

// appendTo appends the filter as it lies in the file, and says how long it is
// for Parquet.
func (f *filterBuilder) appendTo(dst []byte, checks bool) (out []byte, length int, err error) {
	at := len(dst)
	head, err := thrift.Marshal(compact, &format.BloomFilterHeader{
		NumBytes: int32(4 * len(f.words)), Algorithm: format.BloomFilterAlgorithm{Value: &format.SplitBlockAlgorithm{}},
		Hash: format.BloomFilterHash{Value: &format.XxHash{}}, Compression: format.BloomFilterCompression{Value: &format.BloomFilterUncompressed{}},
	})
	if err != nil {
		return dst, 0, fmt.Errorf("encode a filter's header: %w", err)
	}
	if len(head) >= filterBlock {
		return dst, 0, fmt.Errorf("BUG: the header of a filter has %d bytes", len(head))
	}
	dst = append(dst, head...)
	start := len(dst)
	for _, w := range f.words {
		dst = binary.LittleEndian.AppendUint32(dst, w)
	}
	end := len(dst)
	for s := start; checks && s < end; s += filterSector {
		dst = binary.LittleEndian.AppendUint32(dst, crc32.Checksum(dst[s:min(s+filterSector, end)], castagnoli))
	}
	return dst, end - at, nil
}

// filterRef is the place of a filter in a file: of its bits, which start behind
// the header. Without a filter size is 0.
type filterRef struct {
	offset int64
	size   int
}

// filterAt finds the bits of a filter whose place the footer says. The header
// is shorter than a block, so the length tells how long it is.
func filterAt(offset int64, length int32, end int64) (filterRef, error) {
	if offset == 0 && length == 0 {
		return filterRef{}, nil
	}
	head := length % filterBlock
	ref := filterRef{offset + int64(head), int(length - head)}
	if offset < int64(len(parquetMagic)) || head == 0 || ref.size <= 0 || ref.offset > end-int64(ref.size)-int64(4*ref.sectors()) {
		return filterRef{}, errors.New("invalid Bloom filter")
	}
	return ref, nil
}

func (f filterRef) sectors() int { return (f.size + filterSector - 1) / filterSector }

// sector reads and checks a part of a filter's bits into buf.
func (r *Reader) sector(f filterRef, i int, buf []byte) ([]byte, error) {
	at := i * filterSector
	b := buf[:min(filterSector, f.size-at)]
	if err := r.readAt(b, f.offset+int64(at)); err != nil {
		return nil, err
	}
	var sum [4]byte
	if err := r.readAt(sum[:], f.offset+int64(f.size)+int64(4*i)); err != nil {
		return nil, err
	}
	if crc32.Checksum(b, castagnoli) != binary.LittleEndian.Uint32(sum[:]) {
		return nil, r.corrupt(fmt.Sprintf("Bloom filter at offset %d", f.offset), errChecksum)
	}
	return b, nil
}

// maybe says whether a chunk's filter has one of some values.
func (r *Reader) maybe(ctx context.Context, f filterRef, values []string) (bool, error) {
	hashes := make([]uint64, len(values))
	for i, v := range values {
		hashes[i] = xxhash.Sum64String(v)
	}
	slices.Sort(hashes) // and so by their sectors
	var buf [filterSector]byte
	var bytes []byte
	last := -1
	for _, h := range hashes {
		at := filterBlock * filterPlace(h, f.size/filterBlock)
		if s := at / filterSector; s != last {
			if err := ctx.Err(); err != nil {
				return false, err
			}
			var err error
			if bytes, err = r.sector(f, s, buf[:]); err != nil {
				return false, err
			}
			countBytes(ctx, len(bytes))
			last = s
		}
		if blockHas(bytes[at%filterSector:], h) {
			return true, nil
		}
	}
	return false, nil
}

// blockHas says whether a block has the bits of a hash.
func blockHas(block []byte, h uint64) bool {
	for i, salt := range filterSalt {
		if binary.LittleEndian.Uint32(block[4*i:])>>(uint32(h)*salt>>27)&1 == 0 {
			return false
		}
	}
	return true
}

// verifyFilter reads the whole of a filter, for Verify.
func (r *Reader) verifyFilter(f filterRef) error {
	buf := make([]byte, filterSector)
	for i := range f.sectors() {
		if _, err := r.sector(f, i, buf); err != nil {
			return err
		}
	}
	return nil
}
