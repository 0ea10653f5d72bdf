//go:build linux

package main

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestOpenDataset(t *testing.T) {
	cases := []struct {
		name   string
		text   string
		perReq int
		// want
		batches []string
		values  int64
		tables  map[string]int64
		first   int64
		last    int64
	}{
		{
			name:    "cut_every_two_lines",
			text:    "m a=1 3\nm a=2,b=3i 1\nm a=4 2\n",
			perReq:  2,
			batches: []string{"m a=1 3\nm a=2,b=3i 1\n", "m a=4 2\n"},
			values:  4,
			tables:  map[string]int64{"m": 3},
			first:   1, last: 3,
		},
		{
			name:    "last_line_without_newline",
			text:    "m a=1 1\nm a=2 2",
			perReq:  5,
			batches: []string{"m a=1 1\nm a=2 2"},
			values:  2,
			tables:  map[string]int64{"m": 2},
			first:   1, last: 2,
		},
		{
			name:    "newline_comma_and_space_in_a_string",
			text:    "m,t=x s=\"one, \\\"two\\\"\nthree\",b=1 7\nm,t=x b=2 8\n",
			perReq:  1,
			batches: []string{"m,t=x s=\"one, \\\"two\\\"\nthree\",b=1 7\n", "m,t=x b=2 8\n"},
			values:  3,
			tables:  map[string]int64{"m": 2},
			first:   7, last: 8,
		},
		{
			name:    "a_quote_in_a_tag_opens_nothing",
			text:    "m,t=1\" a=1 1\nm,t=1\" s=\"x\" 2\n",
			perReq:  1,
			batches: []string{"m,t=1\" a=1 1\n", "m,t=1\" s=\"x\" 2\n"},
			values:  2,
			tables:  map[string]int64{"m": 2},
			first:   1, last: 2,
		},
		{
			name:    "escaped_names",
			text:    "my\\ m\\,x,t\\ a=b\\=c f\\ 1=1,f\\,2=2 9\n",
			perReq:  1,
			batches: []string{"my\\ m\\,x,t\\ a=b\\=c f\\ 1=1,f\\,2=2 9\n"},
			values:  2,
			tables:  map[string]int64{"my m,x": 1},
			first:   9, last: 9,
		},
		{
			name:    "comments_and_blank_lines_are_sent_but_not_counted",
			text:    "# it's \"quoted\n\nm a=1 1\n# end\nn a=1 2\r\nm a=1 3\n",
			perReq:  2,
			batches: []string{"# it's \"quoted\n\nm a=1 1\n# end\nn a=1 2\r\n", "m a=1 3\n"},
			values:  3,
			tables:  map[string]int64{"m": 2, "n": 1},
			first:   1, last: 3,
		},
		{
			name:    "no_time_stamp",
			text:    "m a=1\n",
			perReq:  1,
			batches: []string{"m a=1\n"},
			values:  1,
			tables:  map[string]int64{"m": 1},
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "set.lp")
			if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			d, err := openDataset(path, c.perReq)
			if err != nil {
				t.Fatal(err)
			}
			var batches []string
			for _, b := range d.batches {
				batches = append(batches, c.text[b.off:b.off+int64(b.size)])
			}
			if !slices.Equal(batches, c.batches) {
				t.Errorf("batches\n%q, want\n%q", batches, c.batches)
			}
			if d.values != c.values {
				t.Errorf("values %d, want %d", d.values, c.values)
			}
			if !maps.Equal(d.tables, c.tables) {
				t.Errorf("tables %v, want %v", d.tables, c.tables)
			}
			if d.first != c.first || d.last != c.last {
				t.Errorf("times %d..%d, want %d..%d", d.first, d.last, c.first, c.last)
			}
		})
	}
}

func TestOpenDatasetRefusesAFileWithoutLines(t *testing.T) {
	path := filepath.Join(t.TempDir(), "set.lp")
	if err := os.WriteFile(path, []byte("# nothing\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := openDataset(path, 10); err == nil {
		t.Error("no error")
	}
}
