package wal

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"strings"
)

const (
	pageSize     = 4096
	recordHeader = 24
	magic        = "TARNWAL1"
	flagFirst    = 1
	suffix       = ".wal"
	freePrefix   = "free-"
	corruptName  = ".corrupt"
)

// MaxRecord bounds a payload: far above any request, far below what a corrupt
// length could ask for.
const MaxRecord = 1 << 30

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func segmentName(n uint64) string { return fmt.Sprintf("%012d%s", n, suffix) }

// SegmentName is the file name of a segment in the log's directory.
func SegmentName(n uint64) string { return segmentName(n) }

// parseName returns the number in a segment's file name.
func parseName(name string) (n uint64, ok bool) {
	digits, ok := strings.CutSuffix(name, suffix)
	if !ok || len(digits) != 12 {
		return 0, false
	}
	for _, c := range digits {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + uint64(c-'0')
	}
	return n, true
}

// appendHeader adds the header page.
func appendHeader(dst []byte, segment uint64) []byte {
	from := len(dst)
	dst = append(dst, magic...)
	dst = binary.LittleEndian.AppendUint64(dst, segment)
	dst = binary.LittleEndian.AppendUint32(dst, crc32.Checksum(dst[from:], castagnoli))
	return append(dst, make([]byte, pageSize-(len(dst)-from))...)
}

func validHeader(data []byte, segment uint64) bool {
	return len(data) >= 20 && string(data[:8]) == magic && binary.LittleEndian.Uint64(data[8:]) == segment &&
		binary.LittleEndian.Uint32(data[16:]) == crc32.Checksum(data[:16], castagnoli)
}

// appendRecord frames a payload. The segment is not known yet: seal writes it,
// and the CRC.
func appendRecord(dst []byte, seq uint64, payload []byte) []byte {
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(payload)))
	dst = append(dst, make([]byte, 12)...)
	dst = binary.LittleEndian.AppendUint64(dst, seq)
	return append(dst, payload...)
}

// seal completes the records of a group that goes into a segment.
func seal(group []byte, segment uint64) {
	flags := uint32(flagFirst)
	for len(group) > 0 {
		n := recordHeader + int(binary.LittleEndian.Uint32(group))
		r := group[:n]
		binary.LittleEndian.PutUint32(r[8:], uint32(segment))
		binary.LittleEndian.PutUint32(r[12:], flags)
		binary.LittleEndian.PutUint32(r[4:], recordSum(r))
		flags = 0
		group = group[n:]
	}
}

func recordSum(r []byte) uint32 {
	return crc32.Update(crc32.Checksum(r[:4], castagnoli), castagnoli, r[8:])
}

// record is a parsed record; payload aliases the segment's bytes.
type record struct {
	seq     uint64
	first   bool
	payload []byte
	size    int
}

// parseRecord reads the record at the start of data.
func parseRecord(data []byte, segment uint64) (record, bool) {
	if len(data) < recordHeader {
		return record{}, false
	}
	n := binary.LittleEndian.Uint32(data)
	if n > MaxRecord || int(n) > len(data)-recordHeader || binary.LittleEndian.Uint32(data[8:]) != uint32(segment) {
		return record{}, false
	}
	r := data[:recordHeader+int(n)]
	if recordSum(r) != binary.LittleEndian.Uint32(r[4:]) {
		return record{}, false
	}
	return record{
		seq: binary.LittleEndian.Uint64(r[16:]), first: binary.LittleEndian.Uint32(r[12:])&flagFirst != 0,
		payload: r[recordHeader:], size: len(r),
	}, true
}

// scanResult is what a segment holds.
type scanResult struct {
	records int
	maxSeq  uint64
	// end is the offset behind the last good record.
	end int
	// torn says that a group was begun there and not finished.
	torn bool
	// corrupt says that good groups follow a bad one, or that the header of a
	// segment with records is bad.
	corrupt bool
}

// scan calls fn for every good record of a segment, in order.
func scan(data []byte, segment uint64, fn func(record) error) (scanResult, error) {
	res := scanResult{end: min(pageSize, len(data))}
	for off := pageSize; off < len(data); {
		r, ok := parseRecord(data[off:], segment)
		switch {
		case ok && (r.first || off == res.end && res.records > 0):
			if err := fn(r); err != nil {
				return res, err
			}
			res.records++
			res.maxSeq = max(res.maxSeq, r.seq)
			off += r.size
			res.end = off
		case off%pageSize != 0 && padding(data[off:]):
			off = nextPage(off) // the group ends here
		default:
			next, found := nextGroup(data, off, segment)
			res.torn = !found && began(data[off:], segment)
			if !found {
				res.corrupt = res.corrupt || res.records > 0 && !validHeader(data, segment)
				return res, nil
			}
			res.corrupt = true
			off = next
		}
	}
	res.corrupt = res.corrupt || res.records > 0 && !validHeader(data, segment)
	return res, nil
}

func nextPage(off int) int { return (off + pageSize - 1) / pageSize * pageSize }

// padding says whether the rest of a page is zero, as behind a whole group.
func padding(data []byte) bool {
	if len(data) < 4 {
		return true
	}
	return binary.LittleEndian.Uint32(data) == 0
}

// began says whether the bytes look like a record of this segment.
func began(data []byte, segment uint64) bool {
	return len(data) >= recordHeader && binary.LittleEndian.Uint32(data[8:]) == uint32(segment)
}

// nextGroup looks for a later group that parses.
func nextGroup(data []byte, off int, segment uint64) (int, bool) {
	for off = nextPage(off + 1); off < len(data); off += pageSize {
		if r, ok := parseRecord(data[off:], segment); ok && r.first {
			return off, true
		}
	}
	return 0, false
}
