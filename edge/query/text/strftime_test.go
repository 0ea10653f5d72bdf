package text

import "testing"

func TestStrftime(t *testing.T) {
	const at = int64(1770476645_006_007_008) // 2026-02-07T15:04:05.006007008Z, a Saturday
	for format, want := range map[string]string{
		"%Y-%m-%dT%H:%M:%S": "2026-02-07T15:04:05", "%y %C": "26 20", "%b %h %B": "Feb Feb February", "%e|%j|%a|%A": " 7|038|Sat|Saturday",
		"%w %u %U %W %V %G": "6 6 05 05 06 2026", "%k %I %l": "15 03  3", "%p %P": "PM pm", "%f %.f": "006007008 .006007008",
		"%.3f %.6f %.9f": ".006 .006007 .006007008", "%3f %6f %9f": "006 006007 006007008", "%z %:z %Z": "+0000 +00:00 UTC", "%s": "1770476645",
		"%T %F %D %R": "15:04:05 2026-02-07 02/07/26 15:04", "%c": "Sat Feb  7 15:04:05 2026", "%x %X": "02/07/26 15:04:05", "%n%t%%": "\n\t%",
		"%-d %_m %0e": "7  2 07", "plain": "plain",
	} {
		got, err := AppendStrftime(nil, format, at, nil)
		if err != nil || string(got) != want {
			t.Errorf("%s: got %q, %v, want %q", format, got, err, want)
		}
	}
	for _, format := range []string{"%", "%Q", "%-"} {
		if got, err := AppendStrftime(nil, format, at, nil); err == nil {
			t.Errorf("the format %q gave %q", format, got)
		}
	}
}

func TestParseStrftime(t *testing.T) {
	for _, tc := range []struct{ in, format, want string }{
		{"01/02/2026 03:04:05", "%m/%d/%Y %H:%M:%S", "2026-01-02T03:04:05"},
		{"2026-01-02", "%F", "2026-01-02T00:00:00"},
		{"2 Jan 26, 3 PM", "%d %b %y, %I %p", "2026-01-02T15:00:00"},
		{"December 31 1999 12:00 am", "%B %d %Y %I:%M %P", "1999-12-31T00:00:00"},
		{"2026-01-02T03:04:05.678+02:00", "%Y-%m-%dT%H:%M:%S%.f%:z", "2026-01-02T01:04:05.678"},
		{"2026-01-02T03:04:05+0200", "%+", "2026-01-02T01:04:05"},
		{"2026 039", "%Y %j", "2026-02-08T00:00:00"},
		{"1767225600", "%s", "2026-01-01T00:00:00"},
		{"2026-01-02", "%Y-%m-%d %H", ""}, {"2026-02-30", "%F", ""}, {"2026-01", "%Y-%m", ""}, {"2026-01-02x", "%F", ""}, {"x", "%Q", ""},
	} {
		ns, err := ParseStrftime(tc.in, tc.format)
		switch {
		case tc.want == "" && err == nil:
			t.Errorf("%q in format %q is %s, want an error", tc.in, tc.format, FormatTimestamp(ns))
		case tc.want != "" && (err != nil || FormatTimestamp(ns) != tc.want):
			t.Errorf("%q in format %q is %s, %v, want %s", tc.in, tc.format, FormatTimestamp(ns), err, tc.want)
		}
	}
}

func FuzzParseStrftime(f *testing.F) {
	f.Add("2026-01-02", "%F")
	f.Add("Sat Feb  7 15:04:05 2026", "%c")
	f.Fuzz(func(t *testing.T, s, format string) {
		ns, err := ParseStrftime(s, format)
		if err != nil {
			return
		}
		if _, err := AppendStrftime(nil, "%F %T%.9f", ns, nil); err != nil {
			t.Fatal(err)
		}
	})
}
