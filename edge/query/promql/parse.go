package promql

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/prometheus/common/model"
)

// maxSeconds bounds times: beyond it, sums of times in ms would overflow.
const maxSeconds = math.MaxInt64 / 1e6

// ParseTime reads a time as Prometheus's API has it: RFC 3339, or seconds since
// epoch with a fraction.
func ParseTime(text string) (time.Time, error) {
	if s, err := strconv.ParseFloat(text, 64); err == nil {
		whole, part := math.Modf(s)
		if math.IsNaN(s) || math.Abs(whole) > maxSeconds {
			return time.Time{}, fmt.Errorf("the time %q is out of range", text)
		}
		// To the millisecond, so that 1.001 is not a bit less.
		return time.Unix(int64(whole), int64(math.Round(part*1000)*1e6)).UTC(), nil
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return time.Time{}, fmt.Errorf("cannot parse %q to a valid timestamp", text)
	}
	return t, nil
}

// ParseDuration reads a duration: seconds with a fraction, or such as 1h30m.
func ParseDuration(text string) (time.Duration, error) {
	if s, err := strconv.ParseFloat(text, 64); err == nil {
		ns := s * float64(time.Second)
		if math.IsNaN(ns) || math.Abs(ns) > math.MaxInt64/2 {
			return 0, fmt.Errorf("the duration %q is out of range", text)
		}
		return time.Duration(ns), nil
	}
	d, err := model.ParseDuration(text)
	if err != nil {
		return 0, fmt.Errorf("cannot parse %q to a valid duration", text)
	}
	return time.Duration(d), nil
}

// MaxPoints bounds the steps of a range query, as Prometheus does.
const MaxPoints = 11_000

// CheckRange says what is wrong with the steps of a range query, or nil.
func CheckRange(start, end time.Time, step time.Duration) error {
	switch {
	case end.Before(start):
		return fmt.Errorf("end timestamp must not be before start time")
	case step < time.Millisecond:
		return fmt.Errorf("zero or negative query resolution step widths are not accepted. Try a positive integer")
	case (end.UnixMilli()-start.UnixMilli())/step.Milliseconds() > MaxPoints:
		return fmt.Errorf("exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)")
	}
	return nil
}
