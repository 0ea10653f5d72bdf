package expr

import (
	"strings"

	"tarn/store/column"
)

// regexpFunctions are those of spec/sql.md section 9.6.
func regexpFunctions() map[string]function {
	list := column.ListOf(column.Of(column.String))
	return map[string]function{
		"regexp_like":    regexpFunction(column.Of(column.Bool), regexpLike, 2, 2, column.String, column.String, column.String),
		"regexp_replace": regexpFunction(column.Of(column.String), regexpReplace, 3, 3, column.String, column.String, column.String, column.String),
		"regexp_match":   regexpFunction(list, regexpMatch, 2, 2, column.String, column.String, column.String),
		"regexp_count":   regexpFunction(column.Of(column.Int64), regexpCount, 2, 3, column.String, column.String, column.Int64, column.String),
		"regexp_instr": regexpFunction(column.Of(column.Int64), regexpInstr, 2, 4, column.String, column.String,
			column.Int64, column.Int64, column.String),
	}
}

// regexpFunction is a function whose second argument is a pattern and whose
// argument number flagsAt are its flags. Literal patterns are checked when the
// query is planned.
func regexpFunction(t column.Type, run kernel, required, flagsAt int, kinds ...column.Kind) function {
	return function{min: required, max: len(kinds), bind: func(name string, args []Expr) (Expr, error) {
		args, err := convertArgs(name, args, kinds)
		if err != nil {
			return nil, err
		}
		flags := ""
		if len(args) > flagsAt {
			if lit, ok := args[flagsAt].(*Literal); ok {
				flags = lit.Value.S
			}
		}
		if err := checkRegexp(args[1], flags); err != nil {
			return nil, err
		}
		return newNode(name, args, t, run), nil
	}}
}

// patterns returns a function that gives the compiled pattern of a row and its
// flags; flagsAt is the place of the flags among the arguments.
func (c *Context) patterns(args []operand, flagsAt int) func(i int) (*matcher, string, error) {
	p := c.textSlot(args[1])
	flags := slot[string]{values: []string{""}}
	if len(args) > flagsAt {
		flags = c.textSlot(args[flagsAt])
	}
	var last *matcher
	var lastPattern, lastFlags string
	return func(i int) (*matcher, string, error) {
		pattern, f := p.at(i), flags.at(i)
		if last == nil || pattern != lastPattern || f != lastFlags {
			re, err := c.regexp(pattern, f)
			if err != nil {
				return nil, "", err
			}
			last, lastPattern, lastFlags = re, pattern, f
		}
		return last, f, nil
	}
}

var regexpLike = strictRows(column.Of(column.Bool), func(ctx *Context, args []operand) func(*column.Vector, int) error {
	s, pattern := ctx.textSlot(args[0]), ctx.patterns(args, 2)
	return func(out *column.Vector, i int) error {
		re, _, err := pattern(i)
		if err == nil {
			out.Bools[i] = re.matches(s.at(i))
		}
		return err
	}
})

// regexpReplace replaces the first match, all of them with the flag g.
var regexpReplace = built(func(ctx *Context, args []operand) func([]byte, int) ([]byte, error) {
	s, with, pattern := ctx.textSlot(args[0]), ctx.textSlot(args[2]), ctx.patterns(args, 3)
	last, template := "", ""
	return func(dst []byte, i int) ([]byte, error) {
		m, flags, err := pattern(i)
		if err != nil {
			return nil, err
		}
		if w := with.at(i); w != last {
			last, template = w, goTemplate(w)
		}
		text, from, start := s.at(i), 0, len(dst)
		limit := 1
		if strings.Contains(flags, "g") {
			limit = -1
			if err := ctx.fits(matchBytes * len(text)); err != nil {
				return nil, err
			}
		}
		re := m.on(text)
		for _, at := range re.FindAllStringSubmatchIndex(text, limit) {
			dst = append(dst, text[from:at[0]]...)
			dst = re.ExpandString(dst, template, text, at)
			if from = at[1]; len(dst) > start+maxText {
				return nil, tooMuchText("regexp_replace")
			}
		}
		return append(dst, text[from:]...), nil
	}
})

// matchBytes is what a match of an empty pattern takes, of which a text may
// have one at each byte.
const matchBytes = 40

// goTemplate turns the group references \1 into ${1}.
func goTemplate(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) && s[i+1] >= '0' && s[i+1] <= '9' {
			b.WriteString("${" + s[i+1:i+2] + "}")
			i++
			continue
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// regexpMatch is the list of the groups of the first match, or of the match
// itself when the pattern has no groups; null without match.
func regexpMatch(ctx *Context, args []operand, n int) (*column.Vector, error) {
	out := ctx.empty(column.ListOf(column.Of(column.String)))
	for _, a := range args {
		if a.allNull() {
			out.AppendNull(n)
			return out, nil
		}
	}
	s, pattern := ctx.textSlot(args[0]), ctx.patterns(args, 2)
	items := out.Children[0]
rows:
	for i := range n {
		for _, a := range args {
			if a.null(i) {
				out.AppendNull(1)
				continue rows
			}
		}
		re, _, err := pattern(i)
		if err != nil {
			return nil, err
		}
		text := s.at(i)
		m := re.on(text).FindStringSubmatchIndex(text)
		if m == nil {
			out.AppendNull(1)
			continue
		}
		if len(m) > 2 {
			m = m[2:]
		}
		for ; len(m) > 0; m = m[2:] {
			if m[0] < 0 {
				items.AppendNull(1)
			} else {
				String(text[m[0]:m[1]]).AppendTo(items)
			}
		}
		out.Offsets = append(out.Offsets, int32(items.Len))
		out.Len++
	}
	return out, nil
}

// regexpCount is regexp_count(s, p [, start [, flags]]).
var regexpCount = strictRows(column.Of(column.Int64), func(ctx *Context, args []operand) func(*column.Vector, int) error {
	s, pattern := ctx.textSlot(args[0]), ctx.patterns(args, 3)
	return func(out *column.Vector, i int) error {
		re, _, err := pattern(i)
		if err != nil {
			return err
		}
		text, err := fromStart(args, s.at(i), i)
		if err == nil {
			err = ctx.fits(matchBytes * len(text))
		}
		if err == nil {
			out.Ints[i] = int64(len(re.on(text).FindAllStringIndex(text, -1)))
		}
		return err
	}
})

// regexpInstr is the place of the n-th match, 0 without:
// regexp_instr(s, p [, start [, n [, flags]]]).
var regexpInstr = strictRows(column.Of(column.Int64), func(ctx *Context, args []operand) func(*column.Vector, int) error {
	s, pattern := ctx.textSlot(args[0]), ctx.patterns(args, 4)
	return func(out *column.Vector, i int) error {
		re, _, err := pattern(i)
		if err != nil {
			return err
		}
		whole := s.at(i)
		text, err := fromStart(args, whole, i)
		if err != nil {
			return err
		}
		nth := int64(1)
		if len(args) > 3 {
			nth = args[3].v.Ints[i*args[3].step]
		}
		if nth < 1 {
			return executionError("regexp_instr: the number of the match must be positive, got %d", nth)
		}
		out.Ints[i] = 0
		if found := re.on(whole).FindAllStringIndex(text, int(min(nth, 1<<30))); int64(len(found)) >= nth {
			at := len(whole) - len(text) + found[nth-1][0]
			out.Ints[i] = int64(len([]rune(whole[:at]))) + 1
		}
		return nil
	}
})

// fromStart is the text from the position in the third argument on.
func fromStart(args []operand, s string, i int) (string, error) {
	if len(args) < 3 {
		return s, nil
	}
	start := args[2].v.Ints[i*args[2].step]
	if start < 1 {
		return "", executionError("the start position of a regular expression must be at least 1, got %d", start)
	}
	return s[offsetOf(s, start-1):], nil
}
