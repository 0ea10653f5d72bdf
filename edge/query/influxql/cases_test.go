package influxql_test

import (
	"fmt"
	"path/filepath"
	"testing"

	"tarn/edge/query"
	"tarn/edge/query/result"

	"github.com/cockroachdb/datadriven"
)

// TestCasesAgainstInfluxd asks influxd what the files under testdata/cases ask, and
// compares the answers. Cases with an argument differs=REASON are those in
// which version 1.6 answers otherwise, and the specification or later versions
// are followed, and unasked=REASON those that it cannot take; it is an error if they do not differ.
func TestCasesAgainstInfluxd(t *testing.T) {
	d := startInfluxd(t)
	files, err := filepath.Glob("testdata/cases/*")
	if err != nil {
		t.Fatal(err)
	}
	compared := 0
	var failures []string // RunTest would end with the first
	for _, path := range files {
		d.query(t, "", "DROP DATABASE db; CREATE DATABASE db")
		s := openStore(t)
		e := query.New(provider{s}, query.Options{Now: clock})
		load := func(lines string) {
			d.write(t, "db", absolute(t, lines))
			write(t, s, "db", lines)
		}
		first := true
		datadriven.RunTest(t, path, func(t *testing.T, c *datadriven.TestData) string {
			if first && c.Cmd != "write" {
				load(examples)
			}
			first = false
			if c.Cmd == "write" {
				load(c.Input)
				return c.Expected
			}
			for _, arg := range []string{"db", "rp", "format", "memory", "params", "unasked"} {
				if c.HasArg(arg) {
					return c.Expected // has no counterpart
				}
			}
			q := expand(c.Input)
			want := decodeV1(t, d.query(t, "db", q))
			body, err := v1(e, query.Request{Database: "db", Text: q, Language: query.InfluxQL, InfluxQL: query.InfluxQLRequest{Series: true}}, result.V1Options{Epoch: 1})
			var got v1Answer
			if err != nil {
				got.Error = err.Error()
			} else {
				got = decodeV1(t, []byte(body))
			}
			compared++
			switch why := compare(got, want); {
			case why != "" && !c.HasArg("differs"):
				failures = append(failures, fmt.Sprintf("%s: %s\n%s\ngot  %.1000s\nwant %.1000s", c.Pos, why, q, show(got), show(want)))
			case why == "" && c.HasArg("differs"):
				failures = append(failures, fmt.Sprintf("%s: %s is answered alike", c.Pos, q))
			}
			return c.Expected
		})
	}
	for _, f := range failures {
		t.Error(f)
	}
	t.Logf("%d cases compared", compared)
}
