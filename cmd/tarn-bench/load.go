//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// loadConfig says how to send a dataset to a running server.
type loadConfig struct {
	url     string      // full write URL, with database and precision
	header  http.Header // sent with every batch
	workers int         // concurrent senders, one keep-alive connection each
	pid     int         // server process to measure; 0 measures the client side only
	maxIdle time.Duration
}

func runLoad(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("load", flag.ContinueOnError)
	config := loadConfig{header: make(http.Header)}
	flags.StringVar(&config.url, "url", "", "write `URL`; precision=ns is added when it names none")
	file := flags.String("file", "", "line-protocol `file`")
	lines := flags.Int("batch", 5000, "`lines` per request")
	flags.IntVar(&config.workers, "workers", 1, "concurrent senders")
	flags.IntVar(&config.pid, "pid", 0, "server process to measure")
	flags.DurationVar(&config.maxIdle, "max-idle", 30*time.Second, "longest wait for the server to become idle after the load")
	flags.Func("header", "extra `\"Name: value\"` header; may be repeated", func(text string) error {
		name, value, found := strings.Cut(text, ":")
		if !found {
			return errors.New(`want "Name: value"`)
		}
		config.header.Add(strings.TrimSpace(name), strings.TrimSpace(value))
		return nil
	})
	if err := flags.Parse(args); err != nil {
		return err
	}
	if config.url == "" || *file == "" {
		return errors.New("load: -url and -file are required")
	}
	if config.workers < 1 || *lines < 1 {
		return errors.New("load: -workers and -batch must be at least 1")
	}
	if !strings.Contains(config.url, "precision=") {
		separator := "?"
		if strings.Contains(config.url, "?") {
			separator = "&"
		}
		config.url += separator + "precision=ns"
	}
	data, err := openDataset(*file, *lines)
	if err != nil {
		return err
	}
	result, err := load(ctx, config, data)
	if err != nil {
		return err
	}
	if err := json.NewEncoder(os.Stdout).Encode(result); err != nil {
		return err
	}
	return writeTable(os.Stdout, []loadResult{result})
}

// load sends every batch once, waits until the server is idle, and returns what
// it cost. A batch that is refused for any reason but overload ends the load.
func load(ctx context.Context, config loadConfig, data *dataset) (loadResult, error) {
	result := loadResult{
		File:    filepath.Base(data.path),
		Lines:   data.lines,
		Values:  data.values,
		Bytes:   data.bytes,
		Workers: config.workers,
	}
	var before procSample
	var err error
	if config.pid != 0 {
		if before, err = readProc(config.pid); err != nil {
			return result, fmt.Errorf("sample the server before the load: %w", err)
		}
	}
	client, err := readCPU(os.Getpid())
	if err != nil {
		return result, err
	}

	start := time.Now()
	latencies, retries, err := sendAll(ctx, config, data)
	wall := time.Since(start)
	if err != nil {
		return result, err
	}
	result.Retries = retries
	result.setWall(wall, latencies)
	if after, err := readCPU(os.Getpid()); err == nil {
		result.ClientCPUSeconds = (after - client).Seconds()
	}
	if config.pid == 0 {
		return result, nil
	}

	acked, err := readProc(config.pid)
	if err != nil {
		return result, fmt.Errorf("sample the server after the load: %w", err)
	}
	if err := waitIdle(ctx, config.pid, config.maxIdle); err != nil {
		return result, fmt.Errorf("wait for the server to become idle: %w", err)
	}
	idle, err := readProc(config.pid)
	if err != nil {
		return result, fmt.Errorf("sample the idle server: %w", err)
	}
	result.setServer(before, acked, idle)
	return result, nil
}

// sendAll posts the batches in file order, config.workers at a time. It returns
// each batch's latency, retries included.
func sendAll(ctx context.Context, config loadConfig, data *dataset) (latencies []time.Duration, retries int64, err error) {
	file, err := os.Open(data.path)
	if err != nil {
		return nil, 0, err
	}
	defer file.Close()

	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	transport := &http.Transport{MaxIdleConnsPerHost: config.workers, DisableCompression: true}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}

	latencies = make([]time.Duration, len(data.batches))
	var next, retried atomic.Int64
	var workers sync.WaitGroup
	for range config.workers {
		workers.Go(func() {
			var body []byte
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= len(data.batches) {
					return
				}
				b := data.batches[i]
				body = slices.Grow(body[:0], b.size)[:b.size]
				if _, err := file.ReadAt(body, b.off); err != nil {
					cancel(fmt.Errorf("read batch %d: %w", i, err))
					return
				}
				sent := time.Now()
				n, err := send(ctx, client, config, body)
				retried.Add(int64(n))
				if err != nil {
					cancel(fmt.Errorf("send batch %d of %d: %w", i+1, len(data.batches), err))
					return
				}
				latencies[i] = time.Since(sent)
			}
		})
	}
	workers.Wait()
	if ctx.Err() != nil {
		return nil, retried.Load(), context.Cause(ctx)
	}
	return latencies, retried.Load(), nil
}

// maxRetries bounds how often one batch is offered to a server that asks for
// patience (503, 429); with the pauses in between it is minutes.
const maxRetries = 120

// send posts one batch until the server takes it.
func send(ctx context.Context, client *http.Client, config loadConfig, body []byte) (retries int, err error) {
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, config.url, bytes.NewReader(body))
		if err != nil {
			return retries, err
		}
		for name, values := range config.header {
			request.Header[name] = values
		}
		request.Header.Set("Content-Type", "text/plain; charset=utf-8")
		response, err := client.Do(request)
		if err != nil {
			return retries, err
		}
		// Reading to the end is what lets the connection be used again.
		text, err := io.ReadAll(io.LimitReader(response.Body, 64<<10))
		response.Body.Close()
		if err != nil {
			return retries, err
		}
		switch {
		case response.StatusCode/100 == 2:
			return retries, nil
		case retries < maxRetries &&
			(response.StatusCode == http.StatusServiceUnavailable || response.StatusCode == http.StatusTooManyRequests):
			retries++
			if err := sleep(ctx, retryAfter(response.Header)); err != nil {
				return retries, err
			}
		default:
			return retries, fmt.Errorf("%s: %.300s", response.Status, bytes.TrimSpace(text))
		}
	}
}

// retryAfter returns how long a server asks to be left alone; only the
// delay-seconds form of RFC 9110 section 10.2.3 is understood.
func retryAfter(header http.Header) time.Duration {
	seconds, err := strconv.Atoi(header.Get("Retry-After"))
	if err != nil || seconds < 0 {
		return 100 * time.Millisecond
	}
	return time.Duration(seconds) * time.Second
}

// quantile returns the q-quantile of sorted latencies (nearest rank).
func quantile(sorted []time.Duration, q float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}
