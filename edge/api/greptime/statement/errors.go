package statement

import (
	"errors"
	"strings"

	"tarn/edge/api/gate"
	"tarn/edge/query"
	"tarn/edge/query/expr"
	"tarn/edge/query/sql"
	"tarn/store"
)

// prefixes are those of the query engine's texts, which this family has not.
var prefixes = []string{"Error during planning: ", "Schema error: ", "This feature is not implemented: "}

// explained is an error of the query engine in the family's words.
func explained(q *query.Error) error {
	msg := q.Error()
	var of *expr.Error
	if errors.As(q.Err, &of) && of.Class == expr.Argument {
		return &gate.Error{Code: gate.InvalidArguments, Msg: msg, Err: q}
	}
	for _, p := range prefixes {
		msg = strings.TrimPrefix(msg, p)
	}
	switch q.Class {
	case query.Parse:
		return Syntax(q)
	case query.Plan, query.Schema:
		return &gate.Error{Code: gate.PlanQuery, Msg: "Failed to plan SQL: " + msg, Err: q}
	case query.NotImplemented:
		return &gate.Error{Code: gate.Unsupported, Msg: msg, Err: q}
	case query.Execution:
		// A division by zero is the statement's, not the server's, whatever the
		// status that goes with the code.
		return &gate.Error{Code: gate.EngineExecuteQuery, Msg: "Query engine execution error: " + msg, Err: q}
	}
	return gate.Classify(q)
}

// Syntax is the error of a text that is no statement.
func Syntax(err error) error {
	var s *sql.Error
	if errors.As(err, &s) {
		if s.Refused() {
			return &gate.Error{Code: gate.Unsupported, Msg: strings.TrimPrefix(s.Error(), prefixes[0]), Err: err}
		}
		return &gate.Error{Code: gate.InvalidSyntax, Err: err, Msg: "Invalid SQL syntax: sql parser error: " + s.Place()}
	}
	msg := err.Error()
	return &gate.Error{Code: gate.InvalidSyntax, Msg: "Invalid SQL syntax: " + msg, Err: err}
}

// Explain gives any error of running a statement its code and words.
func Explain(err error) error {
	var own *gate.Error
	var q *query.Error
	switch {
	case errors.As(err, &own):
		return own
	case errors.As(err, &q):
		return explained(q)
	}
	return err
}

func tableNotFound(name string) error {
	return gate.Errorf(gate.TableNotFound, "Table not found: %s", name)
}

func databaseNotFound(name string) error {
	return gate.Errorf(gate.DatabaseNotFound, "Database not found: %s", name)
}

func tableExists(database, name string) error {
	return gate.Errorf(gate.TableAlreadyExists, "Table already exists: `%s.%s.%s`", gate.Catalog, database, name)
}

// stored gives errors of the store about a table their words.
func stored(err error, table string) error {
	var used *store.ColumnUsedError
	switch {
	case errors.Is(err, store.ErrNotFound), errors.Is(err, store.ErrDeleted):
		return tableNotFound(table)
	case errors.As(err, &used):
		return &gate.Error{Code: gate.InvalidArguments, Msg: err.Error(), Err: err}
	}
	return err
}
