package plan

import "tarn/edge/query/sql"

// Recursive yields the rows of Static, and then those that Term makes of the
// rows before, until it makes none.
type Recursive struct {
	Static, Term Node
	// Work is what WorkScans in Term read.
	Work   *Work
	Output []Column
}

// Work names the rows that the last round of a Recursive made.
type Work struct{ Columns []Column }

// WorkScan reads the rows of the last round.
type WorkScan struct {
	Work   *Work
	Output []Column
	// Picked are the columns to yield.
	Picked []int
}

// Columns is Node's.
func (r *Recursive) Columns() []Column { return r.Output }

// Inputs is Node's.
func (r *Recursive) Inputs() []Node { return []Node{r.Static, r.Term} }

// Columns is Node's.
func (w *WorkScan) Columns() []Column { return w.Output }

// Inputs is Node's.
func (w *WorkScan) Inputs() []Node { return nil }

// recursive plans a WITH RECURSIVE query that reads itself; ok is false for
// one that does not.
func (b *Binder) recursive(c cte) (_ Node, ok bool, err error) {
	union, isUnion := c.query.Body.(*sql.SetOp)
	if !c.recursive || !isUnion || union.Op != "UNION" || len(c.query.With) > 0 {
		return nil, false, nil
	}
	static, err := b.body(union.Left)
	if err != nil {
		return nil, false, err
	}
	cols := make([]Column, len(static.Columns()))
	for i, o := range static.Columns() {
		cols[i] = Column{Qualifier: c.name, Name: o.Name, Type: plainText(o.Type)}
		if i < len(c.columns) {
			cols[i].Name = c.columns[i].Name
		}
	}
	if len(c.columns) > len(cols) {
		return nil, false, planErrorf("Source table contains %d columns but only %d names given as column alias", len(cols), len(c.columns))
	}
	self := c
	self.work = &Work{Columns: cols}
	b.ctes = append(b.ctes[:len(b.ctes):len(b.ctes)], self)
	term, err := b.body(union.Right)
	b.ctes = b.ctes[:len(b.ctes)-1]
	if err != nil {
		return nil, false, err
	}
	if !reads(term, self.work) {
		return nil, false, nil
	}
	if !union.All {
		return nil, false, notImplemented("Recursive queries with a distinct 'UNION' (in which the previous iteration's results will be de-duplicated) are not supported")
	}
	if c.query.OrderBy != nil || c.query.Limit != nil || c.query.Offset != nil {
		return nil, false, notImplemented("ORDER BY and LIMIT within a recursive query")
	}
	if len(term.Columns()) != len(cols) {
		return nil, false, planErrorf("UNION queries have different number of columns")
	}
	if static, err = convert(static, cols); err != nil {
		return nil, false, err
	}
	if term, err = convert(term, cols); err != nil {
		return nil, false, err
	}
	return &Recursive{Static: static, Term: term, Work: self.work, Output: cols}, true, nil
}

// reads says whether a plan reads the rows of a round.
func reads(n Node, w *Work) bool {
	if s, ok := n.(*WorkScan); ok && s.Work == w {
		return true
	}
	for _, in := range n.Inputs() {
		if reads(in, w) {
			return true
		}
	}
	return false
}

// workScan reads the rows before, under a name.
func (w *Work) scan(qualifier string) *WorkScan {
	s := &WorkScan{Work: w}
	for i, c := range w.Columns {
		c.Qualifier = qualifier
		s.Output, s.Picked = append(s.Output, c), append(s.Picked, i)
	}
	return s
}
