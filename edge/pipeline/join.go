package pipeline

// joinOp makes one text of a list.
type joinOp struct{ separator string }

func buildJoin(o *options) step { return eachField(o, joinOp{o.need("separator")}) }

func (j joinOp) apply(r *Runner, f *field, v Value) error {
	if v.kind != List {
		return expected("array", f, &v)
	}
	b := r.record.arena.begin(64)
	for i := range v.kids {
		if i > 0 {
			b = append(b, j.separator...)
		}
		b = v.kids[i].Value.appendText(b)
		if len(b) > maxMade {
			return tooLong(f)
		}
	}
	r.record.Set(f.to, StringOf(r.record.arena.end(b)))
	return nil
}
