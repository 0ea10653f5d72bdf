package cache

import (
	"fmt"
	"testing"
)

// BenchmarkAdd adds a request of 5,000 lines: 50 rows each of 100 hosts, one
// text and two numbers.
func BenchmarkAdd(b *testing.B) {
	var rows []testRow
	for time := range int64(50) {
		rows = append(rows, hosts(100, time)...)
	}
	tb := &table{map[string]uint32{}}
	p, series := tb.batch(rows)
	last := func(o LastOptions) func() {
		l := NewLast(NewBudget(1<<30), o)
		return func() { l.Add(p, series, 5) }
	}
	distinct := func(ids ...int) func() {
		d := NewDistinct(NewBudget(1<<30), DistinctOptions{Columns: cols(ids...), MaxCardinality: 1000, MaxAge: 1 << 40})
		return func() { d.Add(p, series, 5) }
	}
	for name, add := range map[string]func(){
		"last/count=1":   last(LastOptions{Keys: cols(1, 2), All: true, Count: 1, TTL: 1 << 40}),
		"last/count=10":  last(LastOptions{Keys: cols(1, 2), All: true, Count: 10, TTL: 1 << 40}),
		"last/one-tag":   last(LastOptions{Keys: cols(2), All: true, Count: 10, TTL: 1 << 40}),
		"last/by-field":  last(LastOptions{Keys: cols(4), All: true, Count: 1, TTL: 1 << 40}),
		"distinct/tags":  distinct(2, 1),
		"distinct/field": distinct(1, 4),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				add()
				for i := range p.Times {
					p.Times[i] += 50
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(rows)), "ns/line")
		})
	}
}

// BenchmarkRead reads one entry of 100,000, by its whole key and by the first
// column of it, and all.
func BenchmarkRead(b *testing.B) {
	l := NewLast(NewBudget(1<<30), LastOptions{Keys: cols(1, 2), All: true, Count: 1, TTL: 1 << 40})
	tb := &table{map[string]uint32{}}
	p, series := tb.batch(hosts(100_000, 1))
	l.Add(p, series, 1)
	columns := cols(1, 2, 4, 5, 8, 0)
	for name, ms := range map[string][]Match{
		"key":          {{Key: 0, Texts: []string{"host5000"}}, {Key: 1, Texts: []string{"az"}}},
		"first-column": {{Key: 0, Texts: []string{"host5000"}}},
		"all":          nil,
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			rows := 0
			for b.Loop() {
				rows = l.Read(columns, ms, 5).Len
			}
			b.ReportMetric(float64(rows), "rows")
			if rows == 0 {
				b.Error(fmt.Sprint(ms))
			}
		})
	}
}
