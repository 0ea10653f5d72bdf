package query

import (
	"context"
	"errors"

	"tarn/edge/query/exec"
	"tarn/edge/query/expr"
	"tarn/edge/query/plan"
	"tarn/edge/query/spill"
	"tarn/edge/query/sql"
	"tarn/store"
)

// Error is a query's error with its class; its text is that of spec/sql.md
// section 14.
type Error = plan.Error

// Class says what kind of error a query met.
type Class = plan.Class

// The classes of errors.
const (
	Parse            = plan.Parse
	Plan             = plan.Plan
	Schema           = plan.Schema
	NotImplemented   = plan.NotImplemented
	Execution        = plan.Execution
	Resources        = plan.Resources
	DatabaseNotFound = plan.DatabaseNotFound
	Busy             = plan.Busy
	Timeout          = plan.Timeout
)

// classify gives every error of planning and running a class; those of the
// environment, such as a broken file, stay as they are.
func classify(err error) error {
	var (
		known  *plan.Error
		parse  *sql.Error
		typed  *expr.Error
		memory *exec.ErrMemory
		crowd  *exec.ErrCrowded
		files  *spill.Error
	)
	switch {
	case err == nil, errors.As(err, &known):
		return err
	case errors.As(err, &parse):
		if parse.Refused() {
			return &Error{Class: Plan, Msg: parse.Error(), Err: err}
		}
		return &Error{Class: Parse, Msg: parse.Error(), Err: err}
	case errors.As(err, &memory):
		return &Error{Class: Resources, Msg: memory.Error(), Err: err}
	case errors.As(err, &crowd):
		return &Error{Class: Busy, Msg: crowd.Error(), Err: err}
	case errors.As(err, &files):
		return &Error{Class: Resources, Msg: "Resources exhausted: the query needs more memory than it may have, and " + files.Error() +
			": narrow the time range, select fewer columns, or raise --max-spill-bytes or --memory-limit", Err: err}
	case errors.As(err, &typed):
		class := map[expr.Class]Class{expr.Plan: Plan, expr.NotImplemented: NotImplemented, expr.Arrow: Execution, expr.Execution: Execution, expr.Argument: Execution}[typed.Class]
		return &Error{Class: class, Msg: typed.Error(), Err: err}
	case errors.Is(err, context.DeadlineExceeded):
		return &Error{Class: Timeout, Msg: "the query took longer than its timeout allows: narrow the time range, or raise --query-timeout", Err: err}
	case errors.Is(err, store.ErrNotFound):
		return &Error{Class: Plan, Msg: "Error during planning: " + err.Error(), Err: err}
	}
	return err
}
