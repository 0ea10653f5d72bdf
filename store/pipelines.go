package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"tarn/store/catalog"
)

// Pipeline is one version of a log pipeline: its text. What the text means is
// not the store's business.
type Pipeline = catalog.Pipeline

// ErrPipelineNotFound means that no such pipeline, or version of it, exists.
var ErrPipelineNotFound = errors.New("pipeline not found")

// maxPipelines bounds the versions of all pipelines together: they are in
// memory.
const maxPipelines = 10000

// Pipelines are the log pipelines of a store: in memory for reading, in the
// catalog for keeps. They belong to no database.
type Pipelines struct {
	catalog *catalog.Catalog
	now     func() time.Time
	mu      sync.Mutex
	list    atomic.Pointer[[]Pipeline] // by name and version
}

func newPipelines(c *catalog.Catalog, list []Pipeline, now func() time.Time) *Pipelines {
	p := &Pipelines{catalog: c, now: now}
	p.list.Store(&list)
	return p
}

// List returns all versions of all pipelines by name and version. It must not
// be modified.
func (p *Pipelines) List() []Pipeline { return *p.list.Load() }

// Get finds a pipeline; version is Pipeline.CreatedAt, 0 for the newest.
func (p *Pipelines) Get(name string, version int64) (Pipeline, error) {
	list := *p.list.Load()
	if version == 0 {
		i, _ := slices.BinarySearchFunc(list, name, func(a Pipeline, name string) int {
			if a.Name > name {
				return 1
			}
			return -1
		})
		if i > 0 && list[i-1].Name == name {
			return list[i-1], nil
		}
		return Pipeline{}, ErrPipelineNotFound
	}
	if i, ok := search(list, Pipeline{Name: name, CreatedAt: version}); ok {
		return list[i], nil
	}
	return Pipeline{}, ErrPipelineNotFound
}

func search(list []Pipeline, p Pipeline) (int, bool) {
	return slices.BinarySearchFunc(list, p, func(a, b Pipeline) int {
		if c := strings.Compare(a.Name, b.Name); c != 0 {
			return c
		}
		return int(min(max(a.CreatedAt-b.CreatedAt, -1), 1))
	})
}

// Add stores a new version of a pipeline. It is durable when Add returns.
func (p *Pipelines) Add(ctx context.Context, name, text string) (Pipeline, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	list := *p.list.Load()
	if len(list) >= maxPipelines {
		return Pipeline{}, &ConfigError{fmt.Sprintf("there are %d versions of pipelines, which is the most; delete some", len(list))}
	}
	n := Pipeline{Name: name, CreatedAt: p.now().UnixNano(), Text: text}
	if last, err := p.Get(name, 0); err == nil {
		n.CreatedAt = max(n.CreatedAt, last.CreatedAt+1) // a clock may stand still, or go back
	}
	if err := p.catalog.Apply(ctx, catalog.Change{AddPipelines: []Pipeline{n}}); err != nil {
		return Pipeline{}, fmt.Errorf("add pipeline %q: %w", name, err)
	}
	at, _ := search(list, n)
	grown := slices.Insert(slices.Clone(list), at, n)
	p.list.Store(&grown)
	return n, nil
}

// Delete removes one version of a pipeline.
func (p *Pipelines) Delete(ctx context.Context, name string, version int64) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	list := *p.list.Load()
	at, ok := search(list, Pipeline{Name: name, CreatedAt: version})
	if !ok {
		return ErrPipelineNotFound
	}
	if err := p.catalog.Apply(ctx, catalog.Change{DeletePipelines: []Pipeline{list[at]}}); err != nil {
		return fmt.Errorf("delete pipeline %q: %w", name, err)
	}
	rest := slices.Delete(slices.Clone(list), at, at+1)
	p.list.Store(&rest)
	return nil
}
