package spill

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/klauspost/compress/s2"

	"tarn/store/column"
)

// A file is blocks, each some rows:
//
//	uint32  bytes of the rows, encoded, before compression
//	uint32  bytes of what follows
//	uint32  CRC-32C of what follows
//	        the encoded rows, compressed by S2
const blockHead = 12

// BlockBytes is about how many bytes of rows make a block, and so what a Reader
// holds, twice.
const BlockBytes = 32 << 10

// maxBlock bounds a block: one row may be large, but not larger than that.
const maxBlock = 1 << 30

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// errDamaged means that a file does not hold what was written.
var errDamaged = errors.New("a temporary file is damaged")

// Writer writes a run.
type Writer struct {
	file  *file
	dicts dictionaries
	run   *Run
	raw   []byte // the block that is being made
	out   []byte
}

// NewWriter begins a run. It must be ended by Finish or Abort.
func (s *Space) NewWriter() (*Writer, error) {
	f, err := s.create()
	if err != nil {
		return nil, err
	}
	w := &Writer{file: f, run: &Run{file: f}}
	w.run.dicts = &w.dicts
	return w, nil
}

// Append adds the rows of a batch. Nothing of it is kept but its dictionaries.
func (w *Writer) Append(b *column.Batch) error {
	if b.Len == 0 {
		return nil
	}
	w.run.note(b)
	// Blocks of a size, by the rows' average.
	step := max(1, b.Len*BlockBytes/max(BlockBytes, b.Bytes()))
	for from := 0; from < b.Len; from += step {
		to := min(b.Len, from+step)
		w.raw = w.dicts.encode(w.raw[:0], b, from, to)
		if err := w.block(); err != nil {
			return err
		}
	}
	w.run.rows += int64(b.Len)
	return nil
}

func (w *Writer) block() error {
	if len(w.raw) > maxBlock {
		return &Error{fmt.Errorf("a row of %d MB is too large", len(w.raw)>>20)}
	}
	if n := blockHead + s2.MaxEncodedLen(len(w.raw)); cap(w.out) < n {
		w.out = make([]byte, n)
	}
	packed := s2.Encode(w.out[blockHead:cap(w.out)], w.raw)
	head := w.out[:blockHead]
	binary.LittleEndian.PutUint32(head, uint32(len(w.raw)))
	binary.LittleEndian.PutUint32(head[4:], uint32(len(packed)))
	binary.LittleEndian.PutUint32(head[8:], crc32.Checksum(packed, castagnoli))
	block := w.out[:blockHead+len(packed)]
	if err := w.file.space.reserve(int64(len(block))); err != nil {
		return err
	}
	w.file.size += int64(len(block))
	if _, err := w.file.Write(block); err != nil {
		return &Error{err}
	}
	return nil
}

// Finish ends the run. The writer cannot be used afterwards.
func (w *Writer) Finish() *Run { return w.run }

// Abort gives the run up.
func (w *Writer) Abort() error { return w.file.remove() }

// Run is rows in a file.
type Run struct {
	file  *file
	dicts *dictionaries
	types []column.Type // of the columns, as far as kinds do not tell
	rows  int64
}

// note keeps the columns' types: a file has their kinds alone.
func (r *Run) note(b *column.Batch) {
	for i, v := range b.Cols {
		if i == len(r.types) {
			r.types = append(r.types, v.Type)
		}
		if r.types[i].Kind == column.Null {
			r.types[i] = v.Type
		}
	}
}

// Rows is their number.
func (r *Run) Rows() int64 { return r.rows }

// Bytes is the size of the file.
func (r *Run) Bytes() int64 { return r.file.size }

// Close deletes the file. Its readers must not be used any more.
func (r *Run) Close() error { return r.file.remove() }

// NewReader yields the rows from the first on.
func (r *Run) NewReader() *Reader { return &Reader{run: r} }

// Reader reads a run.
type Reader struct {
	run    *Run
	at     int64
	packed []byte
	raw    []byte
}

// Next fills b, whose memory it reuses, with the rows of a block, or returns
// io.EOF.
func (r *Reader) Next(b *column.Batch) error {
	if r.at >= r.run.file.size {
		return io.EOF
	}
	var head [blockHead]byte
	if err := r.read(head[:]); err != nil {
		return err
	}
	size, n := binary.LittleEndian.Uint32(head[:]), binary.LittleEndian.Uint32(head[4:])
	if size > maxBlock || int64(n) > r.run.file.size-r.at {
		return errDamaged
	}
	if cap(r.packed) < int(n) {
		r.packed = make([]byte, n)
	}
	r.packed = r.packed[:n]
	if err := r.read(r.packed); err != nil {
		return err
	}
	if crc32.Checksum(r.packed, castagnoli) != binary.LittleEndian.Uint32(head[8:]) {
		return errDamaged
	}
	if got, err := s2.DecodedLen(r.packed); err != nil || got != int(size) {
		return errDamaged
	}
	var err error
	if r.raw, err = s2.Decode(r.raw[:cap(r.raw)], r.packed); err != nil {
		return errDamaged
	}
	d := decoder{left: r.raw, dicts: r.run.dicts.all}
	return d.batch(b, r.run.types)
}

func (r *Reader) read(p []byte) error {
	n, err := r.run.file.ReadAt(p, r.at)
	r.at += int64(n)
	if n == len(p) {
		return nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		return errDamaged
	}
	return fmt.Errorf("read a temporary file: %w", err)
}
