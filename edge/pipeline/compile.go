package pipeline

import "slices"

// Pipeline is a compiled text. It is immutable and safe for concurrent use.
type Pipeline struct {
	steps      []step
	dispatcher *dispatcher
	transforms []transform
	// auto says that fields which no transform names are stored, too.
	auto     bool
	suffix   suffix
	identity *identity // of the built-in one
}

// Bounds of what a pipeline may do to each record.
const (
	maxSteps      = 200
	maxTransforms = 2000
)

// Compile reads a pipeline's text. The error is a *TextError.
func Compile(text string) (*Pipeline, error) {
	root, err := parseYAML(text)
	if err != nil {
		return nil, err
	}
	o := newOptions("pipeline", root)
	if o.err != nil {
		return nil, o.err
	}
	p := &Pipeline{}
	o.text("description", "")
	version := o.oneOf("version", "1", "2")
	if n := o.get("processors"); n != nil {
		if p.steps, err = parseSteps(n); err != nil {
			return nil, err
		}
	}
	if n := o.get("dispatcher"); n != nil {
		if p.dispatcher, err = parseDispatcher(n); err != nil {
			return nil, err
		}
	}
	n, other := o.get("transform"), o.get("transforms")
	if n == nil {
		n = other
	} else if other != nil {
		o.fail(other.line, "transform and transforms are both there")
	}
	if n != nil {
		if p.transforms, err = parseTransforms(n); err != nil {
			return nil, err
		}
		if len(p.transforms) > maxTransforms {
			o.fail(n.line, "more than %d columns", maxTransforms)
		}
	}
	if n := o.get("table_suffix"); n != nil {
		if p.suffix, err = parseSuffix(n); err != nil {
			return nil, err
		}
	}
	if err := o.finish(); err != nil {
		return nil, err
	}
	return p, p.timeIndex(version, n)
}

func parseSteps(n *node) ([]step, error) {
	if !n.isList {
		return nil, textErrorf(n.line, "processors must be a list")
	}
	if len(n.list) > maxSteps {
		return nil, textErrorf(n.line, "more than %d processors", maxSteps)
	}
	var out []step
	for _, item := range n.list {
		s, err := buildStep(item)
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, nil
}

// timeIndex checks the rules for the time index, which depend on the version,
// and finds it among the processors when there is no transform.
func (p *Pipeline) timeIndex(version string, list *node) error {
	isIndex := func(t transform) bool { return t.cell.Role == TimeIndex }
	first := slices.IndexFunc(p.transforms, isIndex)
	if first >= 0 {
		if second := slices.IndexFunc(p.transforms[first+1:], isIndex); second >= 0 {
			t := &p.transforms[first+1+second]
			return textErrorf(t.line, "transform: more than one timestamp index: %s and %s", p.transforms[first].cell.Name, t.cell.Name)
		}
	}
	line := 0
	if list != nil {
		line = list.line
	}
	switch {
	case len(p.transforms) == 0:
		return p.inferTime(line)
	case version == "2" && first < 0:
		return textErrorf(line, "transform: version 2 needs one timestamp index")
	case version == "2":
		p.auto = true
	}
	return nil
}

// inferTime makes the one output of a date or epoch processor the time index.
func (p *Pipeline) inferTime(line int) error {
	p.auto = true
	for _, s := range p.steps {
		e, ok := s.(*each)
		if !ok || e.ignoreMissing {
			continue
		}
		unit := Nanosecond
		switch op := e.op.(type) {
		case *dateOp:
		case epochOp:
			unit = op.unit
		default:
			continue
		}
		for _, f := range e.fields {
			if len(p.transforms) > 0 {
				return textErrorf(f.line, "without a transform exactly one date or epoch field is the time index; there are %s and %s",
					p.transforms[0].cell.Name, f.to)
			}
			p.transforms = append(p.transforms, transform{
				from: f.to, line: f.line, cell: Cell{Name: f.to, Type: Type{kind: typeTime, unit: unit}, Role: TimeIndex},
			})
		}
	}
	// A dispatcher whose rules take every record needs no time index, but
	// what no rule takes does.
	if len(p.transforms) == 0 {
		return textErrorf(line, "without a transform there must be one date or epoch processor, which makes the time index")
	}
	return nil
}
