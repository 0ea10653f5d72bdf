package buffer

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"tarn/store/column"
	"tarn/store/points"
	"tarn/store/schema"
)

// load is a sequence of batches of one shape: ten fields, hosts taking turns,
// ten seconds between the rows of a host.
type load struct {
	kind    column.Kind
	value   func(r *rand.Rand, last float64) float64
	hosts   int
	rand    *rand.Rand
	time    int64
	last    []float64
	batch   *points.Batch
	numbers []uint32
}

// loads are like the TSBS cpu-only set (whole numbers that walk at random
// between 0 and 100), Telegraf's gauges (percentages of one or two decimals),
// and measurements of full precision.
func loads() map[string]*load {
	walk := func(r *rand.Rand, last float64) float64 { return min(max(last+r.NormFloat64(), 0), 100) }
	newLoad := func(kind column.Kind, hosts int, value func(*rand.Rand, float64) float64) *load {
		l := &load{kind: kind, value: value, hosts: hosts, rand: rand.New(rand.NewPCG(1, 2)), batch: points.NewBatch()}
		l.last = make([]float64, 10*hosts)
		for i := range l.last {
			l.last[i] = l.rand.Float64() * 100
		}
		return l
	}
	return map[string]*load{
		"tsbs":        newLoad(column.Int64, 100, walk),
		"tsbs_4000":   newLoad(column.Int64, 4000, walk),
		"telegraf":    newLoad(column.Float64, 10, func(r *rand.Rand, last float64) float64 { return math.Round(walk(r, last)*100) / 100 }),
		"full_floats": newLoad(column.Float64, 10, walk),
	}
}

// next returns the load's next batch, grouped by series.
func (l *load) next(rows int) (*points.Table, []uint32) {
	l.batch.Reset()
	t := l.batch.Table([]byte("cpu"))
	for row := range rows {
		host := (int(l.time) + row) % l.hosts
		raw := fmt.Appendf(nil, "cpu,hostname=host_%d", host)
		_, series, ok := l.batch.Lookup(raw)
		if !ok {
			series = t.AddSeries(raw, []points.Tag{{Key: []byte("hostname"), Value: raw[13:]}})
			l.numbers = append(l.numbers[:series], uint32(host))
		}
		t.AddRow(series, 1451606400e9+(l.time+int64(row))/int64(l.hosts)*10e9)
		for i := range 10 {
			f := t.Field([]byte{'u', '0' + byte(i)}, l.kind)
			v := &l.last[10*host+i]
			*v = l.value(l.rand, *v)
			bits := uint64(int64(*v))
			if l.kind == column.Float64 {
				bits = math.Float64bits(*v)
			}
			t.Fields[f].Set(row, bits)
			t.Fields[f].ID = i + 2
		}
	}
	l.time += int64(rows)
	t.SortBySeries()
	return t, l.numbers
}

var loadNames = []string{"tsbs", "tsbs_4000", "telegraf", "full_floats"}

// filledHead is a full head of a load.
func filledHead(b testing.TB, name string) *Table {
	table := New(Options{HeadRows: 1 << 20})
	p, series := loads()[name].next(8192)
	if err := table.Insert(p, series, 1, outsideNothing); err != nil {
		b.Fatal(err)
	}
	return table
}

func TestInsertDoesNotAllocate(t *testing.T) {
	table := New(Options{HeadRows: 8192})
	p, series := loads()["tsbs"].next(50)
	seq := uint64(0)
	insert := func() {
		seq++
		if err := table.Insert(p, series, seq, outsideNothing); err != nil {
			t.Fatal(err)
		}
	}
	for table.head.rows() < 5000 { // grown, and 50 inserts from full
		insert()
	}
	if n := testing.AllocsPerRun(50, insert); n != 0 {
		t.Errorf("an insert allocates %v times", n)
	}
	if len(table.blocks) > 0 {
		t.Error("the head was sealed meanwhile")
	}
}

func BenchmarkInsert(b *testing.B) { // sealing included
	for _, name := range loadNames {
		b.Run(name, func(b *testing.B) {
			p, series := loads()[name].next(5000)
			b.SetBytes(int64(len(p.Times)) * 88)
			b.ReportAllocs()
			table, seq := New(Options{}), uint64(0)
			for b.Loop() {
				if seq++; seq%50 == 0 {
					table = New(Options{})
				}
				if err := table.Insert(p, series, seq, outsideNothing); err != nil {
					b.Fatal(err)
				}
			}
			perValue(b, len(p.Times)*10)
		})
	}
}

func BenchmarkAppendToHead(b *testing.B) { // sealing excluded
	p, series := loads()["tsbs"].next(5000)
	b.SetBytes(int64(len(p.Times)) * 88)
	b.ReportAllocs()
	table, seq := New(Options{HeadRows: 1 << 20}), uint64(0)
	for b.Loop() {
		seq++
		table.head.reset()
		if err := table.Insert(p, series, seq, outsideNothing); err != nil {
			b.Fatal(err)
		}
	}
	perValue(b, len(p.Times)*10)
}

func BenchmarkSeal(b *testing.B) {
	for _, name := range loadNames {
		b.Run(name, func(b *testing.B) {
			table := filledHead(b, name)
			b.SetBytes(8192 * 88)
			b.ReportAllocs()
			var block *Block
			for b.Loop() {
				block = seal(&table.head, false)
			}
			perValue(b, 8192*10)
			b.ReportMetric(float64(block.Bytes())/(8192*10), "bytes/value")
		})
	}
}

func BenchmarkSnapshotOfHead(b *testing.B) {
	table := filledHead(b, "tsbs")
	b.ReportAllocs()
	for b.Loop() {
		table.snapshot = nil
		table.Snapshot()
	}
}

func BenchmarkReadBlock(b *testing.B) {
	for _, name := range loadNames {
		b.Run(name, func(b *testing.B) {
			table := filledHead(b, name)
			l := loads()[name]
			table.Seal()
			block := table.Snapshot()[0]
			v := column.NewVector(column.Of(l.kind), block.Rows())
			var times []int64
			var err error
			b.SetBytes(8192 * 88)
			b.ReportAllocs()
			for b.Loop() {
				if times, err = block.ReadTime(context.Background(), times[:0], 0, block.Rows()); err != nil {
					b.Fatal(err)
				}
				for i := range 10 {
					v.Reset(v.Type)
					if err := block.ReadColumn(context.Background(), v, schema.Column{ID: i + 2, Kind: l.kind}, 0, block.Rows()); err != nil {
						b.Fatal(err)
					}
				}
			}
			perValue(b, 8192*10)
		})
	}
}

func BenchmarkReadRuns(b *testing.B) { // series by series, as merging does
	table := filledHead(b, "tsbs")
	table.Seal()
	block := table.Snapshot()[0]
	v := column.NewVector(column.Of(column.Int64), block.Rows())
	b.ReportAllocs()
	for b.Loop() {
		for i := range 10 {
			v.Reset(v.Type)
			for _, r := range block.Runs() {
				if err := block.ReadColumn(context.Background(), v, schema.Column{ID: i + 2, Kind: column.Int64}, int(r.Start), int(r.End)); err != nil {
					b.Fatal(err)
				}
			}
		}
	}
	perValue(b, 8192*10)
}

func perValue(b *testing.B, values int) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(values), "ns/value")
}
