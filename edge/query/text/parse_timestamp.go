package text

import (
	"math"
	"strings"
	"time"
)

// ParseTimestamp reads a timestamp of spec/sql.md section 7.1 and returns
// nanoseconds since the epoch. Text without zone is UTC.
func ParseTimestamp(s string) (int64, error) { return ParseTimestampIn(s, time.UTC) }

// ParseTimestampIn is ParseTimestamp with the zone of text that names none.
func ParseTimestampIn(s string, loc *time.Location) (int64, error) {
	if len(s) < 10 {
		return 0, timestampError(s, "timestamp must contain at least 10 characters")
	}
	days, ok := parseDate(s[:10])
	if !ok {
		return 0, timestampError(s, "error parsing date")
	}
	rest := s[10:]
	if rest == "" {
		return joinTimestamp(s, days, 0, 0, 0, loc)
	}
	if rest[0] != 'T' && rest[0] != 't' && rest[0] != ' ' {
		return 0, timestampError(s, "invalid timestamp separator")
	}
	secs, nanos, rest, ok := parseClock(rest[1:])
	if !ok {
		return 0, timestampError(s, "error parsing time")
	}
	switch {
	case rest == "":
		return joinTimestamp(s, days, secs, nanos, 0, loc)
	case rest == "Z" || rest == "z":
		return joinTimestamp(s, days, secs, nanos, 0, time.UTC)
	}
	rest = strings.TrimPrefix(rest, " ")
	if offset, tail, ok := parseOffset(rest); ok && tail == "" {
		return joinTimestamp(s, days, secs, nanos, offset, time.UTC)
	}
	zone, err := Zone(rest)
	if err != nil {
		return 0, timestampError(s, err.Error())
	}
	return joinTimestamp(s, days, secs, nanos, 0, zone)
}

// ParseDate reads YYYY-MM-DD, or the date of a timestamp, as a day number.
func ParseDate(s string) (int64, error) {
	if len(s) == 10 {
		if days, ok := parseDate(s); ok {
			return days, nil
		}
		return 0, errorf("Cannot cast string '%s' to value of Date32 type", s)
	}
	ns, err := ParseTimestamp(s)
	if err != nil {
		return 0, errorf("Cannot cast string '%s' to value of Date32 type", s)
	}
	return FloorDiv(ns, Day), nil
}

// ParseTimeOfDay reads HH:MM:SS with a fraction as nanoseconds since midnight.
func ParseTimeOfDay(s string) (int64, error) {
	secs, nanos, rest, ok := parseClock(s)
	if !ok || rest != "" {
		return 0, errorf("Cannot cast string '%s' to value of Time64(Nanosecond) type", s)
	}
	return secs*Second + nanos, nil
}

func timestampError(s, why string) error {
	return errorf("Error parsing timestamp from '%s': %s", s, why)
}

// joinTimestamp puts the parts together; offset is subtracted, then the clock
// is read in loc.
func joinTimestamp(s string, days, secs, nanos int64, offset int, loc *time.Location) (int64, error) {
	total := days*86400 + secs - int64(offset)
	ns, ok := JoinSeconds(total, nanos)
	if !ok {
		return 0, timestampError(s, "the timestamp is out of the range 1677-09-21T00:12:43.145224193Z to 2262-04-11T23:47:16.854775807Z")
	}
	if loc != time.UTC {
		ns = FromLocal(ns, loc)
	}
	return ns, nil
}

// JoinSeconds makes nanoseconds of seconds and a fraction of 0 to 999999999
// nanoseconds; false when they do not fit. The least int64 is left out, since
// it marks absent times elsewhere.
func JoinSeconds(sec, nanos int64) (int64, bool) {
	const most, least = math.MaxInt64 / Second, math.MinInt64/Second - 1
	if sec > most || sec < least || sec == most && nanos > math.MaxInt64%Second ||
		sec == least && nanos <= Second+math.MinInt64%Second {
		return 0, false
	}
	if sec < 0 {
		return (sec+1)*Second + (nanos - Second), true
	}
	return sec*Second + nanos, true
}

func parseDate(s string) (int64, bool) {
	if s[4] != '-' || s[7] != '-' {
		return 0, false
	}
	y1, ok1 := two(s)
	y2, ok2 := two(s[2:])
	m, ok3 := two(s[5:])
	d, ok4 := two(s[8:])
	c := Civil{Year: y1*100 + y2, Month: m, Day: d}
	if !ok1 || !ok2 || !ok3 || !ok4 || m < 1 || m > 12 || d < 1 || d > DaysIn(c.Year, m) {
		return 0, false
	}
	return c.Days(), true
}

// parseClock reads hh:mm:ss or hhmmss with an optional fraction; digits beyond
// the ninth are cut off.
func parseClock(s string) (secs, nanos int64, rest string, ok bool) {
	h, ok1 := two(s)
	if !ok1 || h > 23 {
		return 0, 0, s, false
	}
	s = s[2:]
	colon := len(s) > 0 && s[0] == ':'
	if colon {
		s = s[1:]
	}
	m, ok2 := two(s)
	if !ok2 || m > 59 {
		return 0, 0, s, false
	}
	s = s[2:]
	if colon {
		if len(s) == 0 || s[0] != ':' {
			return 0, 0, s, false
		}
		s = s[1:]
	}
	sec, ok3 := two(s)
	if !ok3 || sec > 59 {
		return 0, 0, s, false
	}
	s = s[2:]
	secs = int64(h)*3600 + int64(m)*60 + int64(sec)
	if len(s) == 0 || s[0] != '.' {
		return secs, 0, s, true
	}
	nanos, rest, ok = parseFraction(s[1:])
	return secs, nanos, rest, ok
}

func parseFraction(s string) (nanos int64, rest string, ok bool) {
	i, scale := 0, int64(100_000_000)
	for i < len(s) && s[i] >= '0' && s[i] <= '9' {
		nanos += int64(s[i]-'0') * scale
		scale /= 10
		i++
	}
	return nanos, s[i:], i > 0
}

// parseOffset reads +hh:mm, +hhmm or +hh.
func parseOffset(s string) (offset int, rest string, ok bool) {
	if len(s) < 3 || s[0] != '+' && s[0] != '-' {
		return 0, s, false
	}
	h, ok := two(s[1:])
	if !ok || h > 23 {
		return 0, s, false
	}
	offset, rest = h*3600, s[3:]
	if rest != "" {
		minutes := strings.TrimPrefix(rest, ":")
		m, ok := two(minutes)
		if !ok || m > 59 {
			return 0, s, false
		}
		offset, rest = offset+m*60, minutes[2:]
	}
	if s[0] == '-' {
		offset = -offset
	}
	return offset, rest, true
}

// two reads two digits from the beginning of s.
func two(s string) (int, bool) {
	if len(s) < 2 {
		return 0, false
	}
	a, b := s[0]-'0', s[1]-'0'
	return int(a)*10 + int(b), a <= 9 && b <= 9
}
