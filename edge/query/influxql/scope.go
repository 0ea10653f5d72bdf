package influxql

import (
	ast "github.com/influxdata/influxql"

	"tarn/edge/query/expr"
)

// scope gives names and calls their meaning in an expression.
type scope struct {
	ref  func(*ast.VarRef) (expr.Expr, error)
	call func(*ast.Call) (expr.Expr, error)
}

func (s *scope) expr(e ast.Expr) (expr.Expr, error) {
	switch e := e.(type) {
	case *ast.VarRef:
		return s.ref(e)
	case *ast.Distinct:
		return s.call(e.NewCall())
	case *ast.Call:
		if !isMath(e.Name) {
			return s.call(e)
		}
		var args []expr.Expr
		for _, a := range e.Args {
			x, err := s.expr(a)
			if err != nil {
				return nil, err
			}
			args = append(args, x)
		}
		if len(args) != mathArity(e.Name) {
			return nil, planError("invalid number of arguments for %s, expected %d, got %d", e.Name, mathArity(e.Name), len(args))
		}
		return mathCall(e.Name, args)
	case *ast.ParenExpr:
		return s.expr(e.Expr)
	case *ast.BinaryExpr:
		l, err := s.expr(e.LHS)
		if err != nil {
			return nil, err
		}
		r, err := s.expr(e.RHS)
		if err != nil {
			return nil, err
		}
		switch e.Op {
		case ast.ADD, ast.SUB, ast.MUL, ast.DIV, ast.MOD, ast.BITWISE_AND, ast.BITWISE_OR, ast.BITWISE_XOR:
			return binary(e.Op, l, r, e.String())
		}
		return nil, planError("unsupported operator %s in an expression: %s", e.Op, e)
	case *ast.IntegerLiteral:
		return expr.NewLiteral(expr.Int(e.Val)), nil
	case *ast.UnsignedLiteral:
		return expr.NewLiteral(expr.Uint(e.Val)), nil
	case *ast.NumberLiteral:
		return expr.NewLiteral(expr.Float(e.Val)), nil
	case *ast.StringLiteral:
		return expr.NewLiteral(expr.String(e.Val)), nil
	case *ast.BooleanLiteral:
		return expr.NewLiteral(expr.Boolean(e.Val)), nil
	case *ast.DurationLiteral:
		return expr.NewLiteral(expr.Int(int64(e.Val))), nil
	}
	return nil, planError("unsupported expression: %s", e)
}
