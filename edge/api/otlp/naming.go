package otlp

import (
	"net/http"
	"slices"
	"strings"

	"tarn/edge/api/gate"
)

// strategy is how names of metrics become names of tables.
type strategy struct {
	// escape replaces what Prometheus does not take in names, suffixes adds
	// units and _total.
	escape, suffixes bool
}

const headerStrategy = "x-greptime-otlp-metric-translation-strategy"

var strategies = map[string]strategy{
	"UnderscoreEscapingWithSuffixes": {true, true}, "UnderscoreEscapingWithoutSuffixes": {true, false},
	"NoUTF8EscapingWithSuffixes": {false, true}, "NoTranslation": {false, false},
}

func strategyOf(r *http.Request) (strategy, error) {
	name := r.Header.Get(headerStrategy)
	if name == "" {
		return strategy{true, true}, nil
	}
	s, ok := strategies[name]
	if !ok {
		return s, gate.Bad("%s header value `%s` is invalid. Expected one of: UnderscoreEscapingWithSuffixes, UnderscoreEscapingWithoutSuffixes, NoUTF8EscapingWithSuffixes, NoTranslation",
			headerStrategy, name)
	}
	return s, nil
}

// unitNames are the words for units, perNames those behind a slash.
var (
	unitNames = map[string]string{
		"d": "days", "h": "hours", "min": "minutes", "s": "seconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds",
		"By": "bytes", "KiBy": "kibibytes", "MiBy": "mebibytes", "GiBy": "gibibytes", "TiBy": "tibibytes",
		"KBy": "kilobytes", "MBy": "megabytes", "GBy": "gigabytes", "TBy": "terabytes",
		"m": "meters", "V": "volts", "A": "amperes", "J": "joules", "W": "watts", "g": "grams", "Cel": "celsius", "Hz": "hertz", "1": "", "%": "percent",
	}
	perNames = map[string]string{"s": "second", "m": "minute", "h": "hour", "d": "day", "w": "week", "mo": "month", "y": "year"}
)

// unit splits a unit into the word for it and that for what it is per.
func unit(s string) (main, per string) {
	main, per, _ = strings.Cut(s, "/")
	word := func(s string, names map[string]string) string {
		s = strings.TrimSpace(s)
		if strings.ContainsAny(s, "{}") {
			return ""
		}
		if w, ok := names[s]; ok {
			return w
		}
		return s
	}
	return word(main, unitNames), word(per, perNames)
}

// nature is what kind of metric a name is for.
type nature uint8

const (
	plain nature = iota
	gauge
	monotonic // a sum that only rises
)

// metricName is the table of a metric (section 5.2).
func (s strategy) metricName(name, unitText string, k nature) string {
	switch {
	case !s.escape && !s.suffixes:
		return name
	case !s.escape:
		return withSuffixes(name, unitText, k)
	}
	tokens := words(name)
	if s.suffixes {
		main, per := unit(unitText)
		for _, w := range words(main) {
			if !slices.Contains(tokens, w) {
				tokens = append(tokens, w)
			}
		}
		if p := words(per); len(p) > 0 && !slices.Contains(tokens, p[0]) {
			tokens = append(append(tokens, "per"), p...)
		}
		last := ""
		switch {
		case k == monotonic:
			last = "total"
		case k == gauge && strings.TrimSpace(unitText) == "1":
			last = "ratio"
		}
		if last != "" {
			tokens = append(slices.DeleteFunc(tokens, func(t string) bool { return t == last }), last)
		}
	}
	out := strings.Join(tokens, "_")
	if out != "" && out[0] >= '0' && out[0] <= '9' {
		out = "_" + out
	}
	return out
}

// words are the runs of ASCII letters and digits of a text.
func words(s string) []string {
	return strings.FieldsFunc(s, func(c rune) bool {
		return (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z')
	})
}

// withSuffixes keeps all characters of a name.
func withSuffixes(name, unitText string, k nature) string {
	add := func(suffix string) {
		if suffix != "" && !strings.HasSuffix(name, "_"+suffix) {
			name += "_" + suffix
		}
	}
	main, per := unit(unitText)
	add(main)
	if per != "" {
		add("per_" + per)
	}
	switch {
	case k == monotonic:
		add("total")
	case k == gauge && strings.TrimSpace(unitText) == "1":
		add("ratio")
	}
	return name
}

// appendLabel appends the name of a tag for an attribute.
func (s strategy) appendLabel(dst []byte, name string) []byte {
	if !s.escape && !s.suffixes || name == "" {
		return append(dst, name...)
	}
	switch {
	case name[0] >= '0' && name[0] <= '9':
		dst = append(dst, "key_"...)
	case name[0] == '_' && !strings.HasPrefix(name, "__"):
		dst = append(dst, "key"...)
	}
	for _, c := range name { // a character of several bytes is one underscore
		if (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			c = '_'
		}
		dst = append(dst, byte(c))
	}
	return dst
}
