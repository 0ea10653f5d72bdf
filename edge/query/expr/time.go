package expr

import (
	"math"

	"tarn/edge/query/text"
	"tarn/store/column"
)

// timeFunctions are those of spec/sql.md section 7.
func timeFunctions() map[string]function {
	timestamp := column.Of(column.Timestamp)
	m := map[string]function{
		"date_bin":           {2, 3, bindDateBin},
		"date_bin_wallclock": {2, 3, bindDateBin},
		"date_trunc":         {2, 2, bindDateTrunc},
		"date_part":          {2, 2, bindDatePart},
		"now": {0, 0, func(name string, _ []Expr) (Expr, error) {
			return newNode(name, nil, timestamp, func(ctx *Context, _ []operand, n int) (*column.Vector, error) {
				return ctx.repeat(Timestamp(ctx.clock()), n), nil
			}), nil
		}},
		"current_date": {0, 0, func(name string, _ []Expr) (Expr, error) {
			t := column.Of(column.Date)
			return newNode(name, nil, t, func(ctx *Context, _ []operand, n int) (*column.Vector, error) {
				return ctx.repeat(Value{Type: t, I: text.FloorDiv(ctx.clock(), text.Day)}, n), nil
			}), nil
		}},
		"current_time": {0, 0, func(name string, _ []Expr) (Expr, error) {
			t := column.Of(column.TimeOfDay)
			return newNode(name, nil, t, func(ctx *Context, _ []operand, n int) (*column.Vector, error) {
				return ctx.repeat(Value{Type: t, I: text.FloorMod(ctx.clock(), text.Day)}, n), nil
			}), nil
		}},
		"to_timestamp":         {1, -1, bindToTimestamp(1)},
		"to_timestamp_seconds": {1, -1, bindToTimestamp(text.Second)},
		"to_timestamp_millis":  {1, -1, bindToTimestamp(1_000_000)},
		"to_timestamp_micros":  {1, -1, bindToTimestamp(1_000)},
		"to_timestamp_nanos":   {1, -1, bindToTimestamp(1)},
		"from_unixtime":        {1, 2, bindFromUnixtime},
		"to_unixtime":          {1, -1, bindToUnixtime},
		"to_char":              {2, 2, bindToChar},
		"to_date":              {1, -1, bindToDate},
		"make_date":            fixed(column.Date, makeDateKernel, column.Int64, column.Int64, column.Int64),
		"tz":                   {1, 2, bindTZ},
		"to_local_time":        {1, 1, bindToLocalTime},
		"at_time_zone": {2, 2, func(_ string, args []Expr) (Expr, error) {
			return NewAtTimeZone(args[0], args[1])
		}},
	}
	alias(m, "now", "current_timestamp")
	alias(m, "current_date", "today")
	alias(m, "date_part", "datepart")
	alias(m, "date_trunc", "datetrunc")
	alias(m, "to_char", "date_format")
	return m
}

// timestampArg converts an argument to a timestamp: text is parsed, a date
// becomes its midnight, a zoned timestamp keeps its zone.
func timestampArg(name string, args []Expr, i int) (Expr, error) {
	switch t := args[i].Type(); {
	case t.Kind == column.Timestamp:
		return args[i], nil
	case t.IsText() || t.Kind == column.Date || t.Kind == column.Null:
		return implicitCast(args[i], column.Of(column.Timestamp))
	}
	return nil, signatureError(name, args)
}

// bindToTimestamp binds the to_timestamp family: integers count the unit (in
// nanoseconds), text is parsed, with formats when they are given, and
// timestamps are cut to the unit.
func bindToTimestamp(unit int64) func(string, []Expr) (Expr, error) {
	t := column.Of(column.Timestamp)
	return func(name string, args []Expr) (Expr, error) {
		x := args[0]
		if len(args) > 1 {
			parsed, err := bindParseTime(name, args)
			if err != nil || unit == 1 {
				return parsed, err
			}
			return bindToTimestamp(unit)(name, []Expr{parsed})
		}
		switch k := x.Type(); {
		case k.IsInteger(), k.Kind == column.Float64 && unit != 1:
			if k.Kind != column.Int64 {
				var err error
				if x, err = implicitCast(x, column.Of(column.Int64)); err != nil {
					return nil, err
				}
			}
			return newNode(name, []Expr{x}, t, scaleKernel(t, unit)), nil
		case k.Kind == column.Timestamp || k.IsText() || k.Kind == column.Date || k.Kind == column.Null:
			x, err := timestampArg(name, args, 0)
			if err != nil {
				return nil, err
			}
			return newNode(name, []Expr{x}, x.Type(), cutKernel(x.Type(), unit)), nil
		}
		return nil, signatureError(name, args)
	}
}

// scaleKernel multiplies by a unit.
func scaleKernel(t column.Type, unit int64) kernel {
	return strictRows(t, func(_ *Context, args []operand) func(*column.Vector, int) error {
		x := intSlot(args[0])
		return func(out *column.Vector, i int) error {
			v := x.at(i)
			if v > math.MaxInt64/unit || v < math.MinInt64/unit {
				return errTimeOverflow()
			}
			out.Ints[i] = v * unit
			return nil
		}
	})
}

// cutKernel rounds down to a unit.
func cutKernel(t column.Type, unit int64) kernel {
	return strict(t, func(_ *Context, args []operand, out *column.Vector) error {
		x := intSlot(args[0])
		for i := range out.Ints {
			v := x.at(i)
			out.Ints[i] = v - text.FloorMod(v, unit)
		}
		return nil
	})
}

// bindParseTime is text with formats that are tried in order.
func bindParseTime(name string, args []Expr) (Expr, error) {
	kinds := make([]column.Kind, len(args))
	for i := range kinds {
		kinds[i] = column.String
	}
	args, err := convertArgs(name, args, kinds)
	if err != nil {
		return nil, err
	}
	t := column.Of(column.Timestamp)
	return newNode(name, args, t, strictRows(t, func(ctx *Context, args []operand) func(*column.Vector, int) error {
		s := ctx.textSlot(args[0])
		formats := make([]slot[string], len(args)-1)
		for k := range formats {
			formats[k] = ctx.textSlot(args[k+1])
		}
		return func(out *column.Vector, i int) error {
			for _, f := range formats {
				if ns, err := text.ParseStrftime(s.at(i), f.at(i)); err == nil {
					out.Ints[i] = ns
					return nil
				}
			}
			_, err := text.ParseStrftime(s.at(i), formats[len(formats)-1].at(i))
			return executionError("%v", err)
		}
	})), nil
}

func bindFromUnixtime(name string, args []Expr) (Expr, error) {
	x, err := convertArgs(name, args[:1], []column.Kind{column.Int64})
	if err != nil {
		return nil, err
	}
	t := column.Of(column.Timestamp)
	if len(args) == 2 {
		if t.Zone, err = zoneArg(name, args[1]); err != nil {
			return nil, err
		}
	}
	return newNode(name, x, t, scaleKernel(t, text.Second)), nil
}

func bindToUnixtime(name string, args []Expr) (Expr, error) {
	var x Expr
	var err error
	t := column.Of(column.Int64)
	switch k := args[0].Type(); {
	case len(args) > 1:
		x, err = bindParseTime(name, args)
	case k.IsNumeric():
		return implicitCast(args[0], t) // seconds already
	default:
		x, err = timestampArg(name, args, 0)
	}
	if err != nil {
		return nil, err
	}
	return newNode(name, []Expr{x}, t, strict(t, func(_ *Context, args []operand, out *column.Vector) error {
		x := intSlot(args[0])
		for i := range out.Ints {
			out.Ints[i] = x.at(i) / text.Second
		}
		return nil
	})), nil
}

func bindToDate(name string, args []Expr) (Expr, error) {
	var x Expr
	var err error
	if len(args) > 1 {
		x, err = bindParseTime(name, args)
	} else {
		x = args[0]
	}
	if err != nil {
		return nil, err
	}
	return NewCast(x, column.Of(column.Date), false)
}

var makeDateKernel = strictRows(column.Of(column.Date), func(_ *Context, args []operand) func(*column.Vector, int) error {
	y, m, d := intSlot(args[0]), intSlot(args[1]), intSlot(args[2])
	return func(out *column.Vector, i int) error {
		year, month, day := y.at(i), m.at(i), d.at(i)
		if year < -262144 || year > 262143 || month < 1 || month > 12 || day < 1 || day > int64(text.DaysIn(int(year), int(month))) {
			return executionError("Unable to make a date of %d, %d, %d", year, month, day)
		}
		out.Ints[i] = text.Civil{Year: int(year), Month: int(month), Day: int(day)}.Days()
		return nil
	}
})

// bindToChar formats points in time with strftime directives.
func bindToChar(name string, args []Expr) (Expr, error) {
	format, err := convertArgs(name, args[1:], []column.Kind{column.String})
	if err != nil {
		return nil, err
	}
	ts, err := timestampArg(name, args, 0)
	if err != nil {
		return nil, err
	}
	z, err := zoneOf(ts.Type())
	if err != nil {
		return nil, err
	}
	return newNode(name, []Expr{ts, format[0]}, column.Of(column.String), built(func(ctx *Context, args []operand) func([]byte, int) ([]byte, error) {
		x, f := intSlot(args[0]), ctx.textSlot(args[1])
		return func(dst []byte, i int) ([]byte, error) {
			dst, err := text.AppendStrftime(dst, f.at(i), x.at(i), z.loc)
			if err != nil {
				return nil, executionError("%v", err)
			}
			return dst, nil
		}
	})), nil
}

// zoneArg is the name of a zone given as a literal.
func zoneArg(name string, e Expr) (string, error) {
	lit, ok := e.(*Literal)
	if !ok || !lit.Value.Type.IsText() || lit.Value.Null {
		return "", planError("%s requires its time zone to be a constant string", name)
	}
	if _, err := text.Zone(lit.Value.S); err != nil {
		return "", planError("TZ requires a valid timezone string, got %q", lit.Value.S)
	}
	return lit.Value.S, nil
}

// bindTZ is tz(ts [, zone]): the same instant shown in another zone.
func bindTZ(name string, args []Expr) (Expr, error) {
	ts, err := timestampArg(name, args, 0)
	if err != nil {
		return nil, err
	}
	zoneName := "UTC"
	if len(args) == 2 {
		if zoneName, err = zoneArg(name, args[1]); err != nil {
			return nil, err
		}
	}
	return relabel(name, append([]Expr{ts}, args[1:]...), zoneName), nil
}

// relabel keeps the instant and changes the zone of the type.
func relabel(name string, args []Expr, zoneName string) Expr {
	t := column.Type{Kind: column.Timestamp, Zone: zoneName}
	return newNode(name, args, t, func(ctx *Context, args []operand, n int) (*column.Vector, error) {
		out := ctx.vector(t, n)
		orNulls(out, args[0])
		if args[0].step == 1 {
			copy(out.Ints, args[0].v.Ints)
		} else {
			fill(out.Ints, args[0].v.Ints[0])
		}
		return out, nil
	})
}

// NewAtTimeZone returns ts AT TIME ZONE zone: a naive timestamp keeps its
// clock and gets the zone, a zoned one keeps its instant.
func NewAtTimeZone(ts, zoneName Expr) (Expr, error) {
	ts, err := timestampArg("AT TIME ZONE", []Expr{ts}, 0)
	if err != nil {
		return nil, err
	}
	name, err := zoneArg("AT TIME ZONE", zoneName)
	if err != nil {
		return nil, err
	}
	if ts.Type().Zone != "" {
		return relabel("at_time_zone", []Expr{ts, zoneName}, name), nil
	}
	return newCast(ts, Target{Type: column.Type{Kind: column.Timestamp, Zone: name}}, false)
}

// bindToLocalTime drops the zone and keeps the clock.
func bindToLocalTime(name string, args []Expr) (Expr, error) {
	ts, err := timestampArg(name, args, 0)
	if err != nil {
		return nil, err
	}
	z, err := zoneOf(ts.Type())
	if err != nil {
		return nil, err
	}
	t := column.Of(column.Timestamp)
	return newNode(name, []Expr{ts}, t, strict(t, func(_ *Context, args []operand, out *column.Vector) error {
		x := intSlot(args[0])
		for i := range out.Ints {
			out.Ints[i] = z.local(x.at(i))
		}
		return nil
	})), nil
}
