package query

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"tarn/edge/query/result"
	"tarn/store/column"

	"github.com/cockroachdb/datadriven"
)

// TestQueries runs the files under testdata. A case is
//
//	query [format=csv] [db=name] [memory=bytes] [params=(name,JSON value)]...
//	SELECT ...
//	----
//	the body, or "Class: the error's text"
//
// Data is that of spec/sql.md section 15; the clock stands at 01:00:00.
func TestQueries(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			if d.Cmd != "query" {
				d.Fatalf(t, "unknown command %s", d.Cmd)
			}
			format, db, memory := "csv", "db", 0
			d.MaybeScanArgs(t, "format", &format)
			d.MaybeScanArgs(t, "db", &db)
			d.MaybeScanArgs(t, "memory", &memory)
			params := map[string]any{}
			for _, a := range d.CmdArgs {
				if a.Key != "params" {
					continue
				}
				dec := json.NewDecoder(strings.NewReader(strings.Join(a.Vals[1:], ",")))
				dec.UseNumber()
				var v any
				if err := dec.Decode(&v); err != nil {
					d.Fatalf(t, "parameter %s: %v", a.Vals[0], err)
				}
				params[a.Vals[0]] = v
			}
			e := New(examples(t), Options{MemoryLimit: int64(memory), Now: clock})
			body, err := run(e, Request{Database: db, Text: d.Input, Language: SQL, Params: params}, format)
			return body + describe(err)
		})
	})
}

// clock is the time of all tests.
func clock() time.Time { return time.Unix(0, t0).Add(time.Hour) }

// run executes a query and renders its rows.
func run(e *Engine, req Request, format string) (string, error) {
	f, err := result.ParseFormat(format)
	if err != nil {
		return "", err
	}
	r, err := e.Query(context.Background(), req)
	if err != nil {
		return "", err
	}
	defer r.Close()
	var out bytes.Buffer
	w, err := result.New(f, &out, r.Columns())
	if err != nil {
		return "", err
	}
	var b column.Batch
	for {
		err := r.Next(context.Background(), &b)
		if errors.Is(err, io.EOF) {
			err = w.Close()
			return out.String(), err
		}
		if err == nil {
			err = b.Check()
		}
		if err == nil {
			err = w.WriteBatch(&b)
		}
		if err != nil {
			return "", err
		}
	}
}

// describe prints an error with its class.
func describe(err error) string {
	var known *Error
	switch {
	case err == nil:
		return ""
	case errors.As(err, &known):
		return fmt.Sprintf("%s: %s", known.Class, known.Msg)
	}
	return "error without a class: " + err.Error()
}
