package segment

import (
	"bytes"
	"errors"
	"io"
	"math"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/parquet-go/parquet-go"

	"tarn/store/column"
	"tarn/store/schema"
)

// export writes a segment again for other readers.
func export(t *testing.T, file []byte) ([]byte, []ExportColumn) {
	t.Helper()
	r, err := Open(t.Context(), memFile(file), ReaderOptions{Name: "source"})
	if err != nil {
		t.Fatal(err)
	}
	e, err := PlanExport(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	info, err := e.Write(t.Context(), &out)
	if err != nil {
		t.Fatal(err)
	}
	if info.Bytes != int64(out.Len()) || info.Rows != int64(r.Rows()) {
		t.Fatalf("%+v of %d bytes and %d rows", info, out.Len(), r.Rows())
	}
	return out.Bytes(), e.Columns()
}

// TestExport reads exported segments with a general Parquet library: no row and
// no nanosecond is lost.
func TestExport(t *testing.T) {
	if runtime.GOARCH == "arm" {
		t.Skip("parquet-go's own reader loads doubles from unaligned addresses, which 32-bit ARM refuses; our reader and the shipped binary do not use it")
	}
	for name, opts := range layouts {
		t.Run(name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(12, uint64(len(name))))
			m := newModel(rng, 20, 100, 3, allKinds...)
			file, _ := m.write(t, rng, opts)
			out, columns := export(t, file)
			again, _ := export(t, file)
			if !bytes.Equal(out, again) {
				t.Error("a second export has other bytes")
			}
			f, err := parquet.OpenFile(bytes.NewReader(out), int64(len(out)))
			if err != nil {
				t.Fatal(err)
			}
			if n := len(f.Schema().Columns()); n != len(columns) {
				t.Fatalf("%d columns of %d", n, len(columns))
			}
			for i, c := range columns {
				leaf, ok := f.Schema().Lookup(c.Name)
				if !ok || leaf.ColumnIndex != i {
					t.Fatalf("column %d %q is missing", i, c.Name)
				}
				want := ""
				switch {
				case c.Remainder:
					want = "INT32"
				case c.Role == schema.Time, c.Kind == column.Timestamp:
					want = "TIMESTAMP(isAdjustedToUTC=true,unit=MICROS)"
				}
				if got := leaf.Node.Type().String(); want != "" && got != want {
					t.Errorf("column %q is %s, not %s", c.Name, got, want)
				}
			}
			m.checkExport(t, f, columns)
		})
	}
}

// checkExport compares all rows of an exported file.
func (m *model) checkExport(t *testing.T, f *parquet.File, columns []ExportColumn) {
	t.Helper()
	times, cols := m.flat()
	row := 0
	for _, g := range f.RowGroups() {
		rows := g.Rows()
		buf := make([]parquet.Row, 64)
		for {
			n, err := rows.ReadRows(buf)
			for _, values := range buf[:n] {
				get := func(name string) parquet.Value {
					for i, c := range columns {
						if c.Name == name {
							return values[i]
						}
					}
					return parquet.Value{}
				}
				whole := func(name string) int64 {
					at := get(name).Int64() * 1000
					if r := get(name + RemainderSuffix); !r.IsNull() {
						if r.Int32() < 0 || r.Int32() > 999 {
							t.Fatalf("row %d: remainder %d", row, r.Int32())
						}
						at += int64(r.Int32())
					}
					return at
				}
				if got := whole("time"); got != times[row] {
					t.Fatalf("row %d: time %d, not %d", row, got, times[row])
				}
				for i, c := range cols {
					v := get(m.fields[i].Name)
					if v.IsNull() != c.IsNull(row) {
						t.Fatalf("row %d: field %q is %v", row, m.fields[i].Name, v)
					}
					switch {
					case v.IsNull():
					case c.Type.Kind == column.Timestamp:
						if got := whole(m.fields[i].Name); got != c.Ints[row] {
							t.Fatalf("row %d: field %q is %d, not %d", row, m.fields[i].Name, got, c.Ints[row])
						}
					case c.Type.Kind == column.Float64:
						if math.Float64bits(v.Double()) != math.Float64bits(c.Floats[row]) {
							t.Fatalf("row %d: field %q is %v, not %v", row, m.fields[i].Name, v, c.Floats[row])
						}
					case c.Type.Kind == column.String:
						if string(v.ByteArray()) != c.Strings[row] {
							t.Fatalf("row %d: field %q is %v, not %v", row, m.fields[i].Name, v, c.Strings[row])
						}
					}
				}
				row++
			}
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if err := rows.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if row != len(times) {
		t.Fatalf("%d rows of %d", row, len(times))
	}
}

// TestExportWithoutRemainders has no column that is not needed, and none that
// takes a user's name.
func TestExportWithoutRemainders(t *testing.T) {
	write := func(at int64) []byte {
		sch := schema.NewTable(1, 1, "t").With(schema.Column{Name: "time_ns_rem", Role: schema.Field, Kind: column.Int64})
		var out bytes.Buffer
		w, err := NewWriter(&out, sch, sch.Columns[1:], Meta{}, WriterOptions{})
		if err != nil {
			t.Fatal(err)
		}
		v := column.NewVector(column.Of(column.Int64), 0)
		v.Ints, v.Len = append(v.Ints, 5), 1
		if err := w.Append(nil, []int64{at}, []*column.Vector{v}, 0); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return out.Bytes()
	}
	names := func(columns []ExportColumn) (out []string) {
		for _, c := range columns {
			out = append(out, c.Name)
		}
		return out
	}
	for at, want := range map[int64]int{-7_000: 2, -7_001: 3, 1_999: 3} {
		_, columns := export(t, write(at))
		if len(columns) != want || want == 3 && columns[2].Name != "time_ns_rem_" {
			t.Errorf("time %d: columns %q", at, names(columns))
		}
	}
	if micros(-1) != -1 || remainder(-1) != 999 || micros(-1000) != -1 || micros(math.MinInt64) != -9223372036854776 {
		t.Errorf("%d %d %d %d", micros(-1), remainder(-1), micros(-1000), micros(math.MinInt64))
	}
}
