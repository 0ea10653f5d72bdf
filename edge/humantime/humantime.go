// Package humantime reads durations as people and the configure API write
// them: "7d", "1d12h", "2 weeks" (spec/influxdb3-http-api.md section 4.1).
package humantime

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

const day = 24 * time.Hour

// units by name. Months and years are averages: 30.44 and 365.25 days.
var units = map[string]time.Duration{
	"ns": 1, "nsec": 1, "nanos": 1, "us": time.Microsecond, "µs": time.Microsecond, "usec": time.Microsecond,
	"ms": time.Millisecond, "msec": time.Millisecond, "millis": time.Millisecond,
	"s": time.Second, "sec": time.Second, "secs": time.Second, "second": time.Second, "seconds": time.Second,
	"m": time.Minute, "min": time.Minute, "mins": time.Minute, "minute": time.Minute, "minutes": time.Minute,
	"h": time.Hour, "hr": time.Hour, "hrs": time.Hour, "hour": time.Hour, "hours": time.Hour,
	"d": day, "day": day, "days": day,
	"w": 7 * day, "wk": 7 * day, "wks": 7 * day, "week": 7 * day, "weeks": 7 * day,
	"M": 2630016 * time.Second, "month": 2630016 * time.Second, "months": 2630016 * time.Second,
	"y": 31557600 * time.Second, "yr": 31557600 * time.Second, "yrs": 31557600 * time.Second, "year": 31557600 * time.Second, "years": 31557600 * time.Second,
}

// Parse reads one or more numbers with units, which are summed. Numbers may have
// a fraction.
func Parse(text string) (time.Duration, error) {
	rest := strings.TrimSpace(text)
	if rest == "" {
		return 0, errors.New("value was empty")
	}
	var sum time.Duration
	for rest != "" {
		digits := strings.IndexFunc(rest, func(r rune) bool { return r < '0' || r > '9' })
		switch {
		case digits == 0:
			return 0, fmt.Errorf("expected number at %d in %q", len(text)-len(rest), text)
		case digits < 0:
			return 0, fmt.Errorf("time unit needed, for example %[1]ssec or %[1]sms", rest)
		}
		n, err := strconv.ParseInt(rest[:digits], 10, 64)
		if err != nil {
			return 0, fmt.Errorf("number is too large in %q", text)
		}
		rest = rest[digits:]
		fraction := 0.0
		if strings.HasPrefix(rest, ".") {
			digits = 1 + len(rest[1:]) - len(strings.TrimLeft(rest[1:], "0123456789"))
			if digits == 1 {
				return 0, fmt.Errorf("expected digits after the point at %d in %q", len(text)-len(rest)+1, text)
			}
			if fraction, err = strconv.ParseFloat("0"+rest[:digits], 64); err != nil {
				return 0, fmt.Errorf("number is too long in %q", text)
			}
			rest = rest[digits:]
		}
		rest = strings.TrimLeft(rest, " ")
		end := strings.IndexFunc(rest, func(r rune) bool { return r == ' ' || r >= '0' && r <= '9' })
		if end < 0 {
			end = len(rest)
		}
		unit, ok := units[rest[:end]]
		if !ok {
			return 0, fmt.Errorf("unknown time unit %q, supported units: ns, us, ms, sec, min, hours, days, weeks, months, years (and few variations)", rest[:end])
		}
		part := time.Duration(math.Round(fraction * float64(unit)))
		if part > math.MaxInt64-sum || n > int64(math.MaxInt64-sum-part)/int64(unit) {
			return 0, fmt.Errorf("duration %q is too long", text)
		}
		sum += time.Duration(n)*unit + part
		rest = strings.TrimLeft(rest[end:], " ")
	}
	return sum, nil
}

// Format writes a duration in the largest units that are exact: "1d12h".
func Format(d time.Duration) string {
	if d == 0 {
		return "0s"
	}
	var b strings.Builder
	for _, u := range []struct {
		name string
		size time.Duration
	}{{"w", 7 * day}, {"d", day}, {"h", time.Hour}, {"m", time.Minute}, {"s", time.Second}, {"ms", time.Millisecond}, {"us", time.Microsecond}, {"ns", 1}} {
		if n := d / u.size; n > 0 {
			fmt.Fprintf(&b, "%d%s", n, u.name)
			d -= n * u.size
		}
	}
	return b.String()
}
