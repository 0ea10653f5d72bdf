package pipeline

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"tarn/edge/query/text"
)

// dateFormat is a strftime format in the dialect of chrono (spec section 8.7),
// for parsing. The libraries know neither %.3f nor %:z, and make a layout of
// the format for each text.
type dateFormat []formatItem

// formatItem is a literal, or a specifier.
type formatItem struct {
	spec    byte // 0 for a literal
	literal string
	digits  int // of a fraction; 0 is any number
}

// expansions are the specifiers that stand for several.
var expansions = map[byte]string{
	'F': "%Y-%m-%d", 'T': "%H:%M:%S", 'R': "%H:%M", 'D': "%m/%d/%y", 'x': "%m/%d/%y", 'X': "%H:%M:%S", 'r': "%I:%M:%S %p",
	'c': "%a %b %e %H:%M:%S %Y", 'v': "%e-%b-%Y", '+': "%Y-%m-%dT%H:%M:%S%.f%:z",
}

// dot is the specifier of %.f, a fraction with its dot or nothing.
const dot = '.'

func parseFormat(s string) (dateFormat, error) {
	var f dateFormat
	literal := func(t string) {
		if n := len(f); n > 0 && f[n-1].spec == 0 {
			f[n-1].literal += t
		} else {
			f = append(f, formatItem{literal: t})
		}
	}
	for s != "" {
		i := strings.IndexByte(s, '%')
		if i < 0 {
			literal(s)
			break
		}
		if i > 0 {
			literal(s[:i])
		}
		if s = s[i+1:]; s == "" {
			return nil, errors.New("it ends with %")
		}
		if s[0] == '-' || s[0] == '_' || s[0] == '0' {
			s = s[1:] // padding is of no interest to a parser
		}
		item, rest, err := specifier(s)
		if err != nil {
			return nil, err
		}
		s = rest
		switch {
		case item.spec == 0:
			literal(item.literal)
		case expansions[item.spec] != "":
			inner, err := parseFormat(expansions[item.spec])
			if err != nil {
				return nil, err
			}
			f = append(f, inner...)
		default:
			f = append(f, item)
		}
	}
	if len(f) == 0 {
		return nil, errors.New("it is empty")
	}
	return f, nil
}

// specifier reads what follows a percent sign.
func specifier(s string) (item formatItem, rest string, err error) {
	unknown := func() error { return fmt.Errorf("unknown specifier %%%s", s[:min(len(s), 3)]) }
	switch {
	case s == "":
		return item, "", errors.New("it ends with %")
	case s[0] == '%':
		return formatItem{literal: "%"}, s[1:], nil
	case s[0] == 'n', s[0] == 't':
		return formatItem{literal: " "}, s[1:], nil
	case s[0] == '.':
		if strings.HasPrefix(s, ".f") {
			return formatItem{spec: dot}, s[2:], nil
		}
		if len(s) >= 3 && s[2] == 'f' && (s[1] == '3' || s[1] == '6' || s[1] == '9') {
			return formatItem{spec: dot}, s[3:], nil
		}
		return item, s, unknown()
	case len(s) >= 2 && s[1] == 'f' && (s[0] == '3' || s[0] == '6' || s[0] == '9'):
		return formatItem{spec: 'f', digits: int(s[0] - '0')}, s[2:], nil
	case s[0] == ':' || s[0] == '#':
		colons := strings.TrimLeft(s, ":#")
		if strings.HasPrefix(colons, "z") && len(s)-len(colons) <= 3 {
			return formatItem{spec: 'z'}, colons[1:], nil
		}
		return item, s, unknown()
	case expansions[s[0]] != "", strings.IndexByte("YCymdeHkIlMSfpPaAbBhjsz", s[0]) >= 0:
		return formatItem{spec: s[0]}, s[1:], nil
	}
	return item, s, unknown()
}

// clock is what a text says of an instant.
type clock struct {
	year, month, day, yearDay    int
	hour, minute, second, nanos  int
	offset                       int // seconds east of UTC
	epoch                        int64
	hasDate, hasOffset, hasEpoch bool
	hasHour12, afternoon         bool
}

// width is the most digits of a numeric specifier.
func width(spec byte) int {
	switch spec {
	case 'Y':
		return 4
	case 'j':
		return 3
	case 's':
		return 19
	}
	return 2
}

// parse reads a text that is of the format, whole.
func (f dateFormat) parse(s string, zone *time.Location) (ns int64, ok bool) {
	c := clock{month: 1, day: 1}
	for i := range f {
		item := &f[i]
		switch item.spec {
		case 0:
			if s, ok = cutLiteral(s, item.literal); !ok {
				return 0, false
			}
		case dot:
			if s != "" && s[0] == '.' {
				if c.nanos, s, ok = readFraction(s[1:], 9); !ok {
					return 0, false
				}
			}
		case 'f':
			digits := item.digits
			if digits == 0 {
				digits = 9
			}
			have := len(s)
			if c.nanos, s, ok = readFraction(s, digits); !ok || item.digits > 0 && have-len(s) != digits {
				return 0, false
			}
		case 'z':
			if s, ok = c.readOffset(strings.TrimLeft(s, " ")); !ok {
				return 0, false
			}
		case 'p', 'P':
			if len(s) < 2 || s[1]|0x20 != 'm' || s[0]|0x20 != 'a' && s[0]|0x20 != 'p' {
				return 0, false
			}
			c.afternoon = s[0]|0x20 == 'p'
			s = s[2:]
		case 'a', 'A':
			if _, s, ok = readName(s, days); !ok {
				return 0, false
			}
		case 'b', 'B', 'h':
			var m int
			if m, s, ok = readName(s, months); !ok {
				return 0, false
			}
			c.month = m + 1
		default:
			var n int64
			if n, s, ok = readNumber(strings.TrimLeft(s, " "), width(item.spec), item.spec == 's'); !ok {
				return 0, false
			}
			c.set(item.spec, n)
		}
	}
	if s != "" {
		return 0, false
	}
	return c.unix(zone)
}

func (c *clock) set(spec byte, n int64) {
	switch spec {
	case 'Y':
		c.year, c.hasDate = int(n), true
	case 'C':
		c.year, c.hasDate = int(n)*100+c.year%100, true
	case 'y':
		// As POSIX has it: 69 and later are of the last century.
		c.year, c.hasDate = int(n)+2000, true
		if n >= 69 {
			c.year -= 100
		}
	case 'm':
		c.month = int(n)
	case 'd', 'e':
		c.day = int(n)
	case 'j':
		c.yearDay = int(n)
	case 'H', 'k':
		c.hour = int(n)
	case 'I', 'l':
		c.hour, c.hasHour12 = int(n), true
	case 'M':
		c.minute = int(n)
	case 'S':
		c.second = int(n)
	case 's':
		c.epoch, c.hasEpoch = n, true
	}
}

// unix is the instant in ns; ok is false for what no calendar has. A text
// without a date, or with a year that ns cannot express, is none.
func (c *clock) unix(zone *time.Location) (ns int64, ok bool) {
	if c.hasEpoch {
		ns, ok = scale(c.epoch, Second, Nanosecond)
		return ns + int64(c.nanos), ok && ns <= math.MaxInt64-int64(c.nanos)
	}
	if c.hasHour12 {
		if c.hour < 1 || c.hour > 12 {
			return 0, false
		}
		c.hour %= 12
		if c.afternoon {
			c.hour += 12
		}
	}
	if !c.hasDate || c.year < 1678 || c.year > 2261 || c.month < 1 || c.month > 12 || c.day < 1 || c.day > text.DaysIn(c.year, c.month) ||
		c.hour > 23 || c.minute > 59 || c.second > 60 {
		return 0, false
	}
	if c.yearDay > 365 && (c.yearDay > 366 || text.DaysIn(c.year, 2) < 29) {
		return 0, false
	}
	if !c.hasOffset && zone != time.UTC {
		return text.FromLocal(c.local(), zone), true
	}
	return c.local() - int64(c.offset)*1e9, true
}

// local is what the clock shows, as if it showed UTC.
func (c *clock) local() int64 {
	days := text.Civil{Year: c.year, Month: c.month, Day: c.day}.Days()
	if c.yearDay > 0 {
		days = text.Civil{Year: c.year, Month: 1, Day: 1}.Days() + int64(c.yearDay) - 1
	}
	return (days*86400+int64(c.hour)*3600+int64(c.minute)*60+int64(c.second))*1e9 + int64(c.nanos)
}

// cutLiteral removes a literal; a blank in it is any number of blanks, none
// included.
func cutLiteral(s, literal string) (string, bool) {
	if rest, ok := strings.CutPrefix(s, literal); ok {
		return rest, true
	}
	for _, c := range []byte(literal) {
		switch {
		case c == ' ':
			s = strings.TrimLeft(s, " ")
		case s == "" || s[0] != c:
			return s, false
		default:
			s = s[1:]
		}
	}
	return s, true
}

// readNumber reads up to so many digits.
func readNumber(s string, digits int, signed bool) (n int64, rest string, ok bool) {
	i, negative := 0, false
	if signed && s != "" && (s[0] == '-' || s[0] == '+') {
		negative, s = s[0] == '-', s[1:]
	}
	for ; i < len(s) && i < digits && s[i] >= '0' && s[i] <= '9'; i++ {
		if n > (math.MaxInt64-9)/10 {
			return 0, s, false
		}
		n = n*10 + int64(s[i]-'0')
	}
	if negative {
		n = -n
	}
	return n, s[i:], i > 0
}

// readFraction reads up to so many digits of a fraction of a second, in ns,
// and passes over more.
func readFraction(s string, digits int) (ns int, rest string, ok bool) {
	i, scale := 0, 100_000_000
	for ; i < len(s) && s[i] >= '0' && s[i] <= '9'; i++ {
		if i == digits {
			if digits < 9 {
				break
			}
			continue
		}
		ns += int(s[i]-'0') * scale
		scale /= 10
	}
	return ns, s[i:], i > 0
}

// readOffset reads Z, +08:00, +0800 or +08.
func (c *clock) readOffset(s string) (rest string, ok bool) {
	switch {
	case s == "":
		return s, false
	case s[0] == 'Z' || s[0] == 'z':
		c.offset, c.hasOffset = 0, true
		return s[1:], true
	case s[0] != '+' && s[0] != '-':
		return s, false
	}
	negative := s[0] == '-'
	h, rest, ok := readNumber(s[1:], 2, false)
	if !ok || len(s)-len(rest) != 3 {
		return s, false
	}
	m := int64(0)
	after := strings.TrimPrefix(rest, ":")
	if n, left, ok := readNumber(after, 2, false); ok && len(after)-len(left) == 2 {
		m, rest = n, left
	} else if after != rest {
		return s, false
	}
	if h > 23 || m > 59 {
		return s, false
	}
	c.offset, c.hasOffset = int(h*3600+m*60), true
	if negative {
		c.offset = -c.offset
	}
	return rest, true
}

var (
	days   = []string{"sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"}
	months = []string{"january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december"}
)

// readName reads a name or its first three letters, in any case.
func readName(s string, names []string) (i int, rest string, ok bool) {
	for i, name := range names {
		if len(s) >= len(name) && strings.EqualFold(s[:len(name)], name) {
			return i, s[len(name):], true
		}
	}
	for i, name := range names {
		if len(s) >= 3 && strings.EqualFold(s[:3], name[:3]) {
			return i, s[3:], true
		}
	}
	return 0, s, false
}
