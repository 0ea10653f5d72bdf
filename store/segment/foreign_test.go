package segment

import (
	"bytes"
	"errors"
	"math"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/parquet-go/parquet-go"

	"tarn/store/column"
	"tarn/store/schema"
)

// TestOtherReader reads segments with a general Parquet library.
func TestOtherReader(t *testing.T) {
	if runtime.GOARCH == "arm" {
		t.Skip("parquet-go's own reader loads doubles from unaligned addresses, which 32-bit ARM refuses; our reader and the shipped binary do not use it")
	}
	for name, opts := range layouts {
		t.Run(name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(11, uint64(len(name))))
			m := newModel(rng, 20, 100, 3, allKinds...)
			file, _ := m.write(t, rng, opts)
			f, err := parquet.OpenFile(bytes.NewReader(file), int64(len(file)))
			if err != nil {
				t.Fatal(err)
			}
			times, cols := m.flat()
			if f.NumRows() != int64(len(times)) {
				t.Fatalf("%d rows of %d", f.NumRows(), len(times))
			}
			checkForeignSchema(t, f, m)
			var tags [][]string
			for _, s := range m.series {
				for range s.times {
					tags = append(tags, s.tags)
				}
			}
			row := 0
			buf := make([]parquet.Row, 100)
			for _, g := range f.RowGroups() {
				rows := g.Rows()
				for at := 0; at < int(g.NumRows()); {
					n, err := rows.ReadRows(buf)
					if n == 0 {
						t.Fatalf("row %d: %v", row, err)
					}
					for _, values := range buf[:n] {
						checkForeignRow(t, values, tags[row], times[row], cols, row)
						row++
					}
					at += n
				}
				if err := rows.Close(); err != nil {
					t.Fatal(err)
				}
			}
			if row != len(times) {
				t.Fatalf("read %d rows of %d", row, len(times))
			}
		})
	}
}

func checkForeignSchema(t *testing.T, f *parquet.File, m *model) {
	t.Helper()
	var names []string
	for _, c := range fileColumns(m.sch, m.fields) {
		names = append(names, c.Name)
	}
	want := map[column.Kind]string{
		column.Dict: "STRING", column.String: "STRING", column.Timestamp: "TIMESTAMP(isAdjustedToUTC=true,unit=NANOS)",
		column.Uint64: "INT(64,false)", column.Int64: "INT64", column.Float64: "DOUBLE", column.Bool: "BOOLEAN",
	}
	for i, path := range f.Schema().Columns() {
		if path[0] != names[i] {
			t.Fatalf("column %d is %q, not %q", i, path[0], names[i])
		}
		c, _ := m.sch.Column(path[0])
		leaf, _ := f.Schema().Lookup(path[0])
		if got := leaf.Node.Type().String(); got != want[c.Kind] {
			t.Fatalf("column %q is %s, not %s", path[0], got, want[c.Kind])
		}
		if leaf.Node.Optional() == (c.Role == schema.Time) {
			t.Fatalf("column %q: optional: %t", path[0], leaf.Node.Optional())
		}
	}
}

func checkForeignRow(t *testing.T, values parquet.Row, tags []string, time int64, cols []*column.Vector, row int) {
	t.Helper()
	for i, tag := range tags {
		if v := values[i]; v.IsNull() != (tag == "") || !v.IsNull() && string(v.ByteArray()) != tag {
			t.Fatalf("row %d: tag %d is %v, not %q", row, i, v, tag)
		}
	}
	if v := values[len(tags)]; v.Int64() != time {
		t.Fatalf("row %d: time %d, not %d", row, v.Int64(), time)
	}
	for i, c := range cols {
		v := values[len(tags)+1+i]
		if v.IsNull() != c.IsNull(row) {
			t.Fatalf("row %d: field %d: %v", row, i, v)
		}
		if v.IsNull() {
			continue
		}
		same := false
		switch c.Type.Kind {
		case column.Bool:
			same = v.Boolean() == c.Bools[row]
		case column.Int64, column.Timestamp:
			same = v.Int64() == c.Ints[row]
		case column.Uint64:
			same = v.Uint64() == c.Uints[row]
		case column.Float64:
			same = math.Float64bits(v.Double()) == math.Float64bits(c.Floats[row])
		case column.String:
			same = string(v.ByteArray()) == c.Strings[row]
		}
		if !same {
			t.Fatalf("row %d: field %d: %v differs", row, i, v)
		}
	}
}

// TestForeignFile opens a Parquet file that Tarn did not write.
func TestForeignFile(t *testing.T) {
	var buf bytes.Buffer
	type row struct{ A, B int64 }
	if err := parquet.Write(&buf, make([]row, 100)); err != nil {
		t.Fatal(err)
	}
	_, err := Open(t.Context(), memFile(buf.Bytes()), ReaderOptions{Name: "foreign"})
	if !errors.Is(err, ErrForeign) {
		t.Fatalf("got %v", err)
	}
}
