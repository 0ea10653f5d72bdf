package expr

import (
	"cmp"
	"encoding/json"
	"strconv"
	"strings"

	"tarn/store/column"
)

// jsonMatch is json_path_match: whether any of the values that a path leads to
// stands in a relation to a value, as in '$.a > 1', '$.b[1 to last] == "x"' or
// such conditions with && and ||. What is no condition is NULL.
var jsonMatch = maybe(column.Of(column.Bool), func(ctx *Context, args []operand) func(*column.Vector, int) bool {
	text, path := ctx.textSlot(args[0]), ctx.textSlot(args[1])
	return func(out *column.Vector, i int) bool {
		d := json.NewDecoder(strings.NewReader(text.at(i)))
		d.UseNumber()
		var v any
		if d.Decode(&v) != nil {
			return false
		}
		p := pathReader{text: path.at(i), root: v}
		is, ok := p.either(0)
		p.blank()
		out.Bools[i] = is
		return ok && p.text == ""
	}
})

// pathReader reads a condition and evaluates it as it goes.
type pathReader struct {
	text string // what is left
	root any
}

func (p *pathReader) blank() { p.text = strings.TrimLeft(p.text, " \t\n\r") }

// take skips a word if it is next.
func (p *pathReader) take(word string) bool {
	p.blank()
	rest, ok := strings.CutPrefix(p.text, word)
	if ok {
		p.text = rest
	}
	return ok
}

// maxPathDepth bounds parentheses in each other.
const maxPathDepth = 50

// either is conditions with ||; false means that there is none.
func (p *pathReader) either(depth int) (is, ok bool) {
	for ok = true; ok; {
		var one bool
		one, ok = p.both(depth)
		is = is || one
		if !p.take("||") {
			return is, ok
		}
	}
	return is, ok
}

func (p *pathReader) both(depth int) (is, ok bool) {
	is = true
	for ok = true; ok; {
		var one bool
		one, ok = p.condition(depth)
		is = is && one
		if !p.take("&&") {
			return is, ok
		}
	}
	return is, ok
}

func (p *pathReader) condition(depth int) (is, ok bool) {
	if p.take("(") {
		if depth == maxPathDepth {
			return false, false
		}
		is, ok = p.either(depth + 1)
		return is, ok && p.take(")")
	}
	left, ok := p.operand()
	if !ok {
		return false, false
	}
	for _, op := range []string{"==", "!=", "<>", "<=", ">=", "<", ">"} {
		if !p.take(op) {
			continue
		}
		right, ok := p.operand()
		if !ok {
			return false, false
		}
		for _, l := range left {
			for _, r := range right {
				is = is || related(l, r, op)
			}
		}
		return is, true
	}
	return false, false
}

// operand is the values of a path, or a value.
func (p *pathReader) operand() (values []any, ok bool) {
	if p.take("$") {
		return p.path([]any{p.root})
	}
	p.blank()
	d := json.NewDecoder(strings.NewReader(p.text))
	d.UseNumber()
	t, err := d.Token()
	if _, structure := t.(json.Delim); err != nil || structure {
		return nil, false
	}
	p.text = p.text[d.InputOffset():]
	return []any{t}, true
}

// path follows what stands behind $.
func (p *pathReader) path(values []any) ([]any, bool) {
	for {
		switch {
		case strings.HasPrefix(p.text, ".*"):
			p.text = p.text[2:]
			values = gather(values, func(v any) (out []any) {
				m, _ := v.(map[string]any)
				for _, x := range m {
					out = append(out, x)
				}
				return out
			})
		case strings.HasPrefix(p.text, "."):
			name, ok := p.member()
			if !ok {
				return nil, false
			}
			values = gather(values, func(v any) []any {
				if x, ok := member(v, name); ok {
					return []any{x}
				}
				return nil
			})
		case strings.HasPrefix(p.text, "["):
			var index string
			var ok bool
			if index, p.text, ok = strings.Cut(p.text[1:], "]"); !ok {
				return nil, false
			}
			if values, ok = listed(values, strings.TrimSpace(index)); !ok {
				return nil, false
			}
		default:
			return values, true
		}
	}
}

func (p *pathReader) member() (name string, ok bool) {
	p.text = p.text[1:]
	if strings.HasPrefix(p.text, `"`) {
		d := json.NewDecoder(strings.NewReader(p.text))
		t, err := d.Token()
		name, ok = t.(string)
		if err != nil || !ok {
			return "", false
		}
		p.text = p.text[d.InputOffset():]
		return name, true
	}
	end := strings.IndexAny(p.text, ".[ \t\n\r()=!<>&|")
	if end < 0 {
		end = len(p.text)
	}
	name, p.text = p.text[:end], p.text[end:]
	return name, name != ""
}

func gather(values []any, f func(any) []any) (out []any) {
	for _, v := range values {
		out = append(out, f(v)...)
	}
	return out
}

// listed are those of lists that an index means: n, last, last-n, n to m, or *.
// A name in quotes is a member of objects.
func listed(values []any, index string) ([]any, bool) {
	if strings.HasPrefix(index, `"`) || strings.HasPrefix(index, "'") {
		name := strings.Trim(index, `"'`)
		return gather(values, func(v any) []any {
			if x, ok := member(v, name); ok {
				return []any{x}
			}
			return nil
		}), true
	}
	from, to, ranged := strings.Cut(index, " to ")
	place := func(text string, n int) (int, bool) {
		text = strings.TrimSpace(text)
		if rest, ok := strings.CutPrefix(text, "last"); ok {
			rest = strings.TrimSpace(rest)
			if rest == "" {
				return n - 1, true
			}
			back, ok := strings.CutPrefix(rest, "-")
			k, err := strconv.Atoi(strings.TrimSpace(back))
			return n - 1 - k, ok && err == nil && k >= 0
		}
		k, err := strconv.Atoi(text)
		return k, err == nil && k >= 0
	}
	if _, ok := place(from, 0); index != "*" && !ok {
		return nil, false
	}
	if _, ok := place(to, 0); ranged && !ok {
		return nil, false
	}
	return gather(values, func(v any) []any {
		list, ok := v.([]any)
		if !ok {
			return nil
		}
		if index == "*" {
			return list
		}
		lo, _ := place(from, len(list))
		hi := lo
		if ranged {
			hi, _ = place(to, len(list))
		}
		lo, hi = max(lo, 0), min(hi, len(list)-1)
		if lo > hi {
			return nil
		}
		return list[lo : hi+1]
	}), true
}

// related says whether two values of one type stand in a relation.
func related(l, r any, op string) bool {
	var order int
	switch a := l.(type) {
	case json.Number:
		b, ok := r.(json.Number)
		if !ok {
			return false
		}
		x, err1 := a.Int64()
		y, err2 := b.Int64()
		if order = cmp.Compare(x, y); err1 != nil || err2 != nil {
			x, _ := a.Float64()
			y, _ := b.Float64()
			order = cmp.Compare(x, y)
		}
	case string:
		b, ok := r.(string)
		if !ok {
			return false
		}
		order = strings.Compare(a, b)
	case bool:
		b, ok := r.(bool)
		if !ok || op != "==" && op != "!=" && op != "<>" {
			return false
		}
		if a != b {
			order = 1
		}
	case nil:
		if r != nil || op != "==" {
			return false
		}
	default:
		return false
	}
	switch op {
	case "==":
		return order == 0
	case "!=", "<>":
		return order != 0
	case "<":
		return order < 0
	case "<=":
		return order <= 0
	case ">":
		return order > 0
	}
	return order >= 0
}
