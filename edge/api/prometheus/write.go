package prometheus

import (
	"context"
	"errors"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"tarn/edge/api/gate"
	"tarn/edge/ingest"
	"tarn/store"
)

// The messages of remote write, as the parameter proto of the content type
// names them.
const (
	message1 = "prometheus.WriteRequest"
	message2 = "io.prometheus.write.v2.Request"
)

// write serves remote write 1.0 and 2.0 (spec section 4.1).
func (a *API) write(w http.ResponseWriter, r *http.Request) {
	if gate.Query(r).Has("get_vm_proto_version") {
		// What VictoriaMetrics' agent asks before it sends zstd.
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = w.Write([]byte("1"))
		return
	}
	version, err := protocol(r)
	written := 0
	if err == nil {
		written, err = a.take(r, version)
	}
	if version == 2 {
		h := w.Header()
		h.Set("X-Prometheus-Remote-Write-Samples-Written", strconv.Itoa(written))
		h.Set("X-Prometheus-Remote-Write-Histograms-Written", "0")
		h.Set("X-Prometheus-Remote-Write-Exemplars-Written", "0")
	}
	if err != nil {
		a.Fail(w, r, gate.ShapeB, writeError(err))
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// writeError makes what the client did wrong a 400, which Prometheus does not
// send again.
func writeError(err error) error {
	e := gate.Classify(err)
	switch {
	case e.Status == http.StatusRequestTimeout:
		return &gate.Error{Code: gate.DeadlineExceeded, Msg: "the write took longer than x-greptime-timeout allows", Err: err}
	case e.Code == gate.Internal && isBad(err):
		return gate.Bad("%w", err)
	}
	return err
}

// badError marks errors of the request's content.
type badError struct{ err error }

func (e *badError) Error() string { return e.err.Error() }
func (e *badError) Unwrap() error { return e.err }

func isBad(err error) bool {
	var bad *badError
	return errors.As(err, &bad)
}

// protocol is the version of remote write that a request's content type names.
func protocol(r *http.Request) (int, error) {
	text := r.Header.Get("Content-Type")
	if text == "" {
		return 1, nil
	}
	unsupported := gate.Plainf(http.StatusUnsupportedMediaType, "unsupported prometheus remote write content type: %s", text)
	media, params, err := mime.ParseMediaType(text)
	if err != nil || media != "application/x-protobuf" {
		return 0, unsupported
	}
	switch params["proto"] {
	case "", message1:
		return 1, nil
	case message2:
		return 2, nil
	}
	return 0, unsupported
}

// take decodes and stores a request, all or nothing, and returns the number of
// samples that were written.
func (a *API) take(r *http.Request, version int) (int, error) {
	if name := r.Header.Get("x-greptime-pipeline-name"); name != "" && version == 1 {
		return 0, gate.Errorf(gate.Unsupported, "remote write does not go through pipelines (%s: %s)", "x-greptime-pipeline-name", name)
	}
	encoding := strings.ToLower(strings.TrimSpace(r.Header.Get("Content-Encoding")))
	if version == 2 && encoding != "snappy" && encoding != "zstd" {
		return 0, gate.Plainf(http.StatusUnsupportedMediaType, "remote write 2.0 needs the content encoding snappy or zstd, not %q", encoding)
	}
	database, err := a.WriteDatabase(r, "db")
	if err != nil {
		return 0, err
	}
	hints, err := gate.Hints(r)
	if err != nil {
		return 0, err
	}
	ctx, cancel, err := gate.Context(r)
	if err != nil {
		return 0, err
	}
	defer cancel()

	d := a.work.get()
	var turn *ingest.Turn
	defer func() {
		a.work.put(d)
		turn.Done()
	}()
	d.database, d.look = database, nil
	if look := (ingest.Look{TimeName: "greptime_timestamp", Unit: time.Millisecond}); look.Hint(hints) {
		d.look = &look
	}
	d.begin = func(name string) (*ingest.Rows, error) {
		if name != database {
			if err := a.Writable(name); err != nil {
				return nil, err
			}
		}
		return a.Writer.Rows(name, ingest.RowOptions{NoCreate: hints["auto_create_table"] == "false"})
	}
	if d.raw, turn, err = a.RawTurn(ctx, d.raw[:0], r, a.Writer); err != nil {
		return 0, err
	}
	body, err := a.decompress(turn, d, encoding, version)
	if err != nil {
		return 0, err
	}
	if err := d.decode(body, version, a.Known); err != nil {
		return 0, &badError{err}
	}
	if err := d.commit(ctx); err != nil {
		return 0, err
	}
	d.recall.Learn()
	for _, f := range d.families {
		name := database
		if f.database != nil {
			name = string(f.database)
		}
		a.meta.set(name, f)
	}
	return d.samples, nil
}

// decode makes rows of a message.
func (d *decoder) decode(m []byte, version int, known *ingest.Known) error {
	d.recall.Begin(known, d.database)
	defer d.recall.End()
	if version == 2 {
		return d.v2(m)
	}
	return d.v1(m)
}

// commit writes the rows of all databases.
func (d *decoder) commit(ctx context.Context) error {
	for _, t := range d.targets {
		if err := t.rows.CommitLooks(ctx, store.WriteOptions{}, t.looks); err != nil {
			if cause := context.Cause(ctx); cause != nil && ctx.Err() != nil {
				err = cause
			}
			return err
		}
	}
	return nil
}

var errEmpty = errors.New("the request body is empty")

// decompress undoes a body's encoding: a snappy block, or zstd when the header
// says so. Senders that mix the two up are understood in 1.0. What is small and
// becomes large waits for its turn, too.
func (a *API) decompress(turn *ingest.Turn, d *decoder, encoding string, version int) ([]byte, error) {
	if len(d.raw) == 0 {
		return nil, gate.Bad("%s", undecodable(errEmpty))
	}
	var err error
	first, second := a.UnsnappyInto, a.UnzstdInto
	if encoding == "zstd" {
		first, second = second, first
	}
	d.plain, err = first(d.plain[:0], d.raw, turn.Await)
	if err != nil && version == 1 {
		out, other := second(d.plain[:0], d.raw, turn.Await)
		if other == nil {
			d.plain, err = out, nil
		} else if gate.Classify(other).HTTP() != http.StatusBadRequest {
			return nil, other // it is the other, and too large or too long in waiting
		}
	}
	if err != nil {
		if e := gate.Classify(err); e.HTTP() != http.StatusBadRequest {
			return nil, err
		}
		return nil, gate.Bad("%s", undecodable(err))
	}
	return d.plain, nil
}
