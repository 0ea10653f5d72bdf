//go:build linux

package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// usage of one process since it started, from proc(5).
type procSample struct {
	cpu     time.Duration // user and system time, all threads, 10 ms steps
	rss     int64         // bytes resident now (VmRSS)
	peakRSS int64         // most bytes ever resident (VmHWM)
	written int64         // bytes sent towards the block device (io: write_bytes); a kernel with large folios counts a whole folio for each page
}

// clockTick is the unit of the times in /proc/PID/stat. USER_HZ is 100 on every
// Linux that Go runs on, whatever the kernel's own HZ.
const clockTick = time.Second / 100

// readProc samples a process; it must belong to the caller's user.
func readProc(pid int) (procSample, error) {
	var s procSample
	var err error
	if s.cpu, err = readCPU(pid); err != nil {
		return s, err
	}
	status, err := readFields(fmt.Sprintf("/proc/%d/status", pid), "VmRSS", "VmHWM")
	if err != nil {
		return s, err
	}
	s.rss, s.peakRSS = status[0]<<10, status[1]<<10
	io, err := readFields(fmt.Sprintf("/proc/%d/io", pid), "write_bytes")
	if err != nil {
		return s, err
	}
	s.written = io[0]
	return s, nil
}

func readCPU(pid int) (time.Duration, error) {
	name := fmt.Sprintf("/proc/%d/stat", pid)
	text, err := os.ReadFile(name)
	if err != nil {
		return 0, err
	}
	// The second field is the command in parentheses and may itself hold blanks
	// and parentheses: count from the last one. utime and stime are fields 14 and 15.
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	const utime, stime = 14 - 3, 15 - 3
	if len(fields) <= stime {
		return 0, fmt.Errorf("%s: only %d fields after the command", name, len(fields))
	}
	user, err := strconv.ParseInt(fields[utime], 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%s: utime: %w", name, err)
	}
	system, err := strconv.ParseInt(fields[stime], 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%s: stime: %w", name, err)
	}
	return time.Duration(user+system) * clockTick, nil
}

// readFields returns the leading number of each named "key: number [unit]" line,
// in the order of keys.
func readFields(name string, keys ...string) ([]int64, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	values := make([]int64, len(keys))
	for i, key := range keys {
		_, rest, found := strings.Cut("\n"+string(text), "\n"+key+":")
		if !found {
			return nil, fmt.Errorf("%s: no %s", name, key)
		}
		rest, _, _ = strings.Cut(rest, "\n")
		number, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
		if values[i], err = strconv.ParseInt(number, 10, 64); err != nil {
			return nil, fmt.Errorf("%s: %s: %w", name, key, err)
		}
	}
	return values, nil
}

// waitIdle returns once the process has used less than 2 % of a core in each of three
// seconds running, or when limit has passed: merges and flushes that a server puts
// off past its last acknowledgement are part of what the load cost.
func waitIdle(ctx context.Context, pid int, limit time.Duration) error {
	const (
		window  = time.Second
		quiet   = window / 50
		windows = 3
	)
	deadline := time.Now().Add(limit)
	before, err := readCPU(pid)
	if err != nil {
		return err
	}
	for quietWindows := 0; quietWindows < windows && time.Now().Before(deadline); {
		if err := sleep(ctx, window); err != nil {
			return err
		}
		now, err := readCPU(pid)
		if err != nil {
			return err
		}
		if now-before <= quiet {
			quietWindows++
		} else {
			quietWindows = 0
		}
		before = now
	}
	return nil
}

// sleep waits for d, or until ctx is done.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
