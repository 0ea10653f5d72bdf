// Package otlp serves OpenTelemetry's protocol over HTTP as GreptimeDB has it
// (spec/greptimedb-http-api.md section 5). Messages are decoded by hand, straight
// into rows: OpenTelemetry's own types would be an object for each attribute.
// JSON, which upstream refuses, is brought into protobuf's form first.
package otlp

import (
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strconv"
	"sync"

	"google.golang.org/protobuf/encoding/protowire"

	"tarn/edge/api/gate"
	"tarn/edge/auth"
	"tarn/edge/ingest"
	"tarn/edge/ingest/piped"
	"tarn/edge/route"
	"tarn/edge/server"
)

// Family names this package's routes.
const Family = "otlp"

// API serves the endpoints.
type API struct {
	*gate.Gate
	Writer *ingest.Writer
	Logs   *piped.Writer
	// Count is told how many data points or spans of a request were written and
	// rejected; log records Logs counts. Nil tells nobody.
	Count func(signal, database string, written, rejected int)

	pool sync.Pool // of *scratch
}

// Routes lists the endpoints.
func (a *API) Routes() []route.Route {
	var rs []route.Route
	for path, s := range map[string]signal{
		"metrics": {exportMetrics, "rejectedDataPoints", (*API).metrics},
		"traces":  {exportTraces, "rejectedSpans", (*API).traces},
		"logs":    {exportLogs, "rejectedLogRecords", (*API).logs},
	} {
		rs = append(rs, route.Route{Method: "POST", Path: "/v1/otlp/v1/" + path, Family: Family, Auth: auth.Token,
			Handle: func(w http.ResponseWriter, r *http.Request) { a.serve(w, r, s) }})
	}
	return rs
}

// signal is what differs between the endpoints.
type signal struct {
	request  *message // of JSON
	rejected string   // the count's name in JSON
	write    func(a *API, r *http.Request, body []byte) (report, error)
}

// report says what became of a request's items.
type report struct {
	accepted, rejected int
	// first is the reason of the first rejection.
	first error
	// status makes a request of which nothing was accepted a google.rpc.Status.
	status bool
	noun   string
	// signal and database are for API.Count, empty when it is not told.
	signal, database string
}

func (p *report) reject(n int, err error) {
	p.rejected += n
	if p.first == nil {
		p.first = err
	}
}

func (p *report) message() string {
	return fmt.Sprintf("Accepted %d %s, rejected %d %s: %v", p.accepted, p.noun, p.rejected, p.noun, p.first)
}

const (
	protobufType = "application/x-protobuf"
	jsonType     = "application/json"
)

func (a *API) serve(w http.ResponseWriter, r *http.Request, s signal) {
	media, err := mediaType(r)
	if err != nil {
		a.Fail(w, r, gate.ShapeB, err)
		return
	}
	var body []byte
	held, err := a.TakeBody(r, a.Writer)
	if err == nil {
		defer held.Release()
		body = held.Bytes
	}
	if err == nil && media == jsonType {
		if body, err = transcode(ingest.ValidText(body), s.request); err != nil {
			err = undecodable(media, err)
		}
	}
	var p report
	if err == nil {
		p, err = s.write(a, r, body)
	}
	if err == nil && a.Count != nil && p.signal != "" {
		a.Count(p.signal, p.database, p.accepted, p.rejected)
	}
	switch {
	case errors.Is(err, piped.ErrWire):
		err = undecodable(media, err)
	case err != nil && piped.IsRequestError(err):
		err = gate.Bad("%w", err)
	}
	switch {
	case err != nil:
		a.Fail(w, r, gate.ShapeB, err)
	case p.rejected > 0 && p.accepted == 0 && p.status:
		answerStatus(w, media, p.message())
	case p.rejected > 0 && p.accepted == 0:
		a.Fail(w, r, gate.ShapeB, gate.Bad("%w", p.first))
	default:
		answer(w, media, s, p)
	}
}

func mediaType(r *http.Request) (string, error) {
	text := r.Header.Get("Content-Type")
	if text == "" {
		return protobufType, nil
	}
	media, _, err := mime.ParseMediaType(text)
	switch {
	case err == nil && (media == protobufType || media == "application/protobuf"):
		return protobufType, nil
	case err == nil && media == jsonType:
		return media, nil
	}
	return "", gate.Bad("Unsupported content type '%s'. OTLP endpoint only supports '%s' and '%s'. Please configure your OTLP exporter to use protobuf encoding.",
		text, protobufType, jsonType)
}

func undecodable(media string, err error) error {
	return gate.Bad("Failed to decode OTLP request (content-type: %s): %w. The endpoint only accepts '%s' and '%s' format.", media, err, protobufType, jsonType)
}

// answer is Export...ServiceResponse, empty when all was accepted.
func answer(w http.ResponseWriter, media string, s signal, p report) {
	if media == jsonType {
		out := map[string]any{}
		if p.rejected > 0 {
			out["partialSuccess"] = map[string]any{s.rejected: strconv.Itoa(p.rejected), "errorMessage": p.message()}
		}
		server.JSON(w, http.StatusOK, out)
		return
	}
	var out []byte
	if p.rejected > 0 {
		var partial []byte
		partial = protowire.AppendTag(partial, 1, protowire.VarintType)
		partial = protowire.AppendVarint(partial, uint64(p.rejected))
		partial = protowire.AppendTag(partial, 2, protowire.BytesType)
		partial = protowire.AppendString(partial, p.message())
		out = protowire.AppendTag(out, 1, protowire.BytesType)
		out = protowire.AppendBytes(out, partial)
	}
	write(w, http.StatusOK, out)
}

// invalidArgument is the code of google.rpc.Status.
const invalidArgument = 3

// answerStatus is a google.rpc.Status.
func answerStatus(w http.ResponseWriter, media, message string) {
	if media == jsonType {
		server.JSON(w, http.StatusBadRequest, map[string]any{"code": invalidArgument, "message": message})
		return
	}
	var out []byte
	out = protowire.AppendTag(out, 1, protowire.VarintType)
	out = protowire.AppendVarint(out, invalidArgument)
	out = protowire.AppendTag(out, 2, protowire.BytesType)
	out = protowire.AppendString(out, message)
	write(w, http.StatusBadRequest, out)
}

func write(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", protobufType)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // a client that went away is nobody's error
}

// truthy reads a header that is a flag.
func truthy(r *http.Request, header string) bool {
	switch r.Header.Get(header) {
	case "true", "1", "yes", "on", "t", "TRUE", "True":
		return true
	}
	return false
}
