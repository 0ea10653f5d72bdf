package sql

import (
	"strconv"
	"strings"
)

// Nanos is the length of a duration in nanoseconds; ok is false when the text is
// none, or an interval has months, whose length varies.
func (d Duration) Nanos() (ns int64, ok bool) {
	if d.Interval != nil {
		lit, isLit := d.Interval.(*Literal)
		if !isLit || lit.Kind != IntervalLit || lit.Interval.Months != 0 {
			return 0, false
		}
		return int64(lit.Interval.Days)*24*hour + lit.Interval.Nanos, true
	}
	return PromDuration(d.Text)
}

// promUnits are those of Prometheus' durations.
var promUnits = map[string]int64{"ms": 1e6, "s": second, "m": minute, "h": hour, "d": 24 * hour, "w": 7 * 24 * hour, "y": 365 * 24 * hour}

// PromDuration reads Prometheus' durations: "5s", "1h30m".
func PromDuration(text string) (ns int64, ok bool) {
	rest := text
	for rest != "" {
		n := strings.IndexFunc(rest, func(r rune) bool { return r < '0' || r > '9' })
		if n <= 0 {
			return 0, false
		}
		v, err := strconv.ParseInt(rest[:n], 10, 64)
		rest = rest[n:]
		end := strings.IndexFunc(rest, func(r rune) bool { return r >= '0' && r <= '9' })
		if end < 0 {
			end = len(rest)
		}
		unit := promUnits[rest[:end]]
		if err != nil || unit == 0 || v > (1<<62)/unit {
			return 0, false
		}
		ns += v * unit
		if ns < 0 {
			return 0, false
		}
		rest = rest[end:]
	}
	return ns, text != ""
}
