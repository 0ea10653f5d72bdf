package gate

import (
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"strings"
)

// Values are parameters by name.
type Values url.Values

// Get is the first value of a parameter, "" when there is none.
func (v Values) Get(name string) string { return url.Values(v).Get(name) }

// Has says whether a parameter is there.
func (v Values) Has(name string) bool { return url.Values(v).Has(name) }

// maxParameters bounds how many parameters a request may have.
const maxParameters = 1000

// parse reads "a=b&c=d". A ";" is an ordinary character, since statements are
// separated by it, and so is a "%" that escapes nothing: net/url refuses both.
func parse(text string) Values {
	v := Values{}
	for n := 0; text != "" && n < maxParameters; n++ {
		var pair string
		pair, text, _ = strings.Cut(text, "&")
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		name = unescape(name)
		v[name] = append(v[name], unescape(value))
	}
	return v
}

func unescape(s string) string {
	if u, err := url.QueryUnescape(s); err == nil {
		return u
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '+':
			b.WriteByte(' ')
		case s[i] == '%' && i+2 < len(s):
			if u, err := url.PathUnescape(s[i : i+3]); err == nil {
				b.WriteString(u)
				i += 2
				continue
			}
			b.WriteByte('%')
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

// Query are the parameters of the query string.
func Query(r *http.Request) Values { return parse(r.URL.RawQuery) }

const formType = "application/x-www-form-urlencoded"

// Form are the parameters of the query string and of a POST's form, where the
// query string's win. A POST must say that it sends a form, even when it sends
// nothing (section 0.1): 415 in plain text otherwise.
func (g *Gate) Form(r *http.Request) (Values, error) {
	v := Query(r)
	if r.Method != http.MethodPost {
		return v, nil
	}
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != formType {
		return nil, Plainf(http.StatusUnsupportedMediaType, "Form requests must have `Content-Type: %s`", formType)
	}
	raw, err := g.RawBody(r)
	if err != nil {
		return nil, err
	}
	for name, values := range parse(string(raw)) {
		if _, ok := v[name]; !ok {
			v[name] = values
		}
	}
	return v, nil
}

// Hints are the x-greptime-hints of a request, or its x-greptime-hint-KEY
// headers, of which the former make nothing (section 0.5).
func Hints(r *http.Request) (map[string]string, error) {
	hints := map[string]string{}
	if all := r.Header.Values("x-greptime-hints"); len(all) > 0 {
		for pair := range strings.SplitSeq(strings.Join(all, ","), ",") {
			name, value, ok := strings.Cut(pair, "=")
			if !ok {
				if strings.TrimSpace(pair) == "" {
					continue
				}
				return nil, Bad("invalid x-greptime-hints: %s", fmt.Sprintf("%q is no key=value", pair))
			}
			hints[strings.TrimSpace(name)] = strings.TrimSpace(value)
		}
		return hints, nil
	}
	const prefix = "X-Greptime-Hint-"
	for name, values := range r.Header {
		if key, ok := strings.CutPrefix(name, prefix); ok && len(values) > 0 {
			hints[strings.ReplaceAll(strings.ToLower(key), "-", "_")] = strings.TrimSpace(values[0])
		}
	}
	return hints, nil
}
