package pipeline

import (
	"slices"
	"strings"
)

// filterStep drops records by the text of a field.
type filterStep struct {
	fields        []field
	targets       []string
	notIn         bool
	fold          bool
	ignoreMissing bool
}

func buildFilter(o *options) step {
	o.oneOf("mode", "simple")
	s := &filterStep{
		fields: o.fields(), ignoreMissing: o.flag("ignore_missing", false),
		notIn: o.oneOf("match_op", "in", "not_in") == "not_in", fold: o.flag("case_insensitive", true),
	}
	for _, n := range o.texts("targets", "") {
		s.targets = append(s.targets, n.text)
	}
	if len(s.targets) == 0 {
		o.fail(o.node.line, "targets is missing")
	}
	return s
}

func (s *filterStep) run(r *Runner) (keep bool, err error) {
	for i := range s.fields {
		f := &s.fields[i]
		v := r.record.Get(f.from)
		if v == nil || v.kind == Null {
			if s.ignoreMissing {
				continue
			}
			return true, missing("filter", f.from)
		}
		if v.kind != String {
			return true, failed("filter", expected("string", f, v))
		}
		if s.hit(v.text) {
			return false, nil
		}
	}
	return true, nil
}

func (s *filterStep) hit(text string) bool {
	in := slices.ContainsFunc(s.targets, func(t string) bool {
		return t == text || s.fold && strings.EqualFold(t, text)
	})
	return in != s.notIn
}
