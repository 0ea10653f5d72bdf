// Package wal is the write-ahead log: opaque payloads, framed, in order, made
// durable by group commit.
//
// # Layout
//
// The log is a sequence of segment files DIR/<number, 12 digits>.wal. Numbers
// only grow; a gap means that a segment was rotated away before it got a byte.
//
//	segment:  +-- page 0 --+-- group --+-- group --+ ... + zeros or stale bytes
//	          | header     | records   | records   |
//	          +------------+-----------+-----------+
//	header:   magic "TARNWAL1" (8) | segment number u64 | CRC32C of both u32
//	record:   length u32 | CRC32C u32 | segment number u32 | flags u32 | sequence u64 | payload
//
// All numbers are little-endian. The CRC covers everything of the record but
// itself. Flag bit 0 marks the first record of a group. A group is what one sync made
// durable: it starts on a 4 KiB page and is padded with zeros to the next, so
// that tearing it cannot touch what was acknowledged before. A record belongs
// to one group, a group to one segment; a group larger than a segment makes
// its segment larger.
//
// Segment files are written full of zeros before use and recycled afterwards:
// syncing overwritten bytes costs no file-system metadata. Stale records of a
// recycled file carry its former number and so never parse.
//
// # Recovery
//
// The groups of a segment are written one after the other, each after the sync
// of the one before. A record that does not parse therefore ends the log, a
// torn tail, unless a later group of the same segment parses: then the medium
// lost what it had promised, the segment is reported as corrupt, its good
// records are replayed, and its file goes to the quarantine when it is released.
// New records never go into a segment from before the start.
//
// # Recycling
//
// Release renames a segment to free-<number>.wal, and a new segment renames
// that to its own name and rewrites the header in the write of its first
// group. Whichever of these steps a crash undoes, no record with the new
// number existed before the first group's sync, and the old records are below
// the checkpoint that allowed the release: nothing is read twice or lost.
package wal
