package pipeline

import (
	"strconv"
	"strings"
)

// suffix is a template for the end of a table's name: literals and fields by
// turns, a literal first.
type suffix []string

func parseSuffix(n *node) (suffix, error) {
	if !n.isScalar() {
		return nil, textErrorf(n.line, "table_suffix must be a string")
	}
	var out suffix
	rest := n.text
	for {
		i := strings.Index(rest, "${")
		if i < 0 {
			return append(out, rest), nil
		}
		end := strings.IndexByte(rest[i:], '}')
		if end < 0 {
			return nil, textErrorf(n.line, "table_suffix: a ${ without a }")
		}
		name := strings.TrimSpace(rest[i+2 : i+end])
		if name == "" {
			return nil, textErrorf(n.line, "table_suffix: a variable without a name")
		}
		out = append(out, rest[:i], name)
		rest = rest[i+end+1:]
	}
}

// render is the suffix of a record; nothing when a variable is missing or no
// string or integer.
func (s suffix) render(r *Record) string {
	if len(s) == 1 {
		return s[0]
	}
	b := r.arena.begin(64)
	for i, part := range s {
		if i%2 == 0 {
			b = append(b, part...)
			continue
		}
		v := r.Get(part)
		switch {
		case v == nil:
			return ""
		case v.kind == String:
			b = append(b, v.text...)
		case v.kind == Int:
			b = strconv.AppendInt(b, v.Int(), 10)
		case v.kind == Uint:
			b = strconv.AppendUint(b, v.num, 10)
		default:
			return ""
		}
	}
	return r.arena.end(b)
}
