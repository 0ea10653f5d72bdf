package pipeline

import "strings"

// buildDecolorize makes the processor that removes ANSI colors: ESC [ ... m.
func buildDecolorize(o *options) step {
	return eachField(o, textOp{func(b []byte, s string) ([]byte, error) {
		for {
			i := strings.Index(s, "\x1b[")
			if i < 0 {
				return append(b, s...), nil
			}
			end := i + 2
			for end < len(s) && (s[end] >= '0' && s[end] <= '9' || s[end] == ';' || s[end] == ':') {
				end++
			}
			if end < len(s) && s[end] == 'm' {
				b = append(b, s[:i]...)
				end++
			} else {
				b = append(b, s[:end]...)
			}
			s = s[end:]
		}
	}})
}
