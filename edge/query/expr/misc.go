package expr

import (
	"github.com/google/uuid"

	"tarn/store/column"
)

// engineVersion is what version() answers.
const engineVersion = "Tarn, SQL dialect of InfluxDB 3 Core"

// miscFunctions are those of spec/sql.md section 9.8, and uuid().
func miscFunctions() map[string]function {
	return map[string]function{
		"arrow_cast": {2, 2, func(name string, args []Expr) (Expr, error) {
			lit, ok := args[1].(*Literal)
			if !ok || !lit.Value.Type.IsText() || lit.Value.Null {
				return nil, planError("arrow_cast requires its second argument to be a constant string")
			}
			t, err := ParseArrowType(lit.Value.S)
			if err != nil {
				return nil, err
			}
			return NewCastTarget(args[0], t, false)
		}},
		"arrow_typeof": {1, 1, func(_ string, args []Expr) (Expr, error) {
			if c, ok := args[0].(*Cast); ok {
				return NewLiteral(String(c.target.String())), nil // narrow types too
			}
			return NewLiteral(String(args[0].Type().String())), nil
		}},
		"version": {0, 0, func(string, []Expr) (Expr, error) {
			return NewLiteral(String(engineVersion)), nil
		}},
		"uuid": {0, 0, func(name string, _ []Expr) (Expr, error) {
			return newVolatile(name, nil, column.Of(column.String), uuidKernel), nil
		}},
	}
}

func uuidKernel(ctx *Context, _ []operand, n int) (*column.Vector, error) {
	out := ctx.vector(column.Of(column.String), n)
	for i := range out.Strings {
		id, err := uuid.NewRandom()
		if err != nil {
			return nil, executionError("uuid: %v", err)
		}
		out.Strings[i] = id.String()
	}
	return out, nil
}
