package text

import (
	"math"
	"testing"

	"tarn/store/column"
)

func TestIntervals(t *testing.T) {
	for in, want := range map[string]string{
		"1 hour": "1 hours", "1 day 2 hours 30 minutes": "1 days 2 hours 30 mins", "1.5 hours": "1 hours 30 mins", "-5 minutes": "-5 mins",
		"35 days": "35 days", "5 years": "60 mons", "5 ms": "0.005000000 secs", "1 week": "7 days", "1.5 months": "1 mons 15 days",
		"0.5 year": "6 mons", "1.5 days": "1 days 12 hours", "2 MILLENNIA": "24000 mons", "5": "5.000000000 secs", "0 days": "0 secs",
		"-1.5 seconds": "-1.500000000 secs", "1h30m": "1 hours 30 mins", "1 mon -1 day": "1 mons -1 days", "+3 ns": "0.000000003 secs",
		"1 year 2 mons 3 w 4 d 5 hr 6 min 7 sec 8 us": "14 mons 25 days 5 hours 6 mins 7.000008000 secs",
		"5 foo": `error: Invalid input syntax for type interval: "5 foo"`, "": `error: Invalid input syntax for type interval: ""`,
		"1 quarter": `error: Invalid input syntax for type interval: "1 quarter"`, "hour": `error: Invalid input syntax for type interval: "hour"`,
		"1..5 hours":            `error: Invalid input syntax for type interval: "1..5 hours"`,
		"999999999999 years":    `error: Invalid input syntax for type interval: "999999999999 years"`,
		"99999999999999 hours":  `error: Invalid input syntax for type interval: "99999999999999 hours"`,
		"2562047 hours 1 hours": `error: Invalid input syntax for type interval: "2562047 hours 1 hours"`,
	} {
		got := ""
		if iv, err := ParseInterval(in); err != nil {
			got = "error: " + err.Error()
		} else {
			got = string(AppendInterval(nil, iv))
		}
		if got != want {
			t.Errorf("%q: got %s, want %s", in, got, want)
		}
	}
	if iv, err := ParseIntervalUnit("1", "DAY"); err != nil || iv != (column.Interval{Days: 1}) {
		t.Errorf("INTERVAL '1' DAY is %v, %v", iv, err)
	}
}

func FuzzParseInterval(f *testing.F) {
	f.Add("1 day 2.5 hours")
	f.Add("-1.5 months")
	f.Fuzz(func(t *testing.T, s string) {
		iv, err := ParseInterval(s)
		if err != nil {
			return
		}
		written := string(AppendInterval(nil, iv))
		if back, err := ParseInterval(written); err != nil || back != iv {
			t.Fatalf("%q is %v, which is written %s and reads back as %v, %v", s, iv, written, back, err)
		}
	})
}

func TestAppendDuration(t *testing.T) {
	for ns, want := range map[int64]string{
		0: "P0D", Hour: "PT3600S", -1_500_000_000: "-PT1.5S", 1: "PT0.000000001S", math.MinInt64: "-PT9223372036.854775808S",
	} {
		if got := string(AppendDuration(nil, ns)); got != want {
			t.Errorf("%d is %s, want %s", ns, got, want)
		}
	}
}
