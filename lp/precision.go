package lp

import (
	"fmt"
	"math"
	"strconv"
)

// Precision is the unit of the timestamps of a request.
type Precision uint8

// The precisions. Auto guesses the unit of each timestamp from its magnitude.
const (
	Nanosecond Precision = iota
	Microsecond
	Millisecond
	Second
	Minute
	Hour
	Auto
)

// precisions by Precision. limit is what a timestamp may be at most: 32-bit ARM
// divides 64-bit numbers bit by bit, which no line should have to wait for.
var precisions = [...]struct {
	name  string
	unit  int64 // in nanoseconds
	limit int64
}{
	Nanosecond:  {"Nanosecond", 1, math.MaxInt64},
	Microsecond: {"Microsecond", 1e3, math.MaxInt64 / 1_000},
	Millisecond: {"Millisecond", 1e6, math.MaxInt64 / 1_000_000},
	Second:      {"Second", 1e9, math.MaxInt64 / 1_000_000_000},
	Minute:      {"Minute", 60e9, math.MaxInt64 / 60_000_000_000},
	Hour:        {"Hour", 3600e9, math.MaxInt64 / 3_600_000_000_000},
	Auto:        {"Auto", 1, math.MaxInt64},
}

// ParsePrecision reads any spelling of a precision that the v1, v2 or v3 write
// API knows, in lower case. The error is the text of InfluxDB 3 Core without
// its prefix.
func ParsePrecision(s string) (Precision, error) {
	switch s {
	case "auto":
		return Auto, nil
	case "ns", "n", "nanosecond":
		return Nanosecond, nil
	case "us", "u", "microsecond",
		"\u00b5", "\u00b5s", // micro sign
		"\u03bc", "\u03bcs": // Greek mu, which looks the same
		return Microsecond, nil
	case "ms", "millisecond":
		return Millisecond, nil
	case "s", "second":
		return Second, nil
	case "m", "minute":
		return Minute, nil
	case "h", "hour":
		return Hour, nil
	}
	return 0, fmt.Errorf("unknown variant `%s`, expected one of `auto`, `second`, `s`, `millisecond`, `ms`, "+
		"`microsecond`, `us`, `u`, `\u00b5`, `nanosecond`, `ns`, `n`, `minute`, `m`, `hour`, `h`", s)
}

// String returns the name that error texts use, for example Second.
func (p Precision) String() string {
	if int(p) < len(precisions) {
		return precisions[p].name
	}
	return "Precision(" + strconv.Itoa(int(p)) + ")"
}

// ToNanos scales a timestamp to nanoseconds since the epoch; false means that
// the result does not fit. See RangeReason.
func (p Precision) ToNanos(ts int64) (int64, bool) {
	if p == Auto {
		p = guess(ts)
	}
	unit, limit := precisions[p].unit, precisions[p].limit
	if ts > limit || ts < -limit {
		return ts, unit == 1 // -limit leaves out MinInt64, which no unit but 1 reaches
	}
	return ts * unit, true
}

// guess is the precision that Auto takes for a timestamp. The limits are those
// of InfluxDB 3 Core: every unit covers the years from about 1970 to 2128.
func guess(ts int64) Precision {
	abs := uint64(ts)
	if ts < 0 {
		abs = -abs
	}
	switch {
	case abs < 5e9:
		return Second
	case abs < 5e12:
		return Millisecond
	case abs < 5e15:
		return Microsecond
	}
	return Nanosecond
}

// Truncate cuts a time in nanoseconds towards zero to the precision, for lines
// that carry no timestamp. Auto leaves it alone.
func (p Precision) Truncate(ns int64) int64 {
	if unit := precisions[p].unit; unit > 1 {
		return ns - ns%unit
	}
	return ns
}

// RangeReason is the line error for a timestamp that ToNanos refused.
func (p Precision) RangeReason(ts int64) string {
	return fmt.Sprintf("timestamp, %d, out of range for precision: %s", ts, p)
}
