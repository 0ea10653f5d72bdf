// Package duckdb puts questions to DuckDB, where it is installed, for tests and
// benches that compare Tarn with it. Nothing that ships imports it.
package duckdb

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"time"
)

// ErrAbsent means that there is no DuckDB here.
var ErrAbsent = errors.New("DuckDB is not installed: run .ci/tools/duckdb.sh (it needs node and npm)")

// absentCode is how load.mjs ends a process that finds no module.
const absentCode = 3

// Process is a running DuckDB. It is used by one goroutine.
type Process struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

// Answer is what a statement yields. Cells are as testdata/duckdb/serve.mjs
// describes them: nil, or a text whose first letter is the kind.
type Answer struct {
	Names []string
	Rows  [][]*string
	Took  []time.Duration
}

// Start runs DuckDB by the script testdata/duckdb/serve.mjs, whose path it is
// given. It returns ErrAbsent where there is none.
func Start(script string, threads int) (*Process, error) {
	if _, err := exec.LookPath("node"); err != nil {
		return nil, ErrAbsent
	}
	cmd := exec.Command("node", script, strconv.Itoa(threads))
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("start DuckDB: %w", err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start DuckDB: %w", err)
	}
	var failure tail
	cmd.Stderr = &failure
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start DuckDB: %w", err)
	}
	p := &Process{cmd, in, bufio.NewReaderSize(out, 1<<20)}
	if _, err := p.Query("SELECT 1"); err != nil {
		_ = in.Close()
		exited := cmd.Wait()
		if code := new(exec.ExitError); errors.As(exited, &code) && code.ExitCode() == absentCode {
			return nil, ErrAbsent
		}
		return nil, fmt.Errorf("start DuckDB: %w: %s", err, failure.text)
	}
	return p, nil
}

// tail keeps the first of what a process complains.
type tail struct{ text []byte }

func (t *tail) Write(b []byte) (int, error) {
	if room := 1000 - len(t.text); room > 0 {
		t.text = append(t.text, b[:min(room, len(b))]...)
	}
	return len(b), nil
}

// Query runs one statement once.
func (p *Process) Query(sql string) (*Answer, error) { return p.Repeat(sql, 1) }

// Repeat runs one statement several times and returns the last answer with the
// time of each run.
func (p *Process) Repeat(sql string, runs int) (*Answer, error) {
	answers, err := p.send([]request{{sql, runs}})
	if err != nil {
		return nil, err
	}
	if answers[0].Error != "" {
		return nil, &Error{answers[0].Error}
	}
	return answers[0].answer(), nil
}

// Error is a statement that DuckDB refused.
type Error struct{ Msg string }

func (e *Error) Error() string { return "DuckDB: " + e.Msg }

// QueryAll runs many statements. Of each, either the answer or the error is nil.
func (p *Process) QueryAll(sqls []string) ([]*Answer, []error, error) {
	requests := make([]request, len(sqls))
	for i, s := range sqls {
		requests[i] = request{s, 1}
	}
	responses, err := p.send(requests)
	if err != nil {
		return nil, nil, err
	}
	answers, errs := make([]*Answer, len(sqls)), make([]error, len(sqls))
	for i, r := range responses {
		if r.Error != "" {
			errs[i] = &Error{r.Error}
		} else {
			answers[i] = r.answer()
		}
	}
	return answers, errs, nil
}

type request struct {
	SQL  string `json:"sql"`
	Runs int    `json:"runs"`
}

type response struct {
	Error string      `json:"error"`
	Names []string    `json:"names"`
	Rows  [][]*string `json:"rows"`
	MS    []float64   `json:"ms"`
}

func (r *response) answer() *Answer {
	a := &Answer{Names: r.Names, Rows: r.Rows}
	for _, ms := range r.MS {
		a.Took = append(a.Took, time.Duration(ms*float64(time.Millisecond)))
	}
	return a
}

// send writes requests while it reads responses: neither pipe fills up.
func (p *Process) send(requests []request) ([]response, error) {
	sent := make(chan error, 1)
	go func() {
		e := json.NewEncoder(p.in)
		for _, r := range requests {
			if err := e.Encode(r); err != nil {
				sent <- fmt.Errorf("ask DuckDB: %w", err)
				return
			}
		}
		sent <- nil
	}()
	responses := make([]response, len(requests))
	for i := range responses {
		line, err := p.out.ReadBytes('\n')
		if err == nil {
			err = json.Unmarshal(line, &responses[i])
		}
		if err != nil {
			return nil, fmt.Errorf("answer of DuckDB: %w", err)
		}
	}
	return responses, <-sent
}

// Close ends the process.
func (p *Process) Close() error {
	if err := p.in.Close(); err != nil {
		return fmt.Errorf("stop DuckDB: %w", err)
	}
	if err := p.cmd.Wait(); err != nil {
		return fmt.Errorf("stop DuckDB: %w", err)
	}
	return nil
}
