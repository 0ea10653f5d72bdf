package influx

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"tarn/edge/ingest"
	"tarn/edge/query/influxql"
	"tarn/edge/server"
	"tarn/lp"
	"tarn/store"
)

// rejectedLine is one bad line as the API lists it (spec section 2.6).
type rejectedLine struct {
	Message  string `json:"error_message"`
	Line     int    `json:"line_number"`
	Original string `json:"original_line"`
}

func rejectedLines(rs []ingest.Rejected) []rejectedLine {
	out := make([]rejectedLine, len(rs))
	for i, r := range rs {
		out[i] = rejectedLine{r.Message, r.Line, r.Original}
	}
	return out
}

// writeV3 serves POST /api/v3/write_lp.
func (a *API) writeV3(w http.ResponseWriter, r *http.Request) {
	o, err := optionsV3(r)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	report, err := a.write(r, o)
	switch {
	case err != nil:
		a.fail(w, r, err)
	case report.Failed == 0:
		w.WriteHeader(http.StatusNoContent)
	case o.AllOrNothing:
		server.JSON(w, statusOf(report), errorBody{"parsing failed for write_lp endpoint", rejectedLines(report.Rejected)[0]})
	default:
		server.JSON(w, statusOf(report), errorBody{"partial write of line protocol occurred", rejectedLines(report.Rejected)})
	}
}

func statusOf(r ingest.Report) int {
	if r.LimitHit() {
		return http.StatusUnprocessableEntity
	}
	return http.StatusBadRequest
}

func optionsV3(r *http.Request) (o ingest.Options, err error) {
	if r.URL.RawQuery == "" {
		return o, badRequest("missing query parameter 'db'")
	}
	q, err := parseQuery(r)
	if err != nil {
		return o, err
	}
	if !q.Has("db") {
		return o, missing("serde error", "db")
	}
	o.Database = q.Get("db")
	o.Precision = lp.Auto
	if q.Has("precision") {
		if o.Precision, err = lp.ParsePrecision(q.Get("precision")); err != nil {
			return o, badRequest("serde error: " + err.Error())
		}
	}
	partial, err := queryBool(q, "accept_partial", true)
	if err != nil {
		return o, err
	}
	o.AllOrNothing = !partial
	o.NoSync, err = queryBool(q, "no_sync", false)
	return o, err
}

// writeV1 serves POST /write: partial writes are on.
func (a *API) writeV1(w http.ResponseWriter, r *http.Request) {
	o, err := optionsV1(r)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	report, err := a.write(r, o)
	switch {
	case err != nil:
		a.fail(w, r, err)
	case report.Failed == 0:
		w.WriteHeader(http.StatusNoContent)
	case report.Written == 0:
		server.JSON(w, statusOf(report), errorBody{"write of line protocol failed", rejectedLines(report.Rejected)})
	default:
		server.JSON(w, statusOf(report), errorBody{"partial write of line protocol occurred", rejectedLines(report.Rejected)})
	}
}

func optionsV1(r *http.Request) (o ingest.Options, err error) {
	q, err := parseQuery(r)
	if err != nil {
		return o, err
	}
	db := q.Get("db")
	if db == "" {
		return o, badRequest("no db destination provided")
	}
	o.Database = RetentionDatabase(db, q.Get("rp"))
	if err := checkNamespace(o.Database); err != nil {
		return o, err
	}
	if o.Precision, err = precisionOr(q, lp.Nanosecond); err != nil {
		return o, badRequest("failed to deserialize db/rp/precision in request: " + err.Error())
	}
	return o, nil
}

// RetentionDatabase maps v1's database and retention policy to the database
// that holds its rows (spec section 2.3).
func RetentionDatabase(db, rp string) string { return influxql.StoredIn(db, rp) }

// checkNamespace is the name check that v1 writes make before the common one.
func checkNamespace(name string) error {
	if len(name) < 1 || len(name) > 64 {
		return badRequest(fmt.Sprintf("namespace name %s length must be between 1 and 64 characters", name))
	}
	for i, c := range name {
		if c < 0x20 || c == 0x7f {
			return badRequest(fmt.Sprintf("namespace name '%s' contains invalid character, character number %d is not whitelisted", name, i))
		}
	}
	return nil
}

func precisionOr(q url.Values, def lp.Precision) (lp.Precision, error) {
	if v := q.Get("precision"); v != "" {
		return lp.ParsePrecision(v)
	}
	return def, nil
}

// writeV2 serves POST /api/v2/write, whose errors have a shape of their own.
func (a *API) writeV2(w http.ResponseWriter, r *http.Request) {
	o, err := optionsV2(r)
	if err == nil {
		var report ingest.Report
		if report, err = a.write(r, o); err == nil && report.Failed > 0 {
			err = badRequest("write buffer error: parsing for line protocol failed" + describe(report))
		}
	}
	if err == nil {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	code, message := a.explain(w, r, err)
	if message == ingest.ErrEmpty.Error() {
		message = "write buffer error: " + message
	}
	if code == http.StatusUnprocessableEntity {
		code = http.StatusBadRequest
	}
	failV2(w, code, message)
}

// describe lists the first bad lines in one text.
func describe(r ingest.Report) string {
	var b strings.Builder
	for i, j := range r.Rejected {
		if i == 5 {
			fmt.Fprintf(&b, " (and %d more)", r.Failed-i)
			break
		}
		fmt.Fprintf(&b, ": line %d: %s", j.Line, j.Message)
	}
	return b.String()
}

func optionsV2(r *http.Request) (o ingest.Options, err error) {
	q, err := parseQuery(r)
	if err != nil {
		return o, err
	}
	if r.URL.RawQuery == "" {
		return o, badRequest("no org/bucket destination provided")
	}
	if o.Database = q.Get("bucket"); o.Database == "" {
		o.Database = q.Get("db")
	}
	if o.Database == "" {
		return o, badRequest("missing bucket value")
	}
	if o.Precision, err = precisionOr(q, lp.Nanosecond); err != nil {
		return o, badRequest("failed to deserialize org/bucket/precision in request: " + err.Error())
	}
	partial, err := queryBool(q, "accept_partial", true)
	o.AllOrNothing = !partial
	return o, err
}

// write reads the body into the database.
func (a *API) write(r *http.Request, o ingest.Options) (ingest.Report, error) {
	if err := store.CheckDatabaseName(o.Database); err != nil {
		return ingest.Report{}, err
	}
	b, err := a.openBody(r)
	if err != nil {
		return ingest.Report{}, err
	}
	defer b.close()
	report, err := a.Writer.WriteLines(r.Context(), b, o)
	if errors.Is(err, ingest.ErrEmpty) {
		return report, &requestError{http.StatusBadRequest, ingest.ErrEmpty.Error()}
	}
	return report, err
}
