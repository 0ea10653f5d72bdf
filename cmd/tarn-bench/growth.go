//go:build linux

package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"text/tabwriter"
	"time"
)

// growthConfig is one look at how cost grows.
type growthConfig struct {
	tarn, scratch string
	values        int
	runs          int
	only          string
}

// shape is a set of rows of one table: each host has a row a step, steps divide
// the days, and each row has so many fields.
type shape struct{ hosts, columns, days, rows int }

// axis is a series of shapes that differ in one thing.
type axis struct {
	name   string
	points []int
	shape  func(config growthConfig, x int) shape
}

// growthAxes hold the number of values constant: what a value costs should not
// depend on how they are cut.
var growthAxes = []axis{
	{"hosts", []int{10, 100, 1_000, 10_000}, func(c growthConfig, x int) shape {
		return shape{hosts: x, columns: 10, days: 1, rows: c.values / 10}
	}},
	{"columns", []int{1, 10, 100}, func(c growthConfig, x int) shape {
		return shape{hosts: 100, columns: x, days: 1, rows: c.values / x}
	}},
	{"files", []int{1, 10, 100, 1_000}, func(c growthConfig, x int) shape {
		return shape{hosts: 20, columns: 10, days: x, rows: c.values / 10}
	}},
}

func runGrowth(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("growth", flag.ContinueOnError)
	var config growthConfig
	flags.StringVar(&config.tarn, "tarn", "", "Tarn's `binary`")
	flags.StringVar(&config.scratch, "scratch", "", "parent of the data `directories`")
	flags.IntVar(&config.values, "values", 5_000_000, "field values of each set")
	flags.IntVar(&config.runs, "runs", 15, "warm runs of each query")
	flags.StringVar(&config.only, "only", "", "one `axis`: hosts, columns or files")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if config.tarn == "" || config.values < 1_000_000 {
		return errors.New("growth: -tarn is required, and at least a million -values")
	}
	for _, a := range growthAxes {
		if config.only != "" && config.only != a.name {
			continue
		}
		var costs []growthCost
		for _, x := range a.points {
			c, err := growthPoint(ctx, config, a.shape(config, x))
			if err != nil {
				return fmt.Errorf("%d %s: %w", x, a.name, err)
			}
			costs = append(costs, c)
		}
		if err := reportGrowth(os.Stdout, a, costs); err != nil {
			return err
		}
		fmt.Println()
	}
	return nil
}

// newest is where all sets end.
var newest = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// write makes the set as line protocol: numbers that wander, with one decimal.
func (s shape) write(w io.Writer) error {
	out := bufio.NewWriterSize(w, 1<<20)
	rng := rand.New(rand.NewPCG(1, 2))
	level := make([]int, s.hosts*s.columns)
	for i := range level {
		level[i] = rng.IntN(1000)
	}
	steps := s.rows / s.hosts
	step := time.Duration(s.days) * 24 * time.Hour / time.Duration(steps)
	var line []byte
	for i := range steps {
		at := newest.Add(-step * time.Duration(steps-i)).UnixNano()
		for h := range s.hosts {
			line = fmt.Appendf(line[:0], "m,host=host_%d,region=region_%d,rack=%d ", h, h%9, h%100)
			for c := range s.columns {
				v := &level[h*s.columns+c]
				*v = min(1000, max(0, *v+rng.IntN(21)-10))
				if c > 0 {
					line = append(line, ',')
				}
				line = append(strconv.AppendInt(append(line, 'f'), int64(c), 10), '=')
				line = strconv.AppendFloat(line, float64(*v)/10, 'f', -1, 64)
			}
			line = strconv.AppendInt(append(line, ' '), at, 10)
			if _, err := out.Write(append(line, '\n')); err != nil {
				return err
			}
		}
	}
	return out.Flush()
}

// growthQueries are asked of a server that has just been started on the files.
var growthQueries = []struct{ name, text string }{
	{"host, hour", "SELECT date_bin(INTERVAL '1 minute', time) AS t, max(f0) FROM m WHERE host = 'host_3' AND time >= '2025-12-31T23:00:00Z' GROUP BY 1 ORDER BY 1"},
	{"hour by host", "SELECT host, avg(f0) FROM m WHERE time >= '2025-12-31T23:00:00Z' GROUP BY host"},
	{"host, all time", "SELECT max(f0) FROM m WHERE host = 'host_3'"},
	{"last rows", "SELECT DISTINCT ON (host) host, time, f0 FROM m ORDER BY host, time DESC"},
	{"scan", "SELECT avg(f0) FROM m"},
	{"count", "SELECT count(*) AS n FROM m"},
}

// growthCost is what one set costs.
type growthCost struct {
	rowsPerSecond, valuesPerSecond float64
	cpu                            float64 // seconds per million values, to the end of the server
	peak                           float64 // MiB while loading
	bytes                          float64 // per value
	files                          int
	start                          time.Duration // on the files
	queries                        []time.Duration
	queryPeak                      float64 // MiB, after the queries
}

// growthPoint loads a set, stops the server, starts it again and asks.
func growthPoint(ctx context.Context, config growthConfig, s shape) (c growthCost, err error) {
	dir, err := os.MkdirTemp(config.scratch, "tarn-bench-growth-")
	if err != nil {
		return c, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	name := filepath.Join(dir, "set.lp")
	if err := create(name, s.write); err != nil {
		return c, err
	}
	set, err := openDataset(name, max(50, 50_000/s.columns))
	if err != nil {
		return c, err
	}
	kind := serverKinds[0]
	server, err := startServer(ctx, kind, config.tarn, dir, nil)
	if err != nil {
		return c, err
	}
	result, err := load(ctx, loadConfig{url: server.base + kind.write, workers: 1, pid: server.process.Process.Pid}, set)
	if err = errors.Join(err, server.stop()); err != nil {
		return c, err
	}
	spent, _ := server.spent()
	c.rowsPerSecond, c.valuesPerSecond = result.RowsPerSecond, result.ValuesPerSecond
	c.cpu = result.perMillionValues(spent.Seconds())
	c.peak = result.PeakRSSMiB
	if err := os.Remove(name); err != nil {
		return c, err
	}
	files, err := segments(dir)
	if err != nil {
		return c, err
	}
	size, err := allocatedBytes(filepath.Join(dir, "data", kind.settledDir))
	if err != nil {
		return c, err
	}
	c.files, c.bytes = len(files), float64(size)/float64(set.values)

	if server, err = startServer(ctx, kind, config.tarn, dir, nil); err != nil {
		return c, err
	}
	defer func() { err = errors.Join(err, server.stop()) }()
	c.start = server.started
	if n, err := kind.count(ctx, server.base, "m", set); err != nil || n != set.lines {
		return c, fmt.Errorf("%d of %d rows are there: %w", n, set.lines, err)
	}
	for _, q := range growthQueries {
		address := server.base + "/api/v3/query_sql?" + url.Values{"db": {database}, "format": {"json"}, "q": {q.text}}.Encode()
		var took []time.Duration
		for i := range warmUps + config.runs {
			begin := time.Now()
			if err := getOK(ctx, address); err != nil {
				return c, fmt.Errorf("%s: %w", q.name, err)
			}
			if i >= warmUps {
				took = append(took, time.Since(begin))
			}
		}
		c.queries = append(c.queries, answer{took: took}.median())
	}
	after, err := readProc(server.process.Process.Pid)
	c.queryPeak = float64(after.peakRSS) / mib
	return c, err
}

// create writes a file.
func create(name string, write func(io.Writer) error) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	return errors.Join(write(f), f.Close())
}

// reportGrowth prints a row for each cost, a column for each point of the axis,
// and at last the slope: cost grows as the axis to that power.
func reportGrowth(w io.Writer, a axis, costs []growthCost) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(table, "%s\t", a.name)
	for _, x := range a.points {
		fmt.Fprintf(table, "%d\t", x)
	}
	fmt.Fprintln(table, "slope\t")
	row := func(name, format string, of func(growthCost) float64) {
		fmt.Fprintf(table, "%s\t", name)
		var ys []float64
		for _, c := range costs {
			ys = append(ys, of(c))
			fmt.Fprintf(table, format+"\t", of(c))
		}
		fmt.Fprintf(table, "%+.2f\t\n", slope(a.points, ys))
	}
	row("load, krows/s", "%.0f", func(c growthCost) float64 { return c.rowsPerSecond / 1e3 })
	row("load, Mvalues/s", "%.2f", func(c growthCost) float64 { return c.valuesPerSecond / 1e6 })
	row("CPU s/Mvalue", "%.3f", func(c growthCost) float64 { return c.cpu })
	row("peak RSS MiB, load", "%.0f", func(c growthCost) float64 { return c.peak })
	row("peak RSS MiB, queries", "%.0f", func(c growthCost) float64 { return c.queryPeak })
	row("bytes/value", "%.2f", func(c growthCost) float64 { return c.bytes })
	row("files", "%.0f", func(c growthCost) float64 { return float64(c.files) })
	row("start ms", "%.1f", func(c growthCost) float64 { return milliseconds(c.start) })
	for i, q := range growthQueries {
		row(q.name+", ms", "%.2f", func(c growthCost) float64 { return milliseconds(c.queries[i]) })
	}
	return table.Flush()
}

// slope is the exponent of the power law that fits best: the regression of log y
// on log x.
func slope(xs []int, ys []float64) float64 {
	var lx, ly []float64
	for i, x := range xs {
		if ys[i] > 0 {
			lx, ly = append(lx, math.Log(float64(x))), append(ly, math.Log(ys[i]))
		}
	}
	mx, my := mean(lx), mean(ly)
	var xy, xx float64
	for i := range lx {
		xy += (lx[i] - mx) * (ly[i] - my)
		xx += (lx[i] - mx) * (lx[i] - mx)
	}
	return xy / xx
}

func mean(v []float64) float64 {
	sum := 0.0
	for _, x := range v {
		sum += x
	}
	return sum / float64(len(v))
}
