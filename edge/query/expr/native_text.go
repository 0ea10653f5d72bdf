package expr

import (
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"tarn/edge/query/text"
	"tarn/store/column"
)

// nativeText are functions of text that GreptimeDB's dialect has of MySQL's.
func nativeText() map[string]function {
	const s, i = column.String, column.Int64
	return map[string]function{
		"locate": optional(i, locateKernel, 2, s, s, i),
		"insert": fixed(s, insertKernel, s, i, i, s),
		"space":  fixed(s, spaceKernel, i),
		"format": {min: 2, max: 2, bind: bindFormat},
		"elt": {min: 2, max: -1, bind: func(name string, args []Expr) (Expr, error) {
			kinds := make([]column.Kind, len(args))
			for k := range kinds {
				kinds[k] = s
			}
			kinds[0] = i
			args, err := convertArgs(name, args, kinds)
			if err != nil {
				return nil, err
			}
			return newNode(name, args, column.Of(s), eltKernel), nil
		}},
		"field": {min: 2, max: -1, bind: func(name string, args []Expr) (Expr, error) {
			out := make([]Expr, len(args))
			for k, a := range args {
				var err error
				if out[k], err = implicitCast(a, column.Of(s)); err != nil {
					return nil, err
				}
			}
			return newNode(name, out, column.Of(i), fieldKernel), nil
		}},
	}
}

// locateKernel is locate(part, text [, from]): the place of part at from or
// behind, counted in characters from 1; 0 when there is none.
var locateKernel = strict(column.Of(column.Int64), func(ctx *Context, args []operand, out *column.Vector) error {
	part, in := ctx.textSlot(args[0]), ctx.textSlot(args[1])
	for i := range out.Ints {
		from := int64(1)
		if len(args) == 3 {
			from = args[2].v.Ints[i*args[2].step]
		}
		out.Ints[i] = locate(part.at(i), in.at(i), from)
	}
	return nil
})

func locate(part, in string, from int64) int64 {
	if from < 1 || from > int64(utf8.RuneCountInString(in))+1 {
		return 0
	}
	start := offsetOf(in, from-1)
	at := strings.Index(in[start:], part)
	if at < 0 {
		return 0
	}
	return from + int64(utf8.RuneCountInString(in[start:start+at]))
}

// insertKernel is insert(text, from, n, new): new in the place of n characters,
// or of all that follow where n is negative; text itself when from is not in it.
var insertKernel = built(func(ctx *Context, args []operand) func([]byte, int) ([]byte, error) {
	s, from, count, with := ctx.textSlot(args[0]), intSlot(args[1]), intSlot(args[2]), ctx.textSlot(args[3])
	return func(dst []byte, i int) ([]byte, error) {
		in, at, n := s.at(i), from.at(i), count.at(i)
		if at < 1 || at > int64(utf8.RuneCountInString(in)) {
			return append(dst, in...), nil
		}
		start := offsetOf(in, at-1)
		end := len(in)
		if n >= 0 {
			end = start + offsetOf(in[start:], n)
		}
		dst = append(dst, in[:start]...)
		dst = append(dst, with.at(i)...)
		return append(dst, in[end:]...), nil
	}
})

var spaceKernel = built(func(_ *Context, args []operand) func([]byte, int) ([]byte, error) {
	count := intSlot(args[0])
	return func(dst []byte, i int) ([]byte, error) {
		n := max(count.at(i), 0)
		if n > maxText {
			return nil, tooMuchText("space")
		}
		return append(dst, strings.Repeat(" ", int(n))...), nil
	}
})

// eltKernel is elt(n, a, b, ...): the n-th of the texts, null when there is none.
func eltKernel(ctx *Context, args []operand, n int) (*column.Vector, error) {
	out, some := ctx.result(column.Of(column.String), n, args[0])
	if !some || n == 0 {
		return out, nil
	}
	which := intSlot(args[0])
	texts := make([]slot[string], len(args))
	for k := range args[1:] {
		if !args[k+1].allNull() {
			texts[k+1] = ctx.textSlot(args[k+1])
		}
	}
	for i := range n {
		if out.IsNull(i) {
			continue
		}
		k := which.at(i)
		if k < 1 || k >= int64(len(args)) || args[k].null(i) {
			out.Nulls.Set(i)
			continue
		}
		out.Strings[i] = texts[k].at(i)
	}
	return out, nil
}

// fieldKernel is field(text, a, b, ...): which of the texts it is, 0 for none.
func fieldKernel(ctx *Context, args []operand, n int) (*column.Vector, error) {
	out := ctx.vector(column.Of(column.Int64), n)
	texts := make([]slot[string], len(args))
	for k, a := range args {
		if !a.allNull() {
			texts[k] = ctx.textSlot(a)
		}
	}
	for i := range n {
		out.Ints[i] = 0
		if args[0].null(i) {
			continue
		}
		wanted := texts[0].at(i)
		for k := 1; k < len(args); k++ {
			if !args[k].null(i) && texts[k].at(i) == wanted {
				out.Ints[i] = int64(k)
				break
			}
		}
	}
	return out, nil
}

// maxDecimals are the most that format makes.
const maxDecimals = 30

// bindFormat binds format(x, d), which groups digits by thousands; integers keep
// all of them.
func bindFormat(name string, args []Expr) (Expr, error) {
	t := args[0].Type()
	if !t.IsNumeric() && t.Kind != column.Null {
		return nil, signatureError(name, args)
	}
	kinds := []column.Kind{column.Float64, column.Int64}
	run := formatFloats
	if t.IsInteger() {
		kinds[0], run = column.String, formatIntegers
		var err error
		if args[0], err = implicitCast(args[0], column.Of(column.String)); err != nil {
			return nil, err
		}
	}
	args, err := convertArgs(name, args, kinds)
	if err != nil {
		return nil, err
	}
	return newNode(name, args, column.Of(column.String), run), nil
}

var formatFloats = built(func(_ *Context, args []operand) func([]byte, int) ([]byte, error) {
	x, d := floatSlot(args[0]), intSlot(args[1])
	return func(dst []byte, i int) ([]byte, error) {
		v := x.at(i)
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return text.AppendFloat(dst, v), nil
		}
		return grouped(dst, strconv.FormatFloat(v, 'f', int(min(max(d.at(i), 0), maxDecimals)), 64)), nil
	}
})

var formatIntegers = built(func(ctx *Context, args []operand) func([]byte, int) ([]byte, error) {
	x, d := ctx.textSlot(args[0]), intSlot(args[1])
	return func(dst []byte, i int) ([]byte, error) {
		dst = grouped(dst, x.at(i))
		if n := int(min(max(d.at(i), 0), maxDecimals)); n > 0 {
			dst = append(append(dst, '.'), strings.Repeat("0", n)...)
		}
		return dst, nil
	}
})

// grouped appends a number with commas between thousands.
func grouped(dst []byte, number string) []byte {
	whole, fraction, _ := strings.Cut(number, ".")
	if digits, negative := strings.CutPrefix(whole, "-"); negative {
		dst, whole = append(dst, '-'), digits
	}
	for i := range len(whole) {
		if i > 0 && (len(whole)-i)%3 == 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, whole[i])
	}
	if fraction != "" {
		dst = append(append(dst, '.'), fraction...)
	}
	return dst
}
