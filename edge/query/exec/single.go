package exec

import (
	"context"
	"io"

	"tarn/edge/query/expr"
	"tarn/store/column"
)

// single yields the row of a scalar subquery, and fails when there are more.
type single struct {
	in   Operator
	done bool
	row  column.Batch
}

func (s *single) Next(ctx context.Context, b *column.Batch) error {
	if s.done {
		return io.EOF
	}
	s.done = true
	err := drain(ctx, s.in, func(in *column.Batch) error {
		if s.row.Len+in.Len > 1 {
			return &expr.Error{Class: expr.Execution, Msg: "Scalar subquery returned more than one row"}
		}
		appendRows(&s.row, in, 0, in.Len)
		return nil
	})
	if err != nil {
		return err
	}
	if s.row.Len == 0 {
		return io.EOF
	}
	*b = s.row
	return nil
}

func (s *single) Close() error {
	return s.in.Close()
}
