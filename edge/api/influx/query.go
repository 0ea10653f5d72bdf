package influx

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"unicode/utf16"

	"tarn/edge/query"
	"tarn/edge/query/influxql"
	"tarn/edge/query/result"
	"tarn/store/column"
)

// queryBody is a v3 query as POST carries it.
type queryBody struct {
	DB     *string         `json:"db"`
	Q      *string         `json:"q"`
	Format *string         `json:"format"`
	Params json.RawMessage `json:"params"`
}

// queryGet serves GET /api/v3/query_sql and query_influxql.
func (a *API) queryGet(l query.Language) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { a.queryByURL(w, r, l) }
}

// queryPost serves the same endpoints' POST. The content type does not matter.
func (a *API) queryPost(l query.Language) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var b queryBody
		if err := a.readJSON(r, &b); err != nil {
			a.fail(w, r, err)
			return
		}
		a.query(w, r, b, l, "serde json error")
	}
}

func (a *API) queryByURL(w http.ResponseWriter, r *http.Request, l query.Language) {
	if r.URL.RawQuery == "" {
		a.fail(w, r, badRequest("missing query parameters 'db' and 'q'"))
		return
	}
	q, err := parseQuery(r)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	value := func(name string) *string {
		if !q.Has(name) {
			return nil
		}
		v := q.Get(name)
		return &v
	}
	b := queryBody{DB: value("db"), Q: value("q"), Format: value("format")}
	if p := q.Get("params"); p != "" {
		b.Params = json.RawMessage(p)
	}
	a.query(w, r, b, l, "serde error")
}

func (a *API) query(w http.ResponseWriter, r *http.Request, b queryBody, l query.Language, prefix string) {
	format, err := negotiate(r.Header.Values("Accept"), b.Format)
	switch {
	case err != nil:
	case b.DB == nil && l == query.SQL: // InfluxQL may name it in its text
		err = missing(prefix, "db")
	case b.Q == nil:
		err = missing(prefix, "q")
	}
	if err != nil {
		a.fail(w, r, err)
		return
	}
	params, err := readParams(b.Params)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	req := query.Request{Text: *b.Q, Language: l, Params: params}
	if b.DB != nil {
		req.Database = *b.DB
	}
	a.run(w, r, format, req)
}

// readParams decodes query parameters; numbers keep their digits.
func readParams(raw json.RawMessage) (map[string]any, error) {
	if len(raw) == 0 || string(raw) == "null" {
		return nil, nil
	}
	var members map[string]json.RawMessage
	if err := decodeJSON(raw, &members); err != nil {
		return nil, err
	}
	params := make(map[string]any, len(members))
	for name, m := range members {
		switch c := m[0]; {
		case c == '[':
			return nil, badRequest("JSON arrays are not supported as query parameters. Expected null, boolean, number, or string.")
		case c == '{':
			return nil, badRequest("JSON objects are not supported as query parameters. Expected null, boolean, number, or string.")
		case c == '-', c >= '0' && c <= '9':
			params[name] = json.Number(m)
		default:
			var v any
			if err := decodeJSON(m, &v); err != nil {
				return nil, err
			}
			params[name] = v
		}
	}
	return params, nil
}

// media maps media types to formats (spec section 3.1).
var media = map[string]result.Format{
	"application/json": result.JSON, "*/*": result.JSON, "text/html": result.JSON, "application/*": result.JSON,
	"application/jsonl": result.JSONL, "application/x-ndjson": result.JSONL,
	"text/csv": result.CSV, "application/csv": result.CSV,
	"text/plain": result.Pretty, "application/vnd.apache.parquet": result.Parquet,
}

// negotiate picks the format: the parameter when there is one, else the first
// media type of Accept that is known.
func negotiate(accept []string, format *string) (result.Format, error) {
	if format != nil {
		f, err := result.ParseFormat(*format)
		if err != nil {
			return f, badRequest("serde error: " + err.Error())
		}
		return f, nil
	}
	all := strings.Join(accept, ",")
	if strings.TrimSpace(all) == "" {
		return result.JSON, nil
	}
	for part := range strings.SplitSeq(all, ",") {
		name, _, _ := strings.Cut(part, ";")
		if f, ok := media[strings.ToLower(strings.TrimSpace(name))]; ok {
			return f, nil
		}
	}
	return result.JSON, badRequest(fmt.Sprintf("invalid mime type (%s)", all))
}

// run executes a query and streams its rows.
func (a *API) run(w http.ResponseWriter, r *http.Request, format result.Format, req query.Request) {
	res, err := a.Query.Query(r.Context(), req)
	if err != nil {
		a.failQuery(w, r, req, err)
		return
	}
	defer res.Close()
	body := &held{w: w, send: res.Send}
	out, werr := result.NewWithin(format, body, res.Columns(), res.AnswerBytes())
	if werr != nil { // the format cannot hold such columns
		a.fail(w, r, badRequest("query error: "+werr.Error()))
		return
	}
	var batch column.Batch
	if err = hold(res, out); err == nil {
		err = res.Next(r.Context(), &batch)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		a.failQuery(w, r, req, err)
		return
	}
	body.begin = func() {
		w.Header().Set("Content-Type", format.ContentType())
		if r.Header.Get(columnsHeader) != "" {
			w.Header().Set(columnsHeader, describeColumns(res.Columns()))
		}
	}
	for err == nil {
		if werr := out.WriteBatch(&batch); werr != nil {
			a.cut(r, req, werr)
		}
		if err = hold(res, out); err == nil {
			err = res.Next(r.Context(), &batch)
		}
	}
	switch {
	case errors.Is(err, io.EOF):
	case !body.sent:
		a.failQuery(w, r, req, err)
		return
	default:
		a.cut(r, req, err)
	}
	if err = out.Close(); err == nil {
		err = body.flush()
	}
	if err != nil {
		a.cut(r, req, err)
	}
}

// columnsHeader is our own: a request that has it gets it back with the names
// and types of all columns. JSON leaves NULLs out, so a reader that wants to
// show a table, as our page does, could not know the columns nor their order.
const columnsHeader = "Tarn-Columns"

// describeColumns writes columns as a JSON list of [name, type], in ASCII, and empty
// when it would be too long for a header.
func describeColumns(cols []result.Column) string {
	list := make([][2]string, len(cols))
	for i, c := range cols {
		list[i] = [2]string{c.Name, c.Type.String()}
	}
	text, err := json.Marshal(list)
	const most = 100 << 10
	if err != nil || len(text) > most {
		return ""
	}
	ascii := make([]byte, 0, len(text))
	for _, r := range string(text) {
		switch {
		case r < 0x80:
			ascii = append(ascii, byte(r))
		case r < 0x10000:
			ascii = fmt.Appendf(ascii, `\u%04x`, r)
		default:
			hi, lo := utf16.EncodeRune(r)
			ascii = fmt.Appendf(ascii, `\u%04x\u%04x`, hi, lo)
		}
	}
	return string(ascii)
}

// hold counts what the answer's writer holds as the query's memory.
func hold(res *query.Result, out any) error {
	if h, ok := out.(result.Holder); ok {
		return res.Hold(h.Held())
	}
	return nil
}

// heldBytes of an answer are kept back.
const heldBytes = 64 << 10

// held keeps the beginning of an answer back: a query that fails before there
// is more gets a status of its own, however its rows lie in files.
type held struct {
	w     io.Writer
	begin func()                   // before the first byte
	send  func(func() error) error // runs what may wait for the client
	buf   *[]byte                  // nil before the first byte, and when it was sent
	sent  bool
}

// heldBuffers are of answers that were sent.
var heldBuffers = sync.Pool{New: func() any { return new([]byte) }}

func (h *held) Write(p []byte) (n int, err error) {
	if !h.sent {
		if h.buf == nil {
			h.buf = heldBuffers.Get().(*[]byte)
			*h.buf = (*h.buf)[:0]
		}
		if len(*h.buf)+len(p) <= heldBytes {
			*h.buf = append(*h.buf, p...)
			return len(p), nil
		}
	}
	if err := h.flush(); err != nil {
		return 0, err
	}
	err = h.send(func() error {
		n, err = h.w.Write(p)
		return err
	})
	return n, err
}

// flush sends what was kept back.
func (h *held) flush() error {
	if h.sent {
		return nil
	}
	h.sent = true
	h.begin()
	if h.buf == nil {
		return nil
	}
	buf := h.buf
	h.buf = nil
	defer heldBuffers.Put(buf)
	if len(*buf) == 0 {
		return nil
	}
	return h.send(func() error {
		_, err := h.w.Write(*buf)
		return err
	})
}

// cut breaks the connection of an answer that cannot be finished, so that the
// client does not take the part for the whole.
func (a *API) cut(r *http.Request, req query.Request, err error) {
	if r.Context().Err() == nil {
		a.Logger.Warn("query failed while its rows were sent", "database", req.Database, "query", req.Text, "error", err)
	}
	panic(http.ErrAbortHandler)
}

// failQuery answers a query that failed before its first row (spec sections
// 3.1 and 0.5).
func (a *API) failQuery(w http.ResponseWriter, r *http.Request, req query.Request, err error) {
	var qe *query.Error
	if !errors.As(err, &qe) {
		a.fail(w, r, err)
		return
	}
	if req.Language == query.InfluxQL {
		var undefined *influxql.UndefinedError
		switch {
		case errors.As(err, &undefined):
			Fail(w, http.StatusBadRequest, fmt.Sprintf("Bind parameter '$%s' was referenced in the InfluxQL statement but its value is undefined", undefined.Name))
			return
		case qe.Class == query.Parse:
			Fail(w, http.StatusBadRequest, "error in InfluxQL statement: parsing error: "+strings.TrimPrefix(qe.Error(), "error parsing query: "))
			return
		case qe.Class == query.DatabaseNotFound:
			Fail(w, http.StatusNotFound, "query error: "+qe.Error())
			return
		case errors.Is(err, influxql.ErrNoDatabase):
			Fail(w, http.StatusBadRequest, "must specify a 'db' parameter, or provide the database in the InfluxQL query")
			return
		case qe == influxql.ErrManyStatements || influxql.IsMismatch(err):
			Fail(w, http.StatusBadRequest, qe.Error())
			return
		}
	}
	switch qe.Class {
	case query.DatabaseNotFound:
		Fail(w, http.StatusNotFound, "query error: database not found: "+req.Database)
	case query.Parse, query.Plan, query.Schema:
		Fail(w, http.StatusBadRequest, "query error: error while planning query: "+qe.Error())
	case query.NotImplemented:
		Fail(w, http.StatusMethodNotAllowed, "query error: error while planning query: "+qe.Error())
	case query.Execution:
		Fail(w, http.StatusBadRequest, "query error: "+qe.Error())
	case query.Resources:
		Fail(w, http.StatusInsufficientStorage, "query error: "+qe.Error())
	case query.Busy:
		w.Header().Set("Retry-After", "1")
		Fail(w, http.StatusServiceUnavailable, "query error: "+qe.Error())
	case query.Timeout:
		Fail(w, http.StatusGatewayTimeout, "query error: "+qe.Error())
	default:
		a.fail(w, r, err)
	}
}
