package influx

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"tarn/edge/humantime"
	"tarn/edge/query"
	"tarn/edge/query/result"
	"tarn/edge/server"
	"tarn/store"
	"tarn/store/column"
)

// listDatabases serves GET /api/v3/configure/database (decision D-1: rows with
// an explicit format, the documented object without one).
func (a *API) listDatabases(w http.ResponseWriter, r *http.Request) {
	q, err := parseQuery(r)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	deleted, err := queryBool(q, "show_deleted", false)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	list := a.Store.ListDatabases(deleted)
	if !q.Has("format") {
		names := make([]string, 0, len(list))
		for _, d := range list {
			names = append(names, d.Name)
		}
		server.JSON(w, http.StatusOK, map[string][]string{"databases": names})
		return
	}
	format, err := result.ParseFormat(q.Get("format"))
	if err != nil {
		a.fail(w, r, badRequest("serde error: "+err.Error()))
		return
	}
	rows := append(list, store.DatabaseInfo{Name: query.InternalDatabase})
	slices.SortFunc(rows, func(a, b store.DatabaseInfo) int { return strings.Compare(a.Name, b.Name) })
	cols := []result.Column{{Name: "iox::database", Type: column.Of(column.String)}}
	names := column.NewVector(column.Of(column.String), len(rows))
	batch := column.Batch{Len: len(rows), Cols: []*column.Vector{names}}
	for _, d := range rows {
		names.Strings = append(names.Strings, d.Name)
	}
	names.Len = len(rows)
	if deleted {
		cols = append(cols, result.Column{Name: "deleted", Type: column.Of(column.Bool)})
		flags := column.NewVector(column.Of(column.Bool), len(rows))
		for _, d := range rows {
			flags.Bools = append(flags.Bools, d.Deleted)
		}
		flags.Len = len(rows)
		batch.Cols = append(batch.Cols, flags)
	}
	var body bytes.Buffer
	if err := writeRows(&body, format, cols, &batch); err != nil {
		a.fail(w, r, err)
		return
	}
	w.Header().Set("Content-Type", format.ContentType())
	_, _ = body.WriteTo(w)
}

func writeRows(w io.Writer, format result.Format, cols []result.Column, b *column.Batch) error {
	out, err := result.New(format, w, cols)
	if err != nil {
		return err
	}
	if err := out.WriteBatch(b); err != nil {
		return err
	}
	return out.Close()
}

// databaseBody is what creates or changes a database.
type databaseBody struct {
	DB        *string `json:"db"`
	Retention *string `json:"retention_period"`
}

func (a *API) readDatabase(r *http.Request) (name string, retention time.Duration, err error) {
	var b databaseBody
	if err := a.readConfig(r, &b); err != nil {
		return "", 0, err
	}
	if b.DB == nil {
		return "", 0, missing("serde json error", "db")
	}
	retention, err = retentionPeriod(b.Retention)
	return *b.DB, retention, err
}

// createDatabase serves POST /api/v3/configure/database.
func (a *API) createDatabase(w http.ResponseWriter, r *http.Request) {
	name, retention, err := a.readDatabase(r)
	if err == nil {
		err = a.Store.CreateDatabase(r.Context(), name, retention)
	}
	a.done(w, r, http.StatusOK, err)
}

// updateDatabase serves PUT /api/v3/configure/database.
func (a *API) updateDatabase(w http.ResponseWriter, r *http.Request) {
	name, retention, err := a.readDatabase(r)
	if err == nil {
		err = a.Store.SetRetention(r.Context(), name, retention)
	}
	a.done(w, r, http.StatusOK, err)
}

// done answers an administrative act.
func (a *API) done(w http.ResponseWriter, r *http.Request, ok int, err error) {
	if err != nil {
		a.fail(w, r, err)
		return
	}
	w.WriteHeader(ok)
}

// hardDelete reads when deleted data goes.
func hardDelete(v string, now time.Time) (store.HardDelete, error) {
	switch strings.ToLower(v) {
	case "", "default":
		return store.HardDelete{}, nil
	case "never":
		return store.HardDelete{Never: true}, nil
	case "now":
		return store.HardDelete{At: now}, nil
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02"} {
		if t, err := time.Parse(layout, v); err == nil {
			return store.HardDelete{At: t}, nil
		}
	}
	return store.HardDelete{}, badRequest(fmt.Sprintf("Cannot parse the timestamp: %q is neither ISO 8601 nor one of never, now, default", v))
}

// deleteDatabase serves DELETE /api/v3/configure/database.
func (a *API) deleteDatabase(w http.ResponseWriter, r *http.Request) {
	q, err := parseQuery(r)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	if !q.Has("db") {
		a.fail(w, r, missing("serde error", "db"))
		return
	}
	when, err := hardDelete(q.Get("hard_delete_at"), a.Now())
	if err == nil {
		if q.Get("db") == query.InternalDatabase {
			err = badRequest("cannot delete internal db")
		} else {
			err = a.Store.DeleteDatabase(r.Context(), q.Get("db"), when)
		}
	}
	a.done(w, r, http.StatusOK, err)
}

// setRetention serves POST /api/v3/configure/database/retention_period.
func (a *API) setRetention(w http.ResponseWriter, r *http.Request) {
	q, err := parseQuery(r)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	for _, name := range []string{"db", "duration"} {
		if !q.Has(name) {
			a.fail(w, r, missing("serde error", name))
			return
		}
	}
	d, err := humantime.Parse(q.Get("duration"))
	if err != nil {
		a.fail(w, r, badRequest("Cannot parse the given human time: "+err.Error()))
		return
	}
	a.done(w, r, http.StatusNoContent, a.Store.SetRetention(r.Context(), q.Get("db"), d))
}

// clearRetention serves DELETE /api/v3/configure/database/retention_period.
func (a *API) clearRetention(w http.ResponseWriter, r *http.Request) {
	q, err := parseQuery(r)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	if !q.Has("db") {
		a.fail(w, r, missing("serde error", "db"))
		return
	}
	a.done(w, r, http.StatusNoContent, a.Store.SetRetention(r.Context(), q.Get("db"), 0))
}

// tableBody is what creates a table.
type tableBody struct {
	DB     *string   `json:"db"`
	Table  *string   `json:"table"`
	Tags   *[]string `json:"tags"`
	Fields []struct {
		Name *string `json:"name"`
		Type *string `json:"type"`
	} `json:"fields"`
	// Retention is what newer servers have; null and absent leave it to the
	// database.
	Retention *string `json:"retention_period"`
}

// retentionPeriod reads a retention_period; 0 is none.
func retentionPeriod(text *string) (d time.Duration, err error) {
	if text == nil || *text == "none" {
		return 0, nil
	}
	if d, err = humantime.Parse(*text); err != nil {
		return 0, badRequest("serde json error: " + err.Error())
	}
	return d, nil
}

// updateTable serves PUT /api/v3/configure/table, ours: it changes the table's
// retention.
func (a *API) updateTable(w http.ResponseWriter, r *http.Request) {
	var b tableBody
	err := a.readConfig(r, &b)
	switch {
	case err != nil:
	case b.DB == nil:
		err = missing("serde json error", "db")
	case b.Table == nil:
		err = missing("serde json error", "table")
	case b.Tags != nil || b.Fields != nil:
		err = badRequest("only the retention_period of a table can be changed; writes add columns")
	}
	var retention time.Duration
	if err == nil {
		retention, err = retentionPeriod(b.Retention)
	}
	if err == nil {
		err = a.Store.SetTableRetention(r.Context(), *b.DB, *b.Table, retention)
	}
	a.done(w, r, http.StatusOK, err)
}

// fieldKinds are the types of a new table's fields.
var fieldKinds = map[string]column.Kind{
	"utf8": column.String, "int64": column.Int64, "uint64": column.Uint64, "float64": column.Float64, "bool": column.Bool,
}

// createTable serves POST /api/v3/configure/table.
func (a *API) createTable(w http.ResponseWriter, r *http.Request) {
	var b tableBody
	err := a.readConfig(r, &b)
	switch {
	case err != nil:
	case b.DB == nil:
		err = missing("serde json error", "db")
	case b.Table == nil:
		err = missing("serde json error", "table")
	case b.Tags == nil:
		err = missing("serde json error", "tags")
	}
	if err != nil {
		a.fail(w, r, err)
		return
	}
	fields := make([]store.FieldDef, 0, len(b.Fields))
	for _, f := range b.Fields {
		if f.Name == nil || f.Type == nil {
			a.fail(w, r, missing("serde json error", map[bool]string{true: "name", false: "type"}[f.Name == nil]))
			return
		}
		kind, ok := fieldKinds[*f.Type]
		if !ok {
			a.fail(w, r, badRequest(fmt.Sprintf("serde json error: unknown variant `%s`, expected one of `utf8`, `int64`, `uint64`, `float64`, `bool`", *f.Type)))
			return
		}
		fields = append(fields, store.FieldDef{Name: *f.Name, Kind: kind})
	}
	retention, err := retentionPeriod(b.Retention)
	if err == nil {
		err = a.Store.CreateTable(r.Context(), *b.DB, *b.Table, *b.Tags, fields, retention)
	}
	a.done(w, r, http.StatusOK, err)
}

// deleteTable serves DELETE /api/v3/configure/table.
func (a *API) deleteTable(w http.ResponseWriter, r *http.Request) {
	q, err := parseQuery(r)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	for _, name := range []string{"db", "table"} {
		if !q.Has(name) {
			a.fail(w, r, missing("serde error", name))
			return
		}
	}
	when, err := hardDelete(q.Get("hard_delete_at"), a.Now())
	if err == nil {
		err = a.Store.DeleteTable(r.Context(), q.Get("db"), q.Get("table"), when)
	}
	a.done(w, r, http.StatusOK, err)
}
