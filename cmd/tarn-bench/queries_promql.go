//go:build linux

package main

import (
	"context"
	"fmt"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// promQuery is one of TSBS's queries in PromQL, for VictoriaMetrics, whose metrics
// are "table_field".
type promQuery struct {
	text       string
	start, end string // of the last buckets' ends
	step       string
	// same says that the answer is the one of SQL. Buckets of hours are not: PromQL
	// has no partial ones at the ends of the range.
	same bool
}

// promOf maps names of benchQueries to PromQL. The windows of PromQL are open on
// the left and closed on the right, those of date_bin the other way round: a
// millisecond before the full minute makes them the same.
var promOf = func() map[string]promQuery {
	const (
		one   = `hostname="host_43"`
		hosts = `hostname=~"host_43|host_0|host_19|host_77|host_74|host_75|host_69|host_93"`
	)
	of := func(n int) string { return `__name__=~"cpu_(` + strings.Join(cpuFields[:n], "|") + `)"` }
	minutes := func(text string) promQuery {
		return promQuery{text, "2026-01-01T11:18:59.999Z", "2026-01-01T12:17:59.999Z", "1m", true}
	}
	hours := func(text string) promQuery {
		return promQuery{text, "2026-01-01T06:59:59.999Z", "2026-01-01T18:59:59.999Z", "1h", false}
	}
	return map[string]promQuery{
		"single-groupby-1-1-1": minutes(`max(max_over_time(cpu_usage_user{` + one + `}[1m]))`),
		"single-groupby-1-8-1": minutes(`max(max_over_time(cpu_usage_user{` + hosts + `}[1m]))`),
		"single-groupby-5-8-1": minutes(`max by (__name__) (max_over_time({` + of(5) + `,` + hosts + `}[1m]) keep_metric_names)`),
		"cpu-max-all-8": {`max by (__name__) (max_over_time({` + of(10) + `,` + hosts + `}[1h]) keep_metric_names)`,
			"2026-01-01T02:59:59.999Z", "2026-01-01T10:59:59.999Z", "1h", false},
		"double-groupby-1":   hours(`avg_over_time(cpu_usage_user[1h])`),
		"double-groupby-5":   hours(`avg_over_time({` + of(5) + `}[1h]) keep_metric_names`),
		"double-groupby-all": hours(`avg_over_time({` + of(10) + `}[1h]) keep_metric_names`),
	}
}()

// address of the query. Without nocache, VictoriaMetrics moves the range and keeps
// answers.
func (q promQuery) address(base string) string {
	return base + "/prometheus/api/v1/query_range?" + url.Values{"query": {q.text}, "start": {q.start}, "end": {q.end}, "step": {q.step}, "nocache": {"1"}}.Encode()
}

// startVictoria loads the data into a VictoriaMetrics, has it merge its files, and
// starts it anew.
func startVictoria(ctx context.Context, program, file, dir string) (*server, error) {
	kind := serverKinds[2]
	set, err := openDataset(file, 5000)
	if err != nil {
		return nil, err
	}
	s, err := startServer(ctx, kind, program, dir, nil)
	if err != nil {
		return nil, err
	}
	if _, err = load(ctx, loadConfig{url: s.base + kind.write, workers: 1}, set); err == nil {
		if err = getOK(ctx, s.base+"/internal/force_flush"); err == nil {
			if err = kind.settle(ctx, s.base); err == nil {
				err = waitIdle(ctx, s.process.Process.Pid, 30*time.Second)
			}
		}
	}
	if stopErr := s.stop(); err == nil {
		err = stopErr
	}
	if err != nil {
		return nil, fmt.Errorf("load %s into %s: %w", filepath.Base(file), kind.name, err)
	}
	return startServer(ctx, kind, program, dir, nil)
}

// askVictoria times one query. The answer's rows are its samples.
func askVictoria(ctx context.Context, base string, q promQuery, runs int) (*answer, error) {
	var a answer
	var body []byte
	for i := range warmUps + runs {
		start := time.Now()
		var err error
		if body, err = getInto(ctx, q.address(base), body); err != nil {
			return nil, err
		}
		if i >= warmUps {
			a.took = append(a.took, time.Since(start))
		}
	}
	if err := a.addMatrix(body); err != nil {
		return nil, fmt.Errorf("answer of VictoriaMetrics to %s: %w", strconv.Quote(q.text), err)
	}
	return &a, nil
}
