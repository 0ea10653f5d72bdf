package text

import (
	"math"
	"strings"
	"time"
)

// ParseStrftime reads text in a strftime format and returns nanoseconds since
// the epoch. The format must give a full date; time of day defaults to
// midnight and the zone to UTC.
func ParseStrftime(s, format string) (int64, error) {
	p := timeParser{rest: s}
	ns, ok := int64(0), p.parse(format, 0) && p.rest == ""
	if ok {
		ns, ok = p.join()
	}
	if !ok {
		return 0, errorf("Error parsing timestamp from '%s' using format '%s'", s, format)
	}
	return ns, nil
}

// timeParser collects the fields that a text gives.
type timeParser struct {
	rest string

	year, month, day, yearDay int64
	century, yearOfCentury    int64
	hasYear, hasCentury       bool
	hasYearOfCentury          bool
	hour, minute, second      int64
	nanos                     int64
	pm, hasHour12             bool
	epoch                     int64
	hasEpoch                  bool
	offset                    int
	zone                      *time.Location
}

func (p *timeParser) parse(format string, depth int) bool {
	for i := 0; i < len(format); i++ {
		c := format[i]
		switch {
		case c == ' ' || c == '\t' || c == '\n':
			p.rest = strings.TrimLeft(p.rest, " \t\n")
		case c != '%':
			if p.rest == "" || p.rest[0] != c {
				return false
			}
			p.rest = p.rest[1:]
		default:
			spec, n := directive(format[i+1:])
			if n == 0 || depth > 1 {
				return false
			}
			i += n
			if f := composite(spec.name); f != "" {
				if !p.parse(f, depth+1) {
					return false
				}
			} else if !p.field(spec.name) {
				return false
			}
		}
	}
	return true
}

// digits reads an unsigned number of at most n digits within limits.
func (p *timeParser) digits(to *int64, n int, least, most int64) bool {
	p.rest = strings.TrimLeft(p.rest, " ")
	v, i := int64(0), 0
	for i < n && i < len(p.rest) && p.rest[i] >= '0' && p.rest[i] <= '9' {
		v = v*10 + int64(p.rest[i]-'0')
		i++
	}
	p.rest = p.rest[i:]
	*to = v
	return i > 0 && v >= least && v <= most
}

// name reads one of the names, or its first three letters, in any case.
func (p *timeParser) name(names []string) (int, bool) {
	for i, n := range names {
		for _, form := range []string{n, n[:3]} {
			if len(p.rest) >= len(form) && strings.EqualFold(p.rest[:len(form)], form) {
				p.rest = p.rest[len(form):]
				return i, true
			}
		}
	}
	return 0, false
}

func (p *timeParser) field(name string) (ok bool) {
	var ignored int64
	switch name {
	case "Y":
		neg := strings.HasPrefix(p.rest, "-")
		p.rest = strings.TrimLeft(p.rest, "+-")
		ok = p.digits(&p.year, 4, 0, 9999)
		if neg {
			p.year = -p.year
		}
		p.hasYear = true
	case "C":
		ok = p.digits(&p.century, 2, 0, 99)
		p.hasCentury = true
	case "y":
		ok = p.digits(&p.yearOfCentury, 2, 0, 99)
		p.hasYearOfCentury = true
	case "m":
		ok = p.digits(&p.month, 2, 1, 12)
	case "b", "h", "B":
		var i int
		i, ok = p.name(monthNames[:])
		p.month = int64(i) + 1
	case "d", "e":
		ok = p.digits(&p.day, 2, 1, 31)
	case "j":
		ok = p.digits(&p.yearDay, 3, 1, 366)
	case "a", "A":
		_, ok = p.name(dayNames[:])
	case "w", "u", "U", "W", "V":
		ok = p.digits(&ignored, 2, 0, 53)
	case "G":
		ok = p.digits(&ignored, 4, 0, 9999)
	case "g":
		ok = p.digits(&ignored, 2, 0, 99)
	case "H", "k":
		ok = p.digits(&p.hour, 2, 0, 23)
	case "I", "l":
		ok = p.digits(&p.hour, 2, 1, 12)
		p.hasHour12 = true
	case "p", "P":
		ok = len(p.rest) >= 2 && (strings.EqualFold(p.rest[:2], "am") || strings.EqualFold(p.rest[:2], "pm"))
		if ok {
			p.pm = p.rest[0]|0x20 == 'p'
			p.rest = p.rest[2:]
		}
	case "M":
		ok = p.digits(&p.minute, 2, 0, 59)
	case "S":
		ok = p.digits(&p.second, 2, 0, 59)
	case "f":
		ok = p.digits(&p.nanos, 9, 0, Second-1)
	case "3f", "6f", "9f", ".3f", ".6f", ".9f", ".f":
		if name[0] == '.' {
			if !strings.HasPrefix(p.rest, ".") {
				return name == ".f" // an absent fraction is none
			}
			p.rest = p.rest[1:]
		}
		p.nanos, p.rest, ok = parseFraction(p.rest)
	case "s":
		neg := strings.HasPrefix(p.rest, "-")
		p.rest = strings.TrimPrefix(p.rest, "-")
		ok = p.digits(&p.epoch, 12, 0, math.MaxInt64)
		if neg {
			p.epoch = -p.epoch
		}
		p.hasEpoch = true
	case "z", ":z":
		if strings.HasPrefix(p.rest, "Z") {
			p.rest = p.rest[1:]
			return true
		}
		p.offset, p.rest, ok = parseOffset(p.rest)
	case "Z":
		n := strings.IndexAny(p.rest, " \t\n")
		if n < 0 {
			n = len(p.rest)
		}
		var err error
		p.zone, err = Zone(p.rest[:n])
		p.rest = p.rest[n:]
		ok = err == nil
	case "n", "t":
		p.rest = strings.TrimLeft(p.rest, " \t\n")
		ok = true
	case "%":
		ok = strings.HasPrefix(p.rest, "%")
		p.rest = strings.TrimPrefix(p.rest, "%")
	}
	return ok
}

// join makes an instant of the fields.
func (p *timeParser) join() (int64, bool) {
	if p.hasEpoch {
		return JoinSeconds(p.epoch, p.nanos)
	}
	switch {
	case p.hasYear:
	case p.hasYearOfCentury && p.hasCentury:
		p.year = p.century*100 + p.yearOfCentury
	case p.hasYearOfCentury: // 70 to 99 are of the last century
		p.year = 2000 + p.yearOfCentury
		if p.yearOfCentury >= 70 {
			p.year -= 100
		}
	default:
		return 0, false
	}
	c := Civil{Year: int(p.year), Month: int(p.month), Day: int(p.day)}
	var days int64
	switch {
	case p.month != 0 && p.day != 0:
		if c.Day > DaysIn(c.Year, c.Month) {
			return 0, false
		}
		days = c.Days()
	case p.yearDay != 0:
		days = Civil{c.Year, 1, 1}.Days() + p.yearDay - 1
		if CivilOf(days).Year != c.Year {
			return 0, false
		}
	default:
		return 0, false
	}
	if p.hasHour12 {
		p.hour %= 12
		if p.pm {
			p.hour += 12
		}
	}
	secs := p.hour*3600 + p.minute*60 + p.second
	ns, ok := JoinSeconds(days*86400+secs-int64(p.offset), p.nanos)
	if ok && p.zone != nil {
		ns = FromLocal(ns, p.zone)
	}
	return ns, ok
}
