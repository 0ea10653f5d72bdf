package expr

import (
	"math"
	"strconv"
	"strings"

	"tarn/edge/query/text"
	"tarn/store/column"
)

// converter fills out, which has the length and the nulls of in. A value that
// has no counterpart becomes null with try and an error without.
type converter func(ctx *Context, in, out *column.Vector, try bool) error

// converterFor returns the conversion to a target (spec/sql.md section 6.3).
func converterFor(from column.Type, to Target) (converter, error) {
	run, err := wideConverter(from, to)
	switch {
	case err != nil || from.Kind == column.Null:
	case to.Bits != 0:
		run = narrowed(run, to)
	case to.Unit != 0:
		run = coarse(from, run, to)
	}
	return run, err
}

// wideConverter converts without regard to the target's width and unit, but
// names them in its errors.
func wideConverter(from column.Type, target Target) (converter, error) {
	var c converter
	to := target.Type
	switch {
	case from.Kind == column.Null:
		c = func(*Context, *column.Vector, *column.Vector, bool) error { return nil } // rows are null already
	case to.Kind == column.String:
		return toText(from)
	case from.IsText():
		c = fromText(target)
	case to.Kind == column.Timestamp || from.Kind == column.Timestamp:
		return timeConverter(from, to)
	case to.Kind == column.List && from.Kind == column.List:
		return listConverter(from, to)
	default:
		c = betweenPlain(from.Kind, to.Kind, target.String())
	}
	if c == nil {
		return nil, planError("Unsupported CAST from %s to %s", from, to)
	}
	return c, nil
}

// each converts value by value. fail makes the error for a value that has no
// counterpart.
func each[A, B any](in []A, out []B, v *column.Vector, try bool, f func(A) (B, bool), fail func(A) error) error {
	for i := range out {
		r, ok := f(in[i])
		if !ok && !v.Nulls.Get(i) {
			if !try {
				return fail(in[i])
			}
			v.Nulls.Set(i)
		}
		out[i] = r
	}
	return nil
}

func cannotCast[T any](to string, format func(T) string) func(T) error {
	return func(v T) error { return arrowError("Cast error: Can't cast value %s to type %s", format(v), to) }
}

func formatInt(v int64) string   { return strconv.FormatInt(v, 10) }
func formatUint(v uint64) string { return strconv.FormatUint(v, 10) }

// betweenPlain converts between numbers, booleans, durations, dates and
// intervals; name is that of the target in errors.
func betweenPlain(from, to column.Kind, name string) converter {
	switch {
	case from == to: // a narrow number of the same kind
		return func(_ *Context, in, out *column.Vector, _ bool) error {
			copy(out.Ints, in.Ints)
			copy(out.Uints, in.Uints)
			copy(out.Floats, in.Floats)
			copy(out.Bools, in.Bools)
			return nil
		}
	case from == column.Int64 && to == column.Uint64:
		return func(_ *Context, in, out *column.Vector, try bool) error {
			return each(in.Ints, out.Uints, out, try, func(v int64) (uint64, bool) { return uint64(v), v >= 0 }, cannotCast(name, formatInt))
		}
	case from == column.Uint64 && to == column.Int64:
		return func(_ *Context, in, out *column.Vector, try bool) error {
			return each(in.Uints, out.Ints, out, try, func(v uint64) (int64, bool) { return int64(v), v <= math.MaxInt64 }, cannotCast(name, formatUint))
		}
	case from == column.Int64 && to == column.Float64:
		return func(_ *Context, in, out *column.Vector, _ bool) error {
			for i, v := range in.Ints[:out.Len] {
				out.Floats[i] = float64(v)
			}
			return nil
		}
	case from == column.Uint64 && to == column.Float64:
		return func(_ *Context, in, out *column.Vector, _ bool) error {
			for i, v := range in.Uints[:out.Len] {
				out.Floats[i] = float64(v)
			}
			return nil
		}
	case from == column.Float64 && to == column.Int64:
		return func(_ *Context, in, out *column.Vector, try bool) error {
			return each(in.Floats, out.Ints, out, try, floatToInt, cannotCast(name, text.FormatFloat))
		}
	case from == column.Float64 && to == column.Uint64:
		return func(_ *Context, in, out *column.Vector, try bool) error {
			return each(in.Floats, out.Uints, out, try, floatToUint, cannotCast(name, text.FormatFloat))
		}
	case to == column.Bool:
		return toBool(from)
	case from == column.Bool:
		return fromBool(to)
	case from == column.Int64 && (to == column.Duration || to == column.Date),
		to == column.Int64 && (from == column.Duration || from == column.Date):
		return func(_ *Context, in, out *column.Vector, _ bool) error {
			copy(out.Ints, in.Ints)
			return nil
		}
	case (from == column.Duration || from == column.TimeOfDay) && to == column.IntervalKind:
		return func(_ *Context, in, out *column.Vector, _ bool) error {
			for i, v := range in.Ints[:out.Len] {
				out.Intervals[i] = column.Interval{Nanos: v}
			}
			return nil
		}
	case from == column.IntervalKind && to == column.Duration:
		return func(_ *Context, in, out *column.Vector, try bool) error {
			return each(in.Intervals, out.Ints, out, try, intervalToDuration, func(iv column.Interval) error {
				return arrowError("Cast error: Can't cast interval %s to a duration", text.AppendInterval(nil, iv))
			})
		}
	}
	return nil
}

func floatToInt(v float64) (int64, bool) {
	// 2^63 itself is a float but no int64.
	if v >= -(1<<63) && v < 1<<63 {
		return int64(v), true
	}
	return 0, false
}

func floatToUint(v float64) (uint64, bool) {
	if v > -1 && v < 1<<64 {
		return uint64(v), true
	}
	return 0, false
}

func intervalToDuration(iv column.Interval) (int64, bool) {
	days := int64(iv.Days) * text.Day
	sum := days + iv.Nanos
	return sum, iv.Months == 0 && days/text.Day == int64(iv.Days) && (days^sum)&(iv.Nanos^sum) >= 0
}

func toBool(from column.Kind) converter {
	return func(_ *Context, in, out *column.Vector, _ bool) error {
		for i := range out.Bools {
			switch from {
			case column.Int64:
				out.Bools[i] = in.Ints[i] != 0
			case column.Uint64:
				out.Bools[i] = in.Uints[i] != 0
			case column.Float64:
				out.Bools[i] = in.Floats[i] != 0
			default:
				return planError("Unsupported CAST from %s to Boolean", in.Type)
			}
		}
		return nil
	}
}

func fromBool(to column.Kind) converter {
	switch to {
	case column.Int64, column.Uint64, column.Float64:
	default:
		return nil
	}
	return func(_ *Context, in, out *column.Vector, _ bool) error {
		for i, b := range in.Bools[:out.Len] {
			n := boolIndex(b)
			switch to {
			case column.Int64:
				out.Ints[i] = int64(n)
			case column.Uint64:
				out.Uints[i] = uint64(n)
			default:
				out.Floats[i] = float64(n)
			}
		}
		return nil
	}
}

// timeConverter converts from and to timestamps.
func timeConverter(from, to column.Type) (converter, error) {
	switch {
	case from.Kind == column.Timestamp && to.Kind == column.Timestamp:
		if from.Zone != "" || to.Zone == "" {
			return func(_ *Context, in, out *column.Vector, _ bool) error { // the instant stays
				copy(out.Ints, in.Ints)
				return nil
			}, nil
		}
		// A naive time keeps its clock.
		z, err := zoneOf(to)
		if err != nil {
			return nil, err
		}
		return func(_ *Context, in, out *column.Vector, _ bool) error {
			for i, v := range in.Ints[:out.Len] {
				out.Ints[i] = z.instant(v)
			}
			return nil
		}, nil
	case from.Kind == column.Timestamp && to.Kind == column.Date:
		z, err := zoneOf(from)
		if err != nil {
			return nil, err
		}
		return func(_ *Context, in, out *column.Vector, _ bool) error {
			for i, v := range in.Ints[:out.Len] {
				out.Ints[i] = text.FloorDiv(z.local(v), text.Day)
			}
			return nil
		}, nil
	case from.Kind == column.Timestamp && to.Kind == column.TimeOfDay:
		z, err := zoneOf(from)
		if err != nil {
			return nil, err
		}
		return func(_ *Context, in, out *column.Vector, _ bool) error {
			for i, v := range in.Ints[:out.Len] {
				out.Ints[i] = text.FloorMod(z.local(v), text.Day)
			}
			return nil
		}, nil
	case from.Kind == column.Date && to.Kind == column.Timestamp:
		return func(_ *Context, in, out *column.Vector, try bool) error {
			return each(in.Ints, out.Ints, out, try, func(d int64) (int64, bool) {
				return text.JoinSeconds(d*86400, 0)
			}, func(int64) error { return errTimeOverflow() })
		}, nil
	}
	// Other conversions treat a timestamp as its nanoseconds.
	plain := func(k column.Kind) column.Kind {
		if k == column.Timestamp {
			return column.Int64
		}
		return k
	}
	f, t := plain(from.Kind), plain(to.Kind)
	if f != column.Int64 && f != column.Uint64 && f != column.Float64 || t != column.Int64 && t != column.Uint64 && t != column.Float64 {
		return nil, planError("Unsupported CAST from %s to %s", from, to)
	}
	return betweenPlain(f, t, column.Of(t).String()), nil
}

// fromText parses text.
func fromText(target Target) converter {
	to, bits := target.Type, 64
	if target.Bits != 0 {
		bits = int(target.Bits)
	}
	parse := func(run func(s []string, out *column.Vector, try bool) error) converter {
		return func(ctx *Context, in, out *column.Vector, try bool) error {
			return run(ctx.texts(operand{in, 1}), out, try)
		}
	}
	fail := func(s string) error {
		return arrowError("Cast error: Cannot cast string '%s' to value of %s type", s, target)
	}
	switch to.Kind {
	case column.Int64:
		return parse(func(s []string, out *column.Vector, try bool) error {
			return each(s, out.Ints, out, try, func(s string) (int64, bool) {
				v, err := strconv.ParseInt(s, 10, bits)
				return v, err == nil
			}, fail)
		})
	case column.Uint64:
		return parse(func(s []string, out *column.Vector, try bool) error {
			return each(s, out.Uints, out, try, func(s string) (uint64, bool) {
				v, err := strconv.ParseUint(strings.TrimPrefix(s, "+"), 10, bits)
				return v, err == nil
			}, fail)
		})
	case column.Float64:
		return parse(func(s []string, out *column.Vector, try bool) error {
			return each(s, out.Floats, out, try, parseFloat, fail)
		})
	case column.Bool:
		return parse(func(s []string, out *column.Vector, try bool) error {
			return each(s, out.Bools, out, try, parseBool, fail)
		})
	case column.Timestamp:
		z, err := zoneOf(to)
		if err != nil {
			return nil
		}
		return parse(func(s []string, out *column.Vector, try bool) error {
			return each(s, out.Ints, out, try, func(s string) (int64, bool) {
				v, err := parseTimestampIn(s, z)
				return v, err == nil
			}, func(s string) error {
				_, err := parseTimestampIn(s, z)
				return err
			})
		})
	case column.Date:
		return parse(func(s []string, out *column.Vector, try bool) error {
			return each(s, out.Ints, out, try, func(s string) (int64, bool) {
				v, err := text.ParseDate(s)
				return v, err == nil
			}, fail)
		})
	case column.TimeOfDay:
		return parse(func(s []string, out *column.Vector, try bool) error {
			return each(s, out.Ints, out, try, func(s string) (int64, bool) {
				v, err := text.ParseTimeOfDay(s)
				return v, err == nil
			}, fail)
		})
	case column.IntervalKind:
		return parse(func(s []string, out *column.Vector, try bool) error {
			return each(s, out.Intervals, out, try, func(s string) (column.Interval, bool) {
				v, err := text.ParseInterval(s)
				return v, err == nil
			}, func(s string) error {
				_, err := ParseInterval(s)
				return err
			})
		})
	case column.Duration:
		return parse(func(s []string, out *column.Vector, try bool) error {
			return each(s, out.Ints, out, try, func(s string) (int64, bool) {
				iv, err := text.ParseInterval(s)
				d, ok := intervalToDuration(iv)
				return d, ok && err == nil
			}, fail)
		})
	}
	return nil
}

// ParseTimestamp reads a timestamp literal; text without zone is UTC. The
// error is an *Error.
func ParseTimestamp(s string) (int64, error) { return parseTimestampIn(s, zone{}) }

func parseTimestampIn(s string, z zone) (int64, error) {
	var ns int64
	var err error
	if z.loc == nil {
		ns, err = text.ParseTimestamp(s)
	} else {
		ns, err = text.ParseTimestampIn(s, z.loc)
	}
	if err != nil {
		return 0, arrowError("Parser error: %v", err)
	}
	return ns, nil
}

// ParseInterval reads the text of an INTERVAL literal. The error is an *Error.
func ParseInterval(s string) (column.Interval, error) {
	iv, err := text.ParseInterval(s)
	if err != nil {
		return iv, arrowError("Parser error: %v", err)
	}
	return iv, nil
}

func parseFloat(s string) (float64, bool) {
	if strings.ContainsAny(s, "xX_") {
		return 0, false // forms of Go that SQL does not have
	}
	v, err := strconv.ParseFloat(s, 64)
	if err != nil && !math.IsInf(v, 0) {
		return 0, false
	}
	return v, true
}

func parseBool(s string) (value, ok bool) {
	switch strings.ToLower(s) {
	case "true", "t", "yes", "y", "on", "1":
		return true, true
	case "false", "f", "no", "n", "off", "0":
		return false, true
	}
	return false, false
}

// toText formats values.
func toText(from column.Type) (converter, error) {
	var appendValue func(dst []byte, in *column.Vector, i int) []byte
	switch from.Kind {
	case column.Int64:
		appendValue = func(dst []byte, in *column.Vector, i int) []byte { return strconv.AppendInt(dst, in.Ints[i], 10) }
	case column.Uint64:
		appendValue = func(dst []byte, in *column.Vector, i int) []byte { return strconv.AppendUint(dst, in.Uints[i], 10) }
	case column.Float64:
		appendValue = func(dst []byte, in *column.Vector, i int) []byte { return text.AppendFloat(dst, in.Floats[i]) }
	case column.Bool:
		appendValue = func(dst []byte, in *column.Vector, i int) []byte { return strconv.AppendBool(dst, in.Bools[i]) }
	case column.Dict, column.String:
		return func(ctx *Context, in, out *column.Vector, _ bool) error {
			copy(out.Strings, ctx.texts(operand{in, 1}))
			return nil
		}, nil
	case column.Timestamp:
		z, err := zoneOf(from)
		if err != nil {
			return nil, err
		}
		appendValue = func(dst []byte, in *column.Vector, i int) []byte {
			switch {
			case from.Zone == "":
				return text.AppendTimestamp(dst, in.Ints[i])
			case z.loc == nil:
				return append(text.AppendTimestamp(dst, in.Ints[i]), 'Z')
			}
			return text.AppendZoned(dst, in.Ints[i], z.loc)
		}
	case column.Duration:
		appendValue = func(dst []byte, in *column.Vector, i int) []byte { return text.AppendDuration(dst, in.Ints[i]) }
	case column.TimeOfDay:
		appendValue = func(dst []byte, in *column.Vector, i int) []byte { return text.AppendTimeOfDay(dst, in.Ints[i]) }
	case column.Date:
		appendValue = func(dst []byte, in *column.Vector, i int) []byte { return text.AppendDate(dst, in.Ints[i]) }
	case column.IntervalKind:
		appendValue = func(dst []byte, in *column.Vector, i int) []byte { return text.AppendInterval(dst, in.Intervals[i]) }
	case column.Struct, column.List:
		appendValue = func(dst []byte, in *column.Vector, i int) []byte { return append(dst, ValueAt(in, i).Text()...) }
	default:
		return nil, planError("Unsupported CAST from %s to Utf8", from)
	}
	return func(ctx *Context, in, out *column.Vector, _ bool) error {
		w := ctx.writer(out)
		nulls := anyNulls(out)
		for i := range out.Len {
			if !nulls || !out.Nulls.Get(i) {
				w.buf = appendValue(w.buf, in, i)
			}
			if err := w.end(); err != nil {
				return err
			}
		}
		return w.finish()
	}, nil
}

// listConverter converts the elements of lists.
func listConverter(from, to column.Type) (converter, error) {
	elem, err := newCast(NewColumn(0, "item", from.Nested.Types[0]), Target{Type: to.Nested.Types[0]}, false)
	if err != nil {
		return nil, err
	}
	return func(ctx *Context, in, out *column.Vector, _ bool) error {
		v, err := elem.compute(ctx, &column.Batch{Len: in.Children[0].Len, Cols: in.Children})
		if err != nil {
			return err
		}
		out.Children[0].Reset(v.Type)
		out.Children[0].AppendFrom(v, 0, v.Len)
		out.Offsets = append(out.Offsets[:0], in.Offsets[:out.Len+1]...)
		return nil
	}, nil
}

// coarse counts integers in the unit of the target, and cuts finer values down
// to it.
func coarse(from column.Type, run converter, to Target) converter {
	if from.IsNumeric() {
		name := to.String()
		return func(ctx *Context, in, out *column.Vector, try bool) error {
			if err := run(ctx, in, out, try); err != nil {
				return err
			}
			limit := math.MaxInt64 / to.Unit
			return each(out.Ints, out.Ints, out, try, func(v int64) (int64, bool) { return v * to.Unit, v >= -limit && v <= limit }, cannotCast(name, formatInt))
		}
	}
	return func(ctx *Context, in, out *column.Vector, try bool) error {
		if err := run(ctx, in, out, try); err != nil {
			return err
		}
		for i, v := range out.Ints {
			out.Ints[i] = v - text.FloorMod(v, to.Unit)
		}
		return nil
	}
}

// narrowed checks the range of a narrow target after the conversion.
func narrowed(run converter, to Target) converter {
	if to.Type.Kind == column.Float64 {
		return func(ctx *Context, in, out *column.Vector, try bool) error {
			if err := run(ctx, in, out, try); err != nil {
				return err
			}
			for i, v := range out.Floats {
				out.Floats[i] = float64(float32(v))
			}
			return nil
		}
	}
	name := to.String()
	return func(ctx *Context, in, out *column.Vector, try bool) error {
		if err := run(ctx, in, out, try); err != nil {
			return err
		}
		if to.Type.Kind == column.Uint64 {
			return each(out.Uints, out.Uints, out, try, func(v uint64) (uint64, bool) { return v, v>>to.Bits == 0 }, cannotCast(name, formatUint))
		}
		limit := int64(1) << (to.Bits - 1)
		return each(out.Ints, out.Ints, out, try, func(v int64) (int64, bool) { return v, v >= -limit && v < limit }, cannotCast(name, formatInt))
	}
}
