package logs

import (
	"errors"
	"mime"
	"net/http"
	"strings"
	"time"

	"tarn/edge/api/gate"
	"tarn/edge/ingest"
	"tarn/edge/ingest/piped"
	"tarn/edge/pipeline"
)

// formats are the content types of section 8.2.
var formats = map[string]pipeline.Format{"application/json": pipeline.JSON, "application/x-ndjson": pipeline.NDJSON, "text/plain": pipeline.Text}

// formatOf reads a content type.
func formatOf(contentType string) (pipeline.Format, error) {
	media, _, err := mime.ParseMediaType(contentType)
	f, ok := formats[media]
	if err != nil || !ok {
		return f, gate.Bad("invalid content type: %s, expected: one of application/json, application/x-ndjson, text/plain", contentType)
	}
	return f, nil
}

// request is what the parameters of a request say of its records.
type request struct {
	pipeline *pipeline.Pipeline
	format   pipeline.Format
	// skip drops bad records without an error; lenient passes over items that
	// are no records.
	skip, lenient bool
}

// read reads the parameters that ingesting and the legacy dryrun share.
func (a *API) read(r *http.Request) (q request, err error) {
	v := gate.Query(r)
	name := piped.PipelineName(r)
	if name == "" {
		name = v.Get("pipeline_name")
	}
	if name == "" {
		return q, missing("pipeline_name")
	}
	q.lenient = strings.EqualFold(v.Get("ignore_errors"), "true")
	params, err := piped.ReadParams(r, piped.Params{SkipErrors: strings.EqualFold(v.Get("skip_error"), "true")})
	if err != nil {
		return q, err
	}
	q.skip = params.SkipErrors
	if q.pipeline, err = a.find(r, v, name, params, q.lenient); err != nil {
		return q, err
	}
	contentType := r.Header.Get("Content-Type")
	if contentType == "" {
		return q, gate.Plainf(http.StatusBadRequest, "Header of type `content-type` was missing")
	}
	q.format, err = formatOf(contentType)
	return q, err
}

// find finds the pipeline of a request.
func (a *API) find(r *http.Request, v gate.Values, name string, params piped.Params, lenient bool) (*pipeline.Pipeline, error) {
	index := v.Get("custom_time_index")
	if name == pipeline.IdentityName {
		var spec *pipeline.TimeIndexSpec
		if index != "" {
			var err error
			if spec, err = pipeline.ParseTimeIndex(index, lenient); err != nil {
				return nil, gate.Bad("Invalid request parameter: %w", err)
			}
		}
		return pipeline.Identity(params.Levels, spec), nil
	}
	if index != "" {
		return nil, gate.Bad("Invalid request parameter: custom_time_index is for %s only", pipeline.IdentityName)
	}
	version, err := piped.PipelineVersion(r)
	if err != nil {
		return nil, err
	}
	if text := v.Get("version"); version == 0 && text != "" {
		if version, err = piped.ParseVersion(text); err != nil {
			return nil, err
		}
	}
	return a.Logs.Library.Find(name, version)
}

// ingest serves /v1/events/logs and /v1/ingest.
func (a *API) ingest(w http.ResponseWriter, r *http.Request) error {
	started := time.Now()
	o := piped.Options{Protocol: Family, Table: gate.Query(r).Get("table")}
	if o.Table == "" {
		return missing("table")
	}
	q, err := a.read(r)
	if err != nil {
		return err
	}
	if o.Database, err = a.WriteDatabase(r, "db"); err != nil {
		return err
	}
	if o.Hints, err = gate.Hints(r); err != nil {
		return err
	}
	held, err := a.TakeBody(r, a.Logs.Rows)
	if err != nil {
		return err
	}
	defer held.Release()
	b, err := a.Logs.Begin(o)
	if err != nil {
		return err
	}
	defer b.Close()
	b.Source.Reset(ingest.ValidText(held.Bytes), q.format)
	for {
		ok, err := b.Source.Next(&b.Record)
		switch {
		case err != nil && !pipeline.IsBadRecord(err):
			// There is no telling where the next record is. With ignore_errors
			// what came before counts.
			if !q.lenient {
				return gate.Bad("%w", err)
			}
			b.PassOver()
		case err != nil && q.lenient:
			b.PassOver()
			continue
		case err != nil:
			b.Refuse(err)
			continue
		case ok:
			_ = b.Add(q.pipeline, &b.Record) // counted there
			continue
		}
		break
	}
	b.Source.Forget()
	b.Record.Forget()
	held.Drop()
	if err := b.Commit(r.Context()); err != nil {
		return err
	}
	n, err := b.Outcome(q.skip)
	if err != nil {
		return explain(err)
	}
	gate.AffectedRows(w, "greptimedb_v1", int64(n), started)
	return nil
}

// explain says which step failed.
func explain(err error) error {
	if pipeline.IsBadRecord(err) {
		return err
	}
	var conflict *ingest.ConflictError
	if errors.As(err, &conflict) {
		return err
	}
	return gate.Bad("Failed to exec pipeline: %w", err)
}
