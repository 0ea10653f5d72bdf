package pipeline

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"
)

// casesOf returns the inputs of a command in the data-driven tests, as seeds.
func casesOf(f *testing.F, command string) (inputs []string) {
	f.Helper()
	files, err := filepath.Glob("testdata/cases/*")
	if err != nil || len(files) == 0 {
		f.Fatal("no cases", err)
	}
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		for block := range strings.SplitSeq(string(data), "\n\n") {
			head, rest, _ := strings.Cut(block, "\n")
			input, _, ok := strings.Cut(rest, "----")
			if ok && strings.HasPrefix(head, command) {
				inputs = append(inputs, input)
			}
		}
	}
	return inputs
}

// FuzzCompile: any text is a pipeline or an error that names a line of it.
func FuzzCompile(f *testing.F) {
	for _, s := range casesOf(f, "pipeline") {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		_, err := Compile(text)
		var bad *TextError
		if err != nil && (!errors.As(err, &bad) || bad.Line < 0 || bad.Line > strings.Count(text, "\n")+strings.Count(text, "\r")+2) {
			t.Errorf("%v", err)
		}
	})
}

// FuzzJSON compares the decoder with encoding/json.
func FuzzJSON(f *testing.F) {
	for _, s := range casesOf(f, "run") {
		for line := range strings.Lines(s) {
			f.Add([]byte(line))
		}
	}
	f.Add([]byte(strings.Repeat("[", 300)))
	f.Fuzz(func(t *testing.T, text []byte) {
		if !utf8.Valid(text) {
			return // the body of a request is made valid first
		}
		var rec Record
		d := decoder{s: string(text), arena: &rec.arena}
		v, err := d.whole()
		var want any
		dec := json.NewDecoder(bytes.NewReader(text))
		dec.UseNumber()
		wantErr := dec.Decode(&want)
		if wantErr == nil {
			if _, more := dec.Token(); more == nil || len(bytes.TrimLeft(text[dec.InputOffset():], " \t\r\n")) > 0 {
				wantErr = errors.New("more than one value")
			}
		}
		if err != nil {
			var bad *JSONError
			bounded := strings.Contains(err.Error(), "deeper") || strings.Contains(err.Error(), "more than 65536") || strings.Contains(err.Error(), "out of range")
			if !errors.As(err, &bad) || bad.Offset < 0 || bad.Offset > len(text) || wantErr == nil && !bounded {
				t.Errorf("%q: %v, but encoding/json says %v", text, err, wantErr)
			}
			return
		}
		if wantErr != nil {
			t.Fatalf("%q: accepted, but encoding/json says %v", text, wantErr)
		}
		var got any
		dec = json.NewDecoder(bytes.NewReader(v.AppendJSON(nil)))
		dec.UseNumber()
		if err := dec.Decode(&got); err != nil {
			t.Fatalf("%q: became %s: %v", text, v.AppendJSON(nil), err)
		}
		if !reflect.DeepEqual(floats(got), floats(want)) {
			t.Errorf("%q: became %s", text, v.AppendJSON(nil))
		}
	})
}

// floats replaces numbers by float64, for comparison.
func floats(x any) any {
	switch x := x.(type) {
	case json.Number:
		f, _ := x.Float64()
		return f + 0 // -0 is 0
	case []any:
		for i := range x {
			x[i] = floats(x[i])
		}
	case map[string]any:
		for k := range x {
			x[k] = floats(x[k])
		}
	}
	return x
}

// fuzzed has a pipeline for each processor, whose field is f.
var fuzzed = map[string]string{
	"cmcd":           `{field: f}`,
	"csv":            `{field: f, target_fields: 'a,b,c', trim: true}`,
	"date":           `{field: f}`,
	"date formats":   `{field: f, timezone: Europe/Paris, formats: ['%d/%b/%Y:%H:%M:%S %z', '%A %e %B %y %I:%M:%S%.f %p', '%s', '%Y%j%3f %+', '%c', '%x %k%:z']}`,
	"decolorize":     `{field: f}`,
	"digest":         `{field: f, presets: [numbers, uuid, ip, quoted, bracketed], regex: ['a+']}`,
	"dissect":        `{field: f, patterns: ['%{a} %{b->}, %{+c/2}-%{+c/1}', '[%{?x}] %{}:%{&y}', '%{a}']}`,
	"epoch":          `{field: f, resolution: us}`,
	"filter":         `{field: f, targets: [a, b], match_op: not_in}`,
	"gsub":           `{field: f, pattern: '(a)(b)?|\s', replacement: '$2$1x'}`,
	"gsub literal":   `{field: f, pattern: 'a', replacement: 'bb'}`,
	"join":           `{field: f, separator: ','}`,
	"json_parse":     `{field: f}`,
	"json_path":      `{field: f, json_path: '$..a'}`,
	"letter":         `{field: f, method: capital}`,
	"regex":          `{field: f, pattern: '(?<a>\w+)\W(?<b>.*)'}`,
	"select":         `{fields: ['f, g', a]}`,
	"simple_extract": `{field: f, key: a.b}`,
	"urlencoding":    `{field: f}`,
	"url encode":     `{field: f, method: encode}`,
}

// compileFuzzed makes the pipelines of fuzzed.
func compileFuzzed(tb testing.TB) map[string]*Pipeline {
	tb.Helper()
	out := map[string]*Pipeline{}
	for name, options := range fuzzed {
		processor, _, _ := strings.Cut(name, " ")
		if name == "url encode" {
			processor = "urlencoding"
		}
		p, err := Compile("version: 2\nprocessors: [{" + processor + ": " + options + "}]\n" +
			"transform: [{field: t, type: time, index: time, on_failure: default}, {field: 'f, kept', type: json}]")
		if err != nil {
			tb.Fatal(name, err)
		}
		out[name] = p
	}
	for name := range builders {
		if _, ok := out[name]; !ok {
			tb.Errorf("the processor %s is not fuzzed", name)
		}
	}
	return out
}

// FuzzProcessors: whatever a record's field holds, a processor makes a row of
// valid text, the same each time, or an error.
func FuzzProcessors(f *testing.F) {
	pipelines := compileFuzzed(f)
	for _, s := range casesOf(f, "run") {
		for line := range strings.Lines(s) {
			f.Add(line)
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		text = strings.ToValidUTF8(text, "\ufffd")
		for name, p := range pipelines {
			first := runFuzzed(t, name, p, text, false)
			if again := runFuzzed(t, name, p, text, false); again != first {
				t.Errorf("%s of %q: %s, then %s", name, text, first, again)
			}
			runFuzzed(t, name, p, text, true)
		}
	})
}

// runFuzzed puts a text, or the value that it is as JSON, through a pipeline.
func runFuzzed(t *testing.T, name string, p *Pipeline, text string, parse bool) string {
	t.Helper()
	var r Runner
	r.SetNow(arrival)
	var rec Record
	v := StringOf(text)
	if parse {
		d := decoder{s: text, arena: &rec.arena}
		var err error
		if v, err = d.whole(); err != nil {
			return ""
		}
	}
	rec.Set("f", v)
	row, err := r.Run(p, &rec)
	switch {
	case err != nil:
		return err.Error()
	case row == nil:
		return "dropped"
	}
	for _, c := range row.Cells {
		if !utf8.ValidString(c.Value.Text()) || !utf8.ValidString(c.Name) || c.Value.Kind() != Null && c.Value.Kind() != c.Type.Class() {
			t.Errorf("%s of %q: column %q of type %s is %q, a %s", name, text, c.Name, c.Type, c.Value.Text(), c.Value.Kind())
		}
	}
	return showRow(row)
}

// FuzzSource: any body has an end, and good records only.
func FuzzSource(f *testing.F) {
	for _, s := range casesOf(f, "run") {
		f.Add([]byte(s), byte(0))
		f.Add([]byte(s), byte(1))
		f.Add([]byte(s), byte(2))
	}
	p := Identity(3, nil)
	f.Fuzz(func(t *testing.T, body []byte, format byte) {
		body = bytes.ToValidUTF8(body, []byte("\ufffd"))
		var src Source
		var rec Record
		var r Runner
		src.Reset(body, Format(format%3))
		for n := 0; ; n++ {
			if n > len(body)+1 {
				t.Fatalf("more records than bytes in %q", body)
			}
			ok, err := src.Next(&rec)
			if err != nil && IsBadRecord(err) {
				continue
			}
			if err != nil || !ok {
				break
			}
			if _, err := r.Run(p, &rec); err != nil {
				t.Errorf("%q: %v", body, err)
			}
		}
	})
}
