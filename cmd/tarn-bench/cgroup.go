//go:build linux

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// memoryGroup is a control group for one child process, below the one that
// this process is in: the kernel kills the child when its memory, page cache
// that it needs and kernel memory included, does not fit in the limit.
type memoryGroup struct {
	dir  string // empty when there is none here
	peak string // the file with the most bytes ever used
	why  string // there is none
}

// newMemoryGroup makes a group with a limit in bytes. Where that is not allowed
// the group is empty, and says why.
func newMemoryGroup(limit int64) *memoryGroup {
	g := &memoryGroup{}
	if err := g.make(limit); err != nil {
		g.why = err.Error()
		g.close()
		g.dir = ""
	}
	return g
}

func (g *memoryGroup) make(limit int64) error {
	text, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return err
	}
	var root, file string
	for line := range strings.Lines(string(text)) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) != 3 {
			continue
		}
		switch {
		case parts[1] == "memory": // version 1
			root, file, g.peak = "/sys/fs/cgroup/memory"+parts[2], "memory.limit_in_bytes", "memory.max_usage_in_bytes"
		case parts[0] == "0" && root == "": // version 2
			root, file, g.peak = "/sys/fs/cgroup"+parts[2], "memory.max", "memory.peak"
		}
	}
	if root == "" {
		return errors.New("no control groups")
	}
	dir, err := os.MkdirTemp(root, "tarn-proof-")
	if err != nil {
		return err
	}
	g.dir = dir
	return os.WriteFile(filepath.Join(dir, file), []byte(strconv.FormatInt(limit, 10)), 0o600)
}

// wrap returns a command that runs a program inside the group.
func (g *memoryGroup) wrap(program string, args []string) (string, []string) {
	if g.dir == "" {
		return program, args
	}
	return "sh", append([]string{"-c", `echo $$ > "$1" && shift && exec "$@"`, "sh", filepath.Join(g.dir, "cgroup.procs"), program}, args...)
}

// used returns the most bytes that the group ever used, 0 when nobody knows,
// and how often the kernel killed a process of it.
func (g *memoryGroup) used() (peak, kills int64) {
	if g.dir == "" {
		return 0, 0
	}
	if text, err := os.ReadFile(filepath.Join(g.dir, g.peak)); err == nil {
		peak, _ = strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64) // 0 is "unknown"
	}
	for _, name := range []string{"memory.oom_control", "memory.events"} {
		text, err := os.ReadFile(filepath.Join(g.dir, name))
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(text)) {
			if n, found := strings.CutPrefix(line, "oom_kill "); found {
				kills, _ = strconv.ParseInt(strings.TrimSpace(n), 10, 64)
			}
		}
	}
	return peak, kills
}

func (g *memoryGroup) String() string {
	if g.dir == "" {
		return "no control group: " + g.why
	}
	return fmt.Sprintf("control group %s", filepath.Base(g.dir))
}

// close removes the group. Its processes must have ended.
func (g *memoryGroup) close() {
	if g.dir != "" {
		_ = os.Remove(g.dir) // an empty group that stays costs nothing
	}
}
