package pipeline

import "slices"

// selectStep keeps or removes fields.
type selectStep struct {
	exclude bool
	fields  []field
}

func buildSelect(o *options) step {
	s := &selectStep{exclude: o.oneOf("type", "include", "exclude") == "exclude", fields: o.fields()}
	o.flag("ignore_missing", false) // what is not there cannot be kept
	if s.exclude {
		for _, f := range s.fields {
			if f.renamed() {
				o.fail(f.line, "a field that is excluded cannot be renamed")
			}
		}
	}
	return s
}

func (s *selectStep) run(r *Runner) (bool, error) {
	rec := r.record
	if s.exclude {
		for i := range s.fields {
			rec.Delete(s.fields[i].from)
		}
		return true, nil
	}
	kept := 0
	for i := range rec.fields {
		at := slices.IndexFunc(s.fields, func(f field) bool { return f.from == rec.fields[i].Name })
		if at < 0 {
			continue
		}
		m := rec.fields[i]
		m.Name = s.fields[at].to
		// A name that was given twice is the last one's.
		if k := slices.IndexFunc(rec.fields[:kept], func(o Member) bool { return o.Name == m.Name }); k >= 0 {
			rec.fields[k] = m
			continue
		}
		rec.fields[kept] = m
		kept++
	}
	rec.fields = rec.fields[:kept]
	return true, nil
}
