package pipeline

import (
	"fmt"
	"math"
	"strconv"
)

// units are the spellings of units in epoch and in types.
var units = map[string]Unit{
	"s": Second, "sec": Second, "second": Second,
	"ms": Millisecond, "milli": Millisecond, "millisecond": Millisecond,
	"us": Microsecond, "micro": Microsecond, "microsecond": Microsecond,
	"ns": Nanosecond, "nano": Nanosecond, "nanosecond": Nanosecond,
}

// epochOp makes a timestamp of a number.
type epochOp struct{ unit Unit }

func buildEpoch(o *options) step {
	name := o.text("resolution", "ms")
	u, ok := units[name]
	if !ok {
		o.fail(o.lineOf("resolution"), "resolution must be s, ms, us or ns, not %q", name)
	}
	return eachField(o, epochOp{u})
}

func (e epochOp) apply(r *Runner, f *field, v Value) error {
	var count int64
	switch v.kind {
	case Int:
		count = v.Int()
	case Float:
		if math.IsNaN(v.Float()) || math.Abs(v.Float()) >= 1<<63 {
			return fmt.Errorf("field %s: %v is no timestamp", f.from, v.Float())
		}
		count = int64(v.Float())
	case String:
		var err error
		if count, err = strconv.ParseInt(v.text, 10, 64); err != nil {
			return fmt.Errorf("field %s: %s is no timestamp", f.from, shown(v.text))
		}
	case Time:
		var ok bool
		if count, ok = scale(v.Int(), v.unit, e.unit); !ok {
			return fmt.Errorf("field %s: a timestamp out of range", f.from)
		}
	default:
		return expected("string, number or timestamp", f, &v)
	}
	r.record.Set(f.to, TimeOf(count, e.unit))
	return nil
}
