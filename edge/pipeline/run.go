package pipeline

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Runner takes records through pipelines. It is scratch memory: one at a time
// may use it. The zero Runner is ready.
type Runner struct {
	// Find returns the pipeline that a dispatcher names; nil knows none.
	Find func(name string) (*Pipeline, error)

	now     time.Time
	record  *Record
	row     Row
	decoder decoder
	found   []string // of dissect
	used    []bool   // fields that a transform took
}

// errNoTime is a row whose time index is null.
var errNoTime = &RecordError{"Time index must be non null."}

// maxDispatch is how often a record may be handed on.
const maxDispatch = 8

// Run takes a record through a pipeline. The row is nil when a filter dropped
// the record; it is the runner's own and valid until the next call. The record
// is scratch afterwards.
func (r *Runner) Run(p *Pipeline, rec *Record) (*Row, error) {
	r.record = rec
	r.row.Suffix, r.row.Hints, r.row.Cells = "", r.row.Hints[:0], r.row.Cells[:0]
	for range maxDispatch {
		if p.identity != nil {
			return &r.row, p.identity.run(r)
		}
		for _, s := range p.steps {
			if keep, err := s.run(r); err != nil || !keep {
				return nil, err
			}
		}
		rule := (*Rule)(nil)
		if p.dispatcher != nil {
			rule = p.dispatcher.pick(rec)
		}
		if rule == nil {
			return &r.row, p.finish(r)
		}
		next, err := r.find(rule.Pipeline)
		if err != nil {
			return nil, err
		}
		p = next
		r.row.Suffix += "_" + rule.Suffix
	}
	return nil, fmt.Errorf("a record was dispatched more than %d times: the pipelines go round in a circle", maxDispatch)
}

// Forget drops what the runner still refers to.
func (r *Runner) Forget() {
	r.record, r.Find = nil, nil
	clear(r.row.Cells[:cap(r.row.Cells)])
	clear(r.row.Hints[:cap(r.row.Hints)])
	clear(r.found[:cap(r.found)])
	clear(r.decoder.stack[:cap(r.decoder.stack)])
	r.decoder.s, r.decoder.arena = "", nil
}

func (r *Runner) find(name string) (*Pipeline, error) {
	if name == IdentityName {
		return identityDefault, nil
	}
	if r.Find == nil {
		return nil, fmt.Errorf("Pipeline not found, name: %s, version: latest", name)
	}
	return r.Find(name)
}

// finish makes the row of a record.
func (p *Pipeline) finish(r *Runner) error {
	r.hints()
	if len(p.suffix) > 0 && !r.hintedSuffix() {
		r.row.Suffix += p.suffix.render(r.record)
	}
	r.applySuffixHint()
	rec := r.record
	if p.auto {
		r.used = slices.Grow(r.used[:0], len(rec.fields))[:len(rec.fields)]
		clear(r.used)
	}
	timed := false
	for i := range p.transforms {
		t := &p.transforms[i]
		v, err := t.value(r)
		if err != nil {
			return err
		}
		if t.cell.Role == TimeIndex {
			if timed = true; v.kind == Null {
				return errNoTime
			}
		}
		if p.auto {
			if k := slices.IndexFunc(rec.fields, func(m Member) bool { return m.Name == t.from }); k >= 0 {
				r.used[k] = true
			}
		}
		r.row.Cells = append(r.row.Cells, t.cell)
		r.row.Cells[len(r.row.Cells)-1].Value = v
	}
	if p.auto {
		if err := r.rest(len(p.transforms)); err != nil {
			return err
		}
	}
	if !timed {
		r.row.Cells = append(r.row.Cells, r.nowCell())
	}
	return nil
}

// rest adds the fields that no transform took.
func (r *Runner) rest(named int) error {
	for i := range r.record.fields {
		m := &r.record.fields[i]
		if r.used[i] || m.Value.kind == Null {
			continue
		}
		for k := range named {
			if r.row.Cells[k].Name == m.Name {
				return fmt.Errorf("the field %s has the name of a column that a transform makes of another field", m.Name)
			}
		}
		t, v := inferred(&r.record.arena, m.Value)
		r.row.Cells = append(r.row.Cells, Cell{Name: m.Name, Type: t, Value: v})
	}
	return nil
}

// hintPrefix begins the fields of spec section 8.6.
const hintPrefix = "greptime_"

var hintNames = []string{"auto_create_table", "ttl", "append_mode", "merge_mode", "physical_table", "skip_wal", "table_suffix"}

// hints takes the hint fields out of the record.
func (r *Runner) hints() {
	rec := r.record
	kept := 0
	for i := range rec.fields {
		m := rec.fields[i]
		if name, ok := strings.CutPrefix(m.Name, hintPrefix); ok && m.Value.kind == String && slices.Contains(hintNames, name) {
			r.row.Hints = append(r.row.Hints, Member{name, m.Value})
			continue
		}
		if kept != i {
			rec.fields[kept] = m
		}
		kept++
	}
	rec.fields = rec.fields[:kept]
}

func (r *Runner) hintedSuffix() bool {
	return slices.ContainsFunc(r.row.Hints, func(m Member) bool { return m.Name == "table_suffix" })
}

// applySuffixHint moves the table suffix from the hints.
func (r *Runner) applySuffixHint() {
	if i := slices.IndexFunc(r.row.Hints, func(m Member) bool { return m.Name == "table_suffix" }); i >= 0 {
		r.row.Suffix += r.row.Hints[i].Value.text
		r.row.Hints = slices.Delete(r.row.Hints, i, i+1)
	}
}
