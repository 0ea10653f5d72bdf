package lp

import (
	"math"
	"strings"
	"testing"
)

func TestParsePrecision(t *testing.T) {
	for want, spellings := range map[Precision]string{
		Auto:        "auto",
		Nanosecond:  "ns n nanosecond",
		Microsecond: "us u microsecond \u00b5 \u00b5s \u03bc \u03bcs",
		Millisecond: "ms millisecond",
		Second:      "s second",
		Minute:      "m minute",
		Hour:        "h hour",
	} {
		for _, s := range strings.Fields(spellings) {
			if got, err := ParsePrecision(s); err != nil || got != want {
				t.Errorf("%q: got %v, %v, want %v", s, got, err, want)
			}
		}
	}
	for _, s := range []string{"", "S", "seconds", "Auto", "d", "\xb5"} {
		_, err := ParsePrecision(s)
		if err == nil || !strings.HasPrefix(err.Error(), "unknown variant `"+s+"`, expected one of `auto`") {
			t.Errorf("%q: error %v", s, err)
		}
	}
}

func TestToNanos(t *testing.T) {
	for _, c := range []struct {
		name string
		p    Precision
		ts   int64
		want int64
		ok   bool
	}{
		{"nanoseconds", Nanosecond, math.MinInt64, math.MinInt64, true},
		{"microseconds", Microsecond, -5, -5e3, true},
		{"milliseconds", Millisecond, 5, 5e6, true},
		{"seconds", Second, 1767225600, 1767225600e9, true},
		{"minutes", Minute, 2, 120e9, true},
		{"hours", Hour, -1, -3600e9, true},
		{"largest second", Second, 9223372036, 9223372036e9, true},
		{"second overflow", Second, 9223372037, 0, false},
		{"second underflow", Second, -9223372037, 0, false},
		{"microsecond overflow", Microsecond, math.MaxInt64/1000 + 1, 0, false},
		{"microsecond underflow", Microsecond, math.MinInt64, 0, false},
		{"hour overflow", Hour, 2562048, 0, false},

		{"auto seconds", Auto, 1234567890, 1234567890e9, true},
		{"auto last second", Auto, 4999999999, 4999999999e9, true},
		{"auto first millisecond", Auto, 5000000000, 5000000000e6, true},
		{"auto milliseconds", Auto, 1641024000000, 1641024000000e6, true},
		{"auto last millisecond", Auto, 4999999999999, 4999999999999e6, true},
		{"auto first microsecond", Auto, 5e12, 5e15, true},
		{"auto last microsecond", Auto, 4999999999999999, 4999999999999999e3, true},
		{"auto first nanosecond", Auto, 5e15, 5e15, true},
		{"auto minus one second", Auto, -1, -1e9, true},
		{"auto negative milliseconds", Auto, -5000000000, -5000000000e6, true},
		{"auto zero", Auto, 0, 0, true},
		{"auto lowest", Auto, math.MinInt64, math.MinInt64, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, ok := c.p.ToNanos(c.ts)
			if ok != c.ok || ok && got != c.want {
				t.Errorf("%v of %d: got %d, %v, want %d, %v", c.p, c.ts, got, ok, c.want, c.ok)
			}
		})
	}
}

func TestRangeReason(t *testing.T) {
	for p, want := range map[Precision]string{
		Second:      "timestamp, 9223372037, out of range for precision: Second",
		Millisecond: "timestamp, 9223372037, out of range for precision: Millisecond",
		Microsecond: "timestamp, 9223372037, out of range for precision: Microsecond",
		Nanosecond:  "timestamp, 9223372037, out of range for precision: Nanosecond",
		Auto:        "timestamp, 9223372037, out of range for precision: Auto",
	} {
		if got := p.RangeReason(9223372037); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestTruncate(t *testing.T) {
	for _, c := range []struct {
		p        Precision
		ns, want int64
	}{
		{Nanosecond, 1767225600123456789, 1767225600123456789},
		{Microsecond, 1767225600123456789, 1767225600123456000},
		{Millisecond, 1767225600123456789, 1767225600123000000},
		{Second, 1767225600123456789, 1767225600000000000},
		{Minute, 1767225661123456789, 1767225660000000000},
		{Hour, 1767229261123456789, 1767229200000000000},
		{Auto, 1767225600123456789, 1767225600123456789},
		{Second, -1500000000, -1000000000},
	} {
		if got := c.p.Truncate(c.ns); got != c.want {
			t.Errorf("%v of %d: got %d, want %d", c.p, c.ns, got, c.want)
		}
	}
}
