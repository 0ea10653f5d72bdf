package lp

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"github.com/influxdata/line-protocol/v2/lineprotocol"
)

// tsbsLines makes lines like those of TSBS' cpu-only data set: many hosts, 10
// tags, 10 integers from 0 to 100 in a random walk, 345 bytes each.
func tsbsLines(lines int) []byte {
	r := rand.New(rand.NewPCG(123, 0))
	pick := func(of ...string) string { return of[r.IntN(len(of))] }
	fields := []string{"usage_user", "usage_system", "usage_idle", "usage_nice", "usage_iowait", "usage_irq",
		"usage_softirq", "usage_steal", "usage_guest", "usage_guest_nice"}
	const hosts = 100
	var series [hosts]string
	var walk [hosts][10]int
	for h := range series {
		region := pick("eu-central-1", "us-east-1", "ap-southeast-2", "sa-east-1", "us-west-2")
		series[h] = fmt.Sprintf("cpu,hostname=host_%d,region=%s,datacenter=%s%s,rack=%d,os=%s,arch=%s,team=%s,"+
			"service=%d,service_version=%d,service_environment=%s", h, region, region, pick("a", "b", "c"), r.IntN(100),
			pick("Ubuntu15.10", "Ubuntu16.10", "Ubuntu16.04LTS"), pick("x64", "x86"), pick("SF", "NYC", "LON", "CHI"),
			r.IntN(20), r.IntN(2), pick("production", "staging", "test"))
		for f := range fields {
			walk[h][f] = r.IntN(101)
		}
	}
	var b bytes.Buffer
	ts := int64(1767225600000000000)
	for i := range lines {
		h := i % hosts
		b.WriteString(series[h])
		for f, name := range fields {
			v := &walk[h][f]
			*v = min(100, max(0, *v+r.IntN(3)-1))
			b.WriteByte(" ,"[min(f, 1)])
			b.WriteString(name)
			b.WriteByte('=')
			b.WriteString(strconv.Itoa(*v))
			b.WriteByte('i')
		}
		fmt.Fprintf(&b, " %d\n", ts+int64(i/hosts)*10e9)
	}
	return b.Bytes()
}

// telegrafLines makes the mix that a Telegraf agent sends: several
// measurements in turn, floats of full length, integers, strings, booleans,
// escapes.
func telegrafLines(intervals int) []byte {
	r := rand.New(rand.NewPCG(5, 0))
	var b bytes.Buffer
	ts := int64(1767225600000000000)
	f := func() string { return strconv.FormatFloat(r.Float64()*100, 'f', -1, 64) }
	for range intervals {
		for _, host := range []string{"edge-01", "edge-02", `edge\ gateway`} {
			for c := range 4 {
				fmt.Fprintf(&b, "cpu,cpu=cpu%d,host=%s usage_guest=0,usage_idle=%s,usage_iowait=%s,usage_irq=0,"+
					"usage_nice=0,usage_softirq=%s,usage_steal=0,usage_system=%s,usage_user=%s %d\n",
					c, host, f(), f(), f(), f(), f(), ts)
			}
			fmt.Fprintf(&b, "mem,host=%s active=%di,available=%di,available_percent=%s,cached=%di,free=%di,total=%di,used=%di,"+
				"used_percent=%s %d\n", host, r.Uint32(), r.Uint32(), f(), r.Uint32(), r.Uint32(), int64(8321478656), r.Uint32(), f(), ts)
			for _, disk := range []string{"/", "/boot/efi", `/mnt/My\ Disk`} {
				fmt.Fprintf(&b, "disk,device=sda1,fstype=ext4,host=%s,mode=rw,path=%s free=%di,inodes_free=%di,total=%di,used=%di,"+
					"used_percent=%s %d\n", host, disk, r.Uint32(), r.Uint32(), r.Uint32(), r.Uint32(), f(), ts)
			}
			fmt.Fprintf(&b, "system,host=%s load1=%.2f,load15=%.2f,load5=%.2f,n_cpus=4i,n_users=1i %d\n",
				host, r.Float64(), r.Float64(), r.Float64(), ts)
			fmt.Fprintf(&b, "system,host=%s uptime=%di,uptime_format=\"%d days, 03:14\" %d\n", host, r.Uint32(), r.IntN(99), ts)
			fmt.Fprintf(&b, "modbus,host=%s,line=3,type=press online=%v,alarm=%v,pressure=%.3f,state=\"say \\\"%d\\\"\" %d\n",
				host, r.IntN(2) == 0, r.IntN(9) == 0, r.Float64()*9, r.IntN(9), ts)
		}
		ts += 10e9
	}
	return b.Bytes()
}

var benchBodies = []struct {
	name string
	body []byte
}{
	{"tsbs", tsbsLines(3000)},
	{"telegraf", telegrafLines(160)},
}

// BenchmarkDecoder parses with all keys decoded ("keys"), as when every series
// is new, and without ("fields"), as the ingest path does in steady state.
func BenchmarkDecoder(b *testing.B) {
	for _, bench := range benchBodies {
		for _, keys := range []bool{true, false} {
			name, opts := "fields", []Option(nil)
			if keys {
				name, opts = "keys", []Option{EagerKeys()}
			}
			b.Run(bench.name+"/"+name+"/bytes", func(b *testing.B) {
				d := NewDecoder(nil, opts...)
				benchmark(b, bench.body, func() int {
					d.ResetBytes(bench.body)
					return drain(b, d)
				})
			})
			b.Run(bench.name+"/"+name+"/reader", func(b *testing.B) {
				d, r := NewDecoder(nil, opts...), bytes.NewReader(nil)
				benchmark(b, bench.body, func() int {
					r.Reset(bench.body)
					d.Reset(r)
					return drain(b, d)
				})
			})
		}
	}
}

func drain(b *testing.B, d *Decoder) (lines int) {
	for d.Next() {
		if e := d.LineErr(); e != nil {
			b.Fatal(e)
		}
		lines++
	}
	return lines
}

func benchmark(b *testing.B, body []byte, parse func() (lines int)) {
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	lines := 0
	for b.Loop() {
		lines += parse()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(lines), "ns/line")
}

// BenchmarkInfluxLineProtocol is the same work by InfluxData's own decoder.
func BenchmarkInfluxLineProtocol(b *testing.B) {
	for _, bench := range benchBodies {
		b.Run(bench.name, func(b *testing.B) {
			benchmark(b, bench.body, func() (lines int) {
				d := lineprotocol.NewDecoderWithBytes(bench.body)
				for d.Next() {
					if err := drainInflux(d); err != nil {
						b.Fatal(err)
					}
					lines++
				}
				return lines
			})
		})
	}
}

func drainInflux(d *lineprotocol.Decoder) error {
	if _, err := d.Measurement(); err != nil {
		return err
	}
	for {
		key, _, err := d.NextTag()
		if err != nil {
			return err
		}
		if key == nil {
			break
		}
	}
	for {
		key, _, err := d.NextField()
		if err != nil {
			return err
		}
		if key == nil {
			break
		}
	}
	_, err := d.Time(lineprotocol.Nanosecond, time.Time{})
	return err
}

func BenchmarkDigits(b *testing.B) {
	for _, s := range []string{"7i,", "58i,", "1767225600i,", "1767225600000000000\n"} {
		b.Run(s[:len(s)-1], func(b *testing.B) {
			buf := append([]byte(s), "        "...)
			for b.Loop() {
				digits(buf, 0)
			}
		})
	}
}
