package influxql_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"tarn/edge/ingest"
	"tarn/edge/query"
	"tarn/edge/query/influxql"
	"tarn/edge/query/plan"
	"tarn/edge/query/result"
	"tarn/lp"
	"tarn/store"
	"tarn/store/column"

	"github.com/cockroachdb/datadriven"
)

// t0 is 2026-01-01T00:00:00Z in seconds, the first instant of the worked
// examples; the clock stands an hour later.
const t0 = 1767225600

func clock() time.Time { return time.Unix(t0+3600, 0) }

// TestInfluxQL runs the files under testdata/cases. The commands are
//
//	write [db=NAME]       line protocol; times are seconds after t0
//	query [db=NAME] [rp=NAME] [format=F] [memory=BYTES] [params=(name,JSON value)]...
//
// A file begins with the data of spec/influxql.md section 15 in database db,
// unless it begins with a write. In queries {R} stands for the hour from t0, and
// {+10m} for the literal of an instant after t0. Without a format the answer is
// shown as series: times are seconds after t0, "0" is the epoch.
func TestInfluxQL(t *testing.T) {
	datadriven.Walk(t, "testdata/cases", func(t *testing.T, path string) {
		s := openStore(t)
		first := true
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			db, rp, format, memory := "db", "", "", 0
			d.MaybeScanArgs(t, "db", &db)
			d.MaybeScanArgs(t, "rp", &rp)
			d.MaybeScanArgs(t, "format", &format)
			d.MaybeScanArgs(t, "memory", &memory)
			if first && d.Cmd != "write" {
				write(t, s, "db", examples)
			}
			first = false
			switch d.Cmd {
			case "write":
				write(t, s, db, d.Input)
				return ""
			case "query":
			default:
				d.Fatalf(t, "unknown command %s", d.Cmd)
			}
			params := map[string]any{}
			for _, a := range d.CmdArgs {
				if a.Key == "params" {
					params[a.Vals[0]] = jsonValue(t, strings.Join(a.Vals[1:], ","))
				}
			}
			e := query.New(provider{s}, query.Options{MemoryLimit: int64(memory), Now: clock})
			req := query.Request{Database: db, Text: expand(d.Input), Language: query.InfluxQL, Params: params,
				InfluxQL: query.InfluxQLRequest{RetentionPolicy: rp, Series: format == ""}}
			if format != "" {
				body, err := flat(e, req, format)
				return body + describe(err)
			}
			return series(t, e, req)
		})
	})
}

const examples = `env,site=lab,node=a t=20.5,n=3i,ok=true 0
env,site=lab,node=b t=30,n=10i,msg="hi" 300
env,site=lab,node=a t=21.5,n=5i 600
env,site=lab,node=b n=7i,msg="a,b" 1200
env,site=lab,node=a t=19,n=2i,ok=false 2400
env,site=lab,node=b t=32 2400
env,node=c t=-5.25,n=-4i 3600
pow,site=lab w=100i 0
pow,site=lab w=140i 600
pow,site=lab w=130i 1800
pow,site=hub w=10i 600`

// provider is the store as the appliance gives it to queries.
type provider struct{ *store.Store }

func (p provider) Database(name string) (plan.Database, bool) { return p.Store.Database(name) }

func openStore(tb testing.TB) *store.Store {
	tb.Helper()
	s, err := store.Open(context.Background(), store.Options{Dir: tb.TempDir(), Now: clock})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Close(context.Background()); err != nil {
			tb.Error(err)
		}
	})
	return s
}

var stamp = regexp.MustCompile(`(?m) (-?\d+)$`)

func write(tb testing.TB, s *store.Store, db, lines string) {
	tb.Helper()
	lines = stamp.ReplaceAllStringFunc(lines, func(m string) string {
		n, err := strconv.ParseInt(m[1:], 10, 64)
		if err != nil {
			tb.Fatal(err)
		}
		return " " + strconv.FormatInt(n+t0, 10)
	})
	r, err := ingest.NewWriter(s, clock).WriteLines(context.Background(), strings.NewReader(lines), ingest.Options{Database: db, Precision: lp.Second})
	if err != nil || r.Failed > 0 {
		tb.Fatalf("write: %v %+v", err, r.Rejected)
	}
}

var instant = regexp.MustCompile(`\{\+([0-9a-z]+)\}`)

func expand(q string) string {
	q = strings.ReplaceAll(q, "{R}", "time >= {+0s} AND time < {+1h}")
	return instant.ReplaceAllStringFunc(q, func(m string) string {
		d, err := time.ParseDuration(m[2 : len(m)-1])
		if err != nil {
			return m
		}
		return "'" + time.Unix(t0, 0).Add(d).UTC().Format(time.RFC3339Nano) + "'"
	})
}

func jsonValue(tb testing.TB, s string) any {
	dec := json.NewDecoder(strings.NewReader(s))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		tb.Fatal(err)
	}
	return v
}

// describe prints an error with its class.
func describe(err error) string {
	var known *query.Error
	switch {
	case err == nil:
		return ""
	case errors.As(err, &known):
		return fmt.Sprintf("%s: %s\n", known.Class, known.Msg)
	}
	return "error without a class: " + err.Error() + "\n"
}

// each runs a query and calls fn for its batches.
func each(e *query.Engine, req query.Request, begin func(*query.Result) error, fn func(*column.Batch) error) error {
	r, err := e.Query(context.Background(), req)
	if err != nil {
		return err
	}
	defer r.Close()
	if err := begin(r); err != nil {
		return err
	}
	var b column.Batch
	for {
		err := r.Next(context.Background(), &b)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = b.Check()
		}
		if err == nil {
			err = fn(&b)
		}
		if err != nil {
			return err
		}
	}
}

func flat(e *query.Engine, req query.Request, format string) (string, error) {
	f, err := result.ParseFormat(format)
	if err != nil {
		return "", err
	}
	var out bytes.Buffer
	var w result.Writer
	err = each(e, req, func(r *query.Result) (err error) {
		w, err = result.New(f, &out, r.Columns())
		return err
	}, func(b *column.Batch) error { return w.WriteBatch(b) })
	if err != nil {
		return "", err
	}
	err = w.Close()
	return out.String(), err
}

// v1 is the answer of /query to the statements of a request.
func v1(e *query.Engine, req query.Request, o result.V1Options) (string, error) {
	statements, err := influxql.Parse(req.Text, req.Params)
	if err != nil {
		return "", err
	}
	var out bytes.Buffer
	w := result.NewV1JSON(&out, o)
	for i, s := range statements {
		req.InfluxQL.Statement = s
		begun := false
		err := each(e, req, func(r *query.Result) error {
			begun = true
			return w.Begin(i, r.Series(), r.Columns())
		}, func(b *column.Batch) error { return w.WriteBatch(b) })
		if begun {
			err = w.End(err)
		} else {
			err = w.Message(i, err, "")
		}
		if err != nil {
			return "", err
		}
	}
	err = w.Close()
	return out.String(), err
}

// series shows an answer in few lines.
func series(t *testing.T, e *query.Engine, req query.Request) string {
	body, err := v1(e, req, result.V1Options{Epoch: 1})
	if err != nil {
		return describe(err)
	}
	var answer struct {
		Results []struct {
			Series []struct {
				Name    string
				Tags    json.RawMessage
				Columns []string
				Values  [][]any
			}
			Error string
		}
	}
	dec := json.NewDecoder(strings.NewReader(body))
	dec.UseNumber()
	if err := dec.Decode(&answer); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	var b strings.Builder
	for i, r := range answer.Results {
		if i > 0 {
			b.WriteString(";\n")
		}
		for _, s := range r.Series {
			fmt.Fprintf(&b, "%s%s (%s)\n", s.Name, s.Tags, strings.Join(s.Columns, ","))
			timed := s.Columns[0] == "time" || strings.Contains(req.Text, "time AS")
			for _, row := range s.Values {
				for k, v := range row {
					if k > 0 {
						b.WriteString(" ")
					}
					if n, ok := v.(json.Number); ok && k == 0 && timed {
						b.WriteString(relative(n.String()))
						continue
					}
					text, err := json.Marshal(v)
					if err != nil {
						t.Fatal(err)
					}
					b.Write(text)
				}
				b.WriteString("\n")
			}
		}
		if r.Error != "" {
			fmt.Fprintf(&b, "error: %s\n", r.Error)
		}
	}
	if b.Len() == 0 {
		return "empty\n"
	}
	return b.String()
}

func relative(ns string) string {
	n, err := strconv.ParseInt(ns, 10, 64)
	if err != nil || n == 0 {
		return ns
	}
	n -= t0 * 1e9
	s := fmt.Sprintf("%+d", n/1e9)
	if n%1e9 != 0 {
		s += fmt.Sprintf(".%09d", n%1e9)
	}
	return s
}
