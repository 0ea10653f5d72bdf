//go:build linux

package main

import (
	"strings"
	"testing"
)

// TestSeriesAreSummed: an answer of /query is as large as its rows, whatever
// series they are in, and a statement's error is one.
func TestSeriesAreSummed(t *testing.T) {
	var a answer
	body := `{"results":[{"series":[{"values":[["2026-01-01T00:00:00Z",1.5,null]]},{"values":[["2026-01-01T00:00:00Z",2,"x"]]}]}]}`
	if err := a.addSeries([]byte(body)); err != nil {
		t.Fatal(err)
	}
	if a.rows != 2 || a.cells != 5 || a.numbers != 3.5 {
		t.Errorf("got %d rows, %d cells, sum %v", a.rows, a.cells, a.numbers)
	}
	if err := a.addSeries([]byte(`{"results":[{"error":"no such thing"}]}`)); err == nil || !strings.Contains(err.Error(), "no such thing") {
		t.Errorf("got %v", err)
	}
}

func TestInfluxQLQueryTexts(t *testing.T) {
	for _, q := range influxqlQueries() {
		text := windows.Replace(q.text)
		for _, left := range []string{"1H", "8H", "12H", "HOSTS"} {
			if strings.Contains(text, left) {
				t.Errorf("%s: %s is left in %s", q.name, left, text)
			}
		}
	}
}
