package expr

import (
	"time"

	"tarn/edge/query/text"
	"tarn/store/column"
)

// zone converts between instants and a column's wall clock. The zero zone is
// UTC.
type zone struct{ loc *time.Location }

// zoneOf is the zone in which a timestamp type shows its clock.
func zoneOf(t column.Type) (zone, error) {
	if t.Zone == "" {
		return zone{}, nil
	}
	loc, err := text.Zone(t.Zone)
	if err != nil {
		return zone{}, planError("Invalid timezone %q", t.Zone)
	}
	if loc == time.UTC {
		loc = nil
	}
	return zone{loc}, nil
}

func (z zone) local(ns int64) int64 {
	if z.loc == nil {
		return ns
	}
	return text.Local(ns, z.loc)
}

func (z zone) instant(local int64) int64 {
	if z.loc == nil {
		return local
	}
	return text.FromLocal(local, z.loc)
}
