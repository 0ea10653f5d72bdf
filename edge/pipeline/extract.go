package pipeline

import "strings"

// extractOp takes a value out of nested maps.
type extractOp struct{ path []string }

func buildSimpleExtract(o *options) step {
	key := o.need("key")
	path := strings.Split(key, ".")
	for _, p := range path {
		if p == "" && o.err == nil {
			o.fail(o.lineOf("key"), "the key %q has an empty part", key)
		}
	}
	return eachField(o, extractOp{path})
}

func (e extractOp) apply(r *Runner, f *field, v Value) error {
	at := &v
	for _, name := range e.path {
		if at.kind != Map {
			at = nil
		} else {
			at = at.get(name)
		}
		if at == nil {
			r.record.Set(f.to, Value{})
			return nil
		}
	}
	r.record.Set(f.to, *at)
	return nil
}
