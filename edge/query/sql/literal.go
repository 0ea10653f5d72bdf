package sql

import (
	"fmt"
	"math/big"
	"strconv"
	"strings"
)

// number makes the literal of a number as written: Int64, or UInt64 when it
// does not fit, or Float64 (spec 3.4).
func number(pos at, text string) *Literal {
	if !strings.ContainsAny(text, ".eE") {
		if i, err := strconv.ParseInt(text, 10, 64); err == nil {
			return &Literal{at: pos, Kind: IntLit, Int: i}
		}
		if u, err := strconv.ParseUint(text, 10, 64); err == nil {
			return &Literal{at: pos, Kind: UintLit, Uint: u}
		}
	}
	f, _ := strconv.ParseFloat(text, 64) // out of range is ±Inf, as in the reference
	return &Literal{at: pos, Kind: FloatLit, Float: f}
}

// unit is what one of an interval's units stands for.
type unit struct {
	months, days int64
	nanos        int64
}

const (
	second = int64(1e9)
	minute = 60 * second
	hour   = 60 * minute
)

// units by name, singular.
var units = map[string]unit{
	"millennium": {months: 12000}, "millennia": {months: 12000}, "century": {months: 1200}, "centuries": {months: 1200}, "decade": {months: 120},
	"year": {months: 12}, "yr": {months: 12}, "y": {months: 12}, "month": {months: 1}, "mon": {months: 1},
	"week": {days: 7}, "w": {days: 7}, "day": {days: 1}, "d": {days: 1},
	"hour": {nanos: hour}, "hr": {nanos: hour}, "h": {nanos: hour}, "minute": {nanos: minute}, "min": {nanos: minute}, "m": {nanos: minute},
	"second": {nanos: second}, "sec": {nanos: second}, "s": {nanos: second}, "millisecond": {nanos: 1e6}, "ms": {nanos: 1e6}, "microsecond": {nanos: 1e3}, "us": {nanos: 1e3},
	"nanosecond": {nanos: 1}, "ns": {nanos: 1},
}

// intervalUnit looks up a unit's name, singular or plural.
func intervalUnit(name string) (u unit, ok bool) {
	name = strings.ToLower(name)
	if u, ok = units[name]; !ok && len(name) > 2 {
		u, ok = units[strings.TrimSuffix(name, "s")]
	}
	return u, ok
}

// ParseInterval reads an interval's text: "1 day 2 hours", "1.5 hours",
// "-5 minutes", "00:10:00"; a number without a unit is seconds (spec 7.2).
func ParseInterval(text string) (Interval, error) {
	//lint:ignore ST1005 the reference's wording
	bad := fmt.Errorf("Arrow error: Parser error: Invalid input syntax for type interval: %q", text)
	fields := splitInterval(text)
	if len(fields) == 0 {
		return Interval{}, bad
	}
	if iv, ok := plainInterval(fields); ok {
		return iv, nil
	}
	var months, days, nanos big.Rat
	for i := 0; i < len(fields); i++ {
		if strings.Contains(fields[i], ":") {
			clock, ok := clockNanos(fields[i])
			if !ok {
				return Interval{}, bad
			}
			nanos.Add(&nanos, clock)
			continue
		}
		if len(fields[i]) > 40 || strings.ContainsAny(fields[i], "/eExXpP_") {
			return Interval{}, bad
		}
		n, ok := new(big.Rat).SetString(fields[i])
		if !ok {
			return Interval{}, bad
		}
		u := unit{nanos: second}
		if i+1 < len(fields) {
			i++
			if u, ok = intervalUnit(fields[i]); !ok {
				return Interval{}, bad
			}
		}
		months.Add(&months, new(big.Rat).Mul(n, big.NewRat(u.months, 1)))
		days.Add(&days, new(big.Rat).Mul(n, big.NewRat(u.days, 1)))
		nanos.Add(&nanos, new(big.Rat).Mul(n, big.NewRat(u.nanos, 1)))
	}
	// A part of a month is days of a 30-day month, a part of a day is time.
	m, rest := split(&months)
	days.Add(&days, rest.Mul(rest, big.NewRat(30, 1)))
	d, rest := split(&days)
	nanos.Add(&nanos, rest.Mul(rest, big.NewRat(24*hour, 1)))
	ns, _ := split(&nanos)
	if !m.IsInt64() || !d.IsInt64() || !ns.IsInt64() || m.Int64() != int64(int32(m.Int64())) || d.Int64() != int64(int32(d.Int64())) {
		//lint:ignore ST1005 the reference's wording
		return Interval{}, fmt.Errorf("Arrow error: Parser error: Overflow happened on: %q", text)
	}
	return Interval{int32(m.Int64()), int32(d.Int64()), ns.Int64()}, nil
}

// plainInterval reads a small whole number of one unit, which most intervals are.
func plainInterval(fields []string) (iv Interval, ok bool) {
	const small = 1 << 19 // so many months and hours fit
	if len(fields) != 2 {
		return iv, false
	}
	n, err := strconv.ParseInt(fields[0], 10, 64)
	u, ok := intervalUnit(fields[1])
	if err != nil || !ok || n < -small || n > small || u.months > 12 {
		return iv, false
	}
	return Interval{int32(n * u.months), int32(n * u.days), n * u.nanos}, true
}

// splitInterval separates numbers from units, which may touch: "5m 3 s".
func splitInterval(text string) []string {
	var out []string
	for _, f := range strings.Fields(text) {
		i := strings.IndexFunc(f, func(r rune) bool { return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' })
		if i > 0 {
			out = append(out, f[:i], f[i:])
		} else {
			out = append(out, f)
		}
	}
	return out
}

// clockNanos reads [-]H:M[:S[.fraction]].
func clockNanos(text string) (*big.Rat, bool) {
	sign := big.NewRat(1, 1)
	if rest, ok := strings.CutPrefix(text, "-"); ok {
		text = rest
		sign.Neg(sign)
	}
	parts := strings.Split(text, ":")
	if len(parts) > 3 {
		return nil, false
	}
	sum := new(big.Rat)
	for i, part := range parts {
		if part == "" || len(part) > 20 || strings.Trim(part, "0123456789.") != "" {
			return nil, false
		}
		n, ok := new(big.Rat).SetString(part)
		if !ok {
			return nil, false
		}
		sum.Add(sum, n.Mul(n, big.NewRat([]int64{hour, minute, second}[i], 1)))
	}
	return sum.Mul(sum, sign), true
}

// split separates the integer part from the rest.
func split(r *big.Rat) (*big.Int, *big.Rat) {
	whole := new(big.Int).Quo(r.Num(), r.Denom())
	rest := new(big.Rat).Sub(r, new(big.Rat).SetInt(whole))
	return whole, rest
}
