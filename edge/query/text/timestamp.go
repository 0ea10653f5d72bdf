package text

import (
	"time"
)

// digits2 holds 00 to 99, two bytes each.
const digits2 = "00010203040506070809" + "10111213141516171819" + "20212223242526272829" +
	"30313233343536373839" + "40414243444546474849" + "50515253545556575859" +
	"60616263646566676869" + "70717273747576777879" + "80818283848586878889" +
	"90919293949596979899"

func append2(dst []byte, n int) []byte {
	return append(dst, digits2[2*n], digits2[2*n+1])
}

// AppendTimestamp appends nanoseconds since the epoch as a naive timestamp in
// UTC: no suffix, and a fraction of 3, 6 or 9 digits only when it is not zero.
func AppendTimestamp(dst []byte, ns int64) []byte {
	sec, frac := splitSecond(ns)
	return appendClock(dst, sec, frac)
}

// FormatTimestamp is AppendTimestamp as a string.
func FormatTimestamp(ns int64) string { return string(AppendTimestamp(nil, ns)) }

// AppendZoned appends nanoseconds since the epoch as RFC 3339 local time of
// loc with its offset, Z when that is zero. The fraction is as in
// AppendTimestamp.
func AppendZoned(dst []byte, ns int64, loc *time.Location) []byte {
	offset := ZoneOffset(loc, ns)
	sec, frac := splitSecond(ns)
	dst = appendClock(dst, sec+int64(offset), frac)
	return appendOffset(dst, offset)
}

// AppendRFC3339Nano appends nanoseconds since the epoch in UTC with Z and the
// trailing zeros of the fraction left out: the form of InfluxDB 1.x answers.
func AppendRFC3339Nano(dst []byte, ns int64) []byte {
	sec, frac := splitSecond(ns)
	dst = appendClock(dst, sec, 0)
	if frac != 0 {
		dst = append(dst, '.')
		dst = appendPadded(dst, frac, 9)
		for dst[len(dst)-1] == '0' {
			dst = dst[:len(dst)-1]
		}
	}
	return append(dst, 'Z')
}

// AppendDate appends a day number as YYYY-MM-DD.
func AppendDate(dst []byte, days int64) []byte {
	c := CivilOf(days)
	dst = appendYear(dst, c.Year)
	dst = append(dst, '-')
	dst = append2(dst, c.Month)
	dst = append(dst, '-')
	return append2(dst, c.Day)
}

// AppendTimeOfDay appends nanoseconds since midnight as HH:MM:SS with a fraction
// of 3, 6 or 9 digits when there is one.
func AppendTimeOfDay(dst []byte, ns int64) []byte {
	return appendTime(dst, int(ns/Second), int(ns%Second))
}

// appendClock appends date and time of sec seconds since the epoch with a
// fraction of frac nanoseconds.
func appendClock(dst []byte, sec int64, frac int) []byte {
	days := floorDivSmall(sec>>7, 86400>>7)
	s := int(sec - days*86400)
	dst = AppendDate(dst, days)
	return appendTime(append(dst, 'T'), s, frac)
}

// appendTime appends the time of s seconds and frac nanoseconds since midnight.
func appendTime(dst []byte, s, frac int) []byte {
	dst = append2(dst, s/3600)
	dst = append(dst, ':')
	dst = append2(dst, s/60%60)
	dst = append(dst, ':')
	dst = append2(dst, s%60)
	switch {
	case frac == 0:
		return dst
	case frac%1_000_000 == 0:
		return appendPadded(append(dst, '.'), frac/1_000_000, 3)
	case frac%1_000 == 0:
		return appendPadded(append(dst, '.'), frac/1_000, 6)
	}
	return appendPadded(append(dst, '.'), frac, 9)
}

// appendYear appends at least four digits. Nanosecond timestamps stay within
// 1677 and 2262, but dates reach further.
func appendYear(dst []byte, y int) []byte {
	if y >= 0 && y < 10000 {
		dst = append2(dst, y/100)
		return append2(dst, y%100)
	}
	if y < 0 {
		dst = append(dst, '-')
		y = -y
	} else {
		dst = append(dst, '+')
	}
	width := 4
	for n := y; n >= 10000; n /= 10 {
		width++
	}
	return appendPadded(dst, y, width)
}

// appendPadded appends n with leading zeros to width digits.
func appendPadded(dst []byte, n, width int) []byte {
	at := len(dst)
	for range width {
		dst = append(dst, '0')
	}
	for i := at + width - 1; i >= at && n > 0; i-- {
		dst[i] = '0' + byte(n%10)
		n /= 10
	}
	return dst
}

// appendOffset appends a zone offset in seconds as Z, +hh:mm or, for the local
// mean times of old, +hh:mm:ss.
func appendOffset(dst []byte, offset int) []byte {
	if offset == 0 {
		return append(dst, 'Z')
	}
	return appendNumericOffset(dst, offset, true)
}

func appendNumericOffset(dst []byte, offset int, colon bool) []byte {
	sign := byte('+')
	if offset < 0 {
		sign, offset = '-', -offset
	}
	dst = append2(append(dst, sign), offset/3600)
	if colon {
		dst = append(dst, ':')
	}
	dst = append2(dst, offset/60%60)
	if offset%60 != 0 {
		if colon {
			dst = append(dst, ':')
		}
		dst = append2(dst, offset%60)
	}
	return dst
}
