package greptime

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"tarn/edge/api/gate"
	"tarn/edge/api/greptime/statement"
	"tarn/edge/engine"
	"tarn/edge/query/sql"
	"tarn/edge/server"
	"tarn/store"
	"tarn/store/column"
)

// maxScript bounds a script's source.
const maxScript = 1 << 20

// scriptName reads which script of which database is meant: by the query string
// alone (section 9.1).
func scriptName(r *http.Request) (database, name string, err error) {
	q := gate.Query(r)
	if q.Get("db") == "" {
		return "", "", gate.Bad("invalid schema")
	}
	if database, err = gate.SplitDatabase(q.Get("db")); err != nil {
		return "", "", err
	}
	if q.Get("name") == "" {
		err = gate.Bad("invalid name")
	}
	return database, q.Get("name"), err
}

// scriptSource reads the body as a script.
func (a *API) scriptSource(r *http.Request) (string, error) {
	body, err := a.RawBody(r)
	switch {
	case err != nil:
		return "", err
	case len(body) > maxScript:
		return "", gate.Bad("a script may have %d bytes", maxScript)
	case !utf8.Valid(body):
		return "", gate.Bad("a script must be UTF-8")
	}
	return string(body), nil
}

// saveScript serves POST /v1/scripts.
func (a *API) saveScript(w http.ResponseWriter, r *http.Request) {
	started := time.Now()
	database, name, err := scriptName(r)
	var source string
	if err == nil {
		source, err = a.scriptSource(r)
	}
	if err == nil {
		if err = a.Engine.CheckScript(r.Context(), source); err == nil {
			err = a.Store.SaveScript(r.Context(), database, name, source)
		}
	}
	a.scriptDone(w, r, err, started)
}

// deleteScript serves DELETE /v1/scripts, which upstream lacks.
func (a *API) deleteScript(w http.ResponseWriter, r *http.Request) {
	started := time.Now()
	database, name, err := scriptName(r)
	if err == nil {
		err = a.Store.DeleteScript(r.Context(), database, name)
		if errors.Is(err, store.ErrNotFound) {
			err = gate.Bad("Script not found, name: %s", name)
		}
	}
	a.scriptDone(w, r, err, started)
}

func (a *API) scriptDone(w http.ResponseWriter, r *http.Request, err error, started time.Time) {
	if err != nil {
		a.FailAfter(w, r, gate.ShapeA, scriptError(err), started)
		return
	}
	server.JSON(w, http.StatusOK, struct {
		Elapsed int64 `json:"execution_time_ms"`
	}{gate.Elapsed(started)})
}

// scriptError gives an engine's error its code.
func scriptError(err error) error {
	var failed *engine.FailedError
	var notNow *engine.Unavailable
	var refused *engine.PluginError
	switch {
	case errors.Is(err, engine.ErrNoDir):
		return gate.Errorf(gate.Unsupported, "Script execution not supported, missing script handler")
	case errors.As(err, &failed), errors.As(err, &refused):
		return gate.Bad("%w", err)
	case errors.As(err, &notNow):
		return gate.Errorf(gate.Unsupported, "%w", err)
	}
	return err
}

// runScript serves POST /v1/run-script: a saved script, or without a name the
// one in the body.
func (a *API) runScript(w http.ResponseWriter, r *http.Request) {
	started := time.Now()
	if err := a.answerScript(w, r, started); err != nil {
		a.FailAfter(w, r, gate.ShapeA, scriptError(err), started)
	}
}

func (a *API) answerScript(w http.ResponseWriter, r *http.Request, started time.Time) error {
	database, name, nameErr := scriptName(r)
	script := engine.Script{Params: map[string]string{}}
	body, err := a.scriptSource(r)
	switch {
	case nameErr == nil:
		saved, err := a.Store.Script(r.Context(), database, name)
		if errors.Is(err, store.ErrNotFound) {
			return gate.Bad("Script not found, name: %s", name)
		}
		if err != nil {
			return err
		}
		script.Source = saved.Source
	case database == "" || err != nil || strings.TrimSpace(body) == "":
		return errors.Join(nameErr, err)
	default:
		script.Source = body
		if err := a.Engine.CheckScript(r.Context(), body); err != nil {
			return err
		}
	}
	for key, values := range gate.Query(r) {
		if key != "db" && key != "name" && key != "catalog" {
			script.Params[key] = values[len(values)-1]
		}
	}
	ctx, cancel, err := gate.Context(r)
	if err != nil {
		return err
	}
	defer cancel()
	session := &statement.Session{Database: database}
	if session.ZoneName, session.Zone, err = gate.Zone(r); err != nil {
		return err
	}
	script.Query = func(ctx context.Context, text string) (engine.Rows, error) {
		statements, err := sql.ParseScript(text)
		if err != nil {
			return nil, statement.Syntax(err)
		}
		if len(statements) != 1 {
			return nil, gate.Bad("a script runs one statement at a time, not %d", len(statements))
		}
		o, err := a.Statements.Run(ctx, session, statements[0])
		if err != nil {
			return nil, statement.Explain(err)
		}
		return scriptRows{o}, nil
	}
	made, err := a.Engine.RunScript(ctx, script)
	if err != nil {
		return err
	}
	f := formatOf("")
	out := &answer{w: w, format: f.name, started: started, mime: f.mime}
	if err := writeScript(f.make(out, options{started: started}), made); err != nil {
		return a.broken(r, out, err)
	}
	return a.broken(r, out, out.flush())
}

// scriptTypes are the names of the types that scripts return.
var scriptTypes = map[string]string{"bool": "Boolean", "str": "String", "f32": "Float32", "f64": "Float64",
	"u8": "UInt8", "u16": "UInt16", "u32": "UInt32", "u64": "UInt64", "i8": "Int8", "i16": "Int16", "i32": "Int32", "i64": "Int64"}

// writeScript writes what a script made.
func writeScript(body writer, made []engine.ScriptColumn) error {
	b := &column.Batch{}
	var columns []statement.Column
	for _, c := range made {
		columns = append(columns, statement.Column{Name: c.Name, DataType: scriptTypes[c.Type], Type: c.Values.Type, Unit: 1})
		b.Cols, b.Len = append(b.Cols, c.Values), c.Values.Len
	}
	if err := body.begin(columns); err != nil {
		return err
	}
	if err := body.rows(b, b.Len); err != nil {
		return err
	}
	return errors.Join(body.done(), body.end())
}

// scriptRows is a statement's answer as the engine reads it.
type scriptRows struct{ *statement.Output }

// Columns is engine.Rows'.
func (s scriptRows) Columns() []engine.RowsColumn {
	if !s.Rows {
		return nil
	}
	out := []engine.RowsColumn{}
	for _, c := range s.Output.Columns {
		out = append(out, engine.RowsColumn{Name: c.Name, Type: c.Type, Unit: c.Unit})
	}
	return out
}

// Affected is engine.Rows'.
func (s scriptRows) Affected() int64 { return s.Output.Affected }
