package segment

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"github.com/parquet-go/parquet-go/format"

	"tarn/store/column"
	"tarn/store/merge"
)

// readAll reads every row of every column.
func readAll(file File, opts ReaderOptions) ([]int64, []*column.Vector, error) {
	ctx := context.Background()
	r, err := Open(ctx, file, opts)
	if err != nil {
		return nil, nil, err
	}
	times, err := r.ReadTime(ctx, nil, 0, r.Rows())
	if err != nil {
		return nil, nil, err
	}
	var cols []*column.Vector
	for _, c := range r.Schema().Columns {
		if _, ok := r.fields[c.ID]; !ok {
			continue
		}
		v := column.NewVector(column.Of(c.Kind), 0)
		if c.Kind == column.String {
			tests := []merge.TextTest{merge.NewTextTest(c, []string{"info", "5"}, nil, nil), merge.NewTextTest(c, nil, []string{"n"}, nil)}
			for i := range tests {
				for row, to := 0, 0; row < r.Rows(); row = to {
					if to, _, err = r.Rules(ctx, tests[i:i+1], row); err != nil {
						return nil, nil, err
					}
					if _, err := r.Search(ctx, nil, tests[i:i+1], row, to); err != nil {
						return nil, nil, err
					}
				}
			}
		}
		if err := r.ReadColumn(ctx, v, c, 0, r.Rows()); err != nil {
			return nil, nil, err
		}
		cols = append(cols, v)
	}
	for i := range r.NumSeries() {
		r.SeriesTags(i)
	}
	return times, cols, nil
}

// checkDamaged accepts an error or the right rows.
func checkDamaged(t *testing.T, file []byte, m *model, what string) (failed bool) {
	t.Helper()
	times, cols, err := readAll(memFile(file), ReaderOptions{Name: "damaged"})
	if err != nil {
		var corrupt *CorruptError
		if !errors.As(err, &corrupt) && !errors.Is(err, ErrForeign) {
			t.Fatalf("%s: error of another type: %v", what, err)
		}
		return true
	}
	wantTimes, wantCols := m.flat()
	if !slices.Equal(times, wantTimes) {
		t.Fatalf("%s: wrong times", what)
	}
	for i, v := range cols {
		for row := range v.Len {
			if !sameRow(v, row, wantCols[i], row) {
				t.Fatalf("%s: wrong value in row %d of field %d", what, row, i)
			}
		}
	}
	return false
}

func TestCorruption(t *testing.T) {
	rng := rand.New(rand.NewPCG(31, 32))
	m := newModel(rng, 5, 60, 2, allKinds...)
	file, _ := m.write(t, rng, WriterOptions{RowGroupRows: 100, PageRows: 30})
	t.Run("flipped bytes", func(t *testing.T) {
		failed := 0
		for at := range file {
			bad := slices.Clone(file)
			bad[at] ^= 1 << rng.IntN(8)
			if checkDamaged(t, bad, m, fmt.Sprintf("byte %d", at)) {
				failed++
			}
		}
		// The store does not read the pages of tags, nor the column indexes.
		if failed < len(file)/2 {
			t.Fatalf("only %d of %d damages were noticed", failed, len(file))
		}
	})
	t.Run("truncated", func(t *testing.T) {
		for n := range file {
			if !checkDamaged(t, file[:n], m, fmt.Sprintf("%d bytes", n)) {
				t.Fatalf("not noticed at %d bytes", n)
			}
		}
	})
	t.Run("zeroed sectors", func(t *testing.T) {
		for at := 0; at < len(file); at += 64 {
			bad := slices.Clone(file)
			clear(bad[at:min(at+512, len(bad))])
			checkDamaged(t, bad, m, fmt.Sprintf("zeros at %d", at))
		}
	})
}

// failingFile fails to read.
type failingFile struct{ memFile }

var errDisk = errors.New("disk on fire")

func (f failingFile) ReadAt(b []byte, off int64) (int, error) {
	if off+int64(len(b)) < int64(len(f.memFile)) { // all but the footer
		return 0, errDisk
	}
	return f.memFile.ReadAt(b, off)
}

// TestReadError: a failing disk does not make a file corrupt.
func TestReadError(t *testing.T) {
	rng := rand.New(rand.NewPCG(33, 34))
	m := newModel(rng, 5, 60, 2, allKinds...)
	file, _ := m.write(t, rng, WriterOptions{})
	_, _, err := readAll(failingFile{memFile(file)}, ReaderOptions{})
	var corrupt *CorruptError
	if !errors.Is(err, errDisk) || errors.As(err, &corrupt) {
		t.Fatalf("got %v", err)
	}
}

// failingWriter fails after some bytes.
type failingWriter struct{ left int }

func (w *failingWriter) Write(b []byte) (int, error) {
	if w.left -= len(b); w.left < 0 {
		return 0, errDisk
	}
	return len(b), nil
}

func TestWriteError(t *testing.T) {
	rng := rand.New(rand.NewPCG(35, 36))
	m := newModel(rng, 3, 30, 1, allKinds...)
	file, _ := m.write(t, rng, WriterOptions{RowGroupRows: 20})
	for n := range len(file) {
		w, err := NewWriter(&failingWriter{n}, m.sch, m.fields, m.meta, WriterOptions{RowGroupRows: 20})
		for _, s := range m.series {
			if err == nil {
				err = w.Append(s.tags, s.times, s.cols, 0)
			}
		}
		if err == nil {
			_, err = w.Close()
		}
		if !errors.Is(err, errDisk) {
			t.Fatalf("after %d bytes: %v", n, err)
		}
	}
	if w, err := NewWriter(io.Discard, m.sch, m.fields, m.meta, WriterOptions{}); err != nil || w == nil {
		t.Fatal(err)
	}
}

// reseal makes the checksums of a damaged file right again, so that the
// decoders behind them get to see the damage.
func reseal(file []byte) bool {
	n := len(file)
	if n < endLen+trailerLen {
		return false
	}
	footerLen := int(binary.LittleEndian.Uint32(file[n-8:]))
	at := n - endLen - footerLen - trailerLen
	if footerLen < 0 || at < 0 || at > n-endLen-trailerLen {
		return false
	}
	tr := file[at : at+trailerLen]
	copy(tr, trailerMagic)
	le := binary.LittleEndian
	index, size := le.Uint64(tr[8:]), uint64(le.Uint32(tr[16:]))
	if index <= uint64(at) && size <= uint64(at)-index {
		le.PutUint32(tr[24:], crc32.Checksum(file[index:index+size], castagnoli))
	}
	le.PutUint32(tr[28:], uint32(footerLen))
	le.PutUint32(tr[32:], crc32.Checksum(file[at+trailerLen:n-endLen], castagnoli))
	le.PutUint32(tr[36:], crc32.Checksum(tr[:36], castagnoli))
	return true
}

// FuzzRead reads damaged files, as they are and with the checksums put right.
// Nothing may panic or take memory out of proportion.
func FuzzRead(f *testing.F) {
	rng := rand.New(rand.NewPCG(37, 38))
	for _, kinds := range [][]column.Kind{allKinds, {column.Int64}, {column.String, column.Float64}} {
		m := newModel(rng, 3, 20, 2, kinds...)
		file, _ := m.write(f, rng, WriterOptions{RowGroupRows: 30, PageRows: 10})
		f.Add(file)
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		_, _, _ = readAll(memFile(file), ReaderOptions{})
		file = slices.Clone(file)
		if reseal(file) {
			_, _, _ = readAll(memFile(file), ReaderOptions{})
		}
	})
}

// FuzzPage decodes damaged pages, which get a right header: the decoders alone
// stand between them and memory.
func FuzzPage(f *testing.F) {
	rng := rand.New(rand.NewPCG(39, 40))
	m := newModel(rng, 3, 40, 1, allKinds...)
	file, _ := m.write(f, rng, WriterOptions{})
	r := open(f, file, ReaderOptions{})
	if err := r.load(f.Context()); err != nil {
		f.Fatal(err)
	}
	for k, c := range m.fields {
		buf := new([]byte)
		p := r.fields[c.ID].pages[0]
		b, err := r.readPage(buf, format.DataPage, p.offset, int(p.size), p.check)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(uint8(k), uint8(b.encoding), uint16(b.values), b.bytes)
	}
	dict := &dictionary{floats: make([]float64, 5), texts: make([]string, 5)}
	f.Fuzz(func(t *testing.T, kind, encoding uint8, rows uint16, bytes []byte) {
		c := &fileColumn{Column: m.fields[int(kind)%len(m.fields)]}
		cur := &cursor{rows: int(rows), dict: dict}
		buf := append(slices.Clone(bytes), make([]byte, slack)...)
		if err := cur.start(c, body{encoding: format.Encoding(encoding), values: int(rows), bytes: buf[:len(bytes)]}); err != nil {
			return
		}
		v := column.NewVector(column.Of(c.Kind), 0)
		if cur.seek(int(rows)/3) != nil || cur.read(v, int(rows)-int(rows)/3) != nil {
			return
		}
		if v.Len != int(rows)-int(rows)/3 {
			t.Fatalf("%d rows of %d", v.Len, rows)
		}
	})
}

// TestFuzzMemory bounds what reading damaged footers allocates.
func TestFuzzMemory(t *testing.T) {
	rng := rand.New(rand.NewPCG(41, 42))
	m := newModel(rng, 3, 20, 2, allKinds...)
	file, _ := m.write(t, rng, WriterOptions{RowGroupRows: 30, PageRows: 10})
	var before, after runtime.MemStats
	for at := 0; at < len(file); at++ {
		bad := slices.Clone(file)
		bad[at] = byte(rng.Uint32())
		if at+1 < len(bad) {
			bad[at+1] = 0xff
		}
		if !reseal(bad) {
			continue
		}
		runtime.ReadMemStats(&before)
		_, _, _ = readAll(memFile(bad), ReaderOptions{})
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; n > 256<<20 {
			t.Fatalf("damage at %d of %d: %d bytes allocated", at, len(file), n)
		}
	}
}
