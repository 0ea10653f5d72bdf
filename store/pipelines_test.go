package store

import (
	"errors"
	"testing"
)

// TestPipelines: versions rise even if the clock does not, and survive a
// restart.
func TestPipelines(t *testing.T) {
	m := newMachine(t, 1)
	m.mustOpen()
	p := m.store.Pipelines()
	ctx := t.Context()
	add := func(name, text string) Pipeline {
		t.Helper()
		n, err := p.Add(ctx, name, text)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	b1 := add("b", "one")
	a1 := add("a", "x")
	b2 := add("b", "two")
	if b2.CreatedAt != b1.CreatedAt+1 || a1.CreatedAt != b1.CreatedAt {
		t.Errorf("versions %d, %d, %d", b1.CreatedAt, a1.CreatedAt, b2.CreatedAt)
	}
	for _, c := range []struct {
		name    string
		version int64
		want    string
	}{{"b", 0, "two"}, {"b", b1.CreatedAt, "one"}, {"b", b2.CreatedAt, "two"}, {"a", 0, "x"}, {"c", 0, ""}, {"", 0, ""}, {"b", 7, ""}} {
		got, err := p.Get(c.name, c.version)
		if got.Text != c.want || (c.want == "") != errors.Is(err, ErrPipelineNotFound) {
			t.Errorf("%s %d: %+v, %v", c.name, c.version, got, err)
		}
	}
	if err := p.Delete(ctx, "b", b2.CreatedAt); err != nil {
		t.Fatal(err)
	}
	if err := p.Delete(ctx, "b", b2.CreatedAt); !errors.Is(err, ErrPipelineNotFound) {
		t.Errorf("deleted twice: %v", err)
	}
	m.must(m.store.Close(ctx))
	m.store = nil
	m.mustOpen()
	if got := m.store.Pipelines().List(); len(got) != 2 || got[0] != a1 || got[1] != b1 {
		t.Errorf("after a restart: %+v", got)
	}
}
