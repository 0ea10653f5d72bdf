package promql

import "context"

// Library is Prepare without sweeps.
func (e *Engine) Library(ctx context.Context, data Queryable, q Query) (Prepared, error) {
	return e.library(ctx, data, q)
}
