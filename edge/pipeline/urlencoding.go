package pipeline

import (
	"fmt"
	"net/url"
	"strings"
	"unicode/utf8"
)

// buildURLEncoding makes the processor for percent-coding: a blank is %20, and
// a plus sign is itself.
func buildURLEncoding(o *options) step {
	if o.oneOf("method", "decode", "encode") == "encode" {
		return eachField(o, textOp{percentEncode})
	}
	return eachField(o, textOp{percentDecode})
}

func percentEncode(b []byte, s string) ([]byte, error) {
	for _, c := range []byte(s) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_', c == '.', c == '~':
			b = append(b, c)
		default:
			const hex = "0123456789ABCDEF"
			b = append(b, '%', hex[c>>4], hex[c&15])
		}
	}
	return b, nil
}

func percentDecode(b []byte, s string) ([]byte, error) {
	if strings.IndexByte(s, '%') < 0 {
		return append(b, s...), nil
	}
	d, err := url.PathUnescape(s)
	if err != nil {
		return b, fmt.Errorf("decode %s: %w", shown(s), err)
	}
	if !utf8.ValidString(d) {
		return b, fmt.Errorf("decode %s: the result is not UTF-8", shown(s))
	}
	return append(b, d...), nil
}
