package pipeline

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
)

// arrival is the time of arrival in tests.
var arrival = time.Unix(1767225661, 123456789)

// TestPipelines runs testdata/cases. The commands are
//
//	pipeline [name=N]                    compiles a text and makes it the current
//	                                     one; with a name, dispatchers find it
//	run [ndjson] [text] [identity[=LEVELS]] [index=SPEC] [lenient]
//	                                     runs the records of a body through it
//
// A row is shown as its suffix and hints, then a line for each column: name,
// type, role unless it is FIELD, value.
func TestPipelines(t *testing.T) {
	datadriven.Walk(t, "testdata/cases", func(t *testing.T, path string) {
		var current *Pipeline
		named := map[string]*Pipeline{}
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			t.Helper()
			switch d.Cmd {
			case "pipeline":
				p, err := Compile(d.Input)
				if err != nil {
					return err.Error()
				}
				current = p
				for _, a := range d.CmdArgs {
					if a.Key == "name" {
						named[a.Vals[0]] = p
					}
				}
				return "ok"
			case "run":
				return runCase(t, d, current, named)
			}
			t.Fatalf("%s: unknown command %s", d.Pos, d.Cmd)
			return ""
		})
	})
}

func runCase(t *testing.T, d *datadriven.TestData, p *Pipeline, named map[string]*Pipeline) string {
	t.Helper()
	format := JSON
	var index *TimeIndexSpec
	for _, a := range d.CmdArgs {
		switch a.Key {
		case "ndjson":
			format = NDJSON
		case "text":
			format = Text
		case "index":
			var err error
			if index, err = ParseTimeIndex(strings.Join(a.Vals, ","), d.HasArg("lenient")); err != nil {
				return err.Error()
			}
		}
	}
	if d.HasArg("identity") {
		levels := 0
		for _, a := range d.CmdArgs {
			if a.Key == "identity" && len(a.Vals) > 0 {
				a.Scan(t, 0, &levels)
			}
		}
		p = Identity(levels, index)
	}
	r := Runner{Find: func(name string) (*Pipeline, error) {
		if q, ok := named[name]; ok {
			return q, nil
		}
		return nil, fmt.Errorf("Pipeline not found, name: %s, version: latest", name)
	}}
	r.SetNow(arrival)
	var src Source
	var rec Record
	src.Reset([]byte(d.Input), format)
	var b strings.Builder
	for {
		ok, err := src.Next(&rec)
		if err != nil {
			fmt.Fprintf(&b, "%d: %v\n", src.Index(), err)
			if IsBadRecord(err) {
				continue
			}
			return b.String()
		}
		if !ok {
			return b.String()
		}
		row, err := r.Run(p, &rec)
		switch {
		case err != nil:
			fmt.Fprintf(&b, "%d: %v\n", src.Index(), err)
		case row == nil:
			fmt.Fprintf(&b, "%d: dropped\n", src.Index())
		default:
			fmt.Fprintf(&b, "%d: %s\n", src.Index(), showRow(row))
		}
	}
}

func showRow(row *Row) string {
	var b strings.Builder
	b.WriteString("row")
	if row.Suffix != "" {
		fmt.Fprintf(&b, " suffix=%q", row.Suffix)
	}
	for _, h := range row.Hints {
		fmt.Fprintf(&b, " %s=%q", h.Name, h.Value.Text())
	}
	for _, c := range row.Cells {
		fmt.Fprintf(&b, "\n  %s %s", c.Name, c.Type)
		if c.Role != Field {
			fmt.Fprintf(&b, " %s", c.Role)
		}
		if c.Fulltext {
			b.WriteString(" fulltext")
		}
		fmt.Fprintf(&b, " %s", c.Value.AppendJSON(nil))
	}
	return b.String()
}
