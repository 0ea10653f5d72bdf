package text

import (
	"fmt"
	"strings"
	"time"
	_ "time/tzdata" // devices often lack the zone files
)

// Zone finds a time zone by IANA name ("Europe/Paris", "UTC") or fixed offset
// ("+02:00", "+0200", "+02"). It reads the zone database, so look a column's
// zone up once and keep it.
func Zone(name string) (*time.Location, error) {
	switch name {
	case "UTC", "utc", "Z", "z", "+00:00", "Etc/UTC", "GMT":
		return time.UTC, nil
	case "", "Local": // time.LoadLocation would take them for UTC and the machine's zone
		return nil, fmt.Errorf("unknown time zone %q", name)
	}
	if name[0] == '+' || name[0] == '-' {
		offset, rest, ok := parseOffset(name)
		if !ok || rest != "" {
			return nil, fmt.Errorf("unknown time zone offset %q", name)
		}
		return time.FixedZone(name, offset), nil
	}
	if strings.Contains(name, "..") {
		return nil, fmt.Errorf("unknown time zone %q", name)
	}
	loc, err := time.LoadLocation(name)
	if err != nil {
		return nil, fmt.Errorf("unknown time zone %q", name)
	}
	return loc, nil
}

// ZoneOffset is the offset of a zone from UTC at an instant, in seconds east.
func ZoneOffset(loc *time.Location, ns int64) int {
	if loc == time.UTC {
		return 0
	}
	_, offset := time.Unix(FloorDiv(ns, Second), 0).In(loc).Zone()
	return offset
}

// Local is the wall clock of an instant in a zone, in nanoseconds since the
// epoch as if the clock showed UTC.
func Local(ns int64, loc *time.Location) int64 {
	return ns + int64(ZoneOffset(loc, ns))*Second
}

// FromLocal is the instant at which a zone's wall clock shows local. A time
// that occurs twice (autumn) means the earlier instant; one that the clock
// skips (spring) is read with the offset that applied before the change.
func FromLocal(local int64, loc *time.Location) int64 {
	if loc == time.UTC {
		return local
	}
	// The offsets a day before and after bracket any one change.
	before := int64(ZoneOffset(loc, local-Day)) * Second
	after := int64(ZoneOffset(loc, local+Day)) * Second
	first, second := local-before, local-after
	if before == after {
		return first
	}
	if Local(first, loc) == local {
		return first // before the change, or the first of the two
	}
	if Local(second, loc) == local {
		return second
	}
	return first
}
