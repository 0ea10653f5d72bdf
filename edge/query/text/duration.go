package text

import (
	"strconv"

	"tarn/store/column"
)

// AppendDuration appends a span of nanoseconds in the ISO 8601 form that the
// reference prints: seconds only, as in PT3600S, -PT1.5S, and P0D for none.
func AppendDuration(dst []byte, ns int64) []byte {
	if ns == 0 {
		return append(dst, "P0D"...)
	}
	u := uint64(ns)
	if ns < 0 {
		dst = append(dst, '-')
		u = -u
	}
	dst = append(dst, "PT"...)
	dst = strconv.AppendUint(dst, u/Second, 10)
	if frac := int(u % Second); frac != 0 {
		dst = appendPadded(append(dst, '.'), frac, 9)
		for dst[len(dst)-1] == '0' {
			dst = dst[:len(dst)-1]
		}
	}
	return append(dst, 'S')
}

// AppendInterval appends a calendar span: "14 mons 3 days 1 hours 30 mins
// 0.005000000 secs", the parts that are zero left out.
func AppendInterval(dst []byte, iv column.Interval) []byte {
	if iv == (column.Interval{}) {
		return append(dst, "0 secs"...)
	}
	start := len(dst)
	part := func(n int64, unit string) {
		if n == 0 {
			return
		}
		if len(dst) > start {
			dst = append(dst, ' ')
		}
		dst = append(strconv.AppendInt(dst, n, 10), unit...)
	}
	part(int64(iv.Months), " mons")
	part(int64(iv.Days), " days")
	part(iv.Nanos/Hour, " hours")
	part(iv.Nanos/Minute%60, " mins")
	if rest := iv.Nanos % Minute; rest != 0 {
		if len(dst) > start {
			dst = append(dst, ' ')
		}
		if rest < 0 {
			dst = append(dst, '-')
			rest = -rest
		}
		dst = strconv.AppendInt(dst, rest/Second, 10)
		dst = appendPadded(append(dst, '.'), int(rest%Second), 9)
		dst = append(dst, " secs"...)
	}
	return dst
}
