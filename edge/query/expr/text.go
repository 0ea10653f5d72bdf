package expr

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"tarn/store/column"
)

// maxText bounds the text that repeat, lpad, rpad, replace and their like build
// for one row: a slip in a query must not take the memory of the device.
const maxText = 16 << 20

func tooMuchText(name string) error {
	return executionError("%s: the result would be larger than %d bytes", name, maxText)
}

// textFunctions are those of spec/sql.md section 9.5. Characters are Unicode
// scalar values, positions count from 1.
func textFunctions() map[string]function {
	const s, i = column.String, column.Int64
	m := map[string]function{
		"lower": fixed(s, cut(strings.ToLower), s), "upper": fixed(s, cut(strings.ToUpper), s),
		"character_length": fixed(i, measure(utf8.RuneCountInString), s),
		"octet_length":     fixed(i, measure(func(s string) int { return len(s) }), s),
		"bit_length":       fixed(i, measure(func(s string) int { return 8 * len(s) }), s),
		"ascii":            fixed(i, measure(firstRune), s),
		"levenshtein":      fixed(i, measure2(editDistance), s, s),
		"strpos":           fixed(i, measure2(position), s, s),
		"find_in_set":      fixed(i, measure2(findInSet), s, s),
		"starts_with":      fixed(column.Bool, test2(strings.HasPrefix), s, s),
		"ends_with":        fixed(column.Bool, test2(strings.HasSuffix), s, s),
		"contains":         fixed(column.Bool, test2(strings.Contains), s, s),
		"substr":           optional(s, substrKernel, 2, s, i, i),
		"left":             fixed(s, cutInt(left), s, i),
		"right":            fixed(s, cutInt(right), s, i),
		"btrim":            optional(s, trimKernel(strings.Trim), 1, s, s),
		"ltrim":            optional(s, trimKernel(strings.TrimLeft), 1, s, s),
		"rtrim":            optional(s, trimKernel(strings.TrimRight), 1, s, s),
		"split_part":       fixed(s, splitPartKernel, s, s, i),
		"substr_index":     fixed(s, substrIndexKernel, s, s, i),
		"reverse":          fixed(s, cut(reverse), s),
		"initcap":          fixed(s, cut(initcap), s),
		"replace":          fixed(s, replaceKernel, s, s, s),
		"translate":        fixed(s, translateKernel, s, s, s),
		"repeat":           fixed(s, repeatKernel, s, i),
		"lpad":             optional(s, padKernel(true), 2, s, i, s),
		"rpad":             optional(s, padKernel(false), 2, s, i, s),
		"overlay":          optional(s, overlayKernel, 3, s, s, i, i),
		"chr":              fixed(s, chrKernel, i),
		"to_hex":           fixed(s, hexKernel, i),
		"concat":           {1, -1, bindConcat(concatKernel)},
		"concat_ws":        {2, -1, bindConcat(concatWSKernel)},
	}
	alias(m, "character_length", "length", "char_length")
	alias(m, "strpos", "instr", "position")
	alias(m, "substr", "substring")
	alias(m, "btrim", "trim")
	alias(m, "substr_index", "substring_index")
	return m
}

// cut runs a function from text to text whose result is often the argument
// itself, so that nothing is copied.
func cut(f func(string) string) kernel {
	return strict(column.Of(column.String), func(ctx *Context, args []operand, out *column.Vector) error {
		x := ctx.textSlot(args[0])
		for i := range out.Strings {
			s := f(x.at(i))
			if err := ctx.charge(len(s)); err != nil {
				return err
			}
			out.Strings[i] = s
		}
		return nil
	})
}

func cutInt(f func(s string, n int64) string) kernel {
	return strict(column.Of(column.String), func(ctx *Context, args []operand, out *column.Vector) error {
		x, n := ctx.textSlot(args[0]), intSlot(args[1])
		for i := range out.Strings {
			out.Strings[i] = f(x.at(i), n.at(i))
		}
		return nil
	})
}

func measure(f func(string) int) kernel {
	return strict(column.Of(column.Int64), func(ctx *Context, args []operand, out *column.Vector) error {
		x := ctx.textSlot(args[0])
		for i := range out.Ints {
			out.Ints[i] = int64(f(x.at(i)))
		}
		return nil
	})
}

func measure2(f func(a, b string) int) kernel {
	return strict(column.Of(column.Int64), func(ctx *Context, args []operand, out *column.Vector) error {
		x, y := ctx.textSlot(args[0]), ctx.textSlot(args[1])
		for i := range out.Ints {
			out.Ints[i] = int64(f(x.at(i), y.at(i)))
		}
		return nil
	})
}

func test2(f func(a, b string) bool) kernel {
	return strict(column.Of(column.Bool), func(ctx *Context, args []operand, out *column.Vector) error {
		x, y := ctx.textSlot(args[0]), ctx.textSlot(args[1])
		for i := range out.Bools {
			out.Bools[i] = f(x.at(i), y.at(i))
		}
		return nil
	})
}

// bindConcat converts all arguments to text.
func bindConcat(run kernel) func(string, []Expr) (Expr, error) {
	return func(name string, args []Expr) (Expr, error) {
		out := make([]Expr, len(args))
		for i, a := range args {
			var err error
			if out[i], err = implicitCast(a, column.Of(column.String)); err != nil {
				return nil, err
			}
		}
		return newNode(name, out, column.Of(column.String), run), nil
	}
}

func firstRune(s string) int {
	if s == "" {
		return 0
	}
	r, _ := utf8.DecodeRuneInString(s)
	return int(r)
}

// position is the place of sub in s, 0 if it is not there.
func position(s, sub string) int {
	i := strings.Index(s, sub)
	if i < 0 {
		return 0
	}
	return utf8.RuneCountInString(s[:i]) + 1
}

// findInSet is the place of s in a list separated by commas, 0 if it is not
// there.
func findInSet(s, list string) int {
	n := 0
	for item := range strings.SplitSeq(list, ",") {
		n++
		if item == s && list != "" {
			return n
		}
	}
	return 0
}

// offsetOf is the place in bytes of the n-th character, counted from 0; the
// length of s when there is none.
func offsetOf(s string, n int64) int {
	if n >= int64(len(s)) {
		return len(s)
	}
	for i := range s {
		if n == 0 {
			return i
		}
		n--
	}
	return len(s)
}

// left is the first n characters, all but the last -n when n is negative.
func left(s string, n int64) string {
	if n < 0 {
		n = max(0, int64(utf8.RuneCountInString(s))+max(n, -1<<40))
	}
	return s[:offsetOf(s, n)]
}

// right is the last n characters, all but the first -n when n is negative.
func right(s string, n int64) string {
	if n < 0 {
		return s[offsetOf(s, -max(n, -1<<40)):]
	}
	return s[offsetOf(s, max(0, int64(utf8.RuneCountInString(s))-n)):]
}

// substrKernel is substr(s, i [, n]). A start before the text consumes length.
var substrKernel = strictRows(column.Of(column.String), func(ctx *Context, args []operand) func(*column.Vector, int) error {
	s, start := ctx.textSlot(args[0]), intSlot(args[1])
	return func(out *column.Vector, i int) error {
		text, from := s.at(i), max(start.at(i), -1<<40)-1
		if len(args) == 2 {
			out.Strings[i] = text[offsetOf(text, max(from, 0)):]
			return nil
		}
		n := args[2].v.Ints[i*args[2].step]
		if n < 0 {
			return executionError("negative substring length not allowed: substr(<str>, %d, %d)", from+1, n)
		}
		end := max(min(from, 1<<40)+min(n, 1<<40), 0)
		lo := offsetOf(text, max(from, 0))
		out.Strings[i] = text[lo:max(lo, offsetOf(text, end))]
		return nil
	}
})

// trimKernel cuts off blanks, or the characters of the second argument.
func trimKernel(trim func(s, set string) string) kernel {
	return strict(column.Of(column.String), func(ctx *Context, args []operand, out *column.Vector) error {
		s := ctx.textSlot(args[0])
		set := slot[string]{values: []string{" "}}
		if len(args) == 2 {
			set = ctx.textSlot(args[1])
		}
		for i := range out.Strings {
			out.Strings[i] = trim(s.at(i), set.at(i))
		}
		return nil
	})
}

// splitPartKernel is the k-th part between delimiters, from the end when k is
// negative, empty when there is none.
var splitPartKernel = strictRows(column.Of(column.String), func(ctx *Context, args []operand) func(*column.Vector, int) error {
	s, delimiter, part := ctx.textSlot(args[0]), ctx.textSlot(args[1]), intSlot(args[2])
	return func(out *column.Vector, i int) error {
		k := part.at(i)
		if k == 0 {
			return executionError("field position must not be zero")
		}
		out.Strings[i] = splitPart(s.at(i), delimiter.at(i), k)
		return nil
	}
})

func splitPart(s, delimiter string, k int64) string {
	if delimiter == "" {
		if k == 1 || k == -1 {
			return s
		}
		return ""
	}
	for ; k > 0; k-- {
		part, rest, more := strings.Cut(s, delimiter)
		if k == 1 {
			return part
		}
		if s = rest; !more {
			return ""
		}
	}
	for ; ; k++ {
		at := strings.LastIndex(s, delimiter)
		if k == -1 {
			if at < 0 {
				return s
			}
			return s[at+len(delimiter):]
		}
		if at < 0 {
			return ""
		}
		s = s[:at]
	}
}

// substrIndexKernel is what stands before the k-th delimiter, or behind the
// k-th from the end when k is negative.
var substrIndexKernel = strictRows(column.Of(column.String), func(ctx *Context, args []operand) func(*column.Vector, int) error {
	s, delimiter, count := ctx.textSlot(args[0]), ctx.textSlot(args[1]), intSlot(args[2])
	return func(out *column.Vector, i int) error {
		out.Strings[i] = substrIndex(s.at(i), delimiter.at(i), count.at(i))
		return nil
	}
})

func substrIndex(s, delimiter string, k int64) string {
	if delimiter == "" || k == 0 {
		return ""
	}
	if k > 0 {
		end := 0
		for ; k > 0; k-- {
			at := strings.Index(s[end:], delimiter)
			if at < 0 {
				return s
			}
			end += at + len(delimiter)
		}
		return s[:end-len(delimiter)]
	}
	start := len(s)
	for ; k < 0; k++ {
		at := strings.LastIndex(s[:start], delimiter)
		if at < 0 {
			return s
		}
		start = at
	}
	return s[start+len(delimiter):]
}

func reverse(s string) string {
	if len(s) < 2 {
		return s
	}
	out := make([]byte, 0, len(s))
	for len(s) > 0 {
		_, n := utf8.DecodeLastRuneInString(s)
		out = append(out, s[len(s)-n:]...)
		s = s[:len(s)-n]
	}
	return string(out)
}

// initcap makes the first letter of every word upper case and the others
// lower case; words are runs of letters and digits.
func initcap(s string) string {
	inWord := false
	return strings.Map(func(r rune) rune {
		wasIn := inWord
		inWord = unicode.IsLetter(r) || unicode.IsDigit(r)
		if wasIn {
			return unicode.ToLower(r)
		}
		return unicode.ToUpper(r)
	}, s)
}

var replaceKernel = strictRows(column.Of(column.String), func(ctx *Context, args []operand) func(*column.Vector, int) error {
	s, from, to := ctx.textSlot(args[0]), ctx.textSlot(args[1]), ctx.textSlot(args[2])
	return func(out *column.Vector, i int) error {
		x, f, t := s.at(i), from.at(i), to.at(i)
		if f == "" || !strings.Contains(x, f) {
			out.Strings[i] = x
			return nil
		}
		size := int64(len(x)) // in 64 bits: the product may be large
		if len(t) > len(f) {
			if size += int64(strings.Count(x, f)) * int64(len(t)-len(f)); size > maxText {
				return tooMuchText("replace")
			}
		}
		if err := ctx.charge(int(size)); err != nil {
			return err
		}
		out.Strings[i] = strings.ReplaceAll(x, f, t)
		return nil
	}
})

// translateKernel replaces characters one by one; those without counterpart
// are dropped.
var translateKernel = built(func(ctx *Context, args []operand) func([]byte, int) ([]byte, error) {
	s, from, to := ctx.textSlot(args[0]), ctx.textSlot(args[1]), ctx.textSlot(args[2])
	return func(dst []byte, i int) ([]byte, error) {
		f, t := []rune(from.at(i)), []rune(to.at(i))
	next:
		for _, r := range s.at(i) {
			for k, x := range f {
				if x == r {
					if k < len(t) {
						dst = utf8.AppendRune(dst, t[k])
					}
					continue next
				}
			}
			dst = utf8.AppendRune(dst, r)
		}
		return dst, nil
	}
})

var repeatKernel = built(func(ctx *Context, args []operand) func([]byte, int) ([]byte, error) {
	s, count := ctx.textSlot(args[0]), intSlot(args[1])
	return func(dst []byte, i int) ([]byte, error) {
		text, n := s.at(i), count.at(i)
		if text == "" || n <= 0 {
			return dst, nil
		}
		if n > maxText/int64(len(text)) {
			return nil, tooMuchText("repeat")
		}
		if err := ctx.fits(len(dst) + int(n)*len(text)); err != nil {
			return nil, err
		}
		dst = slices.Grow(dst, int(n)*len(text))
		for range n {
			dst = append(dst, text...)
		}
		return dst, nil
	}
})

// padKernel fills text up to n characters, or cuts it down to them.
func padKernel(atLeft bool) kernel {
	return built(func(ctx *Context, args []operand) func([]byte, int) ([]byte, error) {
		s, width := ctx.textSlot(args[0]), intSlot(args[1])
		fill := slot[string]{values: []string{" "}}
		if len(args) == 3 {
			fill = ctx.textSlot(args[2])
		}
		return func(dst []byte, i int) ([]byte, error) {
			text, n, f := s.at(i), max(width.at(i), 0), fill.at(i)
			if n > maxText {
				return nil, executionError("padding to %d characters is not supported, at most to %d", n, maxText)
			}
			if err := ctx.fits(len(dst) + int(n)); err != nil {
				return nil, err
			}
			length := int64(utf8.RuneCountInString(text))
			if length >= n {
				return append(dst, text[:offsetOf(text, n)]...), nil
			}
			if !atLeft {
				dst = append(dst, text...)
			}
			for missing := n - length; missing > 0 && f != ""; {
				for _, r := range f {
					if missing == 0 {
						break
					}
					dst = utf8.AppendRune(dst, r)
					missing--
				}
			}
			if atLeft {
				dst = append(dst, text...)
			}
			return dst, nil
		}
	})
}

// overlayKernel is overlay(s, new, start [, count]).
var overlayKernel = built(func(ctx *Context, args []operand) func([]byte, int) ([]byte, error) {
	s, with, start := ctx.textSlot(args[0]), ctx.textSlot(args[1]), intSlot(args[2])
	return func(dst []byte, i int) ([]byte, error) {
		text, w := s.at(i), with.at(i)
		from := min(max(start.at(i), 1), 1<<40) - 1
		n := int64(utf8.RuneCountInString(w))
		if len(args) == 4 {
			n = min(max(args[3].v.Ints[i*args[3].step], 0), 1<<40)
		}
		dst = append(dst, text[:offsetOf(text, from)]...)
		dst = append(dst, w...)
		return append(dst, text[offsetOf(text, from+n):]...), nil
	}
})

var chrKernel = built(func(_ *Context, args []operand) func([]byte, int) ([]byte, error) {
	code := intSlot(args[0])
	return func(dst []byte, i int) ([]byte, error) {
		c := code.at(i)
		if c < 0 || c > unicode.MaxRune || !utf8.ValidRune(rune(c)) {
			return nil, executionError("invalid Unicode scalar value: %d", c)
		}
		return utf8.AppendRune(dst, rune(c)), nil
	}
})

var hexKernel = built(func(_ *Context, args []operand) func([]byte, int) ([]byte, error) {
	x := intSlot(args[0])
	return func(dst []byte, i int) ([]byte, error) {
		const digits = "0123456789abcdef"
		v, n := uint64(x.at(i)), 60
		for n > 0 && v>>n == 0 {
			n -= 4
		}
		for ; n >= 0; n -= 4 {
			dst = append(dst, digits[v>>n&15])
		}
		return dst, nil
	}
})
