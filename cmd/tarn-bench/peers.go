//go:build linux

package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// peersConfig is one comparison: every available server, every file, in rounds.
type peersConfig struct {
	tools   string // directory whose bin holds the peers
	tarn    string // path of the binary under test; empty means "tarn" as for the peers
	only    []string
	scratch string
	batch   int
	workers int
	rounds  int
	maxIdle time.Duration
	settle  time.Duration
}

func runPeers(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("peers", flag.ContinueOnError)
	var config peersConfig
	flags.StringVar(&config.tools, "tools", defaultTools(), "`directory` whose bin holds the peers")
	flags.StringVar(&config.tarn, "tarn", "", "Tarn's `binary`")
	only := flags.String("only", "", "comma-separated `servers` to run (default: all available)")
	flags.StringVar(&config.scratch, "scratch", "", "parent of the data `directories` (default: the system's temporary one; choose a real disk)")
	flags.IntVar(&config.batch, "batch", 5000, "`lines` per request")
	flags.IntVar(&config.workers, "workers", 1, "concurrent senders")
	flags.IntVar(&config.rounds, "rounds", 1, "times to run it all; servers take turns, medians are printed")
	flags.DurationVar(&config.maxIdle, "max-idle", 30*time.Second, "longest wait for a server to become idle")
	flags.DurationVar(&config.settle, "settle", 0, "restart each server for this long, so that it merges its files, and measure the disk again")
	jsonFile := flags.String("json", "", "append every run as a line of JSON to this `file`")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *only != "" {
		config.only = strings.Split(*only, ",")
	}
	if flags.NArg() == 0 {
		return errors.New("peers: no line-protocol file given")
	}
	var sets []*dataset
	for _, file := range flags.Args() {
		set, err := openDataset(file, config.batch)
		if err != nil {
			return err
		}
		sets = append(sets, set)
	}
	results, err := comparePeers(ctx, config, sets, os.Stderr)
	if err != nil {
		return err
	}
	if *jsonFile != "" {
		if err := appendJSON(*jsonFile, results); err != nil {
			return err
		}
	}
	return reportPeers(os.Stdout, results)
}

// defaultTools is where the scripts in .ci/tools install to.
func defaultTools() string {
	if dir := os.Getenv("TARN_TOOLS"); dir != "" {
		return dir
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return ""
	}
	return filepath.Join(home, ".cache", "tarn-tools")
}

// comparePeers runs every available server on every set. The servers take turns
// within a round, so that whatever else the machine does hits all of them alike.
// A server that fails is reported in its result and does not stop the others.
func comparePeers(ctx context.Context, config peersConfig, sets []*dataset, progress io.Writer) ([]loadResult, error) {
	type runnable struct {
		kind    serverKind
		program string
	}
	var servers []runnable
	for _, kind := range serverKinds {
		if len(config.only) > 0 && !slices.Contains(config.only, kind.name) {
			continue
		}
		program, err := findProgram(config, kind)
		if err != nil {
			fmt.Fprintf(progress, "left out: %s (%v)\n", kind.name, err)
			continue
		}
		servers = append(servers, runnable{kind, program})
	}
	if len(servers) == 0 {
		return nil, errors.New("no server to run: give -tarn, or install the peers (.ci/tools/peers.sh)")
	}

	var results []loadResult
	for round := range config.rounds {
		for _, set := range sets {
			for _, s := range servers {
				fmt.Fprintf(progress, "round %d of %d: %s into %s\n", round+1, config.rounds, filepath.Base(set.path), s.kind.name)
				result, err := measure(ctx, config, s.kind, s.program, set)
				if ctx.Err() != nil {
					return nil, ctx.Err()
				}
				result.Server, result.Round = s.kind.name, round+1
				if err != nil {
					result.Error = err.Error()
					fmt.Fprintf(progress, "%s: %v\n", s.kind.name, err)
				}
				results = append(results, result)
			}
		}
	}
	return results, nil
}

func findProgram(config peersConfig, kind serverKind) (string, error) {
	if kind.name == "tarn" && config.tarn != "" {
		return exec.LookPath(config.tarn)
	}
	installed := filepath.Join(config.tools, "bin", kind.program)
	if program, err := exec.LookPath(installed); err == nil {
		return program, nil
	}
	program, err := exec.LookPath(kind.program)
	if err != nil {
		return "", fmt.Errorf("no %s in %s or PATH", kind.program, filepath.Dir(installed))
	}
	return program, nil
}

// measure loads one set into one server on a fresh directory. The directory is
// removed afterwards, unless something went wrong: then its log is worth reading.
func measure(ctx context.Context, config peersConfig, kind serverKind, program string, set *dataset) (result loadResult, err error) {
	result = loadResult{File: filepath.Base(set.path), Workers: config.workers, Lines: set.lines, Values: set.values}
	dir, err := os.MkdirTemp(config.scratch, "tarn-bench-"+kind.name+"-")
	if err != nil {
		return result, err
	}
	defer func() {
		if err == nil || ctx.Err() != nil {
			err = cmp.Or(err, os.RemoveAll(dir))
		} else {
			err = fmt.Errorf("%w (left in %s)", err, dir)
		}
	}()

	s, err := startServer(ctx, kind, program, dir, nil)
	if err != nil {
		return result, err
	}
	result, err = loadServer(ctx, config, s, set)
	if err = errors.Join(err, stopMeasured(s, &result)); err != nil {
		return result, err
	}
	data := filepath.Join(dir, "data")
	if result.DiskBytes, err = allocatedBytes(data); err != nil {
		return result, err
	}
	if config.settle == 0 {
		return result, nil
	}
	cpu, err := settle(ctx, config, kind, program, dir)
	if err != nil {
		return result, fmt.Errorf("settle: %w", err)
	}
	result.SettledSeconds = cpu.Seconds()
	result.SettledBytes, err = allocatedBytes(filepath.Join(data, kind.settledDir))
	return result, err
}

// loadServer loads a set into a server that has just started, and counts the rows.
func loadServer(ctx context.Context, config peersConfig, s *server, set *dataset) (loadResult, error) {
	pid := s.process.Process.Pid
	empty, err := readProc(pid)
	if err != nil {
		return loadResult{}, err
	}
	if s.kind.prepare != nil {
		if err := s.kind.prepare(ctx, s.base); err != nil {
			return loadResult{}, fmt.Errorf("prepare: %w", err)
		}
	}
	result, err := load(ctx, loadConfig{
		url:     s.base + s.kind.write,
		workers: config.workers,
		pid:     pid,
		maxIdle: config.maxIdle,
	}, set)
	result.StartMS = milliseconds(s.started)
	result.EmptyRSSMiB = float64(empty.rss) / mib
	if err != nil {
		return result, err
	}
	for table := range set.tables {
		rows, err := s.kind.count(ctx, s.base, table, set)
		if err != nil {
			return result, fmt.Errorf("count rows of %s: %w", table, err)
		}
		result.RowsFound += rows
	}
	return result, nil
}

// stopMeasured stops a loaded server and adds what stopping cost. A server that keeps
// acknowledged rows in memory pays for its files only now.
func stopMeasured(s *server, result *loadResult) error {
	before, sampleErr := readCPU(s.process.Process.Pid)
	if err := errors.Join(sampleErr, s.stop()); err != nil {
		return err
	}
	cpu, written := s.spent()
	result.CPUStopSeconds = result.CPUIdleSeconds + (cpu - before).Seconds()
	result.WrittenMB = float64(written) / 1e6
	return nil
}

// settle gives the server a second life on the same directory to merge its files
// in, and returns the CPU time that this took.
func settle(ctx context.Context, config peersConfig, kind serverKind, program, dir string) (time.Duration, error) {
	s, err := startServer(ctx, kind, program, dir, kind.settleEnv)
	if err != nil {
		return 0, err
	}
	cpu, err := func() (time.Duration, error) {
		if kind.settle != nil {
			if err := kind.settle(ctx, s.base); err != nil {
				return 0, err
			}
		}
		if err := sleep(ctx, config.settle); err != nil {
			return 0, err
		}
		return readCPU(s.process.Process.Pid)
	}()
	if stopErr := s.stop(); err == nil {
		err = stopErr
	}
	return cpu, err
}

func appendJSON(name string, results []loadResult) error {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	encoder := json.NewEncoder(f)
	for _, result := range results {
		if err := encoder.Encode(result); err != nil {
			return errors.Join(fmt.Errorf("write %s: %w", name, err), f.Close())
		}
	}
	return f.Close()
}

// reportPeers prints the median run of each server and file, and what the
// servers' acknowledgements are worth. A failed run makes it an error.
func reportPeers(w io.Writer, results []loadResult) error {
	medians := medianRuns(results)
	if err := writeTable(w, medians); err != nil {
		return err
	}
	fmt.Fprintln(w, "\nAn acknowledged write has survived:")
	for _, kind := range serverKinds {
		if slices.ContainsFunc(medians, func(r loadResult) bool { return r.Server == kind.name }) {
			fmt.Fprintf(w, "  %-17s %s\n", kind.name, kind.promise)
		}
	}
	for _, result := range results {
		if result.Error != "" {
			return fmt.Errorf("%s: %s", result.Server, result.Error)
		}
	}
	return nil
}

// medianRuns picks, for each file and server, the run with the median CPU time: a
// run that happened, not a mix of several. The order is that of the first round.
func medianRuns(results []loadResult) []loadResult {
	type key struct{ file, server string }
	runs := make(map[key][]loadResult)
	var order []key
	for _, result := range results {
		k := key{result.File, result.Server}
		if _, seen := runs[k]; !seen {
			order = append(order, k)
		}
		runs[k] = append(runs[k], result)
	}
	var medians []loadResult
	for _, k := range order {
		sorted := runs[k]
		if good := slices.DeleteFunc(slices.Clone(sorted), func(r loadResult) bool { return r.Error != "" }); len(good) > 0 {
			sorted = good
		}
		slices.SortStableFunc(sorted, func(a, b loadResult) int { return cmp.Compare(a.CPUStopSeconds, b.CPUStopSeconds) })
		medians = append(medians, sorted[len(sorted)/2])
	}
	return medians
}
