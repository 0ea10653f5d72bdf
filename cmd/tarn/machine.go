package main

import (
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
)

// machine is what is worth knowing of the machine when something is wrong. What
// cannot be found out is left empty.
type machine struct {
	Model  string `json:"model,omitempty"`
	System string `json:"system,omitempty"`
	Kernel string `json:"kernel,omitempty"`
	// Memory and MemoryLimit are bytes: the machine's, and what the control group
	// of this process may use at most.
	Memory      int64         `json:"memory_bytes,omitempty"`
	MemoryLimit int64         `json:"memory_group_limit_bytes,omitempty"`
	Up          time.Duration `json:"up_ns,omitempty"`
	// FileSystem is the one of the data directory.
	FileSystem fileSystem `json:"file_system"`
}

// fileSystem is a mounted one.
type fileSystem struct {
	Type    string `json:"type,omitempty"`
	Device  string `json:"device,omitempty"`
	Mount   string `json:"mount,omitempty"`
	Options string `json:"options,omitempty"`
}

// group says what the control group allows, when there is a limit.
func (m machine) group() string {
	if m.MemoryLimit == 0 {
		return ""
	}
	return ", " + humanize.IBytes(uint64(m.MemoryLimit)) + " of it for this group"
}

// thisMachine looks at the machine; root is "/" but in tests.
func thisMachine(root, dir string) machine {
	read := func(path string) string {
		text, err := os.ReadFile(filepath.Join(root, path))
		if err != nil {
			return ""
		}
		return strings.TrimRight(string(text), "\x00\n ")
	}
	m := machine{Model: read("proc/device-tree/model"), Kernel: read("proc/sys/kernel/osrelease")}
	if m.Model == "" {
		m.Model = strings.TrimSpace(read("sys/class/dmi/id/sys_vendor") + " " + read("sys/class/dmi/id/product_name"))
	}
	m.System = runtime.GOOS
	if name := value(read("etc/os-release"), "PRETTY_NAME="); name != "" {
		m.System = strings.Trim(name, `"`)
	}
	if fields := strings.Fields(value(read("proc/meminfo"), "MemTotal:")); len(fields) > 0 {
		if n, err := strconv.ParseInt(fields[0], 10, 64); err == nil {
			m.Memory = n << 10
		}
	}
	if group, ok := strings.CutPrefix(value(read("proc/self/cgroup"), "0::"), "/"); ok {
		if n, err := strconv.ParseInt(read(filepath.Join("sys/fs/cgroup", group, "memory.max")), 10, 64); err == nil {
			m.MemoryLimit = n
		}
	}
	if fields := strings.Fields(read("proc/uptime")); len(fields) > 0 {
		if seconds, err := strconv.ParseFloat(fields[0], 64); err == nil {
			m.Up = time.Duration(seconds) * time.Second
		}
	}
	if path, err := filepath.Abs(dir); err == nil {
		if real, err := filepath.EvalSymlinks(path); err == nil {
			path = real
		}
		m.FileSystem = mountOf(path, read("proc/self/mountinfo"))
	}
	return m
}

// value is what follows a name at the begin of a line.
func value(text, name string) string {
	for line := range strings.Lines(text) {
		if v, ok := strings.CutPrefix(line, name); ok {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

// mountOf finds the file system that holds a path, in the form of
// /proc/self/mountinfo (proc(5)).
func mountOf(path, info string) fileSystem {
	var found fileSystem
	for line := range strings.Lines(info) {
		before, after, ok := strings.Cut(line, " - ")
		place, kind := strings.Fields(before), strings.Fields(after)
		if !ok || len(place) < 6 || len(kind) < 2 {
			continue
		}
		at := unescaped.Replace(place[4])
		if within := at == "/" || path == at || strings.HasPrefix(path, at+"/"); within && len(at) >= len(found.Mount) {
			found = fileSystem{Type: kind[0], Device: kind[1], Mount: at, Options: place[5]}
		}
	}
	return found
}

// unescaped undoes what mountinfo does to odd characters.
var unescaped = strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`)
