//go:build linux

package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// proofsConfig is a run of proofs: what small machines must bear, on the real
// binary, with figures.
type proofsConfig struct {
	tarn, file, scratch string
	only                string
	days                int
}

// proof is one of them.
type proof struct {
	name  string
	about string
	limit int64 // --memory-limit and the control group's
	run   func(ctx context.Context, p *proofRun) error
}

func runProofs(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("proofs", flag.ContinueOnError)
	var config proofsConfig
	flags.StringVar(&config.tarn, "tarn", "", "Tarn's `binary`")
	flags.StringVar(&config.file, "file", "", "TSBS cpu-only line-protocol `file`, for the proof of memory")
	flags.StringVar(&config.scratch, "scratch", "", "parent of the data `directory`")
	flags.StringVar(&config.only, "only", "", "comma-separated `names`; default all")
	flags.IntVar(&config.days, "days", 365, "days of data in the proof of a year")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if config.tarn == "" {
		return errors.New("proofs: -tarn is required")
	}
	proofs := []proof{
		{"memory", "TSBS cpu-only and large queries at once", 64e6, func(ctx context.Context, p *proofRun) error { return proveMemory(ctx, p, config.file) }},
		{"series-100k", "100,000 series in one table", 256e6, func(ctx context.Context, p *proofRun) error { return proveSeries(ctx, p, 100_000, 20) }},
		{"series-1m", "1,000,000 series in one table", 1000e6, func(ctx context.Context, p *proofRun) error { return proveSeries(ctx, p, 1_000_000, 3) }},
		{"year", fmt.Sprintf("%d days of 10-second data from 50 sensors", config.days), 128e6, func(ctx context.Context, p *proofRun) error { return proveYear(ctx, p, config.days) }},
	}
	for _, p := range proofs {
		if config.only != "" && !slices.Contains(strings.Split(config.only, ","), p.name) {
			continue
		}
		if p.name == "memory" && config.file == "" {
			fmt.Println("left out: memory (no -file)")
			continue
		}
		if err := prove(ctx, config, p); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
	}
	return nil
}

// proofRun is a server under a proof.
type proofRun struct {
	config proofsConfig
	proof  proof
	group  *memoryGroup
	dir    string
	server *server
	peak   int64 // of the servers that ended
}

func prove(ctx context.Context, config proofsConfig, p proof) (err error) {
	r := &proofRun{config: config, proof: p, group: newMemoryGroup(p.limit)}
	defer r.group.close()
	if r.dir, err = os.MkdirTemp(config.scratch, "tarn-bench-proof-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(r.dir)) }()
	fmt.Printf("\n%s: %s, --memory-limit %dMB, %s\n", p.name, p.about, p.limit/1e6, r.group)
	if err := r.start(ctx); err != nil {
		return err
	}
	err = p.run(ctx, r)
	err = errors.Join(err, r.stop())
	used, kills := r.group.used()
	fmt.Printf("  peak RSS %d MiB; peak of the group, page cache included, %d MiB; killed by the kernel %d times\n", r.peak>>20, used>>20, kills)
	if err == nil && kills > 0 {
		err = errors.New("the kernel killed the server for its memory")
	}
	return err
}

func (r *proofRun) start(ctx context.Context) error {
	kind := serverKinds[0]
	plain := kind.command
	kind.command = func(dir, address string) (args, env []string) {
		args, env = plain(dir, address)
		args = append(args, "--memory-limit", fmt.Sprintf("%dMB", r.proof.limit/1e6))
		_, args = r.group.wrap(r.config.tarn, args)
		return args, env
	}
	program, _ := r.group.wrap(r.config.tarn, nil)
	var err error
	r.server, err = startServer(ctx, kind, program, r.dir, nil)
	return err
}

func (r *proofRun) sample() procSample {
	s, err := readProc(r.server.process.Process.Pid)
	if err == nil {
		r.peak = max(r.peak, s.peakRSS)
	}
	return s
}

func (r *proofRun) stop() error {
	r.sample()
	return r.server.stop()
}

// step runs and reports one step.
func (r *proofRun) step(name string, do func() (string, error)) error {
	began := time.Now()
	said, err := do()
	took := time.Since(began)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	s := r.sample()
	fmt.Printf("  %-44s %10s  RSS %4d MiB, peak %4d MiB  %s\n", name, took.Round(100*time.Microsecond), s.rss>>20, r.peak>>20, said)
	return nil
}

// query streams an answer, and says how many lines and bytes it has.
func (r *proofRun) query(ctx context.Context, path string, query url.Values) (lines, size int64, first string, err error) {
	query.Set("db", database)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, r.server.base+path+"?"+query.Encode(), nil)
	if err != nil {
		return 0, 0, "", err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, 0, "", err
	}
	defer response.Body.Close()
	in := bufio.NewReaderSize(response.Body, 64<<10)
	head, _ := in.Peek(200) // what is wrong shows below
	first = strings.ReplaceAll(strings.TrimSpace(string(head)), "\n", " | ")
	if response.StatusCode/100 != 2 {
		return 0, 0, "", fmt.Errorf("%s: %s", response.Status, first)
	}
	buf := make([]byte, 64<<10)
	for {
		n, err := in.Read(buf)
		lines, size = lines+int64(bytes.Count(buf[:n], []byte{'\n'})), size+int64(n)
		if errors.Is(err, io.EOF) {
			return lines, size, first, nil
		}
		if err != nil {
			return lines, size, first, err
		}
	}
}

func (r *proofRun) sql(ctx context.Context, name, text string) error {
	return r.step(name, func() (string, error) {
		lines, size, first, err := r.query(ctx, "/api/v3/query_sql", url.Values{"q": {text}, "format": {"csv"}})
		if err != nil {
			return "", err
		}
		if lines <= 2 {
			return first, nil
		}
		return fmt.Sprintf("%d rows, %.1f MB", lines-1, float64(size)/1e6), nil
	})
}

func (r *proofRun) influxql(ctx context.Context, name, text string) error {
	return r.step(name, func() (string, error) {
		_, size, first, err := r.query(ctx, "/query", url.Values{"q": {text}})
		if err == nil && strings.Contains(first[:min(len(first), 100)], `"error"`) {
			err = errors.New(first)
		}
		return fmt.Sprintf("%.1f MB", float64(size)/1e6), err
	})
}

// restart ends the server, by SIGKILL or in good order, and starts another one.
func (r *proofRun) restart(ctx context.Context, kill bool) error {
	name := "clean restart, to the first answer"
	if kill {
		name = "start after kill -9, to the first answer"
	}
	return r.step(name, func() (string, error) {
		r.sample()
		began := time.Now()
		if kill {
			if err := r.server.process.Process.Signal(syscall.SIGKILL); err != nil {
				return "", err
			}
			<-r.server.exited
		} else if err := r.stop(); err != nil {
			return "", err
		}
		stopped := time.Since(began)
		if err := r.start(ctx); err != nil {
			return "", err
		}
		return fmt.Sprintf("stop %s, start %s", stopped.Round(time.Millisecond), r.server.started.Round(time.Millisecond)), nil
	})
}

// generate sends lines that are made up on the way: rows of them, by two
// senders.
func (r *proofRun) generate(ctx context.Context, name string, rows int, line func(b []byte, i int) []byte) error {
	return r.step(name, func() (string, error) {
		const perRequest, senders = 5000, 2
		ctx, cancel := context.WithCancelCause(ctx)
		defer cancel(nil)
		config := loadConfig{url: r.server.base + serverKinds[0].write}
		client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: senders}}
		defer client.CloseIdleConnections()
		next := make(chan int)
		retries := make([]int, senders)
		var wg sync.WaitGroup
		for w := range senders {
			wg.Go(func() {
				var body []byte
				for from := range next {
					body = body[:0]
					for i := from; i < min(from+perRequest, rows); i++ {
						body = line(body, i)
					}
					n, err := send(ctx, client, config, body)
					retries[w] += n
					if err != nil {
						cancel(fmt.Errorf("rows from %d: %w", from, err))
					}
				}
			})
		}
		began := time.Now()
		for from := 0; from < rows && ctx.Err() == nil; from += perRequest {
			next <- from
		}
		close(next)
		wg.Wait()
		if ctx.Err() != nil {
			return "", context.Cause(ctx)
		}
		return fmt.Sprintf("%.0f krows/s, %d asked to wait", float64(rows)/time.Since(began).Seconds()/1e3, retries[0]+retries[1]), nil
	})
}

// settle waits until nothing is merged any more.
func (r *proofRun) settle(ctx context.Context, limit time.Duration) error {
	return r.step("until idle", func() (string, error) { return "", waitIdle(ctx, r.server.process.Process.Pid, limit) })
}

// files says how many files there are, and what they cost.
func (r *proofRun) files(ctx context.Context) error {
	return r.step("files", func() (string, error) {
		text, err := get(ctx, r.server.base+"/metrics")
		if err != nil {
			return "", err
		}
		metric := map[string]float64{}
		for line := range strings.Lines(string(text)) {
			if name, value, ok := strings.Cut(strings.TrimSpace(line), " "); ok {
				metric[name], _ = strconv.ParseFloat(value, 64) // comments are no metric that anybody asks for
			}
		}
		// What the kernel counts for the process is of no use here: since it has
		// large folios, it takes 128 KiB for a page that is written into a file.
		return fmt.Sprintf("%.0f files, %.1f MB, %.0f rows; since the start the log wrote %.1f MB, checkpoints %.1f MB, compactions %.1f MB: %.2f bytes for one that stayed",
			metric["tarn_segments"], metric["tarn_segment_bytes"]/1e6, metric["tarn_segment_rows"], metric["tarn_wal_written_bytes_total"]/1e6,
			(metric["tarn_segment_written_bytes_total"]-metric["tarn_compaction_written_bytes_total"])/1e6, metric["tarn_compaction_written_bytes_total"]/1e6,
			metric["tarn_write_amplification_ratio"]), nil
	})
}

// proveMemory loads the TSBS set, and once more while queries run that read all
// of it, sort all of it, or answer with all of it.
func proveMemory(ctx context.Context, r *proofRun, file string) error {
	set, err := openDataset(file, 5000)
	if err != nil {
		return err
	}
	config := loadConfig{url: r.server.base + serverKinds[0].write, workers: 2}
	if err := r.step("load "+filepath.Base(file), func() (string, error) {
		began := time.Now()
		_, retries, err := sendAll(ctx, config, set)
		return fmt.Sprintf("%.0f krows/s, %d asked to wait", float64(set.lines)/time.Since(began).Seconds()/1e3, retries), err
	}); err != nil {
		return err
	}
	ask := func() error {
		return firstError(
			func() error {
				return r.sql(ctx, "full scan: count and ten averages", "SELECT count(*), "+strings.Join(of("avg", 10), ", ")+" FROM cpu")
			},
			func() error {
				return r.sql(ctx, "full scan: five averages by ten tags", "SELECT hostname, region, datacenter, rack, os, arch, team, service, service_version, service_environment, "+strings.Join(of("avg", 5), ", ")+" FROM cpu GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10")
			},
			func() error {
				return r.sql(ctx, "ORDER BY of all rows and columns", "SELECT * FROM cpu ORDER BY usage_user, usage_system DESC, time")
			},
			func() error {
				return r.sql(ctx, "count(DISTINCT), one group a row", "SELECT count(*) FROM (SELECT hostname, time, max(usage_user) FROM cpu GROUP BY hostname, time)")
			},
			func() error {
				return r.sql(ctx, "a join of all rows with themselves", "SELECT count(*), sum(a.usage_user + b.usage_idle) FROM cpu a JOIN cpu b ON a.hostname = b.hostname AND a.time = b.time")
			},
			func() error {
				return r.influxql(ctx, "InfluxQL: all rows, GROUP BY *", "SELECT * FROM cpu GROUP BY *")
			},
			func() error {
				return r.influxql(ctx, "InfluxQL: a mean a minute and host", "SELECT mean(usage_user) FROM cpu WHERE time >= '2026-01-01T00:00:00Z' AND time < '2026-01-02T00:00:00Z' GROUP BY time(1m), hostname")
			},
		)
	}
	if err := ask(); err != nil {
		return err
	}
	large, err := openDataset(file, 15_000)
	if err != nil {
		return err
	}
	if err := r.step("the set again, by 50 writers of 5 MB each", func() (string, error) {
		_, retries, err := sendAll(ctx, loadConfig{url: config.url, workers: 50}, large)
		return fmt.Sprintf("%d asked to wait", retries), err
	}); err != nil {
		return err
	}
	fmt.Println("  the same while it is written once more, over and over:")
	again, stop := context.WithCancel(ctx)
	done := make(chan error, 1)
	passes := 0
	go func() {
		for {
			if _, _, err := sendAll(again, config, set); err != nil {
				if again.Err() != nil {
					err = nil
				}
				done <- err
				return
			}
			passes++
		}
	}()
	err = ask()
	stop()
	if err := errors.Join(err, <-done); err != nil {
		return err
	}
	fmt.Printf("  meanwhile the set was written %d times and a part of it\n", passes)
	return firstError(
		func() error { return r.files(ctx) },
		func() error { return r.restart(ctx, true) },
		func() error { return r.sql(ctx, "count", "SELECT count(*) FROM cpu") },
		func() error { return r.settle(ctx, time.Minute) },
		func() error { return r.files(ctx) },
	)
}

// proveSeries writes a few rows to each of many series, in the order of time, as
// devices do.
func proveSeries(ctx context.Context, r *proofRun, series, rows int) error {
	const begin = 1_767_225_600
	return firstError(
		func() error {
			return r.generate(ctx, fmt.Sprintf("write %d rows to each", rows), series*rows, func(b []byte, i int) []byte {
				s, n := i%series, i/series
				b = append(b, "m,device=device-"...)
				b = strconv.AppendInt(b, int64(s), 10)
				b = append(b, ",site=site-"...)
				b = strconv.AppendInt(b, int64(s%1000), 10)
				b = append(b, " value="...)
				b = strconv.AppendFloat(b, float64((s*7919+n*31)%10000)/100, 'f', 2, 64)
				b = append(b, ",count="...)
				b = strconv.AppendInt(b, int64(n), 10)
				b = append(b, "i "...)
				b = strconv.AppendInt(b, begin+int64(n)*60, 10)
				return append(b, "000000000\n"...)
			})
		},
		func() error { return r.sql(ctx, "count(*)", "SELECT count(*) FROM m") },
		func() error { return r.sql(ctx, "count(DISTINCT device)", "SELECT count(DISTINCT device) FROM m") },
		func() error {
			return r.sql(ctx, "one device", "SELECT * FROM m WHERE device = 'device-77777' ORDER BY time")
		},
		func() error { return r.sql(ctx, "avg by site", "SELECT site, avg(value) FROM m GROUP BY site") },
		func() error {
			return r.sql(ctx, "avg by device", "SELECT device, avg(value), max(count) FROM m GROUP BY device")
		},
		func() error {
			return r.sql(ctx, "ten highest of all devices", "SELECT device, max(value) AS v FROM m GROUP BY device ORDER BY v DESC, device LIMIT 10")
		},
		func() error {
			return r.influxql(ctx, "InfluxQL: last by device", "SELECT last(value) FROM m GROUP BY device")
		},
		func() error { return r.files(ctx) },
		func() error { return r.restart(ctx, true) },
		func() error { return r.sql(ctx, "count(*)", "SELECT count(*) FROM m") },
		func() error { return r.restart(ctx, false) },
		func() error { return r.sql(ctx, "count(*)", "SELECT count(*) FROM m") },
		func() error {
			return r.sql(ctx, "one device", "SELECT * FROM m WHERE device = 'device-77777' ORDER BY time")
		},
		func() error { return r.sql(ctx, "avg by site", "SELECT site, avg(value) FROM m GROUP BY site") },
		func() error {
			return r.sql(ctx, "avg by device", "SELECT device, avg(value), max(count) FROM m GROUP BY device")
		},
		func() error { return r.settle(ctx, time.Minute) },
		func() error { return r.files(ctx) },
	)
}

// proveYear writes days of 10-second data from 50 sensors in the order of time,
// and asks over all of it.
func proveYear(ctx context.Context, r *proofRun, days int) error {
	const sensors, perDay = 50, 8640
	begin := time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
	ask := func(again string) error {
		return firstError(
			func() error { return r.sql(ctx, "count(*)"+again, "SELECT count(*) FROM room") },
			func() error {
				return r.sql(ctx, "one sensor, an average a day"+again, "SELECT date_bin(INTERVAL '1 day', time) AS day, avg(temp), max(temp) FROM room WHERE sensor = 's07' GROUP BY 1 ORDER BY 1")
			},
			func() error {
				return r.sql(ctx, "one sensor, an average an hour"+again, "SELECT date_bin(INTERVAL '1 hour', time) AS hour, avg(temp) FROM room WHERE sensor = 's07' GROUP BY 1 ORDER BY 1")
			},
			func() error {
				return r.influxql(ctx, "InfluxQL: the same by day"+again, fmt.Sprintf("SELECT mean(temp) FROM room WHERE sensor = 's07' AND time >= %ds AND time < %ds GROUP BY time(1d)", begin, begin+int64(days)*86400))
			},
			func() error {
				return r.sql(ctx, "all sensors: average, minimum, maximum"+again, "SELECT sensor, avg(temp), min(temp), max(temp), avg(humidity) FROM room GROUP BY sensor ORDER BY sensor")
			},
			func() error {
				return r.sql(ctx, "all sensors, an average a day"+again, "SELECT sensor, date_bin(INTERVAL '1 day', time) AS day, avg(temp) FROM room GROUP BY 1, 2")
			},
			func() error {
				return r.sql(ctx, "an hour in the middle"+again, fmt.Sprintf("SELECT count(*), avg(temp) FROM room WHERE time >= to_timestamp_seconds(%d) AND time < to_timestamp_seconds(%d)", begin+int64(days/2)*86400, begin+int64(days/2)*86400+3600))
			},
			func() error {
				return r.sql(ctx, "newest row of each sensor"+again, "SELECT DISTINCT ON (sensor) sensor, time, temp FROM room ORDER BY sensor, time DESC")
			},
			func() error {
				return r.sql(ctx, "newest ten rows"+again, "SELECT * FROM room ORDER BY time DESC LIMIT 10")
			},
			func() error { return r.sql(ctx, "rows above a limit"+again, "SELECT * FROM room WHERE temp > 31.45") },
		)
	}
	return firstError(
		func() error {
			return r.generate(ctx, fmt.Sprintf("write %d days", days), days*perDay*sensors, func(b []byte, i int) []byte {
				s, n := i%sensors, i/sensors
				b = append(b, "room,sensor=s"...)
				b = append(b, byte('0'+s/10), byte('0'+s%10))
				b = append(b, " temp="...)
				// A wave of a day and one of a year, and noise of the last digits.
				temp := 2000 + wave(n, perDay, 600) + wave(n, perDay*365, 500) + noise(i)%50 + s*2
				b = appendHundredths(b, temp)
				b = append(b, ",humidity="...)
				b = appendHundredths(b, 5000+wave(n+s*100, perDay, 1500)+noise(i+1)%100)
				b = append(b, ' ')
				b = strconv.AppendInt(b, begin+int64(n)*10, 10)
				return append(b, "000000000\n"...)
			})
		},
		func() error { return r.settle(ctx, 3*time.Minute) },
		func() error { return r.files(ctx) },
		func() error { return r.restart(ctx, false) },
		func() error { return ask(", cold") },
		func() error { return ask("") },
		func() error { return r.files(ctx) },
	)
}

// wave is a triangle of a period and a height.
func wave(n, period, height int) int {
	at := n % period
	return height * min(at, period-at) * 2 / period
}

// noise is a number that looks random.
func noise(i int) int {
	x := uint32(i)*2654435761 + 12345
	x ^= x >> 15
	x *= 2246822519
	return int((x ^ x>>13) & 0xffff)
}

func appendHundredths(b []byte, n int) []byte {
	b = strconv.AppendInt(b, int64(n/100), 10)
	return append(b, '.', byte('0'+n/10%10), byte('0'+n%10))
}

func firstError(steps ...func() error) error {
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}
