package spill

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"tarn/store/column"
	"tarn/store/vfs"
)

var errDisk = errors.New("no space left on device")

// random makes a batch of every kind of column, with nulls.
func random(rng *rand.Rand, rows int, dict *column.Dictionary) *column.Batch {
	nested := &column.Nested{Names: []string{"i", "s"}, Types: []column.Type{column.Of(column.Int64), column.Of(column.String)}}
	types := []column.Type{
		column.Of(column.Null), column.Of(column.Bool), column.Of(column.Int64), column.Of(column.Uint64), column.Of(column.Float64),
		column.Of(column.String), column.Of(column.Dict), {Kind: column.Timestamp, Zone: "Europe/Paris"}, column.Of(column.Date),
		column.Of(column.IntervalKind), {Kind: column.Struct, Nested: nested}, column.ListOf(column.Type{Kind: column.Struct, Nested: nested}),
	}
	b := &column.Batch{Len: rows}
	for _, t := range types {
		b.Cols = append(b.Cols, randomColumn(rng, t, rows, dict))
	}
	return b
}

func randomColumn(rng *rand.Rand, t column.Type, rows int, dict *column.Dictionary) *column.Vector {
	v := column.NewVector(t, 0)
	v.Reset(t)
	if t.Kind == column.Dict {
		v.Dict = dict
	}
	for range rows {
		if rng.IntN(5) == 0 && t.Kind != column.Null {
			v.AppendNull(1)
			continue
		}
		switch t.Kind {
		case column.Null:
		case column.Bool:
			v.Bools = append(v.Bools, rng.IntN(2) == 0)
		case column.Uint64:
			v.Uints = append(v.Uints, rng.Uint64())
		case column.Float64:
			v.Floats = append(v.Floats, rng.NormFloat64())
		case column.String:
			v.Strings = append(v.Strings, strings.Repeat("é", rng.IntN(40)))
		case column.Dict:
			v.Codes = append(v.Codes, rng.Uint32N(uint32(len(dict.Values))))
		case column.IntervalKind:
			v.Intervals = append(v.Intervals, column.Interval{Months: rng.Int32(), Days: -rng.Int32(), Nanos: rng.Int64()})
		case column.Struct:
			for i, c := range v.Children {
				one := randomColumn(rng, v.Type.Nested.Types[i], 1, dict)
				c.AppendFrom(one, 0, 1)
			}
		case column.List:
			some := randomColumn(rng, v.Type.Nested.Types[0], rng.IntN(4), dict)
			v.Children[0].AppendFrom(some, 0, some.Len)
			v.Offsets = append(v.Offsets, int32(v.Children[0].Len))
		default:
			v.Ints = append(v.Ints, rng.Int64())
		}
		v.Len++
	}
	return v
}

// lines are a batch's rows as text, types included.
func lines(b *column.Batch) (out []string) {
	for i := range b.Len {
		var line strings.Builder
		for _, v := range b.Cols {
			fmt.Fprintf(&line, "%s=%s|", v.Type, cell(v, i))
		}
		out = append(out, line.String())
	}
	return out
}

func cell(v *column.Vector, i int) string {
	if v.IsNull(i) {
		return "null"
	}
	switch v.Type.Kind {
	case column.Bool:
		return fmt.Sprint(v.Bools[i])
	case column.Uint64:
		return fmt.Sprint(v.Uints[i])
	case column.Float64:
		return fmt.Sprint(v.Floats[i])
	case column.String, column.Dict:
		return v.Text(i)
	case column.IntervalKind:
		return fmt.Sprint(v.Intervals[i])
	case column.Struct:
		s := "{"
		for _, c := range v.Children {
			s += cell(c, i) + ","
		}
		return s + "}"
	case column.List:
		s := "["
		for k := v.Offsets[i]; k < v.Offsets[i+1]; k++ {
			s += cell(v.Children[0], int(k)) + ","
		}
		return s + "]"
	}
	return fmt.Sprint(v.Ints[i])
}

func TestRowsComeBack(t *testing.T) {
	for seed := range uint64(20) {
		rng := rand.New(rand.NewPCG(seed, 1))
		fs := vfs.NewMem()
		s, err := Open(fs, "tmp", Options{})
		if err != nil {
			t.Fatal(err)
		}
		w, err := s.NewWriter()
		if err != nil {
			t.Fatal(err)
		}
		var want []string
		for range 1 + rng.IntN(5) {
			dict := &column.Dictionary{Values: []string{"", "a", "bb"}}
			b := random(rng, rng.IntN(3000), dict)
			want = append(want, lines(b)...)
			if err := w.Append(b); err != nil {
				t.Fatal(err)
			}
		}
		run := w.Finish()
		if run.Rows() != int64(len(want)) || s.Used() != run.Bytes() {
			t.Errorf("seed %d: %d rows of %d, %d bytes of %d", seed, run.Rows(), len(want), s.Used(), run.Bytes())
		}
		for range 2 { // each reader begins at the first row
			var got []string
			var b column.Batch
			r := run.NewReader()
			for err = r.Next(&b); err == nil; err = r.Next(&b) {
				got = append(got, lines(&b)...)
			}
			if !errors.Is(err, io.EOF) {
				t.Fatalf("seed %d: %v", seed, err)
			}
			if a, b := strings.Join(got, "\n"), strings.Join(want, "\n"); a != b {
				t.Fatalf("seed %d: rows differ", seed)
			}
		}
		if err := run.Close(); err != nil {
			t.Error(err)
		}
		if left, _ := fs.List("tmp"); len(left) != 0 || s.Used() != 0 {
			t.Errorf("seed %d: %v left, %d bytes", seed, left, s.Used())
		}
	}
}

// TestManyDictionaries has a dictionary for each batch, as operators make them:
// they are not all kept.
func TestManyDictionaries(t *testing.T) {
	s, err := Open(vfs.NewMem(), "tmp", Options{})
	if err != nil {
		t.Fatal(err)
	}
	w, err := s.NewWriter()
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 * maxDictionaries {
		v := column.NewVector(column.Of(column.Dict), 2)
		v.SetLen(2)
		v.Dict = &column.Dictionary{Values: []string{fmt.Sprint(i)}}
		v.Codes[0] = 0
		v.Nulls.Set(1)
		v.Codes[1] = 99 // points nowhere
		if err := w.Append(&column.Batch{Len: 2, Cols: []*column.Vector{v}}); err != nil {
			t.Fatal(err)
		}
	}
	run := w.Finish()
	defer run.Close()
	if n := len(run.dicts.all); n != maxDictionaries {
		t.Errorf("%d dictionaries are kept", n)
	}
	r := run.NewReader()
	var b column.Batch
	for i := range 3 * maxDictionaries {
		if err := r.Next(&b); err != nil {
			t.Fatal(err)
		}
		if v := b.Cols[0]; v.Text(0) != fmt.Sprint(i) || !v.IsNull(1) {
			t.Errorf("batch %d: %q, %v", i, v.Text(0), v.IsNull(1))
		}
	}
}

// TestEveryFailure fails each operation in turn: the error says that it is
// about temporary files, and nothing is left behind once the disk works again.
func TestEveryFailure(t *testing.T) {
	for n := 1; ; n++ {
		mem := vfs.NewMem()
		armed := true
		fault := vfs.NewFault(mem, func(op vfs.Op) (int, error) {
			if armed && op.N == n {
				armed = false
				return op.Bytes / 2, errDisk
			}
			return 0, nil
		})
		reserved := int64(0)
		s, err := Open(fault, "tmp", Options{Reserve: func(n int64) error { reserved += n; return nil }})
		if err == nil {
			err = writeAndRead(s)
		}
		if armed {
			if err != nil {
				t.Fatal(err)
			}
			if n < 10 {
				t.Errorf("only %d operations", n)
			}
			return
		}
		if !errors.Is(err, errDisk) {
			t.Errorf("operation %d: %v", n, err)
		}
		if reserved != 0 {
			t.Errorf("operation %d: %d bytes are still reserved", n, reserved)
		}
		if s, err = Open(fault, "tmp", Options{}); err != nil {
			t.Fatal(err)
		}
		if left, _ := mem.List("tmp"); len(left) != 0 || s.Used() != 0 {
			t.Errorf("operation %d: %v are left", n, left)
		}
	}
}

func writeAndRead(s *Space) error {
	rng := rand.New(rand.NewPCG(1, 2))
	w, err := s.NewWriter()
	if err != nil {
		return err
	}
	for range 3 {
		if err := w.Append(random(rng, 500, &column.Dictionary{Values: []string{"", "x"}})); err != nil {
			return errors.Join(err, w.Abort())
		}
	}
	run := w.Finish()
	r := run.NewReader()
	var b column.Batch
	for err == nil {
		err = r.Next(&b)
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return errors.Join(err, run.Close())
}

func TestLimit(t *testing.T) {
	mem := vfs.NewMem()
	s, err := Open(mem, "tmp", Options{Limit: 100_000})
	if err != nil {
		t.Fatal(err)
	}
	w, err := s.NewWriter()
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for err == nil {
		err = w.Append(random(rng, 500, &column.Dictionary{Values: []string{"", "x"}}))
	}
	var full *Error
	if !errors.As(err, &full) || s.Used() > 100_000 {
		t.Errorf("%v at %d bytes", err, s.Used())
	}
	if err := w.Abort(); err != nil || s.Used() != 0 {
		t.Errorf("%v, %d bytes", err, s.Used())
	}
}

// TestDamage flips bytes of a file: that is noticed.
func TestDamage(t *testing.T) {
	mem := vfs.NewMem()
	s, err := Open(mem, "tmp", Options{})
	if err != nil {
		t.Fatal(err)
	}
	w, err := s.NewWriter()
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Append(random(rand.New(rand.NewPCG(3, 4)), 50, &column.Dictionary{Values: []string{"", "x"}})); err != nil {
		t.Fatal(err)
	}
	run := w.Finish()
	defer run.Close()
	for at := int64(0); at < run.Bytes(); at += 7 {
		var one [1]byte
		if _, err := run.file.ReadAt(one[:], at); err != nil {
			t.Fatal(err)
		}
		one[0] ^= 0x40
		if _, err := run.file.WriteAt(one[:], at); err != nil {
			t.Fatal(err)
		}
		var b column.Batch
		if err := run.NewReader().Next(&b); !errors.Is(err, errDamaged) {
			t.Errorf("byte %d: %v", at, err)
		}
		one[0] ^= 0x40
		if _, err := run.file.WriteAt(one[:], at); err != nil {
			t.Fatal(err)
		}
	}
}

// TestLeftovers opens a folder that a crash left files in.
func TestLeftovers(t *testing.T) {
	mem := vfs.NewMem()
	for range 2 {
		s, err := Open(mem, "data/tmp", Options{})
		if err != nil {
			t.Fatal(err)
		}
		if left, _ := mem.List("data/tmp"); len(left) != 0 {
			t.Errorf("%v are left", left)
		}
		w, err := s.NewWriter()
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Append(random(rand.New(rand.NewPCG(3, 4)), 50, &column.Dictionary{Values: []string{"", "x"}})); err != nil {
			t.Fatal(err)
		}
	}
}
