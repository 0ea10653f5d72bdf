package pipeline

import (
	"regexp"
	"strings"
)

// compileRegexp compiles a pattern, or fails at its line.
func compileRegexp(o *options, n *node) *regexp.Regexp {
	re, err := regexp.Compile(n.text)
	if err != nil {
		o.fail(n.line, "%v", err)
	}
	return re
}

// regexOp writes what the named groups of its patterns match.
type regexOp struct{ patterns []groups }

// groups is a pattern with the names of its groups.
type groups struct {
	re    *regexp.Regexp
	names []string
}

// maxGroups bounds the columns that one processor makes.
const maxGroups = 500

func buildRegex(o *options) step {
	var op regexOp
	for _, n := range o.texts("patterns", "pattern") {
		re := compileRegexp(o, n)
		if re == nil {
			continue
		}
		g := groups{re, re.SubexpNames()}
		named := 0
		for _, name := range g.names {
			if name != "" {
				named++
			}
		}
		if named == 0 || named > maxGroups {
			o.fail(n.line, "the pattern has %d named groups; it must have from 1 to %d", named, maxGroups)
		}
		op.patterns = append(op.patterns, g)
	}
	if len(op.patterns) == 0 {
		o.fail(o.node.line, "patterns is missing")
	}
	return eachField(o, &op)
}

func (p *regexOp) apply(r *Runner, f *field, v Value) error {
	if v.kind != String {
		return expected("string", f, &v)
	}
	for i := range p.patterns {
		g := &p.patterns[i]
		m := g.re.FindStringSubmatchIndex(v.text)
		if m == nil {
			continue
		}
		for k, name := range g.names {
			if name == "" || m[2*k] < 0 {
				continue
			}
			b := r.record.arena.begin(len(f.to) + 1 + len(name))
			b = append(append(append(b, f.to...), '_'), name...)
			r.record.Set(r.record.arena.end(b), StringOf(v.text[m[2*k]:m[2*k+1]]))
		}
	}
	return nil
}

// gsubOp replaces every match of a pattern.
type gsubOp struct {
	re          *regexp.Regexp // nil when literal is the whole pattern
	literal     string
	replacement string
	template    bool // replacement refers to groups
}

func buildGsub(o *options) step {
	op := &gsubOp{}
	pattern := o.get("pattern")
	switch {
	case pattern == nil:
		o.fail(o.node.line, "pattern is missing")
	case !pattern.isScalar():
		o.fail(pattern.line, "pattern must be a string")
	default:
		if op.re = compileRegexp(o, pattern); op.re != nil {
			if s, whole := op.re.LiteralPrefix(); whole && s != "" {
				op.literal = s
			}
		}
	}
	// An empty replacement is one, too.
	if n := o.get("replacement"); n != nil {
		if !n.isScalar() {
			o.fail(n.line, "replacement must be a string")
		}
		op.replacement = n.text
	} else {
		o.fail(o.node.line, "replacement is missing")
	}
	op.template = strings.Contains(op.replacement, "$")
	return eachField(o, op)
}

func (g *gsubOp) apply(r *Runner, f *field, v Value) error {
	if v.kind != String {
		return expected("string", f, &v)
	}
	s := v.text
	b := r.record.arena.begin(len(s))
	if g.literal != "" && !g.template {
		for {
			i := strings.Index(s, g.literal)
			if i < 0 || len(b) > maxMade {
				break
			}
			b = append(append(b, s[:i]...), g.replacement...)
			s = s[i+len(g.literal):]
		}
		return g.set(r, f, append(b, s...))
	}
	from := 0
	for _, m := range g.re.FindAllStringSubmatchIndex(s, -1) {
		b = append(b, s[from:m[0]]...)
		if g.template {
			b = g.re.ExpandString(b, g.replacement, s, m)
		} else {
			b = append(b, g.replacement...)
		}
		from = m[1]
		if len(b) > maxMade {
			break
		}
	}
	return g.set(r, f, append(b, s[from:]...))
}

func (g *gsubOp) set(r *Runner, f *field, b []byte) error {
	if len(b) > maxMade {
		return tooLong(f)
	}
	r.record.Set(f.to, StringOf(r.record.arena.end(b)))
	return nil
}
