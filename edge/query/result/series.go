package result

import "time"

// Series says how rows fall into the series of InfluxQL's v1 answers: the first
// column is the measurement, then come the time, if there is one, the group
// tags, and the values. Rows of one series follow each other.
type Series struct {
	// Unnamed series have no measurement.
	Unnamed bool
	// Header says that a statement without rows shows its columns.
	Header bool
	// HasTime says that the second column is the time.
	HasTime bool
	// Tags is the number of tag columns.
	Tags int
	// Zone is what times without an epoch are shown in; nil is UTC.
	Zone *time.Location
}

// Values is the number of the first column of values.
func (s *Series) Values() int {
	if s.HasTime {
		return 2 + s.Tags
	}
	return 1 + s.Tags
}
