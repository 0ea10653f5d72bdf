package expr

import (
	"math"

	"tarn/edge/query/text"
	"tarn/store/column"
)

// bindDateBin binds date_bin(stride, ts [, origin]) and date_bin_wallclock.
func bindDateBin(name string, args []Expr) (Expr, error) {
	upper := "DATE_BIN"
	stride := args[0]
	switch t := stride.Type(); {
	case t.Kind == column.IntervalKind:
	case t.IsText() || t.Kind == column.Duration || t.Kind == column.Null:
		var err error
		if stride, err = implicitCast(stride, column.Of(column.IntervalKind)); err != nil {
			return nil, err
		}
	default:
		return nil, signatureError(name, args)
	}
	if !Constant(stride) {
		return nil, &Error{NotImplemented, upper + " only supports literal values for the stride argument, not arrays"}
	}
	ts, err := timestampArg(name, args, 1)
	if err != nil {
		return nil, err
	}
	out := []Expr{stride, ts}
	if len(args) == 3 {
		origin, err := timestampArg(name, args, 2)
		if err != nil {
			return nil, err
		}
		if !Constant(origin) {
			return nil, &Error{NotImplemented, upper + " only supports literal values for the origin argument, not arrays"}
		}
		out = append(out, origin)
	}
	if lit, ok := stride.(*Literal); ok && !lit.Value.Null {
		if _, err := NewBinner(lit.Value.Iv, 0); err != nil {
			return nil, err
		}
	}
	z := zone{}
	if name == "date_bin_wallclock" {
		if z, err = zoneOf(ts.Type()); err != nil {
			return nil, err
		}
		if lit, ok := stride.(*Literal); ok && z.loc != nil && lit.Value.Iv.Months != 0 {
			return nil, &Error{NotImplemented, "DATE_BIN_WALLCLOCK does not support months in the stride"}
		}
	}
	return newNode(name, out, ts.Type(), dateBinKernel(ts.Type(), z)), nil
}

func dateBinKernel(t column.Type, z zone) kernel {
	return strict(t, func(_ *Context, args []operand, out *column.Vector) error {
		origin := int64(0)
		if len(args) == 3 {
			origin = args[2].v.Ints[0]
		}
		b, err := NewBinner(args[0].v.Intervals[0], origin)
		if err != nil {
			return err
		}
		ts := args[1]
		switch {
		case z.loc != nil:
			for i := range out.Ints {
				out.Ints[i] = b.wallclock(ts.v.Ints[i*ts.step], z)
			}
		case ts.step == 1:
			b.Bins(out.Ints, ts.v.Ints)
		default:
			fill(out.Ints, b.Bin(ts.v.Ints[0]))
		}
		return nil
	})
}

// Binner assigns instants to bins of equal length that begin at an origin. It
// remembers the last bin, so that instants in order cost a comparison each; a
// copy is needed per goroutine.
type Binner struct {
	stride int64 // nanoseconds, 0 for months
	months int64
	origin int64

	// The last bin is [from, from+length); length 0 is none yet.
	from   int64
	length uint64
}

// NewBinner returns the bins of date_bin (spec/sql.md section 7.4): a stride
// of days and nanoseconds, or of months.
func NewBinner(stride column.Interval, origin int64) (Binner, error) {
	if stride.Months != 0 {
		if stride.Days != 0 || stride.Nanos != 0 {
			return Binner{}, &Error{NotImplemented, "DATE_BIN stride does not support combination of month, day and nanosecond intervals"}
		}
		if stride.Months < 0 {
			return Binner{}, executionError("DATE_BIN stride must be positive")
		}
		return Binner{months: int64(stride.Months), origin: origin}, nil
	}
	s, ok := intervalToDuration(stride)
	switch {
	case !ok:
		return Binner{}, executionError("DATE_BIN stride is too large")
	case s == 0:
		return Binner{}, executionError("DATE_BIN stride must be non-zero")
	case s < 0:
		return Binner{}, executionError("DATE_BIN stride must be positive")
	}
	return Binner{stride: s, origin: text.FloorMod(origin, s)}, nil
}

// Bin returns the beginning of the bin of an instant.
func (b *Binner) Bin(ts int64) int64 {
	if uint64(ts-b.from) < b.length {
		return b.from
	}
	if b.months != 0 {
		b.monthBin(ts)
	} else {
		b.from = ts - text.FloorMod(text.FloorMod(ts, b.stride)-b.origin, b.stride)
		b.length = uint64(b.stride)
		if b.from > ts { // below the least timestamp
			b.from, b.length = math.MinInt64, 0
		}
	}
	return b.from
}

// Next returns the beginning of the bin after the one that begins at from.
func (b *Binner) Next(from int64) int64 {
	if b.months == 0 {
		return from + b.stride
	}
	day := text.FloorDiv(from, text.Day)
	c, o := text.CivilOf(day), text.CivilOf(text.FloorDiv(b.origin, text.Day))
	k := int64(c.Year-o.Year)*12 + int64(c.Month-o.Month) + b.months
	return b.monthStart(k)
}

// Bins fills out with the bins of ts.
func (b *Binner) Bins(out, ts []int64) {
	ts = ts[:len(out)]
	for i, t := range ts {
		if uint64(t-b.from) < b.length {
			out[i] = b.from
			continue
		}
		out[i] = b.Bin(t)
	}
}

// monthStart is the origin moved by k months.
func (b *Binner) monthStart(k int64) int64 {
	day := text.FloorDiv(b.origin, text.Day)
	clock := b.origin - day*text.Day
	day = text.CivilOf(day).AddMonths(k).Days()
	ns, ok := text.JoinSeconds(day*86400+clock/text.Second, clock%text.Second)
	if !ok {
		if k > 0 {
			return math.MaxInt64
		}
		return math.MinInt64
	}
	return ns
}

func (b *Binner) monthBin(ts int64) {
	c := text.CivilOf(text.FloorDiv(ts, text.Day))
	o := text.CivilOf(text.FloorDiv(b.origin, text.Day))
	k := int64(c.Year-o.Year)*12 + int64(c.Month-o.Month)
	k -= text.FloorMod(k, b.months)
	from := b.monthStart(k)
	if from > ts { // the day or the clock of the origin is later in the month
		k -= b.months
		from = b.monthStart(k)
	}
	b.from, b.length = from, uint64(b.monthStart(k+b.months)-from)
}

// wallclock bins on the clock of a zone (spec/sql.md section 7.5).
func (b *Binner) wallclock(ts int64, z zone) int64 {
	local := b.Bin(z.local(ts))
	earlier := text.FromLocal(local, z.loc)
	// The instant at which the clock shows the same with the offset of ts.
	same := local - (z.local(ts) - ts)
	if same > earlier && z.local(same) == local && b.stride <= same-earlier {
		return same
	}
	return earlier
}
