package edge

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"

	"tarn/edge/api/page"
)

// problems keeps the newest warnings and errors of the log, which is where
// every part of the server tells them. It hands all records on.
type problems struct {
	next slog.Handler
	// attrs are those of the loggers derived from this one, as text.
	attrs string
	ring  *problemRing
}

// problemRing is shared by a handler and those derived from it.
type problemRing struct {
	mu   sync.Mutex
	last []page.Problem // newest last
}

// Bounds of what is kept.
const (
	keptProblems     = 20
	maxProblemLength = 500
)

func newProblems(next slog.Handler) *problems {
	return &problems{next: next, ring: &problemRing{}}
}

// Enabled is slog.Handler's.
func (p *problems) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn || p.next.Enabled(ctx, level)
}

// Handle is slog.Handler's.
func (p *problems) Handle(ctx context.Context, r slog.Record) error {
	if r.Level >= slog.LevelWarn {
		p.ring.add(p.problem(r))
		if !p.next.Enabled(ctx, r.Level) {
			return nil
		}
	}
	return p.next.Handle(ctx, r)
}

// WithAttrs is slog.Handler's.
func (p *problems) WithAttrs(attrs []slog.Attr) slog.Handler {
	text := p.attrs
	for _, a := range attrs {
		text += " " + a.String()
	}
	return &problems{next: p.next.WithAttrs(attrs), attrs: text, ring: p.ring}
}

// WithGroup is slog.Handler's.
func (p *problems) WithGroup(name string) slog.Handler {
	return &problems{next: p.next.WithGroup(name), attrs: p.attrs, ring: p.ring}
}

func (p *problems) problem(r slog.Record) page.Problem {
	var b strings.Builder
	b.WriteString(r.Message)
	b.WriteString(p.attrs)
	r.Attrs(func(a slog.Attr) bool {
		b.WriteString(" " + a.String())
		return b.Len() < maxProblemLength
	})
	text := b.String()
	if len(text) > maxProblemLength {
		text = strings.ToValidUTF8(text[:maxProblemLength], "") + "…"
	}
	return page.Problem{Time: r.Time.UnixMilli(), Level: strings.ToLower(r.Level.String()), Text: text}
}

func (r *problemRing) add(p page.Problem) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last = append(r.last, p)
	if len(r.last) > keptProblems {
		r.last = slices.Delete(r.last, 0, len(r.last)-keptProblems)
	}
}

// list returns what is kept, newest first.
func (r *problemRing) list() []page.Problem {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := slices.Clone(r.last)
	slices.Reverse(out)
	if out == nil {
		out = []page.Problem{} // a list for JSON
	}
	return out
}
