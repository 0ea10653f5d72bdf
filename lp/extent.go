package lp

// How the search for the end of a line came out.
type extentState uint8

const (
	extentFound    extentState = iota
	extentNeedMore             // the line goes on beyond the bytes given
	extentTooLong              // and it may not
)

// extent finds where the line at the start of w really ends, given that it may
// hold newlines inside of strings or behind backslashes. It is called only for
// lines that did not parse up to their first newline. See the package comment
// for the rules.
//
// last says that no more bytes will come: either the input ends with w, or
// (full) w has reached the maximum line length.
func extent(w []byte, last, full bool) (int, extentState) {
	const (
		inKey = iota
		inFields
		inString
	)
	state := inKey
	opened := 0 // offset of the quote that opened the current string

	i := 0
	for i < len(w) && (w[i] == ' ' || w[i] == '\t') {
		i++
	}
	for ; i < len(w); i++ {
		switch c := w[i]; {
		case c == '\\':
			i++
		case state == inString:
			if c == '"' {
				state = inFields
			}
		case c == '\n':
			return i, extentFound
		case state == inKey:
			if c == ' ' {
				state = inFields
			}
		case c == '=' && i+1 < len(w) && w[i+1] == '"':
			i++
			state, opened = inString, i
		}
	}
	switch {
	case !last && !full:
		return 0, extentNeedMore
	case state == inString:
		// Nothing closes the quote: give up on that string only.
		if n := indexByte(w[opened:], '\n'); n >= 0 {
			return opened + n, extentFound
		}
		if full {
			return 0, extentTooLong
		}
		return len(w), extentFound
	case full:
		return 0, extentTooLong
	}
	return len(w), extentFound
}
