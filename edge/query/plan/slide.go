package plan

import "tarn/edge/query/text"

// Slide yields each row once for every window of a RANGE query that it lies in:
// those that start at w = Origin + k*Step, for a k, with w <= time < w + Length.
// It adds w as the last column. Rows without a time are dropped.
type Slide struct {
	Input Node
	// Time is the column of times.
	Time                 int
	Origin, Step, Length int64
	Output               []Column
}

// Windows is how many windows a row lies in at most.
func (s *Slide) Windows() int64 { return (s.Length-1)/s.Step + 1 }

// First is the start of the newest window that a time lies in, if windows have
// no gaps between them.
func (s *Slide) First(t int64) int64 { return s.Origin + text.FloorDiv(t-s.Origin, s.Step)*s.Step }

// Columns is Node's.
func (s *Slide) Columns() []Column { return s.Output }

// Inputs is Node's.
func (s *Slide) Inputs() []Node { return []Node{s.Input} }
