package text

import (
	"math"
	"math/big"
	"strings"

	"tarn/store/column"
)

// intervalUnit is one name's worth in the three parts of an interval. Exactly
// one is not zero.
type intervalUnit struct {
	months, days int32
	nanos        int64
}

// unitOf finds a unit by its name, singular or plural, in lower case.
func unitOf(name string) (intervalUnit, bool) {
	switch name {
	case "millennium", "millenniums", "millennia":
		return intervalUnit{months: 12000}, true
	case "century", "centuries", "c", "cent":
		return intervalUnit{months: 1200}, true
	case "decade", "decades", "dec", "decs":
		return intervalUnit{months: 120}, true
	case "year", "years", "y", "yr", "yrs":
		return intervalUnit{months: 12}, true
	case "month", "months", "mon", "mons":
		return intervalUnit{months: 1}, true
	case "week", "weeks", "w":
		return intervalUnit{days: 7}, true
	case "day", "days", "d":
		return intervalUnit{days: 1}, true
	case "hour", "hours", "h", "hr", "hrs":
		return intervalUnit{nanos: Hour}, true
	case "minute", "minutes", "m", "min", "mins":
		return intervalUnit{nanos: Minute}, true
	case "", "second", "seconds", "s", "sec", "secs":
		return intervalUnit{nanos: Second}, true
	case "millisecond", "milliseconds", "ms", "msec", "msecs", "millis":
		return intervalUnit{nanos: 1_000_000}, true
	case "microsecond", "microseconds", "us", "usec", "usecs":
		return intervalUnit{nanos: 1_000}, true
	case "nanosecond", "nanoseconds", "ns", "nanos":
		return intervalUnit{nanos: 1}, true
	}
	return intervalUnit{}, false
}

// ParseInterval reads a calendar span of spec/sql.md section 7.2: pairs of a
// number and a unit, as in "1 day 2.5 hours"; a number without unit counts
// seconds. Fractions of a month become days of 30, fractions of a day hours.
func ParseInterval(s string) (column.Interval, error) { return ParseIntervalUnit(s, "") }

// ParseIntervalUnit is ParseInterval with the unit of a number that has none,
// as in INTERVAL '1' DAY.
func ParseIntervalUnit(s, unit string) (column.Interval, error) {
	var iv column.Interval
	rest := strings.TrimSpace(s)
	if rest == "" {
		return iv, intervalError(s)
	}
	for rest != "" {
		n := 0
		for n < len(rest) && (rest[n] >= '0' && rest[n] <= '9' || rest[n] == '.' || n == 0 && (rest[n] == '-' || rest[n] == '+')) {
			n++
		}
		number := rest[:n]
		rest = strings.TrimLeft(rest[n:], " \t\n")
		n = 0
		for n < len(rest) && (rest[n]|0x20 >= 'a' && rest[n]|0x20 <= 'z') {
			n++
		}
		name := strings.ToLower(rest[:n])
		if name == "" {
			name = strings.ToLower(unit)
		}
		u, ok := unitOf(name)
		if !ok || !u.add(&iv, number) {
			return column.Interval{}, intervalError(s)
		}
		rest = strings.TrimLeft(rest[n:], " \t\n,")
	}
	return iv, nil
}

func intervalError(s string) error {
	return errorf("Invalid input syntax for type interval: %q", s)
}

// add adds number units; false when the number is none or the sum too large.
func (u intervalUnit) add(iv *column.Interval, number string) bool {
	whole, frac, ok := splitDecimal(number)
	if !ok {
		return false
	}
	if per := max(int64(u.months), int64(u.days), u.nanos); whole > math.MaxInt64/per || whole < math.MinInt64/per {
		return false
	}
	switch {
	case u.months != 0:
		// Fractions are kept in 1e-18 of a unit until the last part.
		months, rest := scale(whole, frac, int64(u.months))
		days, rest := scale(0, rest, 30)
		nanos, _ := scale(0, rest, Day)
		return addTo32(&iv.Months, months) && addTo32(&iv.Days, days) && addTo64(&iv.Nanos, nanos)
	case u.days != 0:
		days, rest := scale(whole, frac, int64(u.days))
		nanos, _ := scale(0, rest, Day)
		return addTo32(&iv.Days, days) && addTo64(&iv.Nanos, nanos)
	}
	nanos, _ := scale(whole, frac, u.nanos)
	return addTo64(&iv.Nanos, nanos)
}

// fractionUnit is the resolution of the fraction of an interval's number.
const fractionUnit = 1_000_000_000_000_000_000

// scale multiplies whole + frac/fractionUnit by n and returns the whole part
// and the fraction, both with the sign of the number. The product must fit.
func scale(whole, frac, n int64) (int64, int64) {
	p := new(big.Int).Mul(big.NewInt(frac), big.NewInt(n))
	q, r := new(big.Int).QuoRem(p, big.NewInt(fractionUnit), new(big.Int))
	return whole*n + q.Int64(), r.Int64()
}

// splitDecimal reads a decimal as a whole part and a fraction in units of
// 1e-18, both with its sign.
func splitDecimal(s string) (whole, frac int64, ok bool) {
	neg := strings.HasPrefix(s, "-")
	s = strings.TrimLeft(s, "+-")
	w, f, _ := strings.Cut(s, ".")
	if w == "" && f == "" || len(w) > 18 {
		return 0, 0, false
	}
	for _, c := range []byte(w) {
		if c < '0' || c > '9' {
			return 0, 0, false
		}
		whole = whole*10 + int64(c-'0')
	}
	unit := int64(fractionUnit / 10)
	for _, c := range []byte(f) {
		if c < '0' || c > '9' {
			return 0, 0, false
		}
		frac += int64(c-'0') * unit
		unit /= 10
	}
	if neg {
		whole, frac = -whole, -frac
	}
	return whole, frac, true
}

func addTo32(to *int32, n int64) bool {
	if n > math.MaxInt32 || n < math.MinInt32 {
		return false
	}
	sum := int64(*to) + n
	*to = int32(sum)
	return int64(*to) == sum
}

func addTo64(to *int64, n int64) bool {
	sum := *to + n
	ok := (sum > *to) == (n > 0) || n == 0
	*to = sum
	return ok
}
