package text

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

func TestCivil(t *testing.T) {
	for days := int64(-200_000); days < 200_000; days += 7 {
		want := time.Unix(days*86400, 0).UTC()
		got := CivilOf(days)
		if got != (Civil{want.Year(), int(want.Month()), want.Day()}) {
			t.Fatalf("day %d is %v, want %v", days, got, want)
		}
		if got.Days() != days || got.YearDay() != want.YearDay() || Weekday(days) != int(want.Weekday()) {
			t.Fatalf("day %d: Days %d, YearDay %d, Weekday %d of %v", days, got.Days(), got.YearDay(), Weekday(days), want)
		}
		y, w := ISOWeek(days)
		if wy, ww := want.ISOWeek(); y != wy || w != ww {
			t.Fatalf("day %d is in week %d-%d, want %d-%d", days, y, w, wy, ww)
		}
	}
}

func TestAddMonths(t *testing.T) {
	for _, tc := range []struct {
		from Civil
		n    int64
		want Civil
	}{
		{Civil{2020, 1, 31}, 1, Civil{2020, 2, 29}}, {Civil{2021, 1, 31}, 1, Civil{2021, 2, 28}}, {Civil{2020, 3, 31}, -1, Civil{2020, 2, 29}},
		{Civil{2020, 12, 15}, 1, Civil{2021, 1, 15}}, {Civil{2020, 1, 15}, -13, Civil{2018, 12, 15}}, {Civil{2020, 6, 30}, 0, Civil{2020, 6, 30}},
	} {
		if got := tc.from.AddMonths(tc.n); got != tc.want {
			t.Errorf("%v + %d months = %v, want %v", tc.from, tc.n, got, tc.want)
		}
	}
}

func TestAppendTimestamp(t *testing.T) {
	for _, tc := range []struct {
		ns               int64
		naive, v1, paris string
	}{
		{0, "1970-01-01T00:00:00", "1970-01-01T00:00:00Z", "1970-01-01T01:00:00+01:00"},
		{1, "1970-01-01T00:00:00.000000001", "1970-01-01T00:00:00.000000001Z", "1970-01-01T01:00:00.000000001+01:00"},
		{1767225600_984000000, "2026-01-01T00:00:00.984", "2026-01-01T00:00:00.984Z", "2026-01-01T01:00:00.984+01:00"},
		{1767225600_984098000, "2026-01-01T00:00:00.984098", "2026-01-01T00:00:00.984098Z", "2026-01-01T01:00:00.984098+01:00"},
		{1767225600_900000000, "2026-01-01T00:00:00.900", "2026-01-01T00:00:00.9Z", "2026-01-01T01:00:00.900+01:00"},
		{-1, "1969-12-31T23:59:59.999999999", "1969-12-31T23:59:59.999999999Z", "1970-01-01T00:59:59.999999999+01:00"},
		{math.MaxInt64, "2262-04-11T23:47:16.854775807", "2262-04-11T23:47:16.854775807Z", "2262-04-12T01:47:16.854775807+02:00"},
		{math.MinInt64 + 1, "1677-09-21T00:12:43.145224193", "1677-09-21T00:12:43.145224193Z", "1677-09-21T00:22:04.145224193+00:09:21"},
	} {
		if got := FormatTimestamp(tc.ns); got != tc.naive {
			t.Errorf("%d is %s, want %s", tc.ns, got, tc.naive)
		}
		if got := string(AppendRFC3339Nano(nil, tc.ns)); got != tc.v1 {
			t.Errorf("%d in v1 form is %s, want %s", tc.ns, got, tc.v1)
		}
		loc, err := Zone("Europe/Paris")
		if err != nil {
			t.Fatal(err)
		}
		if got := string(AppendZoned(nil, tc.ns, loc)); got != tc.paris {
			t.Errorf("%d in Paris is %s, want %s", tc.ns, got, tc.paris)
		}
	}
	if got := string(AppendZoned(nil, 0, time.UTC)); got != "1970-01-01T00:00:00Z" {
		t.Errorf("0 in UTC is %s", got)
	}
}

func TestParseTimestamp(t *testing.T) {
	for in, want := range map[string]string{
		"2026-01-01":                          "2026-01-01T00:00:00",
		"2026-01-01T00:00:01":                 "2026-01-01T00:00:01",
		"2026-01-01 00:00:01":                 "2026-01-01T00:00:01",
		"2026-01-01T00:00:01.5":               "2026-01-01T00:00:01.500",
		"2026-01-01T00:00:01.123456789":       "2026-01-01T00:00:01.123456789",
		"2026-01-01T00:00:01.1234567899":      "2026-01-01T00:00:01.123456789",
		"2026-01-01T000001":                   "2026-01-01T00:00:01",
		"2026-01-01T00:00:00Z":                "2026-01-01T00:00:00",
		"2026-01-01T00:00:00z":                "2026-01-01T00:00:00",
		"2026-01-01T00:00:00+02:00":           "2025-12-31T22:00:00",
		"2026-01-01T00:00:00+0200":            "2025-12-31T22:00:00",
		"2026-01-01T00:00:00-02":              "2026-01-01T02:00:00",
		"2026-01-01T00:00:00.5-02:30":         "2026-01-01T02:30:00.500",
		"2026-01-01 00:00:00 Europe/Paris":    "2025-12-31T23:00:00",
		"2026-07-01 00:00:00 Europe/Paris":    "2026-06-30T22:00:00",
		"2025-10-26 02:30:00 Europe/Paris":    "2025-10-26T00:30:00", // twice: the first
		"2025-03-30 02:30:00 Europe/Paris":    "2025-03-30T01:30:00", // never: the old offset
		"2024-02-29":                          "2024-02-29T00:00:00",
		"1677-09-21T00:12:43.145224193Z":      "1677-09-21T00:12:43.145224193",
		"2262-04-11T23:47:16.854775807Z":      "2262-04-11T23:47:16.854775807",
		"2262-04-11T23:47:16.854775807+00:00": "2262-04-11T23:47:16.854775807",
		"2026-1-1":                            "error: Error parsing timestamp from '2026-1-1': timestamp must contain at least 10 characters",
		"":                                    "error: Error parsing timestamp from '': timestamp must contain at least 10 characters",
		"foo bar baz":                         "error: Error parsing timestamp from 'foo bar baz': error parsing date",
		"01/02/2026":                          "error: Error parsing timestamp from '01/02/2026': error parsing date",
		"2023-02-29":                          "error: Error parsing timestamp from '2023-02-29': error parsing date",
		"2026-13-01":                          "error: Error parsing timestamp from '2026-13-01': error parsing date",
		"2026-01-01T00:00":                    "error: Error parsing timestamp from '2026-01-01T00:00': error parsing time",
		"2026-01-01T24:00:00":                 "error: Error parsing timestamp from '2026-01-01T24:00:00': error parsing time",
		"2026-01-01T00:00:00.":                "error: Error parsing timestamp from '2026-01-01T00:00:00.': error parsing time",
		"2026-01-01x00:00:00":                 "error: Error parsing timestamp from '2026-01-01x00:00:00': invalid timestamp separator",
		"2026-01-01T00:00:00 Mars/X":          `error: Error parsing timestamp from '2026-01-01T00:00:00 Mars/X': unknown time zone "Mars/X"`,
		"1677-09-21T00:12:43.145224192Z":      "error: Error parsing timestamp from '1677-09-21T00:12:43.145224192Z': the timestamp is out of the range 1677-09-21T00:12:43.145224193Z to 2262-04-11T23:47:16.854775807Z",
		"2262-04-11T23:47:16.854775808Z":      "error: Error parsing timestamp from '2262-04-11T23:47:16.854775808Z': the timestamp is out of the range 1677-09-21T00:12:43.145224193Z to 2262-04-11T23:47:16.854775807Z",
	} {
		got := ""
		if ns, err := ParseTimestamp(in); err != nil {
			got = "error: " + err.Error()
		} else {
			got = FormatTimestamp(ns)
		}
		if got != want {
			t.Errorf("%q: got %s, want %s", in, got, want)
		}
	}
	berlin, err := Zone("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	if ns, err := ParseTimestampIn("2026-01-01", berlin); err != nil || FormatTimestamp(ns) != "2025-12-31T23:00:00" {
		t.Errorf("2026-01-01 in Berlin is %d, %v", ns, err)
	}
}

func TestTimestampsRoundTrip(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	loc, err := Zone("America/St_Johns")
	if err != nil {
		t.Fatal(err)
	}
	for range 100_000 {
		ns := int64(r.Uint64())
		if r.IntN(2) == 0 {
			ns -= ns % Second
		}
		for _, s := range []string{FormatTimestamp(ns), string(AppendRFC3339Nano(nil, ns))} {
			if back, err := ParseTimestamp(s); err != nil || back != ns {
				t.Fatalf("%d is written %s, which reads back as %d, %v", ns, s, back, err)
			}
		}
		// Offsets have no seconds in RFC 3339, so only times since April 1935 count.
		if s := string(AppendZoned(nil, ns, loc)); ns > -1_096_000_000*Second && ns < math.MaxInt64-Day {
			if back, err := ParseTimestamp(s); err != nil || back != ns {
				t.Fatalf("%d is written %s, which reads back as %d, %v", ns, s, back, err)
			}
		}
	}
}

func FuzzParseTimestamp(f *testing.F) {
	for _, s := range []string{"2026-01-01", "2026-01-01T00:00:00.5+02:00", "2026-01-01 000000 Europe/Paris", "1677-09-21T00:12:43.145224193Z", "foo bar baz"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		ns, err := ParseTimestamp(s)
		if err != nil {
			return
		}
		if back, err := ParseTimestamp(FormatTimestamp(ns)); err != nil || back != ns {
			t.Fatalf("%q is %d, which is written %s and reads back as %d, %v", s, ns, FormatTimestamp(ns), back, err)
		}
		// The standard library agrees where it can read the text.
		if std, err := time.Parse(time.RFC3339Nano, s); err == nil && std.UnixNano() != ns {
			t.Fatalf("%q is %d, want %d", s, ns, std.UnixNano())
		}
	})
}

func BenchmarkAppendTimestamp(b *testing.B) {
	for name, step := range map[string]int64{"seconds": Second, "nanoseconds": 1_234_567_891} {
		b.Run(name, func(b *testing.B) {
			buf, ns := make([]byte, 0, 40), int64(1767225600)*Second
			b.SetBytes(8)
			b.ReportAllocs()
			for b.Loop() {
				buf = AppendTimestamp(buf[:0], ns)
				ns += step
			}
		})
	}
}

func BenchmarkParseTimestamp(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseTimestamp("2026-01-01T00:00:00.123Z"); err != nil {
			b.Fatal(err)
		}
	}
}

// TestSplitSecond compares with division, at the ends of the range and around
// whole seconds.
func TestSplitSecond(t *testing.T) {
	check := func(ns int64) {
		t.Helper()
		sec, frac := splitSecond(ns)
		if want := FloorDiv(ns, Second); sec != want || frac != int(ns-want*Second) {
			t.Fatalf("%d: %d and %d, want %d and %d", ns, sec, frac, want, ns-want*Second)
		}
	}
	rng := rand.New(rand.NewPCG(5, 6))
	for _, ns := range []int64{0, 1, -1, math.MaxInt64, math.MinInt64, math.MinInt64 + 1} {
		check(ns)
	}
	for range 100000 {
		ns := int64(rng.Uint64()) >> rng.IntN(64)
		check(ns)
		whole := ns / Second * Second
		check(whole)
		check(whole - 1)
		check(whole + 1)
	}
}
