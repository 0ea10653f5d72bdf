package pipeline

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// csvOp cuts a line of separated values into fields. encoding/csv has a fixed
// quote and makes a slice for each line.
type csvOp struct {
	targets          []string
	separator, quote rune
	trim             bool
	empty            Value
}

func buildCSV(o *options) step {
	op := &csvOp{trim: o.flag("trim", false)}
	for name := range strings.SplitSeq(o.need("target_fields"), ",") {
		if name = strings.TrimSpace(name); name == "" {
			o.fail(o.lineOf("target_fields"), "target_fields has an empty name")
		}
		op.targets = append(op.targets, name)
	}
	one := func(key, otherwise string) rune {
		s := o.text(key, otherwise)
		c, n := utf8.DecodeRuneInString(s)
		if n != len(s) || n == 0 {
			o.fail(o.lineOf(key), "%s must be one character, not %q", key, s)
		}
		return c
	}
	op.separator, op.quote = one("separator", ","), one("quote", `"`)
	if op.separator == op.quote {
		o.fail(o.node.line, "separator and quote are the same")
	}
	if n := o.get("empty_value"); n != nil {
		op.empty = StringOf(n.text)
	}
	return eachField(o, op)
}

func (c *csvOp) apply(r *Runner, f *field, v Value) error {
	if v.kind != String {
		return expected("string", f, &v)
	}
	rest, more := v.text, true
	for _, target := range c.targets {
		value := c.empty
		if more {
			var s string
			var err error
			if s, rest, more, err = c.column(&r.record.arena, rest); err != nil {
				return fmt.Errorf("%w in %s", err, shown(v.text))
			}
			if c.trim {
				s = strings.TrimSpace(s)
			}
			if s != "" {
				value = StringOf(s)
			}
		}
		r.record.Set(target, value)
	}
	return nil
}

// column cuts the first column off.
func (c *csvOp) column(a *arena, s string) (column, rest string, more bool, err error) {
	quoted := s
	if c.trim {
		quoted = strings.TrimLeft(s, " \t")
	}
	first, n := utf8.DecodeRuneInString(quoted)
	if n == 0 || first != c.quote {
		column, rest, more = cutRune(s, c.separator)
		return column, rest, more, nil
	}
	s = quoted[n:]
	b := a.begin(len(s))
	for {
		i := strings.IndexRune(s, c.quote)
		if i < 0 {
			return "", "", false, fmt.Errorf("a quote without an end")
		}
		b = append(b, s[:i]...)
		s = s[i+n:]
		if next, _ := utf8.DecodeRuneInString(s); len(s) == 0 || next != c.quote {
			break
		}
		b = append(b, quoted[:n]...) // two quotes are one
		s = s[n:]
	}
	// What stands between the end of the quotes and the separator belongs to
	// the column.
	after, rest, more := cutRune(s, c.separator)
	return a.end(append(b, after...)), rest, more, nil
}

func cutRune(s string, sep rune) (before, after string, found bool) {
	i := strings.IndexRune(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+utf8.RuneLen(sep):], true
}
