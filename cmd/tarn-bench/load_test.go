//go:build linux

package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// openText writes text to a file and opens it as a dataset.
func openText(t *testing.T, text string, linesPerBatch int) *dataset {
	t.Helper()
	path := filepath.Join(t.TempDir(), "set.lp")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	d, err := openDataset(path, linesPerBatch)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestLoadSendsEveryLineOnce(t *testing.T) {
	var text strings.Builder
	var want []string
	for i := range 1003 {
		line := fmt.Sprintf("m,t=%d a=%d,b=1 %d\n", i%7, i, i)
		text.WriteString(line)
		want = append(want, strings.TrimSuffix(line, "\n"))
	}
	set := openText(t, text.String(), 10)

	var mu sync.Mutex
	var got []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || r.Header.Get("Authorization") != "Bearer x" {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		mu.Lock()
		got = append(got, strings.Split(strings.TrimSuffix(string(body), "\n"), "\n")...)
		mu.Unlock()
		w.WriteHeader(http.StatusNoContent)
	}))
	defer server.Close()

	config := loadConfig{url: server.URL, header: http.Header{"Authorization": {"Bearer x"}}, workers: 3}
	result, err := load(t.Context(), config, set)
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("the server got %d lines, want these %d once each", len(got), len(want))
	}
	if result.Lines != 1003 || result.Values != 2006 || result.RowsPerSecond <= 0 {
		t.Errorf("result %+v", result)
	}
}

func TestLoadRetriesAnOverloadedServer(t *testing.T) {
	set := openText(t, "m a=1 1\nm a=2 2\n", 1)
	calls := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if calls++; calls == 2 {
			w.Header().Set("Retry-After", "0")
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	defer server.Close()

	result, err := load(t.Context(), loadConfig{url: server.URL, workers: 1}, set)
	if err != nil {
		t.Fatal(err)
	}
	if result.Retries != 1 || calls != 3 {
		t.Errorf("%d retries in %d calls, want 1 in 3", result.Retries, calls)
	}
}

func TestLoadReportsARefusal(t *testing.T) {
	set := openText(t, strings.Repeat("m a=1 1\n", 50), 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "no such database", http.StatusNotFound)
	}))
	defer server.Close()

	_, err := load(t.Context(), loadConfig{url: server.URL, workers: 2}, set)
	if err == nil || !strings.Contains(err.Error(), "no such database") {
		t.Errorf("error %v, want the server's text", err)
	}
}

func TestLoadStopsWithItsContext(t *testing.T) {
	set := openText(t, strings.Repeat("m a=1 1\n", 50), 1)
	ctx, cancel := context.WithCancel(t.Context())
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { cancel() }))
	defer server.Close()

	if _, err := load(ctx, loadConfig{url: server.URL, workers: 1}, set); err == nil {
		t.Error("no error")
	}
}

func TestQuantile(t *testing.T) {
	var hundred []time.Duration
	for i := range 100 {
		hundred = append(hundred, time.Duration(i))
	}
	cases := []struct {
		name   string
		sorted []time.Duration
		q      float64
		want   time.Duration
	}{
		{"none", nil, 0.5, 0},
		{"one", []time.Duration{7}, 0.99, 7},
		{"median", hundred, 0.5, 50},
		{"p99", hundred, 0.99, 99},
		{"all", hundred, 1, 99},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if got := quantile(c.sorted, c.q); got != c.want {
				t.Errorf("got %d, want %d", got, c.want)
			}
		})
	}
}
