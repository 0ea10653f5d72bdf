package greptime

import (
	"tarn/edge/api/gate"
	"tarn/edge/api/greptime/statement"
	"tarn/store/column"
)

// arrowWriter refuses rows in the format arrow; see README, Limits.
type arrowWriter struct{ *answer }

func (*arrowWriter) affected(int64) error { return nil }

func (*arrowWriter) begin([]statement.Column) error {
	return gate.Errorf(gate.Unsupported, "the format arrow is not supported")
}

func (*arrowWriter) rows(*column.Batch, int) error { return nil }

func (*arrowWriter) done() error { return nil }

func (*arrowWriter) end() error { return nil }
