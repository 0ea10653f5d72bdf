package influx

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	ast "github.com/influxdata/influxql"

	"github.com/google/uuid"

	"tarn/edge/query"
	"tarn/edge/query/influxql"
	"tarn/edge/query/result"
	"tarn/store/column"
)

// v1Request is a request to /query: spec/influxql.md section 1.4 and
// spec/influxdb3-http-api.md section 3.6.
type v1Request struct {
	q, db, rp string
	options   result.V1Options
	csv       bool
	params    map[string]any
	// readOnly requests are GET: statements that change something run, and say
	// that they should be POST.
	readOnly bool
	// several says that there is more than one statement.
	several bool
}

// queryV1 serves GET and POST /query.
func (a *API) queryV1(w http.ResponseWriter, r *http.Request) {
	req, err := a.readV1(r)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	statements, err := influxql.Parse(req.q, req.params)
	if err != nil && req.csv {
		failCSV(w, http.StatusBadRequest, err)
		return
	}
	if err != nil {
		Fail(w, http.StatusBadRequest, err.Error())
		return
	}
	if len(statements) == 0 {
		a.fail(w, r, badRequest(missingQuery))
		return
	}
	req.several = len(statements) > 1
	h := w.Header()
	id := uuid.Must(uuid.NewV7()).String()
	h.Set("X-Influxdb-Version", a.Build.Version)
	h.Set("X-Influxdb-Build", "Core")
	h.Set("Request-Id", id)
	h.Set("X-Request-Id", id)
	h.Set("Content-Type", "application/json")
	body := &statementBody{w: w}
	if req.options.ChunkSize > 0 {
		body.w = flushing{w, http.NewResponseController(w)}
	}
	out := v1Writer{V1: result.NewV1JSON(body, req.options), body: body}
	if req.csv {
		h.Set("Content-Type", "application/csv")
		out.V1 = result.NewV1CSV(body, req.options)
	}
	a.runV1(w, r, req, statements, out)
}

// v1Writer writes the statements' results, and the body that they go to.
type v1Writer struct {
	result.V1
	body *statementBody
}

// statementBody sends the answer. While a statement runs, what may wait for the
// client goes through its result, so that it holds no place meanwhile.
type statementBody struct {
	w       io.Writer
	running *query.Result
}

func (b *statementBody) Write(p []byte) (n int, err error) {
	if b.running == nil {
		return b.w.Write(p)
	}
	err = b.running.Send(func() error {
		n, err = b.w.Write(p)
		return err
	})
	return n, err
}

// flushing sends what is written at once: a chunk is meant to be seen.
type flushing struct {
	w io.Writer
	c *http.ResponseController
}

func (f flushing) Write(b []byte) (int, error) {
	n, err := f.w.Write(b)
	if err == nil {
		if err = f.c.Flush(); errors.Is(err, http.ErrNotSupported) {
			err = nil
		}
	}
	return n, err
}

// runV1 runs the statements one after the other; one that fails does not keep
// the others from running.
func (a *API) runV1(w http.ResponseWriter, r *http.Request, req *v1Request, statements []ast.Statement, out v1Writer) {
	for i, s := range statements {
		var err error
		if into, ok := s.(*ast.SelectStatement); ok && into.Target != nil {
			err = a.selectInto(r, req, i, into, out)
		} else if influxql.Reads(s) {
			err = a.readStatement(w, r, req, i, s, out)
		} else {
			err = out.Message(i, a.change(r.Context(), req, s), req.warning(s))
		}
		switch {
		case errors.Is(err, errAnswered):
			return
		case err != nil:
			a.cut(r, query.Request{Database: req.db, Text: req.q}, err)
		}
	}
	if err := out.Close(); err != nil {
		a.cut(r, query.Request{Database: req.db, Text: req.q}, err)
	}
}

// errAnswered says that the request has got its answer already.
var errAnswered = errors.New("answered")

// warning is what a statement that changes something gets in a GET.
func (q *v1Request) warning(s ast.Statement) string {
	if p := newDefault(s); p != "" {
		return fmt.Sprintf("retention policy %q does not become the default: rows that name no policy are stored in autogen, whose duration stays", p)
	}
	if !q.readOnly {
		return ""
	}
	return fmt.Sprintf("deprecated use of '%s' in a read only context, please use a POST request instead", s)
}

// newDefault is the policy that a statement asks to be the default, other than
// the one that always is.
func newDefault(s ast.Statement) string {
	name, wanted := "", false
	switch s := s.(type) {
	case *ast.CreateDatabaseStatement:
		name, wanted = s.RetentionPolicyName, s.RetentionPolicyName != ""
	case *ast.CreateRetentionPolicyStatement:
		name, wanted = s.Name, s.Default
	case *ast.AlterRetentionPolicyStatement:
		name, wanted = s.Name, s.Default
	}
	if !wanted || influxql.StoredIn("", name) == "" {
		return ""
	}
	return name
}

func (q *v1Request) query(s ast.Statement) query.Request {
	text := q.q
	if q.several {
		text = s.String()
	}
	return query.Request{Database: q.db, Text: text, Language: query.InfluxQL,
		InfluxQL: query.InfluxQLRequest{Statement: s, RetentionPolicy: q.rp, Series: true}}
}

// readStatement runs SELECT, SHOW or EXPLAIN and streams its rows.
func (a *API) readStatement(w http.ResponseWriter, r *http.Request, req *v1Request, id int, s ast.Statement, out v1Writer) error {
	res, err := a.Query.Query(r.Context(), req.query(s))
	var b column.Batch
	if err == nil {
		defer res.Close()
		if err = hold(res, out.V1); err == nil {
			err = res.Next(r.Context(), &b)
		}
	}
	var qe *query.Error
	if id == 0 && errors.As(err, &qe) && qe.Class == query.Busy {
		// Nothing is sent yet: the client is told when to come back.
		w.Header().Set("Retry-After", "1")
		Fail(w, http.StatusServiceUnavailable, qe.Error())
		return errAnswered
	}
	if res == nil {
		return out.Message(id, a.statementError(r, s, err), "")
	}
	out.body.running = res
	defer func() { out.body.running = nil }()
	if err := out.Begin(id, res.Series(), res.Columns()); err != nil {
		return err
	}
	for ; err == nil; err = res.Next(r.Context(), &b) {
		if err := out.WriteBatch(&b); err != nil {
			return err
		}
	}
	if errors.Is(err, io.EOF) {
		return out.End(nil)
	}
	return out.End(a.statementError(r, s, err))
}

// statementError is an error as a statement's result shows it. What is the
// server's fault is logged.
func (a *API) statementError(r *http.Request, s ast.Statement, err error) error {
	var qe *query.Error
	if code, _ := status(err); !errors.As(err, &qe) && code == http.StatusInternalServerError && r.Context().Err() == nil {
		a.Logger.Error("statement failed", "query", s.String(), "error", err)
	}
	return err
}

const missingQuery = `missing required parameter "q": expected a query to be provided in the query string or body`

// readV1 reads the parameters: those of the body come before those of the
// query string.
func (a *API) readV1(r *http.Request) (*v1Request, error) {
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, badRequest("error decoding params from url: " + err.Error())
	}
	if r.Method == http.MethodPost {
		if err := a.readV1Body(r, q); err != nil {
			return nil, err
		}
	}
	req := &v1Request{q: q.Get("q"), db: q.Get("db"), rp: q.Get("rp"), readOnly: r.Method == http.MethodGet}
	if strings.TrimSpace(req.q) == "" {
		return nil, badRequest(missingQuery)
	}
	if req.csv, err = acceptsCSV(r.Header.Values("Accept")); err != nil {
		return nil, err
	}
	if req.options.Epoch, err = epoch(q.Get("epoch")); err != nil {
		return nil, err
	}
	req.options.Pretty = q.Get("pretty") == "true"
	if q.Get("chunked") == "true" {
		req.options.ChunkSize = defaultChunk
		if n, err := strconv.Atoi(q.Get("chunk_size")); err == nil && n > 0 {
			req.options.ChunkSize = n
		}
	}
	req.params, err = readParamsV1(q.Get("params"))
	return req, err
}

// defaultChunk is the rows of a document of a chunked answer.
const defaultChunk = 10000

func epoch(unit string) (time.Duration, error) {
	switch unit {
	case "":
		return 0, nil
	case "ns", "n":
		return time.Nanosecond, nil
	case "u", "us", "µ", "μ":
		return time.Microsecond, nil
	case "ms":
		return time.Millisecond, nil
	case "s":
		return time.Second, nil
	case "m":
		return time.Minute, nil
	case "h":
		return time.Hour, nil
	case "d":
		return 24 * time.Hour, nil
	case "w":
		return 7 * 24 * time.Hour, nil
	}
	return 0, badRequest("error decoding params from url: unknown epoch `" + unit + "`, expected one of ns, u, ms, s, m, h, d, w")
}

// readParamsV1 decodes bind parameters; unlike those of v3 they may be objects
// that name a type.
func readParamsV1(raw string) (map[string]any, error) {
	if raw == "" || raw == "null" {
		return nil, nil
	}
	dec := json.NewDecoder(strings.NewReader(raw))
	dec.UseNumber()
	var params map[string]any
	if err := dec.Decode(&params); err != nil {
		return nil, badRequest("error parsing query parameters: " + err.Error())
	}
	return params, nil
}

// acceptsCSV reads the Accept header: the first type that is known decides.
func acceptsCSV(accept []string) (bool, error) {
	all := strings.Join(accept, ",")
	if strings.TrimSpace(all) == "" {
		return false, nil
	}
	for part := range strings.SplitSeq(all, ",") {
		name, _, _ := strings.Cut(part, ";")
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "application/csv", "text/csv":
			return true, nil
		case "application/json", "*/*", "application/*", "text/html", "text/plain":
			return false, nil
		}
	}
	return false, badRequest(fmt.Sprintf("invalid mime type (%s)", all))
}

// readV1Body adds what a POST's body says to the parameters: a form, a JSON
// object, or the query itself.
func (a *API) readV1Body(r *http.Request, q url.Values) error {
	b, err := a.openBody(r)
	if err != nil {
		return err
	}
	defer b.close()
	kind, args, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil && r.Header.Get("Content-Type") != "" {
		return badRequest("invalid content type: " + err.Error())
	}
	if kind == "multipart/form-data" {
		return readMultipart(multipart.NewReader(b, args["boundary"]), q)
	}
	raw, err := io.ReadAll(b)
	if err != nil {
		return err
	}
	switch kind {
	case "application/x-www-form-urlencoded":
		form, err := url.ParseQuery(string(raw))
		if err != nil {
			return badRequest("error decoding params from body: " + err.Error())
		}
		for name, values := range form {
			q[name] = values
		}
	case "application/json":
		return readV1JSON(raw, q)
	default:
		if !q.Has("q") {
			q.Set("q", string(raw))
		}
	}
	return nil
}

// readV1JSON takes the members of an object as parameters, whatever scalar they
// are.
func readV1JSON(raw []byte, q url.Values) error {
	if len(strings.TrimSpace(string(raw))) == 0 {
		return nil
	}
	var members map[string]json.RawMessage
	if err := decodeJSON(raw, &members); err != nil {
		return err
	}
	for name, m := range members {
		text := string(m)
		if text == "null" {
			continue
		}
		if m[0] == '"' {
			if err := decodeJSON(m, &text); err != nil {
				return err
			}
		}
		q.Set(name, text)
	}
	return nil
}

func readMultipart(m *multipart.Reader, q url.Values) error {
	for {
		part, err := m.NextPart()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return badRequest("error decoding params from body: " + err.Error())
		}
		value, err := io.ReadAll(part)
		if err != nil {
			return badRequest("error decoding params from body: " + err.Error())
		}
		if name := part.FormName(); name != "" {
			q.Set(name, string(value))
		}
	}
}
