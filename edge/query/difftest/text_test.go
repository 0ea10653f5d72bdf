package difftest

import (
	"strings"
)

// text is a piece of a query in both dialects.
type text struct{ tarn, duck string }

// both is text that the dialects share.
func both(s string) text { return text{s, s} }

// fill replaces each ? by the next piece. Neither dialect has other uses for it
// here: texts of the data have no question mark.
func fill(format string, parts ...text) text { return fills(both(format), parts...) }

// fills is fill with a form for each dialect. A form names the pieces by ? in
// their order, or by ?1, ?2, ... in its own.
func fills(format text, parts ...text) text {
	return text{
		expand(format.tarn, parts, func(t text) string { return t.tarn }),
		expand(format.duck, parts, func(t text) string { return t.duck }),
	}
}

func expand(format string, parts []text, pick func(text) string) string {
	var b strings.Builder
	next := 0
	for i := 0; i < len(format); i++ {
		if format[i] != '?' {
			b.WriteByte(format[i])
			continue
		}
		which := next
		if i+1 < len(format) && format[i+1] >= '1' && format[i+1] <= '9' {
			i++
			which = int(format[i] - '1')
		} else {
			next++
		}
		b.WriteString(pick(parts[which]))
	}
	return b.String()
}

// join is the pieces with a separator.
func join(parts []text, sep string) text {
	var out text
	for i, p := range parts {
		if i > 0 {
			out.tarn += sep
			out.duck += sep
		}
		out.tarn += p.tarn
		out.duck += p.duck
	}
	return out
}

// quote is a string literal.
func quote(s string) text { return both("'" + strings.ReplaceAll(s, "'", "''") + "'") }
