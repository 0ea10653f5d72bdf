package expr

import (
	"math"
	"strings"

	"tarn/edge/query/text"
	"tarn/store/column"
)

// Granularities of date_trunc that are spans of time.
var truncSpans = map[string]int64{
	"nanosecond": 1, "microsecond": 1_000, "millisecond": 1_000_000, "second": text.Second, "minute": text.Minute, "hour": text.Hour,
	"day": text.Day,
}

// bindDateTrunc binds date_trunc(unit, ts). A zoned timestamp is cut on the
// clock of its zone.
func bindDateTrunc(name string, args []Expr) (Expr, error) {
	unit, err := convertArgs(name, args[:1], []column.Kind{column.String})
	if err != nil {
		return nil, err
	}
	ts, err := timestampArg(name, args, 1)
	if err != nil {
		return nil, err
	}
	z, err := zoneOf(ts.Type())
	if err != nil {
		return nil, err
	}
	if lit, ok := unit[0].(*Literal); ok && !lit.Value.Null {
		if _, err := truncator(lit.Value.S); err != nil {
			return nil, err
		}
	}
	return newNode(name, []Expr{unit[0], ts}, ts.Type(), strictRows(ts.Type(), func(ctx *Context, args []operand) func(*column.Vector, int) error {
		units, x := ctx.textSlot(args[0]), intSlot(args[1])
		var cut func(int64) int64
		return func(out *column.Vector, i int) (err error) {
			if cut == nil || units.step == 1 {
				if cut, err = truncator(units.at(i)); err != nil {
					return err
				}
			}
			v := x.at(i)
			if z.loc == nil {
				out.Ints[i] = cut(v)
				return nil
			}
			local := cut(z.local(v))
			// Keep the offset of v where the clock shows a time twice.
			same := local - (z.local(v) - v)
			if z.local(same) != local {
				same = text.FromLocal(local, z.loc)
			}
			out.Ints[i] = same
			return nil
		}
	})), nil
}

// truncator returns the function that cuts a clock down to a unit. A span that
// begins before the least timestamp is cut at that, as date_bin's are.
func truncator(unit string) (func(int64) int64, error) {
	cut, err := unboundedTruncator(unit)
	if err != nil {
		return nil, err
	}
	return func(v int64) int64 {
		if start := cut(v); start <= v {
			return start
		}
		return math.MinInt64
	}, nil
}

func unboundedTruncator(unit string) (func(int64) int64, error) {
	unit = strings.ToLower(unit)
	if span, ok := truncSpans[unit]; ok {
		return func(v int64) int64 { return v - text.FloorMod(v, span) }, nil
	}
	switch unit {
	case "week":
		return func(v int64) int64 {
			day := text.FloorDiv(v, text.Day)
			return (day - text.FloorMod(day+3, 7)) * text.Day // Monday
		}, nil
	case "month", "quarter", "year":
		return func(v int64) int64 {
			c := text.CivilOf(text.FloorDiv(v, text.Day))
			c.Day = 1
			switch unit {
			case "quarter":
				c.Month -= (c.Month - 1) % 3
			case "year":
				c.Month = 1
			}
			return c.Days() * text.Day
		}, nil
	}
	return nil, executionError("Unsupported date_trunc granularity: %s", unit)
}

// datePart computes one part of a point in time or a span.
type datePart struct {
	// clock takes the wall clock in nanoseconds since the epoch.
	clock func(local int64) int64
	// interval and duration are nil where the part makes no sense.
	interval func(column.Interval) int64
	duration func(int64) int64
}

// dateParts are the parts of date_part and extract by name, but for epoch.
var dateParts = map[string]datePart{
	"year": {
		clock:    func(v int64) int64 { return int64(civil(v).Year) },
		interval: func(iv column.Interval) int64 { return int64(iv.Months / 12) },
	},
	"quarter": {clock: func(v int64) int64 { return int64(civil(v).Month+2) / 3 }},
	"month": {
		clock:    func(v int64) int64 { return int64(civil(v).Month) },
		interval: func(iv column.Interval) int64 { return int64(iv.Months % 12) },
	},
	"week": {clock: func(v int64) int64 { _, w := text.ISOWeek(text.FloorDiv(v, text.Day)); return int64(w) }},
	"day": {
		clock:    func(v int64) int64 { return int64(civil(v).Day) },
		interval: func(iv column.Interval) int64 { return int64(iv.Days) },
		duration: func(d int64) int64 { return d / text.Day },
	},
	"doy":    {clock: func(v int64) int64 { return int64(civil(v).YearDay()) }},
	"dow":    {clock: func(v int64) int64 { return int64(text.Weekday(text.FloorDiv(v, text.Day))) }},
	"isodow": {clock: func(v int64) int64 { return int64(text.Weekday(text.FloorDiv(v, text.Day) - 1)) }},
	"hour": {
		clock:    func(v int64) int64 { return text.FloorMod(v, text.Day) / text.Hour },
		interval: func(iv column.Interval) int64 { return iv.Nanos / text.Hour },
		duration: func(d int64) int64 { return d / text.Hour },
	},
	"minute": {
		clock:    func(v int64) int64 { return text.FloorMod(v, text.Hour) / text.Minute },
		interval: func(iv column.Interval) int64 { return iv.Nanos / text.Minute % 60 },
		duration: func(d int64) int64 { return d / text.Minute },
	},
	"second":      secondPart(text.Second),
	"millisecond": secondPart(1_000_000),
	"microsecond": secondPart(1_000),
}

// secondPart counts a unit since the full minute.
func secondPart(unit int64) datePart {
	return datePart{
		clock:    func(v int64) int64 { return text.FloorMod(v, text.Minute) / unit },
		interval: func(iv column.Interval) int64 { return iv.Nanos % text.Minute / unit },
		duration: func(d int64) int64 { return d / unit },
	}
}

func civil(v int64) text.Civil { return text.CivilOf(text.FloorDiv(v, text.Day)) }

// partNames maps other spellings to the names in dateParts.
var partNames = map[string]string{
	"years": "year", "y": "year", "yr": "year", "quarters": "quarter", "qtr": "quarter", "months": "month", "mon": "month",
	"weeks": "week", "w": "week", "days": "day", "d": "day", "hours": "hour", "h": "hour", "hr": "hour",
	"minutes": "minute", "m": "minute", "min": "minute", "seconds": "second", "s": "second", "sec": "second",
	"milliseconds": "millisecond", "ms": "millisecond", "microseconds": "microsecond", "us": "microsecond",
	"dayofweek": "dow", "dayofyear": "doy",
}

// bindDatePart binds date_part(part, ts), which is also EXTRACT.
func bindDatePart(name string, args []Expr) (Expr, error) {
	lit, ok := args[0].(*Literal)
	if !ok || !lit.Value.Type.IsText() || lit.Value.Null {
		return nil, planError("First argument of `DATE_PART` must be non-null scalar Utf8")
	}
	part := strings.ToLower(strings.Trim(lit.Value.S, `'"`))
	if n, ok := partNames[part]; ok {
		part = n
	}
	x := args[1]
	if x.Type().Kind == column.TimeOfDay { // which has the parts of a span
		var err error
		if x, err = implicitCast(x, column.Of(column.IntervalKind)); err != nil {
			return nil, err
		}
	}
	if k := x.Type().Kind; k != column.IntervalKind && k != column.Duration {
		var err error
		if x, err = timestampArg(name, args, 1); err != nil {
			return nil, err
		}
	}
	if part == "epoch" {
		t := column.Of(column.Float64)
		return newNode(name, []Expr{args[0], x}, t, strict(t, epoch)), nil
	}
	p, ok := dateParts[part]
	if !ok {
		if part == "nanosecond" || part == "nanoseconds" || part == "ns" {
			return nil, executionError("Date part Nanosecond not supported")
		}
		return nil, executionError("Date part '%s' not supported", lit.Value.S)
	}
	t := column.Of(column.Int64)
	switch xt := x.Type(); xt.Kind {
	case column.IntervalKind:
		if p.interval == nil {
			return nil, executionError("Date part '%s' of an interval is not supported", part)
		}
		return newNode(name, []Expr{args[0], x}, t, strict(t, func(_ *Context, args []operand, out *column.Vector) error {
			in := slot[column.Interval]{args[1].v.Intervals, args[1].step}
			for i := range out.Ints {
				out.Ints[i] = p.interval(in.at(i))
			}
			return nil
		})), nil
	case column.Duration:
		if p.duration == nil {
			return nil, executionError("Date part '%s' of a duration is not supported", part)
		}
		return newNode(name, []Expr{args[0], x}, t, partKernel(t, p.duration, zone{})), nil
	default:
		z, err := zoneOf(xt)
		if err != nil {
			return nil, err
		}
		return newNode(name, []Expr{args[0], x}, t, partKernel(t, p.clock, z)), nil
	}
}

func partKernel(t column.Type, f func(int64) int64, z zone) kernel {
	return strict(t, func(_ *Context, args []operand, out *column.Vector) error {
		in := intSlot(args[1])
		for i := range out.Ints {
			out.Ints[i] = f(z.local(in.at(i)))
		}
		return nil
	})
}

// epoch is the seconds since the epoch, or those of a span, with fraction.
func epoch(_ *Context, args []operand, out *column.Vector) error {
	if args[1].v.Type.Kind == column.IntervalKind {
		in := slot[column.Interval]{args[1].v.Intervals, args[1].step}
		for i := range out.Floats {
			iv := in.at(i)
			days := int64(iv.Months)*30 + int64(iv.Days)
			out.Floats[i] = float64(float64(days)*86400) + float64(iv.Nanos)/text.Second
		}
		return nil
	}
	in := intSlot(args[1])
	for i := range out.Floats {
		v := in.at(i)
		sec := text.FloorDiv(v, text.Second)
		out.Floats[i] = float64(sec) + float64(v-sec*text.Second)/text.Second
	}
	return nil
}
