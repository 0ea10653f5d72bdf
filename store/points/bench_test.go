package points

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"tarn/store/column"
)

// tsbs is like a request of the TSBS cpu-only load: 100 hosts in turns, ten
// tags each, ten whole numbers that walk at random between 0 and 100.
func tsbs(rows int) *Batch { return hosts(rows, 100) }

func hosts(rows, hosts int) *Batch {
	r := rand.New(rand.NewPCG(1, 2))
	pick := func(from ...string) string { return from[r.IntN(len(from))] }
	tags := make([][]Tag, hosts)
	last := make([]float64, 10*hosts)
	for h := range tags {
		region := pick("us-east-1", "us-west-1", "us-west-2", "eu-west-1", "eu-central-1", "ap-southeast-1", "sa-east-1")
		for _, kv := range [][2]string{
			{"hostname", fmt.Sprint("host_", h)}, {"region", region}, {"datacenter", region + pick("a", "b", "c")},
			{"rack", fmt.Sprint(r.IntN(100))}, {"os", pick("Ubuntu16.10", "Ubuntu16.04LTS", "Ubuntu15.10")},
			{"arch", pick("x64", "x86")}, {"team", pick("SF", "NYC", "LON", "CHI")}, {"service", fmt.Sprint(r.IntN(20))},
			{"service_version", fmt.Sprint(r.IntN(2))}, {"service_environment", pick("production", "staging", "test")},
		} {
			tags[h] = append(tags[h], Tag{[]byte(kv[0]), []byte(kv[1])})
		}
	}
	for i := range last {
		last[i] = r.Float64() * 100
	}
	b := NewBatch()
	t := b.Table([]byte("cpu"))
	for row := range rows {
		h := row % hosts
		t.AddRow(t.AddSeries(nil, tags[h]), 1451606400e9+int64(row/hosts)*10e9)
		for i := range 10 {
			v := &last[10*h+i]
			*v = min(max(*v+r.NormFloat64(), 0), 100)
			t.Fields[t.Field([]byte(fmt.Sprint("usage_", i)), column.Int64)].Set(row, uint64(int64(*v)))
		}
	}
	return ready(b)
}

// telegraf is like a flush of Telegraf's host plugins: a few rows of several
// tables, percentages of full precision among counters.
func telegraf() *Batch {
	r := rand.New(rand.NewPCG(1, 2))
	b := NewBatch()
	add := func(table string, tags []string, ints, floats int) {
		t := b.Table([]byte(table))
		all := []Tag{{[]byte("host"), []byte("edge-gateway-17")}}
		for i := 0; i < len(tags); i += 2 {
			all = append(all, Tag{[]byte(tags[i]), []byte(tags[i+1])})
		}
		row := t.AddRow(t.AddSeries(nil, all), 1760000000e9)
		for i := range ints {
			t.Fields[t.Field(fmt.Append(nil, table, "_counter_", i), column.Int64)].Set(row, r.Uint64N(1<<40))
		}
		for i := range floats {
			t.Fields[t.Field(fmt.Append(nil, table, "_usage_", i), column.Float64)].Set(row, math.Float64bits(r.Float64()*100))
		}
	}
	for i := range 5 {
		add("cpu", []string{"cpu", fmt.Sprint("cpu", i)}, 0, 10)
		add("disk", []string{"device", fmt.Sprint("mmcblk0p", i), "fstype", "ext4", "mode", "rw", "path", fmt.Sprint("/mnt/", i)}, 6, 1)
		add("diskio", []string{"name", fmt.Sprint("mmcblk0p", i)}, 12, 0)
		add("net", []string{"interface", fmt.Sprint("eth", i)}, 8, 0)
	}
	add("mem", nil, 30, 2)
	add("system", nil, 4, 3)
	add("swap", nil, 3, 1)
	add("processes", nil, 9, 0)
	return ready(b)
}

// scrape is like what Prometheus sends: one sample of each of 1,000 series of ten
// metrics.
func scrape() *Batch {
	r := rand.New(rand.NewPCG(1, 2))
	b := NewBatch()
	for i := range 1000 {
		t := b.Table(fmt.Append(nil, "app_requests_", i%10, "_total"))
		row := t.AddRow(t.AddSeries(nil, []Tag{
			{[]byte("cluster"), []byte("edge")}, {[]byte("instance"), fmt.Append(nil, "host-", i/10, ":9100")}, {[]byte("job"), []byte("node")}, {[]byte("zone"), fmt.Append(nil, "z", i/10%4)},
		}), 1760000000e9)
		t.Fields[t.Field([]byte("greptime_value"), column.Float64)].Set(row, math.Float64bits(float64(r.IntN(1e6))))
	}
	return ready(b)
}

func values(b *Batch) int {
	n := 0
	for _, t := range b.Tables {
		n += len(t.Fields) * len(t.Times)
	}
	return n
}

var loads = map[string]func() *Batch{
	"tsbs":            func() *Batch { return tsbs(5000) },
	"tsbs_4000_hosts": func() *Batch { return hosts(5000, 4000) },
	"telegraf":        telegraf,
	"scrape":          scrape,
}

func BenchmarkEncode(b *testing.B) {
	for _, name := range []string{"tsbs", "tsbs_4000_hosts", "telegraf", "scrape"} {
		b.Run(name, func(b *testing.B) {
			batch := loads[name]()
			var buf []byte
			b.SetBytes(int64(8 * values(batch)))
			b.ReportAllocs()
			for b.Loop() {
				buf = batch.Encode(buf[:0], 1, "db")
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(values(batch)), "ns/value")
			b.ReportMetric(float64(len(buf))/float64(values(batch)), "bytes/value")
		})
	}
}

func BenchmarkDecode(b *testing.B) {
	for _, name := range []string{"tsbs", "tsbs_4000_hosts", "telegraf", "scrape"} {
		b.Run(name, func(b *testing.B) {
			batch := loads[name]()
			payload := batch.Encode(nil, 1, "db")
			b.SetBytes(int64(len(payload)))
			b.ReportAllocs()
			into := NewBatch()
			for b.Loop() {
				if _, _, err := Decode(payload, into); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(values(batch)), "ns/value")
		})
	}
}

func BenchmarkSortBySeries(b *testing.B) {
	batch := tsbs(5000)
	t := batch.Tables[0]
	series := make([]uint32, len(t.Series))
	for i := range series {
		series[i] = uint32(i % 100)
	}
	b.ReportAllocs()
	for b.Loop() {
		copy(t.Series, series)
		t.SortBySeries()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(values(batch)), "ns/value")
}

// BenchmarkAddKey fills a batch with series by their keys, and empties it.
func BenchmarkAddKey(b *testing.B) {
	from := scrape().Tables[0]
	var keys [][]byte
	var hashes []uint64
	for s := range from.NumSeries() {
		keys = append(keys, from.SeriesKey(uint32(s)))
		hashes = append(hashes, Hash(keys[s]))
	}
	batch := NewBatch()
	b.ReportAllocs()
	for b.Loop() {
		for range 10 {
			t := batch.AddTable("t")
			for i, key := range keys {
				t.AddKey(key, hashes[i])
			}
		}
		batch.Reset()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(10*len(keys)), "ns/series")
}

func BenchmarkAddSeries(b *testing.B) {
	batch := tsbs(100)
	t := batch.Tables[0]
	var tags []Tag
	EachTag(t.SeriesKey(50), func(i int, v []byte) { tags = append(tags, Tag{[]byte(t.Tags[i]), v}) })
	b.ReportAllocs()
	for b.Loop() {
		t.AddSeries(nil, tags)
	}
}
