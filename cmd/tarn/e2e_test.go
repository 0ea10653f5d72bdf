package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// buildTarn builds the shipped binary once for all tests of the package.
var buildTarn = sync.OnceValues(func() (string, error) {
	if path := os.Getenv("TARN_TEST_BINARY"); path != "" {
		return path, nil // of the test that runs this one again
	}
	dir, err := os.MkdirTemp("", "tarn-e2e-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "tarn")
	cmd := exec.Command("go", "build", "-trimpath", "-o", path, ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return path, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if path, err := buildTarn(); err == nil && os.Getenv("TARN_TEST_BINARY") == "" {
		_ = os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(code)
}

// process is a running `tarn serve`.
type process struct {
	t    *testing.T
	cmd  *exec.Cmd
	url  string
	done chan error
}

var addressPattern = regexp.MustCompile(`msg=ready address=(\S+)`)

func startProcess(t *testing.T, dir string, args ...string) *process {
	t.Helper()
	path, err := buildTarn()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, append([]string{"serve", "--data-dir", dir, "--http-bind", "127.0.0.1:0"}, args...)...)
	log, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &process{t: t, cmd: cmd, done: make(chan error, 1)}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	address := make(chan string, 1)
	go func() {
		ready := false
		lines := bufio.NewScanner(log)
		var seen []string
		for lines.Scan() {
			seen = append(seen, lines.Text())
			if m := addressPattern.FindStringSubmatch(lines.Text()); m != nil {
				address <- m[1]
				ready = true
			}
		}
		err := cmd.Wait()
		if !ready {
			err = errors.Join(err, errors.New(strings.Join(seen, "\n")))
		}
		p.done <- err
	}()
	select {
	case a := <-address:
		p.url = "http://" + a
	case err := <-p.done:
		t.Fatalf("serve ended: %v", err)
	case <-time.After(3 * time.Minute):
		t.Fatal("serve did not become ready in three minutes")
	}
	return p
}

// kill ends the server as a power cut would end the process.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.done
}

// stop ends the server in good order.
func (p *process) stop() {
	p.t.Helper()
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
		p.t.Fatal(err)
	}
	if err := <-p.done; err != nil {
		p.t.Fatalf("serve ended badly: %v", err)
	}
}

// query returns the rows of a query.
func (p *process) query(db, q string) []map[string]any {
	p.t.Helper()
	resp, err := http.Get(p.url + "/api/v3/query_sql?" + url.Values{"db": {db}, "q": {q}, "format": {"json"}}.Encode())
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	var body bytes.Buffer
	if _, err := body.ReadFrom(resp.Body); err != nil {
		p.t.Fatal(err)
	}
	var rows []map[string]any
	if err := json.Unmarshal(body.Bytes(), &rows); err != nil || resp.StatusCode != http.StatusOK {
		p.t.Fatalf("%s: %d %s", q, resp.StatusCode, body.Bytes())
	}
	return rows
}

// TestKillLosesNothingAcknowledged writes from several clients, kills the
// server in the middle, restarts it on the same directory, and looks for every
// acknowledged row.
func TestKillLosesNothingAcknowledged(t *testing.T) {
	dir := t.TempDir()
	const writers, perRequest = 4, 200
	acknowledged := map[string]bool{}
	sent := map[string]bool{}
	next := 0
	rounds := 4
	if testing.Short() {
		rounds = 2
	}
	if text := os.Getenv("TARN_KILL_ROUNDS"); text != "" { // of make soak
		var err error
		if rounds, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	for round := range rounds {
		p := startProcess(t, dir, "--without-auth", "--wal-sync-rate", "100", "--memory-limit", "64MB", "--segment-size", "1MiB")
		if round > 0 {
			check(t, round, p.rowsOfWriters(), acknowledged, sent)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var mu sync.Mutex
		var wg sync.WaitGroup
		for w := range writers {
			from := next
			wg.Go(func() {
				for request := 0; ctx.Err() == nil; request++ {
					var body strings.Builder
					keys := make([]string, perRequest)
					for i := range keys {
						n := from + request*perRequest + i
						keys[i] = fmt.Sprintf("w%d/%d", w, n)
						// The text does not compress: checkpoints come often.
						fmt.Fprintf(&body, "m,w=w%d n=%di,v=%d.5,x=\"%016x%016x%016x\" %d\n", w, n, n, rand.Uint64(), rand.Uint64(), rand.Uint64(), 1_767_225_600_000_000_000+int64(n))
					}
					mu.Lock()
					for _, k := range keys {
						sent[k] = true
					}
					mu.Unlock()
					resp, err := http.Post(p.url+"/api/v3/write_lp?db=d&precision=nanosecond", "text/plain", strings.NewReader(body.String()))
					if err != nil {
						return
					}
					_ = resp.Body.Close()
					if resp.StatusCode == http.StatusNoContent {
						mu.Lock()
						for _, k := range keys {
							acknowledged[k] = true
						}
						mu.Unlock()
					}
				}
			})
		}
		for { // something is at stake
			mu.Lock()
			n := len(acknowledged)
			mu.Unlock()
			if n > 0 {
				break
			}
			time.Sleep(time.Millisecond)
		}
		time.Sleep(time.Duration(500+rand.IntN(1000)) * time.Millisecond)
		p.kill()
		cancel()
		wg.Wait()
		next += 1_000_000
	}
	if len(acknowledged) == 0 {
		t.Fatal("nothing was acknowledged")
	}
	if d, err := doctor(t, dir); err != nil || !d.Healthy {
		t.Fatalf("the doctor after kill -9: %+v, %v", d.Findings, err)
	}
	// A copy of what the last kill left loses its catalog: files and log have all.
	lost := t.TempDir()
	if err := os.CopyFS(lost, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	catalogs, err := filepath.Glob(filepath.Join(lost, "catalog.db*"))
	if err != nil || len(catalogs) == 0 {
		t.Fatal(catalogs, err)
	}
	for _, name := range catalogs {
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
	if d, err := doctor(t, lost, "--rebuild"); err != nil || !d.Healthy {
		t.Fatalf("rebuild after kill -9: %+v, %v", d.Findings, err)
	}
	r := startProcess(t, lost, "--without-auth")
	check(t, rounds, r.rowsOfWriters(), acknowledged, sent)
	r.stop()
	p := startProcess(t, dir, "--without-auth")
	total := p.query("d", "SELECT count(*) AS n FROM m")[0]["n"].(float64)
	if int(total) < len(acknowledged) || int(total) > len(sent) {
		t.Fatalf("%v rows, %d acknowledged, %d sent", total, len(acknowledged), len(sent))
	}
	p.stop()
	duck := duckdb(t, "SELECT count(*) AS n, count(DISTINCT (w, n)) AS d, min(v) AS lo FROM t", filepath.Join(dir, "segments", "**", "*.parquet"))
	if duck != nil {
		if got := duck[0]["n"].(float64); got != total || duck[0]["d"].(float64) != total || duck[0]["lo"].(float64) != 0.5 {
			t.Fatalf("DuckDB sees %v, SQL saw %v rows", duck[0], total)
		}
	}
}

// rowsOfWriters counts the rows of each writer and number.
func (p *process) rowsOfWriters() map[string]int {
	p.t.Helper()
	found := map[string]int{}
	for _, r := range p.query("d", "SELECT w, n FROM m") {
		found[fmt.Sprintf("%s/%.0f", r["w"], r["n"])]++
	}
	return found
}

func check(t *testing.T, round int, found map[string]int, acknowledged, sent map[string]bool) {
	t.Helper()
	for k := range acknowledged {
		if found[k] != 1 {
			t.Fatalf("round %d: acknowledged row %s is there %d times", round, k, found[k])
		}
	}
	for k, n := range found {
		if !sent[k] || n != 1 {
			t.Fatalf("round %d: row %s is there %d times, sent: %t", round, k, n, sent[k])
		}
	}
}

// duckdb runs SQL over Parquet files with DuckDB, or returns nil where it is not
// installed.
func duckdb(t *testing.T, sql, glob string) []map[string]any {
	t.Helper()
	out, err := exec.Command("node", "../../testdata/duckdb/check.mjs", sql, glob).Output()
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit) && exit.ExitCode() == 3, errors.Is(err, exec.ErrNotFound):
		t.Log("left out: DuckDB's reading of the files (no node, or run .ci/tools/duckdb.sh)")
		return nil
	case errors.As(err, &exit):
		t.Fatalf("%s: %s", sql, exit.Stderr)
	case err != nil:
		t.Fatal(err)
	}
	var rows []map[string]any
	for line := range strings.Lines(string(out)) {
		var row map[string]any
		if err := json.Unmarshal([]byte(line), &row); err != nil {
			t.Fatal(err)
		}
		rows = append(rows, row)
	}
	return rows
}

// TestCapture loads the Telegraf capture by the command line, kills the server,
// and compares what SQL says with what testdata/README.md says, then what DuckDB
// says.
func TestCapture(t *testing.T) {
	dir := t.TempDir()
	p := startProcess(t, dir, "--without-auth")
	for range 2 { // the second time changes nothing
		if out, err := run(p, "write", "-d", "telegraf", "--file", "../../testdata/telegraf.lp"); err != nil || out != "success\n" {
			t.Fatalf("%q, %v", out, err)
		}
	}
	p.kill() // what follows comes out of the log
	p = startProcess(t, dir, "--without-auth")
	want := map[string]int{"cpu": 897, "disk": 60, "diskio": 300, "internal_agent": 30, "internal_gather": 300, "internal_memstats": 30,
		"internal_serializer": 30, "internal_write": 330, "kernel": 300, "mem": 300, "net": 600, "processes": 300, "swap": 600, "system": 300}
	for table, n := range want {
		if got := p.query("telegraf", fmt.Sprintf("SELECT count(*) AS n FROM %q", table))[0]["n"]; got != float64(n) {
			t.Errorf("%s has %v rows, want %d", table, got, n)
		}
	}
	stats := p.query("telegraf", "SELECT count(*) AS n, sum(usage_user) AS s, max(usage_idle) AS m FROM cpu WHERE cpu <> 'cpu0'")[0]
	p.stop()
	duck := duckdb(t, "SELECT count(*) AS n, sum(usage_user) AS s, max(usage_idle) AS m FROM t WHERE usage_user IS NOT NULL AND cpu <> 'cpu0'",
		filepath.Join(dir, "segments", "**", "*.parquet"))
	if duck == nil {
		return
	}
	for _, k := range []string{"n", "s", "m"} {
		a, b := stats[k].(float64), duck[0][k].(float64)
		if d := a - b; d > 1e-6 || d < -1e-6 {
			t.Errorf("%s: SQL says %v, DuckDB %v", k, a, b)
		}
	}
}
