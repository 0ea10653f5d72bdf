package text

import "math/bits"

// Spans in nanoseconds.
const (
	Second = 1_000_000_000
	Minute = 60 * Second
	Hour   = 60 * Minute
	Day    = 24 * Hour
)

// Civil is a proleptic Gregorian date.
type Civil struct {
	Year, Month, Day int
}

// daysPerEra is the length of 400 Gregorian years, after which the calendar
// repeats.
const daysPerEra = 146097

// CivilOf returns the date of a day number counted from 1970-01-01.
//
// Years are counted from 1 March, so that the leap day is the last day of a
// year and the month lengths follow one linear formula; this is several times
// faster than time.Time.
func CivilOf(days int64) Civil {
	z := days + 719468 // from 0000-03-01
	era := floorDivSmall(z, daysPerEra)
	doe := uint32(z - era*daysPerEra)
	yoe := (doe - doe/1460 + doe/36524 - doe/146096) / 365
	doy := doe - (365*yoe + yoe/4 - yoe/100)
	mp := (5*doy + 2) / 153
	c := Civil{Year: int(int64(yoe) + era*400), Month: int(mp) + 3, Day: int(doy-(153*mp+2)/5) + 1}
	if c.Month > 12 {
		c.Month -= 12
		c.Year++
	}
	return c
}

// Days returns the day number of the date, counted from 1970-01-01. Month and
// Day must be in range; use Clamped first when they may not be.
func (c Civil) Days() int64 {
	y, m := int64(c.Year), int64(c.Month)
	if m <= 2 {
		y--
		m += 12
	}
	era := FloorDiv(y, 400)
	yoe := y - era*400
	doy := (153*(m-3)+2)/5 + int64(c.Day) - 1
	return era*daysPerEra + yoe*365 + yoe/4 - yoe/100 + doy - 719468
}

// YearDay is the day of the year, from 1.
func (c Civil) YearDay() int {
	return int(c.Days()-Civil{c.Year, 1, 1}.Days()) + 1
}

// AddMonths moves the date by whole months; a day that the new month does not
// have becomes its last one.
func (c Civil) AddMonths(n int64) Civil {
	m := int64(c.Year)*12 + int64(c.Month) - 1 + n
	c.Year = int(FloorDiv(m, 12))
	c.Month = int(m-int64(c.Year)*12) + 1
	if last := DaysIn(c.Year, c.Month); c.Day > last {
		c.Day = last
	}
	return c
}

// DaysIn is the length of a month.
func DaysIn(year, month int) int {
	switch month {
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}

// Weekday is the day of the week of a day number, Sunday being 0.
func Weekday(days int64) int {
	return int(FloorMod(days+4, 7)) // 1970-01-01 was a Thursday
}

// ISOWeek is the ISO 8601 year and week of a day number.
func ISOWeek(days int64) (year, week int) {
	// The week belongs to the year of its Thursday.
	thursday := days - FloorMod(days+3, 7) + 3
	c := CivilOf(thursday)
	return c.Year, (c.YearDay()-1)/7 + 1
}

// floorDivSmall is FloorDiv for a that mostly fits into 32 bits: on 32-bit ARM a
// 64-bit division takes hundreds of instructions.
func floorDivSmall(a int64, b int32) int64 {
	if a != int64(int32(a)) {
		return FloorDiv(a, int64(b))
	}
	q := int32(a) / b
	if int32(a)%b < 0 {
		q--
	}
	return int64(q)
}

// splitSecond is nanoseconds since the epoch as seconds, rounded down, and the
// nanoseconds after them.
func splitSecond(ns int64) (sec int64, frac int) {
	// 10^9 is 2^9 * 5^9, and for the 54 bits that the shift leaves, dividing by
	// 5^9 is a product with 2^75/5^9 rounded up. Compilers do that too, but not
	// that for 32-bit ARM. Below zero the same is done to what is missing to -1.
	const reciprocal = (1<<75 + 1953125 - 1) / 1953125
	negative := ns >> 63
	q, _ := bits.Mul64(uint64(ns^negative)>>9, reciprocal)
	sec = int64(q>>11) ^ negative
	return sec, int(uint32(ns) - uint32(sec)*Second)
}

// FloorDiv is a/b rounded toward minus infinity; b must be positive.
func FloorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// FloorMod is a - b*FloorDiv(a, b): never negative; b must be positive.
func FloorMod(a, b int64) int64 {
	m := a % b
	if m < 0 {
		m += b
	}
	return m
}
