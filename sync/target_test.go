package upstream

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestParseTarget(t *testing.T) {
	c := Config{Format: FormatParquet, TimeUnit: Micros}
	for text, want := range map[string]string{
		"s3://b/p/q?endpoint=https://h:9&region=r&style=virtual": "s3 s3://h:9/b/p/q b p/q h:9 true r virtual parquet us",
		"s3://b?endpoint=http://h":                               "s3 s3://h/b/ b  h false  auto parquet us",
		"s3://b?time-unit=ns":                                    "s3 s3://s3.amazonaws.com/b/ b  s3.amazonaws.com true  auto parquet ns",
		"file:///a/b/?name=x&format=delta":                       "file x    false   delta us",
		"http://h:1/base/?bucket=d":                              "http http://h:1/base/d    false   lines ns",
		"s3://b?style=other":                                     "style is auto",
		"s3://":                                                  "want s3://BUCKET",
		"s3://b?endpoint=ftp://h":                                "endpoint is http",
		"s3://b?endpoint=h/x":                                    "endpoint is HOST:PORT",
		"s3://b?nope=1":                                          `no parameter "nope"`,
		"file://host/x":                                          "absolute path",
		"http://h?format=delta":                                  "lines have neither",
		"ftp://h":                                                "want s3://",
		"file:///x?format=delta&time-unit=ns":                    "no nanoseconds",
		"file:///x?format=csv":                                   "format is parquet or delta",
		"file:///x?time-unit=ms":                                 "time-unit is",
		"\x00":                                                   "not a URL",
	} {
		got := ""
		if p, err := ParseTarget(text, c); err != nil {
			got = err.Error()
		} else {
			got = fmt.Sprint(p.Kind, " ", p.ID, " ", p.Bucket, " ", p.Prefix, " ", p.Endpoint, " ", p.Secure, " ", p.Region, " ", p.Style, " ", p.Format, " ", p.TimeUnit)
		}
		if got != want && !(strings.Contains(got, want) && !strings.Contains(want, " us")) {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	p, err := ParseTarget("file:///x?database=a,b&database=c&database=a", c)
	if err != nil || !slices.Equal(p.Databases, []string{"a", "b", "c"}) {
		t.Errorf("%+v %v", p, err)
	}
	if _, err := ParseTargets(Config{Targets: []string{"file:///x", "file:///x/"}, Format: FormatParquet, TimeUnit: Micros}); err == nil {
		t.Error("two targets of one name")
	}
}

func TestEscape(t *testing.T) {
	for in, want := range map[string]string{
		"cpu": "cpu", "a/b": "a%2Fb", "..": "%2E.", "_x": "%5Fx", "x_y.z-1": "x_y.z-1", "a b=c%": "a%20b%3Dc%25", "ü": "%C3%BC", "": "",
	} {
		if got := escape(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
	long := strings.Repeat("ü", 1000)
	a, b := escape(long), escape(long+"x")
	if len(a) > maxName || a == b || strings.HasSuffix(strings.Split(a, "~")[0], "%") {
		t.Errorf("%q %q", a, b)
	}
	// Different names never meet.
	seen := map[string]string{}
	rng := rand.New(rand.NewPCG(1, 1))
	for range 10_000 {
		name := make([]byte, rng.IntN(4))
		for i := range name {
			name[i] = "a%2F/_.~ E"[rng.IntN(10)]
		}
		key := escape(string(name))
		if other, ok := seen[key]; ok && other != string(name) {
			t.Fatalf("%q and %q are both %q", other, name, key)
		}
		seen[key] = string(name)
	}
}

func TestBackoff(t *testing.T) { synctest.Test(t, testBackoff) } // the clock stands

func testBackoff(t *testing.T) {
	b := backoff{base: time.Minute, most: 10 * time.Minute}
	if b.left() != 0 {
		t.Error("a wait before the first failure")
	}
	for i, want := range []time.Duration{1, 2, 4, 8, 10, 10} {
		b.fail()
		if left := b.left(); left > want*time.Minute || left < want*time.Minute/2 {
			t.Errorf("after %d failures %v, of %v", i+1, left, want*time.Minute)
		}
	}
	b.atLeast(time.Hour)
	if left := b.left(); left > 10*time.Minute || left < 9*time.Minute {
		t.Errorf("a server's wish is bounded: %v", left)
	}
	for range 10_000 {
		b.fail() // no overflow
	}
	if left := b.left(); left < 4*time.Minute || left > 10*time.Minute {
		t.Errorf("%v", left)
	}
	b.succeed()
	if b.left() != 0 || b.failures != 0 {
		t.Error("it waits after a success")
	}
}

// FuzzManifest reads what others may have put in the place of a manifest.
func FuzzManifest(f *testing.F) {
	m := Manifest{Version: 1, Node: "n", Number: 3, Adds: []Add{{Key: "a/b/edge=c/date=2026-01-01/x.parquet", Table: "b", Columns: []ColumnSchema{{"time", "time", "timestamp_us"}}}}}
	body, err := m.encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(body)
	f.Add([]byte(`{"version":1}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		m, err := readManifest(body)
		if err != nil {
			return
		}
		again, err := m.encode()
		if err != nil {
			return // a year that JSON cannot say
		}
		if _, err := readManifest(again); err != nil {
			t.Fatalf("%s: %v", again, err)
		}
		table := &deltaTable{version: -1, ours: deltaOurs{Nodes: map[string]uint64{}}}
		for _, a := range m.Adds {
			if root, err := tableRoot(a.Key, 2); err == nil {
				_, _, _ = table.next(root, 2, []part{{node: m.Node, number: m.Number, at: m.CreatedAt, adds: []Add{a}}})
			}
		}
	})
}

// FuzzDelta reads what others may have written into a log.
func FuzzDelta(f *testing.F) {
	f.Add([]byte(`{"commitInfo":{"timestamp":1,"tarn":{"nodes":{"a":1},"metaData":{"schemaString":"{}"}}}}` + "\n" + `{"metaData":{"id":"x","schemaString":"{\"fields\":[{\"type\":{}}]}","partitionColumns":["date"]}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		actions, err := readDelta(body)
		if err != nil {
			return
		}
		for _, a := range actions {
			if a.MetaData != nil {
				_ = a.MetaData.widen("r", 3, []ColumnSchema{{"c", "field", "int64"}}, 1)
			}
		}
	})
}
