package piped

import (
	"fmt"
	"sync"
	"time"

	"tarn/edge/pipeline"
	"tarn/store"
)

// Library finds pipelines by name and compiles each version once.
type Library struct {
	pipelines *store.Pipelines

	mu       sync.Mutex
	compiled map[version]*pipeline.Pipeline
}

type version struct {
	name      string
	createdAt int64
}

// maxCompiled bounds how many compiled versions are kept.
const maxCompiled = 200

// NewLibrary returns a Library over a store's pipelines.
func NewLibrary(p *store.Pipelines) *Library {
	return &Library{pipelines: p, compiled: map[version]*pipeline.Pipeline{}}
}

// NotFoundError is a pipeline, or version of it, that there is not.
type NotFoundError struct {
	Name    string
	Version int64
}

func (e *NotFoundError) Error() string {
	v := "latest"
	if e.Version != 0 {
		v = FormatVersion(e.Version, time.UTC)
	}
	return fmt.Sprintf("Pipeline not found, name: %s, version: %s", e.Name, v)
}

// FormatVersion is a version as clients see it: the instant of its creation in
// a time zone.
func FormatVersion(v int64, zone *time.Location) string {
	return time.Unix(0, v).In(zone).Format("2006-01-02 15:04:05.000000000")
}

// versionLayouts are those of section 8.3; a fraction fits any of them.
var versionLayouts = []string{
	"2006-01-02T15:04:05Z07:00", "2006-01-02 15:04:05Z07:00", "2006-01-02T15:04:05Z0700", "2006-01-02 15:04:05Z0700",
	"2006-01-02T15:04:05", "2006-01-02 15:04:05",
}

// ParseVersion reads a version; without an offset it is UTC.
func ParseVersion(s string) (int64, error) {
	for _, l := range versionLayouts {
		if t, err := time.Parse(l, s); err == nil && t.Year() > 1677 && t.Year() < 2262 && t.UnixNano() != 0 {
			return t.UnixNano(), nil
		}
	}
	return 0, &VersionError{s}
}

// Find returns a pipeline; version 0 is the newest. The built-in
// greptime_identity is one, too.
func (l *Library) Find(name string, at int64) (*pipeline.Pipeline, error) {
	if name == pipeline.IdentityName {
		return pipeline.Identity(0, nil), nil
	}
	p, err := l.pipelines.Get(name, at)
	if err != nil {
		return nil, &NotFoundError{name, at}
	}
	key := version{p.Name, p.CreatedAt}
	l.mu.Lock()
	c, ok := l.compiled[key]
	l.mu.Unlock()
	if ok {
		return c, nil
	}
	if c, err = pipeline.Compile(p.Text); err != nil {
		return nil, fmt.Errorf("the stored pipeline %s does not compile: %w", name, err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.compiled) >= maxCompiled {
		clear(l.compiled) // they come back when they are needed
	}
	l.compiled[key] = c
	return c, nil
}

// VersionError is a text that is no version.
type VersionError struct{ Text string }

func (e *VersionError) Error() string { return "Invalid pipeline version format: " + e.Text }
