package prometheus

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"

	"tarn/edge/api/gate"
	"tarn/edge/query/promql"
)

// params are those of a request to the query API.
type params struct {
	gate.Values
	database string
	now      time.Time
}

// params reads a request's parameters and chooses its database: the query
// string's db, the header, or public. One that does not exist is no error: it
// has no series (section 4.3).
func (a *API) params(r *http.Request) (params, error) {
	v, err := a.Form(r)
	if err != nil {
		return params{}, err
	}
	p := params{Values: v, database: gate.Public, now: a.Now()}
	for _, text := range []string{gate.Query(r).Get("db"), r.Header.Get(gate.HeaderDatabase)} {
		if text == "" {
			continue
		}
		if p.database, err = gate.SplitDatabase(text); err != nil {
			p.database = text // of another catalog: nothing is there
		}
		break
	}
	return p, nil
}

// instant reads a time: RFC 3339 or seconds since epoch.
func (p params) instant(name string, absent time.Time) (time.Time, error) {
	text := p.Get(name)
	if text == "" {
		return absent, nil
	}
	t, err := promql.ParseTime(text)
	if err != nil {
		return absent, gate.Bad("%s: %w", name, err)
	}
	return t, nil
}

// duration reads a duration: seconds, or such as 1h30m.
func (p params) duration(name string) (time.Duration, error) {
	text := p.Get(name)
	if text == "" {
		return 0, nil
	}
	d, err := promql.ParseDuration(text)
	if err != nil {
		return 0, gate.Bad("%s: %w", name, err)
	}
	return d, nil
}

// limit reads how many results are wanted; 0 means all.
func (p params) limit() (int, error) {
	text := p.Get("limit")
	if text == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return 0, gate.Bad("limit must be a number that is not negative: %q", text)
	}
	return n, nil
}

// maxMatchers bounds how many selectors a request may have.
const maxMatchers = 100

// matchers reads the selectors of match[].
func (p params) matchers() ([][]*labels.Matcher, error) {
	texts := p.Values["match[]"]
	if len(texts) > maxMatchers {
		return nil, gate.Bad("more than %d selectors", maxMatchers)
	}
	var sets [][]*labels.Matcher
	for _, text := range texts {
		ms, err := parser.ParseMetricSelector(text)
		if err != nil {
			return nil, gate.Bad("invalid match[] %q: %w", text, err)
		}
		sets = append(sets, ms)
	}
	return sets, nil
}

// span reads start and end of the metadata endpoints in ms: yesterday to now
// unless they say otherwise.
func (p params) span() (from, to int64, err error) {
	start, err := p.instant("start", p.now.Add(-24*time.Hour))
	if err != nil {
		return 0, 0, err
	}
	end, err := p.instant("end", p.now)
	if err != nil {
		return 0, 0, err
	}
	if end.Before(start) {
		return 0, 0, gate.Bad("end timestamp must not be before start timestamp")
	}
	return start.UnixMilli(), end.UnixMilli(), nil
}

// describe is what the query log says of a request without an expression.
func (p params) describe(what string) string {
	return strings.Join(append([]string{what}, p.Values["match[]"]...), " ")
}
