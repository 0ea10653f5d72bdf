package influxql_test

import (
	"context"
	"errors"
	"io"
	"path/filepath"
	"testing"

	"tarn/edge/query"
	"tarn/edge/query/influxql"
	"tarn/store/column"

	"github.com/cockroachdb/datadriven"
)

// FuzzInfluxQL parses, binds and runs whatever text comes: it must end, with
// rows whose columns agree or with an error that has a class.
func FuzzInfluxQL(f *testing.F) {
	files, err := filepath.Glob("testdata/cases/*")
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range files {
		datadriven.RunTestAny(f, path, func(_ testing.TB, d *datadriven.TestData) string {
			if d.Cmd == "query" {
				f.Add(expand(d.Input))
			}
			return d.Expected
		})
	}
	s := openStore(f)
	write(f, s, "db", examples)
	e := query.New(provider{s}, query.Options{Now: clock, MemoryLimit: 8 << 20})
	f.Fuzz(func(t *testing.T, text string) {
		statements, err := influxql.Parse(text, nil)
		if err != nil {
			return
		}
		for _, st := range statements {
			if !influxql.Reads(st) {
				continue
			}
			r, err := e.Query(context.Background(), query.Request{Database: "db", Text: text, Language: query.InfluxQL,
				InfluxQL: query.InfluxQLRequest{Statement: st, Series: len(text)%2 == 0}})
			var b column.Batch
			for rows := 0; err == nil && rows < 100_000; rows += b.Len {
				if err = r.Next(context.Background(), &b); err == nil {
					err = b.Check()
				}
			}
			if r != nil {
				_ = r.Close()
			}
			var known *query.Error
			if err != nil && !errors.Is(err, io.EOF) && !errors.As(err, &known) {
				t.Fatalf("%q: an error without a class: %v", text, err)
			}
		}
	})
}
