package segment

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
)

// The trailer lies right before the footer, where Parquet readers do not look:
//
//	 0  "TARNSEG1"
//	 8  offset of the page index        8 bytes, little-endian as all
//	16  length of the page index        4
//	20  length of the page checks       4  (the last part of the page index)
//	24  CRC-32C of the page index       4
//	28  length of the footer            4
//	32  CRC-32C of the footer           4
//	36  CRC-32C of bytes 0 to 35        4
const (
	trailerLen   = 40
	trailerMagic = "TARNSEG1"
	parquetMagic = "PAR1"
	// tailLen is the trailer's distance from the end of the footer.
	endLen = 8
)

type trailer struct {
	indexOffset int64
	indexLen    uint32
	checksLen   uint32
	indexCRC    uint32
	footerLen   uint32
	footerCRC   uint32
}

func (t trailer) append(dst []byte) []byte {
	at := len(dst)
	dst = append(dst, trailerMagic...)
	dst = binary.LittleEndian.AppendUint64(dst, uint64(t.indexOffset))
	for _, v := range []uint32{t.indexLen, t.checksLen, t.indexCRC, t.footerLen, t.footerCRC} {
		dst = binary.LittleEndian.AppendUint32(dst, v)
	}
	return binary.LittleEndian.AppendUint32(dst, crc32.Checksum(dst[at:], castagnoli))
}

var errTrailer = errors.New("the trailer's checksum does not match")

// parseTrailer returns ErrForeign when b is no trailer at all.
func parseTrailer(b []byte) (trailer, error) {
	if len(b) != trailerLen || string(b[:8]) != trailerMagic {
		return trailer{}, ErrForeign
	}
	le := binary.LittleEndian
	if le.Uint32(b[36:]) != crc32.Checksum(b[:36], castagnoli) {
		return trailer{}, errTrailer
	}
	return trailer{
		indexOffset: int64(le.Uint64(b[8:])), indexLen: le.Uint32(b[16:]), checksLen: le.Uint32(b[20:]),
		indexCRC: le.Uint32(b[24:]), footerLen: le.Uint32(b[28:]), footerCRC: le.Uint32(b[32:]),
	}, nil
}
