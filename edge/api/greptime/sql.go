package greptime

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"tarn/edge/api/gate"
	"tarn/edge/api/greptime/statement"
	"tarn/edge/query/sql"
	"tarn/edge/server"
	"tarn/store/column"
)

// maxLimit stands for no limit.
const maxLimit = int64(1) << 62

// request is a request of /v1/sql.
type request struct {
	started time.Time
	format  format
	options options
	session statement.Session
}

// sql serves GET and POST /v1/sql (section 2.1).
func (a *API) sql(w http.ResponseWriter, r *http.Request) {
	q := request{started: time.Now()}
	err := a.runSQL(w, r, &q)
	if err != nil {
		a.FailAfter(w, r, gate.ShapeA, statement.Explain(err), q.started)
	}
}

func (a *API) runSQL(w http.ResponseWriter, r *http.Request, q *request) error {
	params, err := a.Form(r)
	if err != nil {
		return err
	}
	if err := a.readRequest(r, params, q); err != nil {
		return err
	}
	if !params.Has("sql") {
		return gate.Bad("sql parameter is required.")
	}
	statements, err := sql.ParseScript(params.Get("sql"))
	if err != nil {
		return statement.Syntax(err)
	}
	if len(statements) > 1 && !q.format.many {
		return gate.Bad("cannot output multi-statements result in %s format", strings.ToLower(q.format.name))
	}
	ctx, cancel, err := gate.Context(r)
	if err != nil {
		return err
	}
	defer cancel()
	r = r.WithContext(ctx)
	out := &answer{w: w, format: q.format.name, started: q.started, mime: q.format.mime}
	body := q.format.make(out, q.options)
	for _, s := range statements {
		o, err := a.Statements.Run(ctx, &q.session, s)
		if err == nil {
			out.send = o.Send
			err = a.copyRows(r, body, o, q.options.limit)
			err = errors.Join(err, o.Close())
			out.send = nil
		}
		if err != nil {
			return a.broken(r, out, err)
		}
	}
	if err := body.end(); err != nil {
		return a.broken(r, out, err)
	}
	return a.broken(r, out, out.flush())
}

// broken decides what becomes of an error: once a part of the answer is sent the
// connection breaks, so that nobody takes the part for the whole.
func (a *API) broken(r *http.Request, out *answer, err error) error {
	if err == nil || !out.sent {
		return err
	}
	if r.Context().Err() == nil {
		a.Logger.Warn("statement failed while its rows were sent", "path", r.URL.Path, "error", err)
	}
	panic(http.ErrAbortHandler)
}

// readRequest reads what all requests that answer like SQL share.
func (a *API) readRequest(r *http.Request, params gate.Values, q *request) error {
	q.format = formatOf(params.Get("format"))
	q.options = options{limit: maxLimit, epoch: epochOf(params.Get("epoch")), started: q.started, zstd: strings.EqualFold(gate.Query(r).Get("compression"), "zstd")}
	// Only the query string's limit counts.
	if text := gate.Query(r).Get("limit"); text != "" {
		n, err := strconv.ParseUint(text, 10, 63)
		if err != nil {
			return gate.Plainf(http.StatusBadRequest, "Failed to deserialize query string: limit: %s", err)
		}
		q.options.limit = int64(min(n, uint64(maxLimit)))
	}
	var err error
	if q.session.Database, err = a.ReadDatabase(r, params); err != nil {
		return err
	}
	q.session.ZoneName, q.session.Zone, err = gate.Zone(r)
	return err
}

// copyRows writes a statement's answer in a format.
func (a *API) copyRows(r *http.Request, body writer, o *statement.Output, limit int64) error {
	if !o.Rows {
		return body.affected(o.Affected)
	}
	if err := body.begin(o.Columns); err != nil {
		return err
	}
	var b column.Batch
	left := limit
	for left > 0 {
		err := o.Next(r.Context(), &b)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		n := int(min(int64(b.Len), left))
		left -= int64(n)
		if err := body.rows(&b, n); err != nil {
			return err
		}
	}
	return body.done()
}

// answer is the body of a response, whose beginning is held back: a statement
// that fails before there is more gets a status of its own.
type answer struct {
	w       http.ResponseWriter
	format  string
	mime    string
	started time.Time
	send    func(func() error) error // runs what may wait for the client
	buf     []byte
	sent    bool
}

// heldBytes of an answer are kept back.
const heldBytes = 256 << 10

// put writes what has come together, if it is enough.
func (a *answer) put() error {
	if len(a.buf) < heldBytes {
		return nil
	}
	return a.flush()
}

func (a *answer) flush() error {
	if !a.sent {
		a.sent = true
		gate.Headers(a.w, a.format, a.started)
		a.w.Header().Set("Content-Type", a.mime)
	}
	if len(a.buf) == 0 {
		return nil
	}
	write := func() error {
		_, err := a.w.Write(a.buf)
		return err
	}
	var err error
	if a.send != nil {
		err = a.send(write)
	} else {
		err = write()
	}
	a.buf = a.buf[:0]
	return err
}

// sqlFormat serves /v1/sql/format: the statements in canonical text.
func (a *API) sqlFormat(w http.ResponseWriter, r *http.Request) {
	started := time.Now()
	statements, err := a.parse(r)
	if err != nil {
		a.FailAfter(w, r, gate.ShapeA, err, started)
		return
	}
	var lines []string
	for _, s := range statements {
		lines = append(lines, sql.Tidy(s)+";")
	}
	server.JSON(w, http.StatusOK, struct {
		Formatted string `json:"formatted"`
	}{strings.Join(lines, "\n")})
}

// sqlParse serves /v1/sql/parse. Upstream's answer is the tree of its parser;
// ours has the kind of each statement and its text with every operator in
// parentheses.
func (a *API) sqlParse(w http.ResponseWriter, r *http.Request) {
	statements, err := a.parse(r)
	if err != nil {
		a.Fail(w, r, gate.ShapeB, err)
		return
	}
	type node struct {
		Text string `json:"text"`
	}
	out := []map[string]node{}
	for _, s := range statements {
		kind := strings.TrimPrefix(fmt.Sprintf("%T", s), "*sql.")
		switch kind {
		case "Describe":
			kind = "DescribeTable"
		case "ShowNative":
			kind = "Show"
		}
		out = append(out, map[string]node{kind: {s.String()}})
	}
	server.JSON(w, http.StatusOK, out)
}

func (a *API) parse(r *http.Request) ([]sql.Statement, error) {
	params, err := a.Form(r)
	if err != nil {
		return nil, err
	}
	if !params.Has("sql") {
		return nil, gate.Bad("sql parameter is required.")
	}
	statements, err := sql.ParseScript(params.Get("sql"))
	if err != nil {
		return nil, statement.Syntax(err)
	}
	return statements, nil
}
