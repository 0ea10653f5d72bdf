package prometheus

import (
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"

	"tarn/edge/api/gate"
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
	if s, err := strconv.ParseFloat(text, 64); err == nil {
		whole, part := math.Modf(s)
		if math.IsNaN(s) || math.Abs(whole) > maxSeconds {
			return absent, gate.Bad("%s: the time %q is out of range", name, text)
		}
		// Like Prometheus: to the millisecond, so that 1.001 is not a bit less.
		return time.Unix(int64(whole), int64(math.Round(part*1000)*1e6)).UTC(), nil
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return absent, gate.Bad("%s: cannot parse %q to a valid timestamp", name, text)
	}
	return t, nil
}

// maxSeconds bounds times: beyond it, sums of times in ms would overflow.
const maxSeconds = math.MaxInt64 / 1e6

// duration reads a duration: seconds, or such as 1h30m.
func (p params) duration(name string) (time.Duration, error) {
	text := p.Get(name)
	if text == "" {
		return 0, nil
	}
	d, err := parseDuration(text)
	if err != nil {
		return 0, gate.Bad("%s: cannot parse %q to a valid duration", name, text)
	}
	return d, nil
}

func parseDuration(text string) (time.Duration, error) {
	if s, err := strconv.ParseFloat(text, 64); err == nil {
		ns := s * float64(time.Second)
		if math.IsNaN(ns) || math.Abs(ns) > math.MaxInt64/2 {
			return 0, strconv.ErrRange
		}
		return time.Duration(ns), nil
	}
	d, err := model.ParseDuration(text)
	return time.Duration(d), err
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
