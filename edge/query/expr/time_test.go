package expr

import "testing"

func TestDateBin(t *testing.T) {
	binOf := func(xs ...any) Expr { return call("date_bin", xs...) }
	constants(t, []test{
		{"example 35 weeks begin on Thursday", func() Expr { return binOf(interval("1 week"), "2026-01-04T10:00:00") }, "2026-01-01T00:00:00"},
		{"weeks from a Monday", func() Expr { return binOf(interval("1 week"), "2026-01-04T10:00:00", "1970-01-05T00:00:00Z") }, "2025-12-29T00:00:00"},
		{"stride as text", func() Expr { return binOf("15 minutes", "2026-01-01T00:29:59") }, "2026-01-01T00:15:00"},
		{"before the epoch", func() Expr { return binOf("1 hour", "1969-12-31T23:30:00") }, "1969-12-31T23:00:00"},
		{"before the origin", func() Expr { return binOf("1 hour", "2026-01-01T00:10:00", "2030-01-01T00:15:00") }, "2025-12-31T23:15:00"},
		{"months", func() Expr { return binOf("1 month", "2026-03-31T12:00:00") }, "2026-03-01T00:00:00"},
		{"quarters before the epoch", func() Expr { return binOf("3 months", "1969-12-31T12:00:00") }, "1969-10-01T00:00:00"},
		{"months from a late day", func() Expr { return binOf("1 month", "2026-02-27", "2020-01-31") }, "2026-01-31T00:00:00"},
		{"months to a clamped day", func() Expr { return binOf("1 month", "2026-03-01", "2020-01-31") }, "2026-02-28T00:00:00"},
		{"null", func() Expr { return binOf("1 hour", nil) }, "∅"},
		{"zero stride", func() Expr { return binOf("0 hours", "2026-01-01") }, "error: Execution error: DATE_BIN stride must be non-zero"},
		{"mixed stride", func() Expr { return binOf("1 month 1 day", "2026-01-01") },
			"error: This feature is not implemented: DATE_BIN stride does not support combination of month, day and nanosecond intervals"},
		{"zone is kept, bins are of UTC", func() Expr { return binOf("1 day", call("tz", "2026-01-01T02:00:00Z", "America/New_York")) }, "2025-12-31T19:00:00-05:00"},
		{"example 39 wall clock", func() Expr {
			return call("date_bin_wallclock", "1 day", call("tz", "2026-01-01T01:00:00Z", "America/New_York"))
		}, "2025-12-31T00:00:00-05:00"},
		{"wall clock without zone", func() Expr { return call("date_bin_wallclock", "1 day", "2026-01-01T01:00:00Z") }, "2026-01-01T00:00:00"},
		{"wall clock over the autumn change", func() Expr {
			return call("date_bin_wallclock", "1 day", call("tz", "2025-10-26T12:00:00Z", "Europe/Berlin"))
		}, "2025-10-26T00:00:00+02:00"},
		{"the second of two equal hours", func() Expr {
			return call("date_bin_wallclock", "1 hour", call("tz", "2025-10-26T01:30:00Z", "Europe/Berlin"))
		}, "2025-10-26T02:00:00+01:00"},
		{"the first of two equal hours", func() Expr {
			return call("date_bin_wallclock", "1 hour", call("tz", "2025-10-26T00:30:00Z", "Europe/Berlin"))
		}, "2025-10-26T02:00:00+02:00"},
		{"a stride longer than the change takes the earlier instant", func() Expr {
			return call("date_bin_wallclock", "2 hours", call("tz", "2025-10-26T01:30:00Z", "Europe/Berlin"))
		}, "2025-10-26T02:00:00+02:00"},
		{"stride of a row", func() Expr { return binOf(col("msg"), "2026-01-01") },
			"error: This feature is not implemented: DATE_BIN only supports literal values for the stride argument, not arrays"},
	})
	overEnv(t, []test{
		{"example 5", func() Expr { return binOf(interval("30 minutes"), col("time")) },
			"2026-01-01T00:00:00 2026-01-01T00:00:00 2026-01-01T00:00:00 2026-01-01T00:00:00 2026-01-01T00:30:00 2026-01-01T00:30:00 2026-01-01T01:00:00"},
	})
}

func TestDateTrunc(t *testing.T) {
	trunc := func(unit, ts any) func() Expr { return func() Expr { return call("date_trunc", unit, ts) } }
	constants(t, []test{
		{"microsecond", trunc("microsecond", "2026-01-01T00:00:00.123456789"), "2026-01-01T00:00:00.123456"},
		{"millisecond", trunc("MILLISECOND", "2026-01-01T00:00:00.123456789"), "2026-01-01T00:00:00.123"},
		{"second", trunc("second", "1969-12-31T23:59:59.5"), "1969-12-31T23:59:59"},
		{"minute", trunc("minute", "2026-01-01T00:01:30"), "2026-01-01T00:01:00"},
		{"hour", trunc("hour", "2026-01-01T13:01:30"), "2026-01-01T13:00:00"},
		{"day", trunc("day", "1969-12-31T13:01:30"), "1969-12-31T00:00:00"},
		{"example 35 week", trunc("week", "2026-01-01T01:00:00"), "2025-12-29T00:00:00"},
		{"month", trunc("month", "2026-02-28"), "2026-02-01T00:00:00"},
		{"quarter", trunc("quarter", "2026-12-28"), "2026-10-01T00:00:00"},
		{"year", trunc("year", "2026-12-28"), "2026-01-01T00:00:00"},
		{"in a zone", func() Expr { return call("date_trunc", "day", call("tz", "2026-01-01T02:00:00Z", "America/New_York")) }, "2025-12-31T00:00:00-05:00"},
		{"the second of two equal hours", func() Expr {
			return call("date_trunc", "hour", call("tz", "2025-10-26T01:30:00Z", "Europe/Berlin"))
		}, "2025-10-26T02:00:00+01:00"},
		{"unknown unit", trunc("foo", "2026-01-01"), "error: Execution error: Unsupported date_trunc granularity: foo"},
	})
}

func TestDatePart(t *testing.T) {
	part := func(name string, ts any) func() Expr { return func() Expr { return call("date_part", name, ts) } }
	const at = "2026-08-09T13:14:15.123456789"
	constants(t, []test{
		{"year", part("year", at), "2026"}, {"quarter", part("quarter", at), "3"}, {"month", part("month", at), "8"},
		{"week", part("week", "2027-01-01"), "53"}, {"day", part("day", at), "9"}, {"doy", part("doy", at), "221"},
		{"dow of a Sunday", part("dow", at), "0"}, {"isodow of a Sunday", part("isodow", at), "6"},
		{"isodow of a Monday", part("isodow", "2026-08-10"), "0"},
		{"hour", part("hour", at), "13"}, {"minute", part("minute", at), "14"}, {"second", part("second", at), "15"},
		{"millisecond", part("millisecond", at), "15123"}, {"microsecond", part("microsecond", at), "15123456"},
		{"epoch", part("epoch", "1970-01-01T00:00:01.5"), "1.5"}, {"epoch before 1970", part("epoch", "1969-12-31T23:59:58.5"), "-1.5"},
		{"nanosecond", part("nanosecond", at), "error: Execution error: Date part Nanosecond not supported"},
		{"unknown", part("foo", at), "error: Execution error: Date part 'foo' not supported"},
		{"of an interval", part("hour", interval("1 day 25 hours")), "25"},
		{"epoch of a duration", func() Expr { return call("date_part", "epoch", bin(ts("2026-01-02"), Sub, "2026-01-01")) }, "86400.0"},
		{"in a zone", func() Expr { return call("date_part", "hour", call("tz", at, "America/New_York")) }, "9"},
	})
	overEnv(t, []test{
		{"example 36 hour", part("hour", col("time")), "0 0 0 0 0 0 1"},
		{"example 36 dow", part("dow", col("time")), "4 4 4 4 4 4 4"},
		{"example 36 doy", part("doy", col("time")), "1 1 1 1 1 1 1"},
	})
}

func TestTimeFunctions(t *testing.T) {
	constants(t, []test{
		{"example 37 nanoseconds", func() Expr { return call("to_timestamp", int64(t0)) }, "2026-01-01T00:00:00"},
		{"example 37 seconds", func() Expr { return call("to_timestamp_seconds", 1767225600) }, "2026-01-01T00:00:00"},
		{"millis", func() Expr { return call("to_timestamp_millis", int64(1767225600123)) }, "2026-01-01T00:00:00.123"},
		{"seconds of text are cut", func() Expr { return call("to_timestamp_seconds", "2026-01-01T00:00:00.9") }, "2026-01-01T00:00:00"},
		{"seconds out of range", func() Expr { return call("to_timestamp_seconds", int64(t0)) },
			"error: Arrow error: Arithmetic overflow: the result is outside of the range of nanosecond timestamps"},
		{"to_timestamp of a float", func() Expr { return call("to_timestamp", 1.5) },
			"error: Error during planning: No function matches the given name and argument types 'to_timestamp(Float64)'. You might need to add explicit type casts.\n\tCandidate functions:\n\tto_timestamp(Any, ..)"},
		{"to_timestamp with formats", func() Expr { return call("to_timestamp", "01/02/2026 03:04", "%Y", "%m/%d/%Y %H:%M") }, "2026-01-02T03:04:00"},
		{"no format fits", func() Expr { return call("to_timestamp", "x", "%Y-%m-%d") },
			"error: Execution error: Error parsing timestamp from 'x' using format '%Y-%m-%d'"},
		{"from_unixtime", func() Expr { return call("from_unixtime", 1767225600) }, "2026-01-01T00:00:00"},
		{"from_unixtime in a zone", func() Expr { return call("from_unixtime", 1767225600, "Europe/Paris") }, "2026-01-01T01:00:00+01:00"},
		{"to_unixtime", func() Expr { return call("to_unixtime", "2026-01-01T00:00:00.9Z") }, "1767225600"},
		{"to_char", func() Expr { return call("to_char", "2026-01-02T15:04:05.678", "%Y-%m-%d %H:%M:%S%.3f %a %b %j %s %z") },
			"2026-01-02 15:04:05.678 Fri Jan 002 1767366245 +0000"},
		{"to_char in a zone", func() Expr {
			return call("date_format", call("tz", "2026-01-01T00:00:00Z", "Europe/Paris"), "%H %:z %Z")
		}, "01 +01:00 CET"},
		{"to_char with a bad format", func() Expr { return call("to_char", "2026-01-01", "%Q") },
			"error: Execution error: the format '%Q' has the unknown directive %Q"},
		{"example 38 tz", func() Expr { return call("tz", "2026-01-01T01:00:00", "America/New_York") }, "2025-12-31T20:00:00-05:00"},
		{"example 38 AT TIME ZONE", func() Expr { return atZone("2026-01-01T01:00:00", "America/New_York") }, "2026-01-01T01:00:00-05:00"},
		{"AT TIME ZONE twice is tz", func() Expr { return atZone(atZone("2026-01-01T01:00:00", "UTC"), "America/New_York") }, "2025-12-31T20:00:00-05:00"},
		{"tz without zone", func() Expr { return call("tz", "2026-01-01") }, "2026-01-01T00:00:00Z"},
		{"bad zone", func() Expr { return call("tz", "2026-01-01", "x") }, `error: Error during planning: TZ requires a valid timezone string, got "x"`},
		{"to_local_time", func() Expr { return call("to_local_time", call("tz", "2026-01-01T01:00:00", "America/New_York")) }, "2025-12-31T20:00:00"},
		{"now", func() Expr { return call("now") }, "2026-01-01T00:00:00"},
		{"today", func() Expr { return call("today") }, "2026-01-01"},
		{"make_date", func() Expr { return call("make_date", 2024, 2, 29) }, "2024-02-29"},
		{"make_date of none", func() Expr { return call("make_date", 2023, 2, 29) }, "error: Execution error: Unable to make a date of 2023, 2, 29"},
		{"to_date", func() Expr { return call("to_date", "2026-01-02T03:04:05") }, "2026-01-02"},
	})
	overEnv(t, []test{
		{"example 38 column", func() Expr { return cast(call("tz", col("time"), "America/New_York"), textType) },
			"2025-12-31T19:00:00-05:00 2025-12-31T19:05:00-05:00 2025-12-31T19:10:00-05:00 2025-12-31T19:20:00-05:00 2025-12-31T19:40:00-05:00 2025-12-31T19:40:00-05:00 2025-12-31T20:00:00-05:00"},
		{"formats of a column", func() Expr { return call("to_char", col("time"), col("node")) }, "a b a b a b c"},
	})
}
