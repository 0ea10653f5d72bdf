// Package expr holds bound, typed scalar expressions and evaluates them a
// batch at a time.
//
// A binder builds expressions with the New functions, which check types and
// insert the implicit conversions of spec/sql.md section 6.1. Operators
// evaluate them over column.Batch with a Context, which owns the memory of the
// results.
//
// Three ideas keep evaluation cheap. Literal operands stay scalars: kernels
// take operands as (values, step) pairs, step 0 repeating one value. Nulls are
// OR-ed a bitmap at a time, and kernels run over null rows too, unless they can
// fail. And an expression whose only input is one dictionary column is computed
// once per distinct code and then looked up by row (dict.go).
package expr
