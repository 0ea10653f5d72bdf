package plan

import "tarn/edge/query/expr"

// narrow makes an outer join one that yields fewer rows, when predicates over
// its output drop those that it would fill up with nulls.
func (j *Join) narrow(conds []expr.Expr) {
	n := len(j.Left.Columns())
	for _, c := range conds {
		if rejectsNull(c, func(i int) bool { return i >= n }) { // rows without a right one
			switch j.Kind {
			case LeftJoin:
				j.Kind = InnerJoin
			case FullJoin:
				j.Kind = RightJoin
			}
		}
		if rejectsNull(c, func(i int) bool { return i < n }) { // rows without a left one
			switch j.Kind {
			case RightJoin:
				j.Kind = InnerJoin
			case FullJoin:
				j.Kind = LeftJoin
			}
		}
	}
}

// rejectsNull says whether a predicate is not true where the given columns are
// null.
func rejectsNull(c expr.Expr, in func(int) bool) bool {
	switch e := c.(type) {
	case *expr.Unary:
		switch e.Op {
		case expr.IsNotNull:
			return expr.Strict(e.X, in)
		case expr.IsTrue, expr.IsFalse:
			return expr.Strict(e.X, in) || e.Op == expr.IsTrue && rejectsNull(e.X, in)
		}
	case *expr.Binary:
		switch e.Op {
		case expr.And:
			return rejectsNull(e.L, in) || rejectsNull(e.R, in)
		case expr.Or:
			return rejectsNull(e.L, in) && rejectsNull(e.R, in)
		}
	}
	return expr.Strict(c, in)
}
