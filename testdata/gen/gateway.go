package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"
)

const (
	cores      = 4
	sensors    = 6
	clockTicks = 100 // per second: what CPU usage is computed from, and why it looks as it does
	memTotal   = 4 << 30
	diskTotal  = 64 << 30
)

// gateway is one reporting machine and what its gauges and counters stand at.
type gateway struct {
	name, site string
	random     *rand.Rand
	unsigned   bool
	jittered   bool // or every time rounded to the interval, as Telegraf does by default

	load      float64
	usage     [cores]float64
	memUsed   float64
	diskUsed  float64
	uptime    int64
	interrupt int64
	network   [2]traffic
	readBytes int64
	wroteByte int64
	sensor    [sensors]sensor
}

// traffic is the counters of one network interface.
type traffic struct {
	name                   string
	recvBytes, sentBytes   int64
	recvPackets, sentCount int64
	drops                  int64
}

// sensor is a process value that drifts around a set point.
type sensor struct {
	name     string
	unit     string
	value    float64
	setPoint float64
	noise    float64
	decimals int
}

var sites = []string{"plant 7", "plant 7, annex", "pump=station-3", "windpark Süd"}

func newGateway(i int, unsigned bool, random *rand.Rand) *gateway {
	g := &gateway{
		name:     fmt.Sprintf("edge-gw-%02d", i+1),
		site:     sites[i%len(sites)],
		random:   random,
		unsigned: unsigned,
		jittered: i%2 == 1,
		load:     0.5 + random.Float64(),
		memUsed:  memTotal * (0.2 + 0.4*random.Float64()),
		diskUsed: diskTotal * (0.1 + 0.5*random.Float64()),
		uptime:   random.Int64N(90 * 86400),
	}
	for core := range g.usage {
		g.usage[core] = 30 * random.Float64()
	}
	g.network = [2]traffic{{name: "eth0"}, {name: "wwan0"}}
	g.sensor = [sensors]sensor{
		{"boiler temp", "°C", 82, 82, 0.15, 2},
		{"feed pressure", "bar", 6.2, 6.2, 0.02, 3},
		{"vibration_rms", "mm/s", 1.8, 1.8, 0.2, 4},
		{"flow", "m3/h", 41, 41, 0.6, 1},
		{"battery", "V", 25.6, 25.6, 0.01, 2},
		{"irradiance", "W/m2", 512, 512, 25, 0},
	}
	return g
}

// report returns the lines of one round. From a jittered gateway, each plugin comes a
// few milliseconds after the one before.
func (g *gateway) report(at time.Time, interval time.Duration) []byte {
	b := &lineBuffer{unsigned: g.unsigned}
	if g.jittered {
		at = at.Add(time.Duration(g.random.Int64N(int64(40 * time.Millisecond))))
	}
	next := func() time.Time {
		if g.jittered {
			at = at.Add(time.Duration(g.random.Int64N(int64(2 * time.Millisecond))))
		}
		return at
	}
	seconds := interval.Seconds()
	g.advance(seconds)

	g.cpu(b, next(), seconds)
	g.mem(b, next())
	g.disk(b, next())
	g.diskio(b, next())
	g.net(b, next())
	g.system(b, next())
	g.sensors(b, next())
	if g.random.Float64() < 0.1 {
		g.event(b, next())
	}
	return b.text
}

// advance moves every gauge and counter on by one round.
func (g *gateway) advance(seconds float64) {
	busy := 0.0
	for core := range g.usage {
		g.usage[core] = min(max(g.usage[core]+4*g.random.NormFloat64(), 0.5), 98)
		busy += g.usage[core]
	}
	g.load += (busy/100 - g.load) * 0.15
	g.memUsed = min(max(g.memUsed+2e6*g.random.NormFloat64(), 3e8), 0.95*memTotal)
	g.diskUsed = min(g.diskUsed+g.random.ExpFloat64()*3e5, 0.98*diskTotal)
	g.uptime += int64(seconds)
	g.interrupt += int64(seconds * (900 + 300*g.random.Float64()))
	g.readBytes += 4096 * int64(g.random.ExpFloat64()*40)
	g.wroteByte += 4096 * int64(g.random.ExpFloat64()*220)
	for i := range g.network {
		n := &g.network[i]
		in, out := int64(g.random.ExpFloat64()*250), int64(g.random.ExpFloat64()*180)
		n.recvPackets += in
		n.sentCount += out
		n.recvBytes += in * (80 + g.random.Int64N(900))
		n.sentBytes += out * (80 + g.random.Int64N(900))
		if g.random.Float64() < 0.002 {
			n.drops++
		}
	}
	for i := range g.sensor {
		s := &g.sensor[i]
		s.value += 0.05*(s.setPoint-s.value) + s.noise*g.random.NormFloat64()
	}
}

func (g *gateway) tags(b *lineBuffer) {
	b.tag("host", g.name)
	b.tag("site", g.site)
}

// cpu reports shares of whole clock ticks, so that a value has 17 digits but only
// a few hundred different ones exist.
func (g *gateway) cpu(b *lineBuffer, at time.Time, seconds float64) {
	elapsed := seconds*clockTicks + float64(g.random.IntN(5)-2)
	share := func(percent float64) float64 { return math.Round(percent/100*elapsed) / elapsed * 100 }
	for core, usage := range g.usage {
		b.table("cpu")
		b.tag("cpu", fmt.Sprintf("cpu%d", core))
		g.tags(b)
		user, system, wait := share(usage*0.6), share(usage*0.3), share(usage*0.1)
		b.float("usage_idle", 100-user-system-wait)
		b.float("usage_iowait", wait)
		b.float("usage_steal", 0)
		b.float("usage_system", system)
		b.float("usage_user", user)
		b.end(at)
	}
}

func (g *gateway) mem(b *lineBuffer, at time.Time) {
	used := int64(g.memUsed) &^ 4095
	b.table("mem")
	g.tags(b)
	b.integer("available", memTotal-used)
	b.float("available_percent", float64(memTotal-used)/memTotal*100)
	b.integer("buffered", 41_943_040+4096*g.random.Int64N(64))
	b.integer("cached", 734_003_200+4096*g.random.Int64N(4096))
	b.integer("total", memTotal)
	b.integer("used", used)
	b.float("used_percent", float64(used)/memTotal*100)
	b.end(at)
}

func (g *gateway) disk(b *lineBuffer, at time.Time) {
	used := int64(g.diskUsed) &^ 4095
	b.table("disk")
	b.tag("device", "mmcblk0p2")
	b.tag("fstype", "ext4")
	g.tags(b)
	b.tag("path", "/")
	b.integer("free", diskTotal-used)
	b.integer("total", diskTotal)
	b.integer("used", used)
	b.float("used_percent", float64(used)/diskTotal*100)
	b.end(at)
}

func (g *gateway) diskio(b *lineBuffer, at time.Time) {
	b.table("diskio")
	g.tags(b)
	b.tag("name", "mmcblk0")
	b.counter("read_bytes", g.readBytes)
	b.counter("reads", g.readBytes/16384)
	b.counter("write_bytes", g.wroteByte)
	b.counter("writes", g.wroteByte/12288)
	b.end(at)
}

func (g *gateway) net(b *lineBuffer, at time.Time) {
	for _, n := range g.network {
		b.table("net")
		g.tags(b)
		b.tag("interface", n.name)
		b.counter("bytes_recv", n.recvBytes)
		b.counter("bytes_sent", n.sentBytes)
		b.counter("drop_in", n.drops)
		b.counter("err_in", 0)
		b.counter("packets_recv", n.recvPackets)
		b.counter("packets_sent", n.sentCount)
		b.end(at)
	}
}

func (g *gateway) system(b *lineBuffer, at time.Time) {
	b.table("system")
	g.tags(b)
	b.fixed("load1", g.load, 2)
	b.fixed("load15", 0.6+g.load/20, 2)
	b.fixed("load5", 0.4+g.load/3, 2)
	b.counter("interrupts", g.interrupt)
	b.integer("n_cpus", cores)
	b.integer("uptime", g.uptime)
	b.str("uptime_format", fmt.Sprintf("%d days, %2d:%02d", g.uptime/86400, g.uptime/3600%24, g.uptime/60%60))
	b.end(at)
}

func (g *gateway) sensors(b *lineBuffer, at time.Time) {
	for _, s := range g.sensor {
		b.table("process values")
		g.tags(b)
		b.tag("sensor", s.name)
		b.tag("unit", s.unit)
		b.boolean("alarm", math.Abs(s.value-s.setPoint) > 6*s.noise)
		b.fixed("set point", s.setPoint, s.decimals)
		b.fixed("value", s.value, s.decimals)
		b.end(at)
	}
}

var messages = []string{
	`pump "P-12" started`,
	`modbus timeout on C:\bus\1, retrying`,
	"operator acknowledged alarm, code=17",
	"door opened,\tby maintenance",
	`Überdruck: 6,4 bar`,
}

func (g *gateway) event(b *lineBuffer, at time.Time) {
	b.table("events")
	g.tags(b)
	b.tag("severity", []string{"info", "warning", "error"}[g.random.IntN(3)])
	b.integer("code", g.random.Int64N(40))
	b.str("message", messages[g.random.IntN(len(messages))])
	b.str("request id", fmt.Sprintf("%016x", g.random.Uint64()))
	b.end(at)
}
