package influxql

import (
	"fmt"
	"regexp"
	"strings"

	ast "github.com/influxdata/influxql"

	"tarn/edge/query/plan"
)

// Parse reads all statements of a query. params are the values of $name: those
// of a JSON object, numbers as json.Number (spec/influxql.md section 2). An
// error is of class Parse and has InfluxDB's text after "error parsing query: ".
func Parse(text string, params map[string]any) (_ []ast.Statement, err error) {
	defer func() {
		// The parser follows its grammar recursively and without a bound.
		if r := recover(); r != nil {
			err = parseError(fmt.Errorf("%v", r))
		}
	}()
	if err := checkSize(text); err != nil {
		return nil, parseError(err)
	}
	p := ast.NewParser(strings.NewReader(text))
	if params != nil {
		p.SetParams(params)
	}
	q, err := p.ParseQuery()
	if err != nil {
		return nil, parseError(err)
	}
	return q.Statements, nil
}

func parseError(err error) error {
	if m := unbound.FindStringSubmatch(err.Error()); m != nil {
		err = &UndefinedError{m[1]}
	}
	return &plan.Error{Class: plan.Parse, Msg: "error parsing query: " + err.Error(), Err: err}
}

var unbound = regexp.MustCompile(`^missing parameter: (.*)$`)

// UndefinedError is a $name without a value. InfluxDB 3 has a text of its own
// for it.
type UndefinedError struct{ Name string }

func (e *UndefinedError) Error() string { return "missing parameter: " + e.Name }

// What is nested or chained costs the parser, and all that walks its trees,
// stack: an overflow would end the server.
//
// The check does not know the grammar: what looks like an operator outside of
// quotes is one. As a quote within a regular expression misleads it, there are
// bounds for what seems to be quoted, too, which the stack can take.
const (
	maxNesting     = 500
	maxOperators   = 10_000
	maxQuotedDepth = 50_000
	maxQuoted      = 200_000
)

// checkSize refuses what is too deep.
func checkSize(text string) error {
	if strings.Count(text, "(") > maxQuotedDepth {
		return fmt.Errorf("more than %d parentheses", maxQuotedDepth)
	}
	if n := strings.Count(text, "OR") + strings.Count(text, "or") + strings.Count(text, "AND") + strings.Count(text, "and") +
		strings.Count(text, "+") + strings.Count(text, "-") + strings.Count(text, "*") + strings.Count(text, "/") + strings.Count(text, "%"); n > maxQuoted {
		return fmt.Errorf("more than %d operators", maxQuoted)
	}
	depth, operators := 0, 0
	quote := byte(0)
	for i := 0; i < len(text); i++ {
		c := text[i]
		if quote != 0 {
			switch c {
			case '\\':
				i++
			case quote:
				quote = 0
			}
			continue
		}
		switch c {
		case '\'', '"':
			quote = c
		case '(':
			if depth++; depth > maxNesting {
				return fmt.Errorf("parentheses are nested more than %d levels deep", maxNesting)
			}
		case ')':
			depth--
		case '+', '-', '*', '/', '%', '&', '|', '^', '=', '<', '>', '~':
			if operators++; operators > maxOperators {
				return fmt.Errorf("more than %d operators", maxOperators)
			}
		}
	}
	return nil
}

// planError is an error with one of InfluxDB's texts.
func planError(format string, args ...any) error {
	return &plan.Error{Class: plan.Plan, Msg: fmt.Sprintf(format, args...)}
}

func notImplemented(format string, args ...any) error {
	return &plan.Error{Class: plan.NotImplemented, Msg: "This feature is not implemented: " + fmt.Sprintf(format, args...)}
}

// wrap gives the library's errors a class.
func wrap(err error) error {
	if err == nil {
		return nil
	}
	return &plan.Error{Class: plan.Plan, Msg: err.Error(), Err: err}
}
