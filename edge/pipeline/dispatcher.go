package pipeline

// dispatcher hands records to other pipelines by the value of a field.
type dispatcher struct {
	field string
	rules []Rule
}

// Rule is one way on.
type Rule struct {
	value Value
	// Suffix is appended to the table's name after an underscore.
	Suffix string
	// Pipeline is who goes on with the record.
	Pipeline string
	line     int
}

// IdentityName is the pipeline that stores what it gets.
const IdentityName = "greptime_identity"

// maxRules bounds the rules of a dispatcher.
const maxRules = 1000

func parseDispatcher(n *node) (*dispatcher, error) {
	o := newOptions("dispatcher", n)
	if o.err != nil {
		return nil, o.err
	}
	d := &dispatcher{field: o.need("field")}
	list := o.get("rules")
	if list == nil || !list.isList || len(list.list) == 0 || len(list.list) > maxRules {
		o.fail(o.lineOf("rules"), "rules must be a list of 1 to %d", maxRules)
		return nil, o.finish()
	}
	for _, item := range list.list {
		in := newOptions("dispatcher rule", item)
		if in.err != nil {
			return nil, in.err
		}
		r := Rule{line: item.line, Suffix: in.need("table_suffix"), Pipeline: in.text("pipeline", IdentityName)}
		if v := in.get("value"); v == nil || !v.isScalar() {
			in.fail(item.line, "value is missing")
		} else {
			r.value = v.value
		}
		if err := in.finish(); err != nil {
			return nil, err
		}
		d.rules = append(d.rules, r)
	}
	return d, o.finish()
}

// pick finds the first rule of the record.
func (d *dispatcher) pick(r *Record) *Rule {
	v := r.Get(d.field)
	if v == nil {
		return nil
	}
	for i := range d.rules {
		if w := &d.rules[i].value; w.kind == v.kind && w.num == v.num && w.text == v.text && v.kids == nil {
			return &d.rules[i]
		}
	}
	return nil
}
