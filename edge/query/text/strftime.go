package text

import (
	"fmt"
	"strconv"
	"time"
)

var (
	monthNames = [...]string{"January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"}
	dayNames   = [...]string{"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"}
)

// moment is a point in time taken apart on the clock of its zone.
type moment struct {
	ns     int64 // since the epoch
	offset int   // seconds east of UTC
	zone   string
	days   int64 // local day number
	date   Civil
	clock  int64 // local nanoseconds since midnight
}

func momentOf(ns int64, loc *time.Location) moment {
	m := moment{ns: ns, zone: "UTC"}
	if loc != nil && loc != time.UTC {
		m.zone, m.offset = time.Unix(FloorDiv(ns, Second), 0).In(loc).Zone()
	}
	local := ns + int64(m.offset)*Second
	m.days = FloorDiv(local, Day)
	m.clock = local - m.days*Day
	m.date = CivilOf(m.days)
	return m
}

// AppendStrftime appends a point in time as format says, on the clock of loc;
// nil is UTC. The directives are those of spec/sql.md section 9.6b; an unknown
// one is an error.
func AppendStrftime(dst []byte, format string, ns int64, loc *time.Location) ([]byte, error) {
	m := momentOf(ns, loc)
	return m.append(dst, format)
}

func (m *moment) append(dst []byte, format string) ([]byte, error) {
	for i := 0; i < len(format); i++ {
		if format[i] != '%' {
			dst = append(dst, format[i])
			continue
		}
		spec, n := directive(format[i+1:])
		if n == 0 {
			return dst, fmt.Errorf("the format '%s' ends within a directive", format)
		}
		i += n
		var err error
		if dst, err = m.appendDirective(dst, spec); err != nil {
			return dst, fmt.Errorf("the format '%s' has %w", format, err)
		}
	}
	return dst, nil
}

// strftimeSpec is a directive without its percent sign.
type strftimeSpec struct {
	pad byte // '-', '_', '0', or 0 when not said
	// name is the letter, with what stands before it: ".3f", ":z".
	name string
}

// directive reads a directive and its length, 0 when s ends too early.
func directive(s string) (spec strftimeSpec, n int) {
	if n < len(s) && (s[n] == '-' || s[n] == '_' || s[n] == '0') {
		spec.pad = s[n]
		n++
	}
	start := n
	for n < len(s) && (s[n] == '.' || s[n] == ':' || s[n] >= '1' && s[n] <= '9') {
		n++
	}
	if n == len(s) {
		return spec, 0
	}
	spec.name = s[start : n+1]
	return spec, n + 1
}

// composite directives stand for others.
func composite(name string) string {
	switch name {
	case "T", "X":
		return "%H:%M:%S"
	case "F":
		return "%Y-%m-%d"
	case "D", "x":
		return "%m/%d/%y"
	case "R":
		return "%H:%M"
	case "r":
		return "%I:%M:%S %p"
	case "c":
		return "%a %b %e %H:%M:%S %Y"
	case "v":
		return "%e-%b-%Y"
	case "+":
		return "%Y-%m-%dT%H:%M:%S%.f%:z"
	}
	return ""
}

func (m *moment) appendDirective(dst []byte, spec strftimeSpec) ([]byte, error) {
	if f := composite(spec.name); f != "" {
		return m.append(dst, f)
	}
	if n, width, pad, ok := m.number(spec.name); ok {
		if spec.pad != 0 {
			pad = spec.pad
		}
		return appendNumber(dst, n, width, pad), nil
	}
	frac := int(m.clock % Second)
	switch spec.name {
	case "b", "h":
		return append(dst, monthNames[m.date.Month-1][:3]...), nil
	case "B":
		return append(dst, monthNames[m.date.Month-1]...), nil
	case "a":
		return append(dst, dayNames[Weekday(m.days)][:3]...), nil
	case "A":
		return append(dst, dayNames[Weekday(m.days)]...), nil
	case "p", "P":
		half := "AM"
		if m.clock >= 12*Hour {
			half = "PM"
		}
		if spec.name == "P" {
			return append(dst, half[0]|0x20, 'm'), nil
		}
		return append(dst, half...), nil
	case ".f":
		switch {
		case frac == 0:
			return dst, nil
		case frac%1_000_000 == 0:
			return appendPadded(append(dst, '.'), frac/1_000_000, 3), nil
		case frac%1_000 == 0:
			return appendPadded(append(dst, '.'), frac/1_000, 6), nil
		}
		return appendPadded(append(dst, '.'), frac, 9), nil
	case ".3f", ".6f", ".9f":
		dst = append(dst, '.')
		return appendFraction(dst, frac, spec.name[1]), nil
	case "3f", "6f", "9f":
		return appendFraction(dst, frac, spec.name[0]), nil
	case "z":
		return appendNumericOffset(dst, m.offset, false), nil
	case ":z":
		return appendNumericOffset(dst, m.offset, true), nil
	case "Z":
		return append(dst, m.zone...), nil
	case "n":
		return append(dst, '\n'), nil
	case "t":
		return append(dst, '\t'), nil
	case "%":
		return append(dst, '%'), nil
	}
	return dst, fmt.Errorf("the unknown directive %%%s", spec.name)
}

func appendFraction(dst []byte, frac int, digits byte) []byte {
	switch digits {
	case '3':
		return appendPadded(dst, frac/1_000_000, 3)
	case '6':
		return appendPadded(dst, frac/1_000, 6)
	}
	return appendPadded(dst, frac, 9)
}

// number returns the value of a numeric directive with its width and padding.
func (m *moment) number(name string) (n int64, width int, pad byte, ok bool) {
	c := m.date
	hour := m.clock / Hour
	half := (hour + 11) % 12 // 0 is one o'clock
	switch name {
	case "Y":
		return int64(c.Year), 4, '0', true
	case "y":
		return FloorMod(int64(c.Year), 100), 2, '0', true
	case "C":
		return FloorDiv(int64(c.Year), 100), 2, '0', true
	case "m":
		return int64(c.Month), 2, '0', true
	case "d":
		return int64(c.Day), 2, '0', true
	case "e":
		return int64(c.Day), 2, '_', true
	case "j":
		return int64(c.YearDay()), 3, '0', true
	case "w":
		return int64(Weekday(m.days)), 1, '0', true
	case "u":
		return int64(Weekday(m.days-1)) + 1, 1, '0', true
	case "U": // weeks begin on Sunday; days before the first are week 0
		return int64(c.YearDay()-1+7-Weekday(m.days)) / 7, 2, '0', true
	case "W": // the same from Monday
		return int64(c.YearDay()-1+7-Weekday(m.days-1)) / 7, 2, '0', true
	case "V":
		_, w := ISOWeek(m.days)
		return int64(w), 2, '0', true
	case "G":
		y, _ := ISOWeek(m.days)
		return int64(y), 4, '0', true
	case "g":
		y, _ := ISOWeek(m.days)
		return FloorMod(int64(y), 100), 2, '0', true
	case "H":
		return hour, 2, '0', true
	case "k":
		return hour, 2, '_', true
	case "I":
		return half + 1, 2, '0', true
	case "l":
		return half + 1, 2, '_', true
	case "M":
		return m.clock / Minute % 60, 2, '0', true
	case "S":
		return m.clock / Second % 60, 2, '0', true
	case "f":
		return m.clock % Second, 9, '0', true
	case "s":
		return FloorDiv(m.ns, Second), 1, '0', true
	}
	return 0, 0, 0, false
}

// appendNumber pads with zeros or blanks, or not at all.
func appendNumber(dst []byte, n int64, width int, pad byte) []byte {
	if pad == '-' {
		return strconv.AppendInt(dst, n, 10)
	}
	fill := byte('0')
	if pad == '_' {
		fill = ' '
	}
	if n < 0 {
		dst = append(dst, '-')
		n = -n
	}
	digits := 1
	for r := n; r >= 10; r /= 10 {
		digits++
	}
	for ; digits < width; digits++ {
		dst = append(dst, fill)
	}
	return strconv.AppendInt(dst, n, 10)
}
