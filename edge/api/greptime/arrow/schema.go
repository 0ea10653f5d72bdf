package arrow

import (
	flatbuffers "github.com/google/flatbuffers/go"

	"tarn/store/column"
)

// Column is a column of the stream.
type Column struct {
	Name string
	Type column.Type
	// Bits is the width of narrow numbers, 0 for 64.
	Bits int
	// Unit is the nanoseconds of the unit of a timestamp: 1, 1e3, 1e6 or 1e9; or
	// that of a day, which makes it a date.
	Unit int64
}

// Numbers of the union Type.
const (
	typeNull      = 1
	typeInt       = 2
	typeFloat     = 3
	typeUtf8      = 5
	typeBool      = 6
	typeDate      = 8
	typeTime      = 9
	typeTimestamp = 10
	typeInterval  = 11
	typeList      = 12
	typeStruct    = 13
	typeDuration  = 18
)

// Units of times: SECOND to NANOSECOND.
var units = map[int64]int16{1e9: 0, 1e6: 1, 1e3: 2, 1: 3}

const (
	nanosecond   = 3
	monthDayNano = 2
	day          = 86400e9
)

// children are the columns within one.
func (c Column) children() []Column {
	switch c.Type.Kind {
	case column.List:
		return []Column{{Name: "item", Type: c.Type.Nested.Types[0]}}
	case column.Struct:
		out := make([]Column, len(c.Type.Nested.Names))
		for i, n := range c.Type.Nested.Names {
			out[i] = Column{Name: n, Type: c.Type.Nested.Types[i]}
		}
		return out
	}
	return nil
}

// bits is the width of a number.
func (c Column) bits() int {
	if c.Bits != 0 {
		return c.Bits
	}
	return 64
}

// table builds a table with one call for each slot that is set.
func table(b *flatbuffers.Builder, slots int, set ...func()) flatbuffers.UOffsetT {
	b.StartObject(slots)
	for _, f := range set {
		f()
	}
	return b.EndObject()
}

// typeOf builds the table of a type, a member of the union Type.
func (c Column) typeOf(b *flatbuffers.Builder) (kind byte, t flatbuffers.UOffsetT) {
	short := func(slot int, v int16) func() { return func() { b.PrependInt16Slot(slot, v, -1) } }
	long := func(slot int, v int32) func() { return func() { b.PrependInt32Slot(slot, v, -1) } }
	switch c.Type.Kind {
	case column.Bool:
		return typeBool, table(b, 0)
	case column.Int64, column.Uint64:
		return typeInt, table(b, 2, long(0, int32(c.bits())), func() { b.PrependBoolSlot(1, c.Type.Kind == column.Int64, false) })
	case column.Float64:
		precision := int16(2)
		if c.Bits == 32 {
			precision = 1
		}
		return typeFloat, table(b, 1, short(0, precision))
	case column.Date:
		return typeDate, table(b, 1, short(0, 0))
	case column.Timestamp:
		if c.Unit == day {
			return typeDate, table(b, 1, short(0, 0))
		}
		unit, ok := units[c.Unit]
		if !ok {
			unit = nanosecond
		}
		if c.Type.Zone == "" {
			return typeTimestamp, table(b, 2, short(0, unit))
		}
		zone := b.CreateString(c.Type.Zone)
		return typeTimestamp, table(b, 2, short(0, unit), func() { b.PrependUOffsetTSlot(1, zone, 0) })
	case column.TimeOfDay:
		return typeTime, table(b, 2, short(0, nanosecond), long(1, 64))
	case column.Duration:
		return typeDuration, table(b, 1, short(0, nanosecond))
	case column.IntervalKind:
		return typeInterval, table(b, 1, short(0, monthDayNano))
	case column.List:
		return typeList, table(b, 0)
	case column.Struct:
		return typeStruct, table(b, 0)
	case column.Null:
		return typeNull, table(b, 0)
	}
	return typeUtf8, table(b, 0)
}

// field builds the table Field of a column.
func (c Column) field(b *flatbuffers.Builder) flatbuffers.UOffsetT {
	inner := fields(b, c.children())
	name := b.CreateString(c.Name)
	kind, t := c.typeOf(b)
	return table(b, 7,
		func() { b.PrependUOffsetTSlot(0, name, 0) },
		func() { b.PrependBoolSlot(1, true, false) }, // nullable
		func() { b.PrependByteSlot(2, kind, 0) },
		func() { b.PrependUOffsetTSlot(3, t, 0) },
		func() { b.PrependUOffsetTSlot(5, inner, 0) })
}

func fields(b *flatbuffers.Builder, columns []Column) flatbuffers.UOffsetT {
	list := make([]flatbuffers.UOffsetT, len(columns))
	for i, c := range columns {
		list[i] = c.field(b)
	}
	b.StartVector(flatbuffers.SizeUOffsetT, len(list), flatbuffers.SizeUOffsetT)
	for i := len(list) - 1; i >= 0; i-- {
		b.PrependUOffsetT(list[i])
	}
	return b.EndVector(len(list))
}
