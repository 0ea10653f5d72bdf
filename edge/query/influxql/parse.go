package influxql

import (
	"errors"
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
	if err := checkDepth(text); err != nil {
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

// maxDepth bounds nesting: each level costs the parser some frames of stack.
const maxDepth = 500

func checkDepth(text string) error {
	depth := 0
	for i := range len(text) {
		switch text[i] {
		case '(':
			if depth++; depth > maxDepth {
				return errors.New("parentheses are nested too deeply")
			}
		case ')':
			depth--
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
