package prometheus

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"

	"tarn/edge/api/gate"
	"tarn/edge/query/promql"
)

// expression reads the parameter query and parses it.
func (a *API) expression(r *http.Request, invalid func(error) error) (parser.Expr, error) {
	p, err := a.params(r)
	if err != nil {
		return nil, err
	}
	return p.expression(invalid)
}

func (p params) expression(invalid func(error) error) (parser.Expr, error) {
	text := p.Get("query")
	if text == "" {
		return nil, gate.Bad("query is required")
	}
	if len(text) > maxExpression {
		return nil, gate.Bad("the query is longer than %d bytes", maxExpression)
	}
	e, err := parser.ParseExpr(text)
	if err != nil {
		return nil, invalid(err)
	}
	return e, nil
}

// maxExpression bounds what is only parsed.
const maxExpression = 64 << 10

// formatQuery serves /api/v1/format_query.
func (a *API) formatQuery(w http.ResponseWriter, r *http.Request) {
	e, err := a.expression(r, func(err error) error { return gate.Bad("Invalid query: %w", err) })
	if err != nil {
		a.fail(w, r, err)
		return
	}
	answer(w, r, e.Pretty(0))
}

// parseQuery serves /api/v1/parse_query.
func (a *API) parseQuery(w http.ResponseWriter, r *http.Request) {
	e, err := a.expression(r, func(error) error { return gate.Bad("invalid promql query") })
	if err != nil {
		a.fail(w, r, err)
		return
	}
	answer(w, r, tree(e))
}

// object is a node of the tree as Prometheus's API has it.
type object map[string]any

// tree turns an expression into the JSON form of Prometheus's API.
func tree(node parser.Expr) any {
	switch n := node.(type) {
	case *parser.AggregateExpr:
		grouping := n.Grouping
		if grouping == nil {
			grouping = []string{}
		}
		return object{"type": "aggregation", "op": n.Op.String(), "expr": tree(n.Expr), "param": tree(n.Param), "grouping": grouping, "without": n.Without}
	case *parser.BinaryExpr:
		var matching any
		if m := n.VectorMatching; m != nil {
			matching = object{"card": m.Card.String(), "labels": orEmpty(m.MatchingLabels), "on": m.On, "include": orEmpty(m.Include)}
		}
		return object{"type": "binaryExpr", "op": n.Op.String(), "lhs": tree(n.LHS), "rhs": tree(n.RHS), "matching": matching, "bool": n.ReturnBool}
	case *parser.Call:
		args := make([]any, len(n.Args))
		for i, a := range n.Args {
			args[i] = tree(a)
		}
		return object{"type": "call", "args": args, "func": object{
			"name": n.Func.Name, "argTypes": n.Func.ArgTypes, "variadic": n.Func.Variadic, "returnType": n.Func.ReturnType,
		}}
	case *parser.MatrixSelector:
		o := selector(n.VectorSelector.(*parser.VectorSelector))
		o["type"], o["range"] = "matrixSelector", n.Range.Milliseconds()
		return o
	case *parser.SubqueryExpr:
		return object{"type": "subquery", "expr": tree(n.Expr), "range": n.Range.Milliseconds(), "step": n.Step.Milliseconds(),
			"offset": n.OriginalOffset.Milliseconds(), "timestamp": n.Timestamp, "startOrEnd": startOrEnd(n.StartOrEnd)}
	case *parser.NumberLiteral:
		return object{"type": "numberLiteral", "val": strconv.FormatFloat(n.Val, 'f', -1, 64)}
	case *parser.ParenExpr:
		return object{"type": "parenExpr", "expr": tree(n.Expr)}
	case *parser.StringLiteral:
		return object{"type": "stringLiteral", "val": n.Val}
	case *parser.UnaryExpr:
		return object{"type": "unaryExpr", "op": n.Op.String(), "expr": tree(n.Expr)}
	case *parser.VectorSelector:
		o := selector(n)
		o["type"] = "vectorSelector"
		return o
	}
	return nil
}

func orEmpty(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}

func selector(n *parser.VectorSelector) object {
	matchers := []object{}
	for _, m := range n.LabelMatchers {
		if m.Name == promql.NameLabel && m.Type == labels.MatchEqual && m.Value == n.Name {
			continue
		}
		matchers = append(matchers, object{"name": m.Name, "value": m.Value, "type": m.Type.String()})
	}
	return object{"name": n.Name, "matchers": matchers, "offset": n.OriginalOffset.Milliseconds(),
		"timestamp": n.Timestamp, "startOrEnd": startOrEnd(n.StartOrEnd)}
}

// startOrEnd is the preprocessor of "@ start()", or null.
func startOrEnd(item parser.ItemType) any {
	if item == 0 {
		return nil
	}
	return strings.TrimSuffix(item.String(), "()")
}
