package engine

import (
	"testing"
	"time"
)

func TestParseSpec(t *testing.T) {
	const form = "expect one of the following forms: 'table:<TABLE_NAME>', 'all_tables', 'cron:<CRON_EXPRESSION>', 'every:<DURATION>', or 'request:<PATH>'"
	for text, want := range map[string]string{
		"all_tables":                `"all_tables_wal_write"`,
		"table: my table ":          `{"single_table_wal_write":{"table_name":"my table"}}`,
		"table:":                    "failed to parse trigger from table:: table name is empty",
		"every:90s":                 `{"every":{"duration":{"secs":90,"nanos":0}}}`,
		"every:1.5s":                `{"every":{"duration":{"secs":1,"nanos":500000000}}}`,
		"every:1M":                  `{"every":{"duration":{"secs":2630016,"nanos":0}}}`,
		"every:1y":                  `{"every":{"duration":{"secs":31557600,"nanos":0}}}`,
		"every:366d":                "failed to parse trigger from every:366d: don't support every schedules of over 1 year",
		"every:0s":                  "failed to parse trigger from every:0s: couldn't parse to duration",
		"every:1us":                 "failed to parse trigger from every:1us: couldn't parse to duration",
		"every:soon":                "failed to parse trigger from every:soon: couldn't parse to duration",
		"cron:0 0 6 * * MON-friday": `{"schedule":{"schedule":"0 0 6 * * MON-friday"}}`,
		"cron:@daily":               `{"schedule":{"schedule":"@daily"}}`,
		"cron:0 6 * * *":            "failed to parse trigger from cron:0 6 * * *: expected 6 fields (second minute hour day-of-month month day-of-week), found 5",
		"cron:@every 5s":            "failed to parse trigger from cron:@every 5s: expected 6 fields (second minute hour day-of-month month day-of-week), found 2",
		"cron:TZ=UTC 0 0 6 * *":     "failed to parse trigger from cron:TZ=UTC 0 0 6 * *: schedules are in UTC",
		"cron:0 0 6 * * 8":          "failed to parse trigger from cron:0 0 6 * * 8: end of range (8) above maximum (6): 8",
		"cron:0 0 6 * * 1-7/9":      `failed to parse trigger from cron:0 0 6 * * 1-7/9: a weekday cannot be "1-7/9"`,
		"request:hook/a":            `{"request_path":{"path":"hook/a"}}`,
		"request:":                  "failed to parse trigger from request:: " + form,
		"ALL_TABLES":                "failed to parse trigger from ALL_TABLES: " + form,
		"":                          "failed to parse trigger from : " + form,
	} {
		s, err := ParseSpec(text)
		got := ""
		if err != nil {
			got = err.Error()
		} else {
			got = s.String()
		}
		if got != want {
			t.Errorf("%q:\n got %s\nwant %s", text, got, want)
		}
	}
}

func TestScheduleTimes(t *testing.T) {
	from := time.Date(2026, 11, 28, 5, 14, 8, 300e6, time.UTC) // a Saturday
	for text, want := range map[string][]string{
		"every:10s":                {"2026-11-28T05:14:10Z", "2026-11-28T05:14:20Z"},
		"every:1d":                 {"2026-11-29T00:00:00Z", "2026-11-30T00:00:00Z"},
		"every:1w":                 {"2026-12-03T00:00:00Z"}, // the epoch was a Thursday
		"cron:* * * * * *":         {"2026-11-28T05:14:09Z", "2026-11-28T05:14:10Z"},
		"cron:0 30 14 * * 5":       {"2026-12-04T14:30:00Z"}, // Friday
		"cron:0 0 6 * * 1-5":       {"2026-11-30T06:00:00Z", "2026-12-01T06:00:00Z"},
		"cron:0 0 6 * * 0":         {"2026-11-29T06:00:00Z", "2026-12-06T06:00:00Z"},
		"cron:0 0 6 * * 7":         {"2026-11-29T06:00:00Z", "2026-12-06T06:00:00Z"},
		"cron:0 0 6 * * 5-7":       {"2026-11-28T06:00:00Z", "2026-11-29T06:00:00Z", "2026-12-04T06:00:00Z"},
		"cron:0 0 6 * * Sunday":    {"2026-11-29T06:00:00Z"},
		"cron:0 0 6 1 * Mon":       {"2027-02-01T06:00:00Z"}, // both days must match
		"cron:0 0 0 1 january *":   {"2027-01-01T00:00:00Z"},
		"cron:0 */20 * * * *":      {"2026-11-28T05:20:00Z", "2026-11-28T05:40:00Z"},
		"cron:0 0 0 29 2 ?":        {"2028-02-29T00:00:00Z"},
		"cron:5,10 0 0 1 1-2/1 *":  {"2027-01-01T00:00:05Z", "2027-01-01T00:00:10Z"},
		"cron:0 0 0 30 February *": {"0001-01-01T00:00:00Z"}, // never
	} {
		s, err := ParseSpec(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		at := from
		for i, w := range want {
			at = s.next(at)
			if got := at.Format(time.RFC3339); got != w {
				t.Errorf("%s: time %d is %s, want %s", text, i, got, w)
			}
		}
	}
}

// TestClockChanges has schedules meet a clock that is set, and slow plugins.
func TestClockChanges(t *testing.T) {
	at := func(text string) time.Time {
		v, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for _, c := range []struct {
		spec, ran, now, want string
		skipped              bool
	}{
		{"every:1s", "2026-11-28T05:00:00Z", "2026-11-28T05:00:00Z", "2026-11-28T05:00:01Z", false},
		{"every:1s", "2026-11-28T05:00:00Z", "2026-11-28T05:00:59Z", "2026-11-28T05:00:01Z", false},
		{"every:1s", "1970-01-01T00:00:10Z", "2026-11-28T05:00:59Z", "2026-11-28T05:00:59Z", true},
		{"cron:0 * * * * *", "1970-01-01T00:00:00Z", "2026-11-28T05:00:59Z", "2026-11-28T05:01:00Z", true},
		{"cron:0 0 0 1 1 *", "1970-01-01T00:00:00Z", "2026-11-28T05:00:59Z", "1971-01-01T00:00:00Z", false},
	} {
		s, err := ParseSpec(c.spec)
		if err != nil {
			t.Fatal(err)
		}
		next, skipped := s.following(at(c.ran), at(c.now))
		if got := next.Format(time.RFC3339); got != c.want || skipped != c.skipped {
			t.Errorf("%s after %s at %s: %s, %v; want %s, %v", c.spec, c.ran, c.now, got, skipped, c.want, c.skipped)
		}
	}
	s, err := ParseSpec("every:1h")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range [][3]string{
		{"2026-11-28T06:00:00Z", "2026-11-28T05:30:00Z", "2026-11-28T06:00:00Z"},
		{"2030-01-01T00:00:00Z", "2026-11-28T05:30:00Z", "2026-11-28T06:00:00Z"}, // set back
		{"2026-11-28T06:00:00Z", "2026-11-28T06:30:00Z", "2026-11-28T06:00:00Z"}, // due
	} {
		if got := s.soonest(at(c[0]), at(c[1])).Format(time.RFC3339); got != c[2] {
			t.Errorf("waiting for %s at %s: %s, want %s", c[0], c[1], got, c[2])
		}
	}
}

func FuzzParseSpec(f *testing.F) {
	for _, s := range []string{"all_tables", "table:x", "every:1.5h30m", "cron:0 0 6 * * 1-7/2", "cron:@hourly", "request:a/b", "cron:*/5 1-2,3 0 ? jan-dec sun"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ParseSpec(text)
		if err != nil {
			return
		}
		_ = s.String()
		if s.kind != kindSchedule {
			return
		}
		now := time.Unix(1_800_000_000, 1)
		if next := s.next(now); !next.IsZero() && !next.After(now) {
			t.Errorf("%q: the time after %s is %s", text, now, next)
		}
	})
}
