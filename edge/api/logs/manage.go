package logs

import (
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"tarn/edge/api/gate"
	"tarn/edge/ingest/piped"
	"tarn/edge/pipeline"
	"tarn/edge/server"
	"tarn/store"
)

// shown is a pipeline as answers show it.
type shown struct {
	Name    string  `json:"name"`
	Version string  `json:"version"`
	Text    *string `json:"pipeline,omitempty"`
}

func answer(w http.ResponseWriter, started time.Time, list ...shown) {
	if list == nil {
		list = []shown{}
	}
	gate.Headers(w, format, started)
	server.JSON(w, http.StatusOK, struct {
		Pipelines []shown `json:"pipelines"`
		Took      int64   `json:"execution_time_ms"`
	}{list, gate.Elapsed(started)})
}

// reserved begins the names of built-in pipelines.
const reserved = "greptime_"

// maxName bounds a pipeline's name, in bytes.
const maxName = 200

// create serves POST: a new version.
func (a *API) create(w http.ResponseWriter, r *http.Request) error {
	started := time.Now()
	name := nameOf(r)
	switch {
	case strings.HasPrefix(name, reserved):
		return gate.Bad("Invalid request parameter: pipeline_name cannot start with %s", reserved)
	case name == "" || len(name) > maxName || !utf8.ValidString(name):
		return gate.Bad("Invalid request parameter: pipeline_name must have from 1 to %d bytes of UTF-8", maxName)
	}
	_, zone, err := gate.Zone(r)
	if err != nil {
		return err
	}
	text, err := a.text(r)
	if err != nil {
		return err
	}
	if _, err := pipeline.Compile(text); err != nil {
		return gate.Bad("Failed to build pipeline: %w", err)
	}
	p, err := a.Pipelines.Add(r.Context(), name, text)
	if err != nil {
		return err
	}
	answer(w, started, shown{Name: name, Version: piped.FormatVersion(p.CreatedAt, zone)})
	return nil
}

// text reads a pipeline's text out of a body.
func (a *API) text(r *http.Request) (string, error) {
	media, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	var raw []byte
	switch {
	case err == nil && strings.HasSuffix(media, "yaml"):
		if raw, err = a.ReadBody(r); err != nil {
			return "", err
		}
	case err == nil && media == "multipart/form-data":
		body, err := a.Body(r)
		if err != nil {
			return "", err
		}
		defer body.Close()
		if raw, err = firstPart(body, params["boundary"]); err != nil {
			return "", err
		}
	default:
		return "", gate.Plainf(http.StatusUnsupportedMediaType, "")
	}
	switch {
	case len(strings.TrimSpace(string(raw))) == 0:
		return "", gate.Bad("Invalid request parameter: pipeline is required in body")
	case !utf8.Valid(raw):
		return "", gate.Bad("Failed to build pipeline: the text is not UTF-8")
	}
	return string(raw), nil
}

func firstPart(body io.Reader, boundary string) ([]byte, error) {
	if boundary == "" {
		return nil, gate.Bad("Invalid request parameter: a multipart body without a boundary")
	}
	part, err := multipart.NewReader(body, boundary).NextPart()
	if errors.Is(err, io.EOF) {
		return nil, nil
	}
	if err == nil {
		var raw []byte
		// A byte more than may be, so that it is seen to be too long.
		if raw, err = io.ReadAll(io.LimitReader(part, pipeline.MaxText+1)); err == nil {
			return raw, nil
		}
	}
	return nil, gate.Bad("Invalid request parameter: cannot read the multipart body: %w", err)
}

// versionOf is the version parameter, 0 when there is none.
func versionOf(r *http.Request) (int64, error) {
	text := gate.Query(r).Get("version")
	if text == "" {
		return 0, nil
	}
	return piped.ParseVersion(text)
}

// show serves GET.
func (a *API) show(w http.ResponseWriter, r *http.Request) error {
	started := time.Now()
	version, err := versionOf(r)
	if err != nil {
		return err
	}
	_, zone, err := gate.Zone(r)
	if err != nil {
		return err
	}
	p, err := a.Pipelines.Get(nameOf(r), version)
	if err != nil {
		return &piped.NotFoundError{Name: nameOf(r), Version: version}
	}
	answer(w, started, shown{p.Name, piped.FormatVersion(p.CreatedAt, zone), &p.Text})
	return nil
}

// remove serves DELETE.
func (a *API) remove(w http.ResponseWriter, r *http.Request) error {
	started := time.Now()
	version, err := versionOf(r)
	if err != nil {
		return err
	}
	if version == 0 {
		return missing("version")
	}
	_, zone, err := gate.Zone(r)
	if err != nil {
		return err
	}
	switch err := a.Pipelines.Delete(r.Context(), nameOf(r), version); {
	case errors.Is(err, store.ErrPipelineNotFound):
		answer(w, started)
		return nil
	case err != nil:
		return err
	}
	answer(w, started, shown{Name: nameOf(r), Version: piped.FormatVersion(version, zone)})
	return nil
}

// ddl serves GET .../ddl: the table that a pipeline makes.
func (a *API) ddl(w http.ResponseWriter, r *http.Request) error {
	started := time.Now()
	name, table := nameOf(r), gate.Query(r).Get("table")
	if strings.HasPrefix(name, reserved) {
		return gate.Bad("Invalid request parameter: built-in pipelines don't have fixed table schema")
	}
	if table == "" {
		return missing("table")
	}
	version, err := versionOf(r)
	if err != nil {
		return err
	}
	p, err := a.Logs.Library.Find(name, version)
	if err != nil {
		return err
	}
	gate.Headers(w, format, started)
	server.JSON(w, http.StatusOK, struct {
		SQL struct {
			SQL string `json:"sql"`
		} `json:"sql"`
		Took int64 `json:"execution_time_ms"`
	}{struct {
		SQL string `json:"sql"`
	}{createTable(table, p.Columns())}, gate.Elapsed(started)})
	return nil
}

// createTable is the statement for a table of some columns.
func createTable(table string, columns []pipeline.Cell) string {
	quote := func(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }
	var lines, keys []string
	timeIndex := ""
	for _, c := range columns {
		line := "  " + quote(c.Name) + " " + c.Type.SQL()
		switch c.Role {
		case pipeline.TimeIndex:
			timeIndex = c.Name
			line += " NOT NULL"
		case pipeline.Tag:
			keys = append(keys, quote(c.Name))
			line += " NULL"
		default:
			line += " NULL"
		}
		if c.Fulltext {
			line += " FULLTEXT INDEX"
		}
		lines = append(lines, line)
	}
	lines = append(lines, "  TIME INDEX ("+quote(timeIndex)+")")
	if keys != nil {
		lines = append(lines, "  PRIMARY KEY ("+strings.Join(keys, ", ")+")")
	}
	return "CREATE TABLE IF NOT EXISTS " + quote(table) + " (\n" + strings.Join(lines, ",\n") + "\n)\nENGINE=mito\nWITH(\n  append_mode = 'true'\n)"
}
