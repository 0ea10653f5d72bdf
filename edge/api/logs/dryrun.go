package logs

import (
	"net/http"
	"slices"
	"strings"

	"tarn/edge/api/gate"
	"tarn/edge/ingest"
	"tarn/edge/ingest/piped"
	"tarn/edge/pipeline"
	"tarn/edge/server"
)

// maxDryrun is how many records a dryrun takes.
const maxDryrun = 10

// dryTable is the name of the table that a dryrun does not make.
const dryTable = "dry_run"

// outline is a table of a dryrun.
type outline struct {
	Schema []outlineColumn `json:"schema"`
	Rows   [][]outlineCell `json:"rows"`
	Table  string          `json:"table_name"`
}

type outlineColumn struct {
	Name     string `json:"name"`
	Type     string `json:"data_type"`
	Role     string `json:"column_type"`
	Fulltext bool   `json:"fulltext"`
}

type outlineCell struct {
	Key   string   `json:"key"`
	Value jsonText `json:"value"`
	Type  string   `json:"data_type"`
	Role  string   `json:"semantic_type"`
}

type jsonText []byte

func (t jsonText) MarshalJSON() ([]byte, error) { return t, nil }

// dryrun serves POST .../dryrun in both forms: a JSON object with the payload
// in data, or the payload itself.
func (a *API) dryrun(w http.ResponseWriter, r *http.Request) error {
	body, err := a.ReadBody(r)
	if err != nil {
		return err
	}
	if r.Header.Get("Content-Type") == "" {
		return gate.Plainf(http.StatusBadRequest, "Header of type `content-type` was missing")
	}
	body = ingest.ValidText(body)
	q, payload, ok, err := a.wrapped(body)
	if !ok && err == nil {
		payload = body
		q, err = a.read(r)
	}
	if err != nil {
		return err
	}
	tables, err := a.try(q, payload)
	if err != nil {
		return err
	}
	server.JSON(w, http.StatusOK, tables)
	return nil
}

// wrapped reads form 1; ok is false when the body is none.
func (a *API) wrapped(body []byte) (q request, payload []byte, ok bool, err error) {
	var src pipeline.Source
	var rec, more pipeline.Record
	src.Reset(body, pipeline.JSON)
	if found, err := src.Next(&rec); err != nil || !found || len(body) > 0 && strings.TrimLeft(string(body[:1]), " \t\r\n[") == "" {
		return q, nil, false, nil
	}
	text := func(name string) (string, bool) {
		v := rec.Get(name)
		if v == nil || v.Kind() != pipeline.String {
			return "", false
		}
		return v.Text(), true
	}
	data, isText := text("data")
	yaml, hasYAML := text("pipeline")
	name, hasName := text("pipeline_name")
	if !isText || !hasYAML && !hasName {
		return q, nil, false, nil
	}
	if found, err := src.Next(&more); err != nil || found {
		return q, nil, false, nil
	}
	contentType, given := text("data_type")
	if !given {
		contentType = "application/json"
	}
	if q.format, err = formatOf(contentType); err != nil {
		return q, nil, true, err
	}
	if hasYAML {
		if q.pipeline, err = pipeline.Compile(yaml); err != nil {
			return q, nil, true, gate.Bad("Failed to build pipeline: %w", err)
		}
		return q, []byte(data), true, nil
	}
	at := int64(0)
	if v, given := text("pipeline_version"); given && v != "" {
		if at, err = piped.ParseVersion(v); err != nil {
			return q, nil, true, err
		}
	}
	q.pipeline, err = a.Logs.Library.Find(name, at)
	return q, []byte(data), true, err
}

// try takes the records of a payload through a pipeline.
func (a *API) try(q request, payload []byte) ([]outline, error) {
	runner := pipeline.Runner{Find: func(name string) (*pipeline.Pipeline, error) { return a.Logs.Library.Find(name, 0) }}
	runner.SetNow(a.Logs.Now())
	var src pipeline.Source
	var rec pipeline.Record
	src.Reset(payload, q.format)
	tables := []outline{}
	for n := 0; ; n++ {
		ok, err := src.Next(&rec)
		if err != nil && q.lenient && pipeline.IsBadRecord(err) {
			continue
		}
		if err != nil {
			return nil, gate.Bad("%w", err)
		}
		if !ok {
			return finish(tables), nil
		}
		if n >= maxDryrun {
			return nil, missing("data")
		}
		row, err := runner.Run(q.pipeline, &rec)
		if err != nil {
			return nil, gate.Bad("Failed to exec pipeline: %w", err)
		}
		if row != nil {
			tables = addRow(tables, row)
		}
	}
}

// addRow adds a row to its table.
func addRow(tables []outline, row *pipeline.Row) []outline {
	name := dryTable + row.Suffix
	at := slices.IndexFunc(tables, func(t outline) bool { return t.Table == name })
	if at < 0 {
		at = len(tables)
		tables = append(tables, outline{Table: strings.Clone(name), Schema: []outlineColumn{}, Rows: [][]outlineCell{}})
	}
	t := &tables[at]
	cells := []outlineCell{}
	for i := range row.Cells {
		c := &row.Cells[i]
		key := strings.Clone(c.Name)
		if !slices.ContainsFunc(t.Schema, func(o outlineColumn) bool { return o.Name == key }) {
			t.Schema = append(t.Schema, outlineColumn{key, c.Type.String(), c.Role.String(), c.Fulltext})
		}
		value := jsonText(c.Value.AppendJSON(nil))
		if c.Type.IsJSON() && c.Value.Kind() == pipeline.String {
			value = jsonText(strings.Clone(c.Value.Text())) // the value, not its text
		}
		cells = append(cells, outlineCell{key, value, c.Type.String(), c.Role.String()})
	}
	t.Rows = append(t.Rows, cells)
	return tables
}

// finish gives every row of a table all of its columns, in order.
func finish(tables []outline) []outline {
	for i := range tables {
		t := &tables[i]
		for k, cells := range t.Rows {
			full := make([]outlineCell, 0, len(t.Schema))
			for _, c := range t.Schema {
				at := slices.IndexFunc(cells, func(o outlineCell) bool { return o.Key == c.Name })
				if at >= 0 {
					full = append(full, cells[at])
				} else {
					full = append(full, outlineCell{c.Name, jsonText("null"), c.Type, c.Role})
				}
			}
			t.Rows[k] = full
		}
	}
	return tables
}
