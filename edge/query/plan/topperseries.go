package plan

import "fmt"

// TopPerSeries yields at least the first Count rows of each series in the order
// of time, and as few of the others as it can. A series is a combination of
// tags; rows come in no order.
//
// It is for queries like "the last row of every host": Input, a chain of
// projections and filters over a scan, is run for one stretch of time after the
// other, and for fewer series each time.
type TopPerSeries struct {
	Input Node
	// Keys are the columns of Input that tell series apart, and TagIDs the
	// scanned table's columns that they come from.
	Keys, TagIDs []int
	Count        int64
	Desc         bool
}

// Columns is Node's.
func (t *TopPerSeries) Columns() []Column { return t.Input.Columns() }

// Inputs is Node's.
func (t *TopPerSeries) Inputs() []Node { return []Node{t.Input} }

func (t *TopPerSeries) describe() string {
	order := "oldest"
	if t.Desc {
		order = "newest"
	}
	return fmt.Sprintf("TopPerSeries: %d %s first", t.Count, order)
}

// Scan is the scan at the end of the chain, nil when Input is none.
func (t *TopPerSeries) Scan() *Scan {
	for n := t.Input; ; {
		switch in := n.(type) {
		case *Project:
			n = in.Input
		case *Filter:
			n = in.Input
		case *Scan:
			return in
		default:
			return nil
		}
	}
}

// Over is the chain over another scan.
func (t *TopPerSeries) Over(s *Scan) Node { return over(t.Input, s) }

func over(n Node, s *Scan) Node {
	switch n := n.(type) {
	case *Project:
		c := *n
		c.Input = over(n.Input, s)
		return &c
	case *Filter:
		return &Filter{over(n.Input, s), n.Cond}
	}
	return s
}
