package expr

import (
	"strings"

	"tarn/store/column"
)

// newMatch binds ~ ~* !~ !~*.
func newMatch(op Op, l, r Expr) (Expr, error) {
	for _, e := range []Expr{l, r} {
		if t := e.Type(); !t.IsText() && t.Kind != column.Null {
			return nil, planError("Cannot infer common argument type for regex operation %s %s %s", l.Type(), op, r.Type())
		}
	}
	l, r, err := castBoth(l, r, column.Of(column.String))
	if err != nil {
		return nil, err
	}
	flags := ""
	if op == MatchFold || op == NotMatchFold {
		flags = "i"
	}
	if err := checkRegexp(r, flags); err != nil {
		return nil, err
	}
	want := op == Match || op == MatchFold
	return binary(op, l, r, column.Of(column.Bool), matchKernel(flags, want)), nil
}

// matchKernel says whether the pattern is found anywhere in the text.
func matchKernel(flags string, want bool) kernel {
	return strict(column.Of(column.Bool), func(ctx *Context, args []operand, out *column.Vector) error {
		s, p := ctx.textSlot(args[0]), ctx.textSlot(args[1])
		var re *matcher
		for i := range out.Bools {
			if out.Nulls.Get(i) {
				continue
			}
			if re == nil || p.step == 1 {
				var err error
				if re, err = ctx.regexp(p.at(i), flags); err != nil {
					return err
				}
			}
			out.Bools[i] = re.matches(s.at(i)) == want
		}
		return nil
	})
}

// checkRegexp reports a literal pattern that does not compile when the query
// is planned.
func checkRegexp(pattern Expr, flags string) error {
	lit, ok := pattern.(*Literal)
	if !ok || lit.Value.Null {
		return nil
	}
	_, err := compileRegexp(lit.Value.S, flags)
	return err
}

// regexp returns the compiled form of a pattern.
func (c *Context) regexp(pattern, flags string) (*matcher, error) {
	key := flags + "/" + pattern
	if re, ok := c.regexps[key]; ok {
		return re, nil
	}
	re, err := compileRegexp(pattern, flags)
	if err != nil {
		return nil, err
	}
	if c.regexps == nil || len(c.regexps) >= maxPatterns {
		c.regexps = map[string]*matcher{}
	}
	c.regexps[key] = re
	return re, nil
}

// compileRegexp compiles a pattern with the flags i, m, s, U and x; g is the
// caller's.
func compileRegexp(pattern, flags string) (*matcher, error) {
	set, written := "", pattern
	for _, f := range flags {
		switch f {
		case 'i', 'm', 's', 'U':
			if !strings.ContainsRune(set, f) {
				set += string(f)
			}
		case 'x':
			pattern = withoutBlanks(pattern)
		case 'g':
		default:
			return nil, executionError("regular expression flag %q is not supported: use i, m, s, U, x or g", f)
		}
	}
	full := pattern
	if set != "" {
		full = "(?" + set + ")" + pattern
	}
	re, err := compileMatcher(full)
	if err != nil {
		return nil, executionError("Regular expression did not compile: %s: %s", written, strings.TrimPrefix(err.Error(), "error parsing regexp: "))
	}
	return re, nil
}

// withoutBlanks drops blanks and comments from # to the end of the line, which
// the flag x allows for legibility and Go does not know. Those in brackets and
// behind a backslash stay.
func withoutBlanks(pattern string) string {
	var b strings.Builder
	class, comment := false, false
	for i := 0; i < len(pattern); i++ {
		switch c := pattern[i]; {
		case comment:
			comment = c != '\n'
		case c == '\\' && i+1 < len(pattern):
			b.WriteString(pattern[i : i+2])
			i++
		case class:
			class = c != ']'
			b.WriteByte(c)
		case c == '#':
			comment = true
		case strings.IndexByte(" \t\n\r\f\v", c) < 0:
			class = c == '['
			b.WriteByte(c)
		}
	}
	return b.String()
}
