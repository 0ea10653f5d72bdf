package points

import (
	"bytes"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tarn/store/column"
)

var update = flag.Bool("update", false, "rewrite the golden file of the current version")

// dump is everything in a batch that matters, as text.
func dump(b *Batch) string {
	var s strings.Builder
	for _, t := range b.Tables {
		fmt.Fprintf(&s, "table %d %q tags %q %d\n", t.ID, t.Name, t.Tags, t.TagIDs)
		for i := range t.NumSeries() {
			fmt.Fprintf(&s, " series %d:", i)
			EachTag(t.SeriesKey(uint32(i)), func(tag int, value []byte) { fmt.Fprintf(&s, " %s=%q", t.Tags[tag], value) })
			s.WriteByte('\n')
		}
		for row, time := range t.Times {
			fmt.Fprintf(&s, " row of %d at %d:", t.Series[row], time)
			for _, f := range t.Fields {
				switch {
				case f.Nulls.Get(row):
					s.WriteString(" -")
				case f.Kind == column.String:
					fmt.Fprintf(&s, " %q", f.Text(row))
				default:
					fmt.Fprintf(&s, " %x", f.Bits[row])
				}
			}
			s.WriteByte('\n')
		}
		for _, f := range t.Fields {
			fmt.Fprintf(&s, " field %d %q kind %d\n", f.ID, f.Name, f.Kind)
		}
	}
	return s.String()
}

// ready does what the store does before encoding.
func ready(b *Batch) *Batch {
	for i, t := range b.Tables {
		t.ID = uint32(100 + i)
		t.TagIDs = t.TagIDs[:0]
		for j := range t.Tags {
			t.TagIDs = append(t.TagIDs, 1+j)
		}
		for j, f := range t.Fields {
			f.ID = 300 + j
		}
		t.SortBySeries()
	}
	return b
}

var kinds = []column.Kind{column.Bool, column.Int64, column.Uint64, column.Float64, column.String, column.Timestamp}

// mixed makes a batch with all kinds of values, the odd ones included.
func mixed(r *rand.Rand, rows int, unset float64) *Batch {
	b := NewBatch()
	for row := range rows {
		t := b.Table(fmt.Appendf(nil, "table %d", r.IntN(3)))
		var tags []Tag
		for k := range 4 {
			if r.IntN(3) > 0 {
				tags = append(tags, Tag{fmt.Appendf(nil, "tag%d", k), fmt.Appendf(nil, "value%d", r.IntN(3))})
			}
		}
		r.Shuffle(len(tags), func(i, j int) { tags[i], tags[j] = tags[j], tags[i] })
		n := t.AddRow(t.AddSeries(nil, tags), 1451606400e9+int64(row/20)*10e9)
		if r.IntN(30) == 0 {
			t.Times[n] = []int64{math.MinInt64, math.MaxInt64, 0, -1}[r.IntN(4)]
		}
		for i := range 12 {
			if r.Float64() < unset {
				continue
			}
			kind := kinds[i%len(kinds)]
			f := t.Fields[t.Field(fmt.Appendf(nil, "field %d", i), kind)]
			set(r, f, n, i >= len(kinds))
		}
	}
	return ready(b)
}

// set sets a plain or, when odd, any value.
func set(r *rand.Rand, f *Field, row int, odd bool) {
	switch f.Kind {
	case column.Bool:
		f.Set(row, r.Uint64N(2))
	case column.Float64:
		v := float64(r.IntN(10000)) / 100
		if odd {
			v = []float64{math.NaN(), math.Inf(1), math.Copysign(0, -1), r.Float64(), math.MaxFloat64, v}[r.IntN(6)]
		}
		f.Set(row, math.Float64bits(v))
	case column.String:
		s := []string{"", "ok", "warning"}[r.IntN(3)]
		if odd {
			s = strings.Repeat(fmt.Sprint("x", r.Uint32()), r.IntN(20))
		}
		f.SetString(row, []byte(s))
	default:
		v := r.Uint64N(100)
		if odd {
			v = r.Uint64()
		}
		f.Set(row, v)
	}
}

func roundTrip(t *testing.T, b, into *Batch) {
	t.Helper()
	want := dump(b)
	payload := b.Encode([]byte("head"), math.MaxUint32, "some db")
	id, name, err := Decode(payload[4:], into)
	if err != nil || id != math.MaxUint32 || name != "some db" {
		t.Fatalf("decoded database %d %q, error %v", id, name, err)
	}
	if got := dump(into); got != want {
		t.Fatalf("decoded\n%s\nwant\n%s", got, want)
	}
	for _, table := range into.Tables {
		for _, f := range table.Fields {
			if len(f.Bits) != len(table.Times) {
				t.Fatalf("field %q has %d values for %d rows", f.Name, len(f.Bits), len(table.Times))
			}
		}
	}
}

func TestRoundTrip(t *testing.T) {
	into := NewBatch() // reused, as recovery does
	for name, c := range map[string]struct {
		rows  int
		unset float64
	}{
		"nothing":      {rows: 0},
		"one_row":      {rows: 1},
		"few_rows":     {rows: 5},
		"all_set":      {rows: 2000},
		"some_nulls":   {rows: 300, unset: 0.1},
		"mostly_nulls": {rows: 1000, unset: 0.97},
	} {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(5) {
				roundTrip(t, mixed(rand.New(rand.NewPCG(seed, 1)), c.rows, c.unset), into)
			}
		})
	}
}

func TestRoundTripOf(t *testing.T) {
	row := func(b *Batch, table string, time int64) (*Table, int) {
		p := b.Table([]byte(table))
		return p, p.AddRow(p.AddSeries(nil, nil), time)
	}
	for name, fill := range map[string]func(b *Batch){
		"table_without_rows":  func(b *Batch) { b.Table([]byte("t")) },
		"series_without_rows": func(b *Batch) { b.Table([]byte("t")).AddSeries(nil, []Tag{{[]byte("a"), []byte("1")}}) },
		"row_without_fields":  func(b *Batch) { row(b, "t", 5) },
		"empty_names":         func(b *Batch) { row(b, "", 5) },
		"huge_text": func(b *Batch) {
			p, n := row(b, "t", 5)
			p.Fields[p.Field([]byte("s"), column.String)].SetString(n, bytes.Repeat([]byte("tarn "), 150_000))
		},
		"much_text": func(b *Batch) {
			r := rand.New(rand.NewPCG(3, 4))
			for i := range 4000 {
				p, n := row(b, "t", int64(i))
				p.Fields[p.Field([]byte("s"), column.String)].SetString(n, fmt.Append(nil, i, bytes.Repeat([]byte("x"), r.IntN(400))))
			}
		},
		"constant": func(b *Batch) {
			for i := range 1000 {
				p, n := row(b, "t", int64(i))
				p.Fields[p.Field([]byte("i"), column.Int64)].Set(n, 7)
			}
		},
		"tables_that_differ": func(b *Batch) {
			for i := range 300 {
				p, n := row(b, fmt.Sprint("table", i), int64(i))
				p.Fields[p.Field(fmt.Append(nil, "field", i), column.Uint64)].Set(n, math.MaxUint64)
			}
		},
		"decimals_too_large_for_the_last_exponent": func(b *Batch) {
			for i, v := range []float64{1e15, 0.001, 2e15} {
				p, n := row(b, "t", int64(i))
				p.Fields[p.Field([]byte("f"), column.Float64)].Set(n, math.Float64bits(v))
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := NewBatch()
			fill(b)
			roundTrip(t, ready(b), NewBatch())
		})
	}
}

func golden() *Batch { return mixed(rand.New(rand.NewPCG(7, 7)), 60, 0.2) }

// Payloads of every released version must stay readable: logs hold them.
func TestGolden(t *testing.T) {
	if *update {
		if err := os.WriteFile(goldenFile(version), golden().Encode(nil, 3, "gold"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for v := 1; v <= version; v++ {
		payload, err := os.ReadFile(goldenFile(v))
		if err != nil {
			t.Fatal(err)
		}
		b := NewBatch()
		id, name, err := Decode(payload, b)
		if err != nil || id != 3 || name != "gold" {
			t.Errorf("version %d: database %d %q, error %v", v, id, name, err)
		}
		if got, want := dump(b), dump(golden()); got != want {
			t.Errorf("version %d: decoded\n%s\nwant\n%s", v, got, want)
		}
	}
}

func goldenFile(v int) string { return filepath.Join("testdata", fmt.Sprintf("batch_v%d.bin", v)) }

func TestDecodeDamaged(t *testing.T) {
	whole := golden().Encode(nil, 3, "gold")
	b := NewBatch()
	for name, payload := range map[string][]byte{
		"empty":       {},
		"version":     append([]byte{version + 1}, whole[1:]...),
		"longer":      append(slices.Clone(whole), 0),
		"huge_stream": append([]byte{version}, binary.AppendUvarint(nil, math.MaxUint64)...),
	} {
		t.Run(name, func(t *testing.T) {
			if _, _, err := Decode(payload, b); !errors.Is(err, ErrCorrupt) {
				t.Errorf("error is %v, want ErrCorrupt", err)
			}
		})
	}
	t.Run("shorter", func(t *testing.T) {
		for n := range whole {
			if _, _, err := Decode(whole[:n], b); !errors.Is(err, ErrCorrupt) {
				t.Fatalf("%d of %d bytes: error is %v, want ErrCorrupt", n, len(whole), err)
			}
		}
	})
	t.Run("flipped_bits", func(t *testing.T) { // may go unnoticed here, but not panic
		for i := range whole {
			damaged := slices.Clone(whole)
			damaged[i] ^= 1 << (i % 8)
			if _, _, err := Decode(damaged, b); err != nil && !errors.Is(err, ErrCorrupt) {
				t.Fatalf("byte %d: error is %v", i, err)
			}
		}
	})
	t.Run("usable_afterwards", func(t *testing.T) { roundTrip(t, golden(), b) })
}

func FuzzDecode(f *testing.F) {
	f.Add(golden().Encode(nil, 3, "gold"))
	f.Add(mixed(rand.New(rand.NewPCG(1, 1)), 3, 0).Encode(nil, 1, "d"))
	f.Add(tsbs(200).Encode(nil, 1, "d"))
	b, again := NewBatch(), NewBatch()
	f.Fuzz(func(t *testing.T, payload []byte) {
		id, name, err := Decode(payload, b)
		if err != nil {
			if !errors.Is(err, ErrCorrupt) {
				t.Fatalf("error is %v", err)
			}
			return
		}
		// What was decoded is a batch like any other.
		want := dump(b)
		id2, name2, err := Decode(b.Encode(nil, id, name), again)
		if err != nil || id2 != id || name2 != name || dump(again) != want {
			t.Fatalf("after decoding and encoding: database %d %q, error %v\n%s\nwant %d %q\n%s", id2, name2, err, dump(again), id, name, want)
		}
	})
}

func TestEncodeDoesNotAllocate(t *testing.T) {
	b := tsbs(1000)
	buf := b.Encode(nil, 1, "db")
	if n := testing.AllocsPerRun(20, func() { buf = b.Encode(buf[:0], 1, "db") }); n != 0 {
		t.Errorf("encoding allocates %v times", n)
	}
}

// TestOneEncoderManyBatches encodes the slowly changing rows of a gateway with
// one encoder, as writers do, and decodes each payload on its own, as recovery
// does: no payload may lean on what was encoded before it.
func TestOneEncoderManyBatches(t *testing.T) {
	r := rand.New(rand.NewPCG(31, 32))
	b := NewBatch()
	var walk [400]int64
	for round := range 200 {
		b.Reset()
		p := b.Table([]byte("cpu"))
		for s := range 1 + r.IntN(40) {
			series := p.AddSeries(fmt.Appendf(nil, "cpu,n=%d", s), []Tag{{[]byte("n"), fmt.Append(nil, s)}})
			row := p.AddRow(series, int64(round)*1e9+int64(s))
			for f := range 10 {
				walk[s*10+f] += r.Int64N(5) - 2
				p.Fields[p.Field(fmt.Append(nil, "f", f), column.Int64)].Set(row, uint64(walk[s*10+f]))
			}
		}
		p.Pad()
		want := dump(ready(b))
		// To two databases, as a Telegraf with two outputs does: the second
		// payload has the statistics of the first.
		for db := range uint32(2) {
			got := NewBatch()
			if _, _, err := Decode(b.Encode(nil, db, "db"), got); err != nil {
				t.Fatalf("batch %d for database %d: %v", round, db, err)
			}
			if dump(got) != want {
				t.Fatalf("batch %d for database %d: got\n%s\nwant\n%s", round, db, dump(got), want)
			}
		}
	}
}
