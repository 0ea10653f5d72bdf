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
	"io/fs"
	"math"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"tarn/edge/query/duckdb"
)

// queriesConfig is one comparison of query times.
type queriesConfig struct {
	tarn    string
	file    string
	dir     string // of a loaded server, kept; empty means a fresh one
	scratch string
	script  string
	tools   string
	threads int
	runs    int
	only    *regexp.Regexp
}

func runQueries(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("queries", flag.ContinueOnError)
	var config queriesConfig
	flags.StringVar(&config.tarn, "tarn", "", "Tarn's `binary`")
	flags.StringVar(&config.file, "file", "", "TSBS cpu-only line-protocol `file`")
	flags.StringVar(&config.dir, "dir", "", "keep the loaded data in this `directory`, and use what is there")
	flags.StringVar(&config.scratch, "scratch", "", "parent of the data `directory`")
	flags.StringVar(&config.script, "duckdb", "testdata/duckdb/serve.mjs", "`script` that runs DuckDB")
	flags.StringVar(&config.tools, "tools", defaultTools(), "`directory` whose bin holds VictoriaMetrics")
	flags.IntVar(&config.threads, "threads", 2, "DuckDB's threads")
	flags.IntVar(&config.runs, "runs", warmRuns, "warm runs of each query")
	only := flags.String("only", "", "run the queries whose name matches this `pattern`")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if config.tarn == "" || config.file == "" {
		return errors.New("queries: -tarn and -file are required")
	}
	var err error
	if config.only, err = regexp.Compile(*only); err != nil {
		return fmt.Errorf("queries: -only: %w", err)
	}
	return compareQueries(ctx, config, os.Stdout, os.Stderr)
}

// compareQueries loads the data into Tarn, starts it anew so that it answers from
// files, and asks it and DuckDB, which reads the same files, the same.
func compareQueries(ctx context.Context, config queriesConfig, w, progress io.Writer) (err error) {
	dir := config.dir
	if dir == "" {
		if dir, err = os.MkdirTemp(config.scratch, "tarn-bench-queries-"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	}
	kind := serverKinds[0]
	files, err := segments(dir)
	if err == nil && len(files) == 0 {
		fmt.Fprintf(progress, "loading %s\n", filepath.Base(config.file))
		if err = loadOnce(ctx, kind, config, dir); err == nil {
			files, err = segments(dir)
		}
	}
	if err != nil {
		return err
	}
	s, err := startServer(ctx, kind, config.tarn, dir, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	duck, err := duckdb.Start(config.script, config.threads)
	switch {
	case errors.Is(err, duckdb.ErrAbsent):
		fmt.Fprintf(progress, "left out: DuckDB (%v)\n", err)
		duck = nil
	case err != nil:
		return err
	default:
		defer func() { err = errors.Join(err, duck.Close()) }()
		if _, err := duck.Query("CREATE VIEW cpu AS SELECT * FROM read_parquet(['" + strings.Join(files, "', '") + "'])"); err != nil {
			return err
		}
	}
	victoria, done, err := besideVictoria(ctx, config, progress)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	var results []queryResult
	for _, q := range benchQueries {
		if !config.only.MatchString(q.name) {
			continue
		}
		r, err := askBoth(ctx, s.base, duck, q, config.runs)
		if err != nil {
			return fmt.Errorf("%s: %w", q.name, err)
		}
		if q, ok := promOf[q.name]; ok && victoria != "" {
			if r.victoria, err = askVictoria(ctx, victoria, q, config.runs); err != nil {
				return err
			}
			r.same = q.same
		}
		results = append(results, r)
	}
	return reportQueries(w, results)
}

// besideVictoria loads the data into a VictoriaMetrics too, if there is one. done
// stops it and removes its directory.
func besideVictoria(ctx context.Context, config queriesConfig, progress io.Writer) (base string, done func() error, err error) {
	done = func() error { return nil }
	program, err := findProgram(peersConfig{tools: config.tools}, serverKinds[2])
	if err != nil {
		fmt.Fprintf(progress, "left out: VictoriaMetrics (%v)\n", err)
		return "", done, nil
	}
	dir, err := os.MkdirTemp(config.scratch, "tarn-bench-queries-victoria-")
	if err != nil {
		return "", done, err
	}
	s, err := startVictoria(ctx, program, config.file, dir)
	if err != nil {
		return "", done, errors.Join(err, os.RemoveAll(dir))
	}
	return s.base, func() error { return errors.Join(s.stop(), os.RemoveAll(dir)) }, nil
}

// segments lists a server's Parquet files.
func segments(dir string) (files []string, err error) {
	err = filepath.WalkDir(filepath.Join(dir, "data", "segments"), func(path string, _ fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err == nil && strings.HasSuffix(path, ".parquet") {
			files = append(files, path)
		}
		return err
	})
	return files, err
}

// loadOnce fills a server and stops it, which brings all rows into files.
func loadOnce(ctx context.Context, kind serverKind, config queriesConfig, dir string) error {
	set, err := openDataset(config.file, 5000)
	if err != nil {
		return err
	}
	s, err := startServer(ctx, kind, config.tarn, dir, nil)
	if err != nil {
		return err
	}
	_, err = load(ctx, loadConfig{url: s.base + kind.write, workers: 1}, set)
	return errors.Join(err, s.stop())
}

// queryResult is how long one query took, and what came out.
type queryResult struct {
	name       string
	tarn, duck answer
	compared   bool
	victoria   *answer // nil where it was not asked
	same       bool    // its answer must be Tarn's
}

// answer sums a result up: equal answers have equal sums.
type answer struct {
	took    []time.Duration
	rows    int
	cells   int // not null
	numbers float64
}

func (a answer) median() time.Duration {
	sorted := slices.Sorted(slices.Values(a.took))
	return sorted[len(sorted)/2]
}

func (a answer) agrees(b answer) bool {
	return a.rows == b.rows && a.cells == b.cells && math.Abs(a.numbers-b.numbers) <= 1e-9*max(1, math.Abs(a.numbers))
}

const (
	// warmUps are runs that are not measured.
	warmUps = 3
	// warmRuns are usually measured: the first few dozen of a fresh server, which
	// touch memory for the first time, do not decide.
	warmRuns = 200
)

func askBoth(ctx context.Context, base string, duck *duckdb.Process, q benchQuery, runs int) (queryResult, error) {
	r := queryResult{name: q.name}
	address := base + "/api/v3/query_sql?" + url.Values{"db": {database}, "format": {"json"}, "q": {q.tarn()}}.Encode()
	var body []byte
	for i := range warmUps + runs {
		start := time.Now()
		var err error
		if body, err = getInto(ctx, address, body); err != nil {
			return r, err
		}
		if i >= warmUps {
			r.tarn.took = append(r.tarn.took, time.Since(start))
		}
	}
	if err := r.tarn.addJSON(body); err != nil {
		return r, err
	}
	if duck == nil {
		return r, nil
	}
	a, err := duck.Repeat(q.duck(), warmUps+runs)
	if err != nil {
		return r, err
	}
	r.compared = true
	r.duck.took = a.Took[warmUps:]
	return r, r.duck.addRows(a.Rows)
}

func (a *answer) addJSON(body []byte) error {
	var rows []map[string]any
	if err := json.Unmarshal(body, &rows); err != nil {
		return fmt.Errorf("answer of Tarn: %w in %.200s", err, body)
	}
	a.rows = len(rows)
	for _, row := range rows {
		a.cells += len(row)
		for _, v := range row {
			if f, ok := v.(float64); ok {
				a.numbers += f
			}
		}
	}
	return nil
}

func (a *answer) addRows(rows [][]*string) error {
	a.rows = len(rows)
	for _, row := range rows {
		for _, c := range row {
			if c == nil {
				continue
			}
			a.cells++
			if kind := (*c)[0]; kind == 'i' || kind == 'f' {
				f, err := strconv.ParseFloat((*c)[1:], 64)
				if err != nil {
					return fmt.Errorf("answer of DuckDB: %w", err)
				}
				a.numbers += f
			}
		}
	}
	return nil
}

// reportQueries prints the table. Answers that differ make it an error.
func reportQueries(w io.Writer, results []queryResult) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "query\trows\tTarn ms\tmin\tDuckDB ms\tmin\tTarn/DuckDB\tVictoriaMetrics ms\tmin\tTarn/Victoria\t")
	var differ []string
	for _, r := range results {
		fmt.Fprintf(table, "%s\t%d\t%s\t%s\t", r.name, r.tarn.rows, ms(r.tarn.median()), ms(slices.Min(r.tarn.took)))
		beside(table, r.tarn, &r.duck, r.compared)
		beside(table, r.tarn, r.victoria, r.victoria != nil)
		fmt.Fprintln(table)
		if v := r.victoria; v != nil && r.same && math.Abs(r.tarn.numbers-v.numbers) > 1e-9*max(1, math.Abs(v.numbers)) {
			differ = append(differ, fmt.Sprintf("%s: Tarn's sum is %v; VictoriaMetrics' %v", r.name, r.tarn.numbers, v.numbers))
		}
		if r.compared && !r.tarn.agrees(r.duck) {
			differ = append(differ, fmt.Sprintf("%s: Tarn %d rows, %d cells, sum %v; DuckDB %d rows, %d cells, sum %v", r.name,
				r.tarn.rows, r.tarn.cells, r.tarn.numbers, r.duck.rows, r.duck.cells, r.duck.numbers))
		}
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if differ != nil {
		return errors.New("answers differ: " + strings.Join(differ, "; "))
	}
	return nil
}

// beside prints a peer's times and how Tarn's are to them.
func beside(w io.Writer, tarn answer, peer *answer, asked bool) {
	if !asked {
		fmt.Fprint(w, "-\t-\t-\t")
		return
	}
	fmt.Fprintf(w, "%s\t%s\t%.2f\t", ms(peer.median()), ms(slices.Min(peer.took)), float64(tarn.median())/float64(cmp.Or(peer.median(), 1)))
}

func ms(d time.Duration) string { return fmt.Sprintf("%.2f", d.Seconds()*1e3) }
