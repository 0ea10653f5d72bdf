package pipeline

import "regexp"

// presets are the patterns of digest by name, made for this program.
var presets = map[string]string{
	"numbers":   `-?\d+(?:\.\d+)?`,
	"uuid":      `\b[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}\b`,
	"ip":        `\b(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)\b(?::\d+)?|\[?(?:[0-9a-fA-F]{1,4}:){7}[0-9a-fA-F]{1,4}\]?(?::\d+)?|\[?(?:[0-9a-fA-F]{1,4}:){1,6}(?::[0-9a-fA-F]{1,4}){1,6}\]?(?::\d+)?|::1\b`,
	"quoted":    `"[^"]*"|'[^']*'|“[^”]*”|‘[^’]*’`,
	"bracketed": `\([^()]*\)|\[[^\[\]]*\]|\{[^{}]*\}|<[^<>]*>|「[^「」]*」|『[^『』]*』|【[^【】]*】|〔[^〔〕]*〕|［[^［］]*］|｛[^｛｝]*｝|〈[^〈〉]*〉|《[^《》]*》`,
}

// digestOp removes what varies from a text, so that like lines look alike.
type digestOp struct{ patterns []*regexp.Regexp }

func buildDigest(o *options) step {
	op := &digestOp{}
	for _, n := range o.texts("presets", "") {
		p, ok := presets[n.text]
		if !ok {
			o.fail(n.line, "unknown preset %q; there are numbers, uuid, ip, quoted, bracketed", n.text)
			continue
		}
		op.patterns = append(op.patterns, regexp.MustCompile(p))
	}
	for _, n := range o.texts("regex", "") {
		op.patterns = append(op.patterns, compileRegexp(o, n))
	}
	if len(op.patterns) == 0 {
		o.fail(o.node.line, "presets or regex is missing")
	}
	return eachField(o, op)
}

func (d *digestOp) apply(r *Runner, f *field, v Value) error {
	if v.kind != String {
		return expected("string", f, &v)
	}
	s := v.text
	for _, re := range d.patterns {
		found := re.FindAllStringIndex(s, -1)
		if len(found) == 0 {
			continue
		}
		b := r.record.arena.begin(len(s))
		from := 0
		for _, m := range found {
			b = append(b, s[from:m[0]]...)
			from = m[1]
		}
		s = r.record.arena.end(append(b, s[from:]...))
	}
	b := r.record.arena.begin(len(f.to) + 7)
	b = append(append(b, f.to...), "_digest"...)
	r.record.Set(r.record.arena.end(b), StringOf(s))
	return nil
}
