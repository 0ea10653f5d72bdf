package plan

// TimeOrdered is a Sort whose first key is the time of the scan below, for the
// case that nobody limits it: rows come in order without all of them being held.
// One stretch of time after the other is read and sorted.
type TimeOrdered struct {
	Input Node
	Keys  []SortKey
}

// Columns is Node's.
func (t *TimeOrdered) Columns() []Column { return t.Input.Columns() }

// Inputs is Node's.
func (t *TimeOrdered) Inputs() []Node { return []Node{t.Input} }

// Scan is the scan at the end of the chain of projections and filters that Input
// is, nil when it is none.
func (t *TimeOrdered) Scan() *Scan { return (&TopPerSeries{Input: t.Input}).Scan() }

// Over is the sort of the chain over another scan.
func (t *TimeOrdered) Over(s *Scan) Node {
	return &Sort{Input: over(t.Input, s), Keys: t.Keys, Top: -1}
}
