package humantime

import (
	"testing"
	"time"
)

func TestParse(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"7d": 7 * day, "1d12h": 36 * time.Hour, "30m": 30 * time.Minute, "1 week 2 days": 9 * day, "1M": 2630016 * time.Second,
		"1y": 31557600 * time.Second, "5ms 1us": 5*time.Millisecond + time.Microsecond, "0s": 0,
		"1.5h": 90 * time.Minute, "0.25 days 3mins": 6*time.Hour + 3*time.Minute, "2µs": 2 * time.Microsecond, "1.0000000001s": time.Second,
	} {
		if got, err := Parse(text); err != nil || got != want {
			t.Errorf("Parse(%q) = %v, %v, want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "7", "d", "7x", "-1d", "1.h", ".5h", "1.5.5h", "300y.5y", "99999999999999999999d", "300y 300y", "7d foo"} {
		if got, err := Parse(text); err == nil {
			t.Errorf("Parse(%q) = %v, want an error", text, got)
		}
	}
}

func TestFormatIsParsed(t *testing.T) {
	for _, d := range []time.Duration{0, 1, 36 * time.Hour, 9*day + 1500*time.Millisecond, 400 * day} {
		if got, err := Parse(Format(d)); err != nil || got != d {
			t.Errorf("Parse(Format(%v) = %q) = %v, %v", d, Format(d), got, err)
		}
	}
}
