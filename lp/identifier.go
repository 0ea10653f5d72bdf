package lp

import "bytes"

// identifier returns the end of the identifier at b[p:]: the first delimiter,
// space, tab or newline that has no backslash before it, or the end of b. It
// also tells whether there are backslashes in it.
func identifier(b []byte, p int, delimiter byte) (end int, escapes bool) {
	for p < len(b) {
		switch c := b[p]; c {
		case delimiter, ' ', '\t', '\n':
			return p, escapes
		case '\\':
			escapes = true
			p++
		}
		p++
	}
	return len(b), escapes
}

// unescape appends the identifier b to dst without its escapes. A backslash
// counts before a comma, a space and a backslash, and if equals before "=";
// before anything else it stands for itself.
func unescape(dst, b []byte, equals bool) []byte {
	for {
		i := bytes.IndexByte(b, '\\')
		if i < 0 || i+1 == len(b) {
			return append(dst, b...)
		}
		dst = append(dst, b[:i]...)
		switch c := b[i+1]; {
		case c == ',' || c == ' ' || c == '\\' || c == '=' && equals:
			dst = append(dst, c)
		default:
			dst = append(dst, '\\', c)
		}
		b = b[i+2:]
	}
}

// identifierFlaw checks an identifier, written as raw at the offset at, that
// is called name without its escapes.
func identifierFlaw(raw, name []byte, at int) flaw {
	switch {
	case len(name) > 0 && name[len(name)-1] == '\\':
		return flaw{reasonBackslash, at + len(raw) - 1}
	case len(name) > maxText:
		return flaw{reasonTooLong, at}
	}
	return textFlaw(raw, at)
}
