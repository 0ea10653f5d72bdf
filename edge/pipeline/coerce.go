package pipeline

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

var typeSpellings = map[string]typeKind{
	"boolean": typeBool, "bool": typeBool, "string": typeString, "json": typeJSON,
	"int8": typeInt8, "int16": typeInt16, "int32": typeInt32, "int64": typeInt64,
	"uint8": typeUint8, "uint16": typeUint16, "uint32": typeUint32, "uint64": typeUint64,
	"float32": typeFloat32, "float64": typeFloat64,
}

// parseType reads "int32", "time" or "epoch, ms".
func parseType(s string) (Type, bool) {
	name, unit, hasUnit := strings.Cut(s, ",")
	name = strings.ToLower(strings.TrimSpace(name))
	switch name {
	case "time", "epoch", "timestamp":
		t := Type{kind: typeTime, unit: Nanosecond}
		if hasUnit {
			u, ok := units[strings.ToLower(strings.TrimSpace(unit))]
			if !ok {
				return t, false
			}
			t.unit = u
		}
		return t, true
	}
	k, ok := typeSpellings[name]
	return Type{kind: k}, ok && !hasUnit
}

// intRange is what an integer type can hold; for uint64 max is not used.
func (t Type) intRange() (low, high int64) {
	switch t.kind {
	case typeInt8:
		return math.MinInt8, math.MaxInt8
	case typeInt16:
		return math.MinInt16, math.MaxInt16
	case typeInt32:
		return math.MinInt32, math.MaxInt32
	case typeUint8:
		return 0, math.MaxUint8
	case typeUint16:
		return 0, math.MaxUint16
	case typeUint32:
		return 0, math.MaxUint32
	}
	return math.MinInt64, math.MaxInt64
}

// zero is the value of a type that stands for a missing one.
func (t Type) zero() Value {
	switch t.Class() {
	case Bool:
		return BoolOf(false)
	case Int:
		return IntOf(0)
	case Uint:
		return Value{kind: Uint}
	case Float:
		return FloatOf(0)
	case Time:
		return TimeOf(0, t.unit)
	}
	if t.kind == typeJSON {
		return StringOf("null")
	}
	return StringOf("")
}

// coerce makes a value of the type's Class, as spec section 8.7 says.
func (t Type) coerce(a *arena, v Value) (Value, error) {
	switch t.Class() {
	case Bool:
		switch v.kind {
		case Bool:
			return v, nil
		case Int, Uint:
			return BoolOf(v.num != 0), nil
		case Float:
			return BoolOf(v.Float() != 0), nil
		case String:
			switch {
			case strings.EqualFold(v.text, "true"):
				return BoolOf(true), nil
			case strings.EqualFold(v.text, "false"):
				return BoolOf(false), nil
			}
		}
	case Int, Uint:
		return t.integer(v)
	case Float:
		switch v.kind {
		case Bool, Int, Uint, Float, String:
			f, ok := v.float()
			if t.kind == typeFloat32 {
				f = float64(float32(f))
			}
			if ok {
				return FloatOf(f), nil
			}
		}
	case Time:
		switch v.kind {
		case Time:
			if count, ok := scale(v.Int(), v.unit, t.unit); ok {
				return TimeOf(count, t.unit), nil
			}
		case Int:
			return TimeOf(v.Int(), t.unit), nil
		}
	default:
		return t.str(a, v)
	}
	return v, t.refuse(v)
}

func (t Type) refuse(v Value) error {
	if v.kind == String {
		return fmt.Errorf("cannot make %s of the string %s", t, shown(v.text))
	}
	if v.kind == List || v.kind == Map || v.kind == Time {
		return fmt.Errorf("cannot make %s of a value of type %s", t, v.kind)
	}
	return fmt.Errorf("cannot make %s of the %s %s", t, v.kind, v.AppendJSON(nil))
}

// float is a scalar as a float.
func (v *Value) float() (float64, bool) {
	switch v.kind {
	case Bool, Uint:
		return float64(v.num), true
	case Int:
		return float64(v.Int()), true
	case Float:
		return v.Float(), true
	case String:
		f, err := strconv.ParseFloat(strings.TrimSpace(v.text), 64)
		return f, err == nil
	}
	return 0, false
}

func (t Type) integer(v Value) (Value, error) {
	out := v
	switch v.kind {
	case Bool:
		out.kind = Int
	case Int, Uint:
	case Float:
		f := math.Trunc(v.Float())
		switch {
		case f >= -1<<63 && f < 1<<63:
			out = IntOf(int64(f))
		case f >= 0 && f < 1<<64:
			out = UintOf(uint64(f))
		default:
			return v, t.refuse(v)
		}
	case String:
		s := strings.TrimSpace(v.text)
		if i, err := strconv.ParseInt(s, 10, 64); err == nil {
			out = IntOf(i)
		} else if u, err := strconv.ParseUint(s, 10, 64); err == nil {
			out = UintOf(u)
		} else {
			return v, t.refuse(v)
		}
	default:
		return v, t.refuse(v)
	}
	if t.kind == typeUint64 {
		if out.kind == Int && out.Int() < 0 {
			return v, t.refuse(v)
		}
	} else if low, high := t.intRange(); out.kind == Uint || out.Int() < low || out.Int() > high {
		return v, t.refuse(v)
	}
	out.kind, out.text = t.Class(), ""
	return out, nil
}

func (t Type) str(a *arena, v Value) (Value, error) {
	switch {
	case t.kind == typeString && v.kind == String:
		return v, nil
	case v.kind == Time, t.kind == typeString && (v.kind == List || v.kind == Map):
		return v, t.refuse(v)
	}
	return StringOf(a.end(v.AppendJSON(a.begin(64)))), nil
}

// inferred is the type of a column that no transform names, and the value as
// such a column has it.
func inferred(a *arena, v Value) (Type, Value) {
	switch v.kind {
	case Bool:
		return Type{kind: typeBool}, v
	case Int:
		return Type{kind: typeInt64}, v
	case Uint:
		return Type{kind: typeUint64}, v
	case Float:
		return Type{kind: typeFloat64}, v
	case Time:
		return Type{kind: typeTime, unit: v.unit}, v
	case String:
		return Type{kind: typeString}, v
	}
	return Type{kind: typeJSON}, StringOf(a.end(v.AppendJSON(a.begin(64))))
}
