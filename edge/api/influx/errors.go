package influx

import (
	"encoding/csv"
	"errors"
	"net/http"

	"tarn/edge/ingest"
	"tarn/edge/server"
	"tarn/store"
)

// errorBody is the E2 shape of spec section 0.3.
type errorBody struct {
	Error string `json:"error"`
	Data  any    `json:"data,omitempty"`
}

// errorV2 is the E3 shape.
type errorV2 struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// Fail answers with the E2 shape.
func Fail(w http.ResponseWriter, status int, message string) {
	server.JSON(w, status, errorBody{Error: message})
}

// failCSV answers as version 1 does to who wants CSV (spec/influxql.md section
// 1.3): a table of one column and one row.
func failCSV(w http.ResponseWriter, status int, err error) {
	w.Header().Set("Content-Type", "application/csv")
	w.WriteHeader(status)
	out := csv.NewWriter(w)
	// What cannot be sent is the client's loss: it has gone.
	_ = out.WriteAll([][]string{{"error"}, {err.Error()}})
}

// codesV2 are E3's words for statuses.
var codesV2 = map[int]string{
	http.StatusBadRequest: "invalid", http.StatusUnauthorized: "unauthorized", http.StatusForbidden: "forbidden",
	http.StatusNotFound: "not found", http.StatusRequestEntityTooLarge: "request too large",
	http.StatusServiceUnavailable: "unavailable",
}

// failV2 answers with the E3 shape.
func failV2(w http.ResponseWriter, status int, message string) {
	code, ok := codesV2[status]
	if !ok {
		code = "internal error"
	}
	server.JSON(w, status, errorV2{Code: code, Message: message})
}

// requestError is a request that the handler refuses with a status.
type requestError struct {
	status int
	msg    string
}

func (e *requestError) Error() string { return e.msg }

func badRequest(msg string) error { return &requestError{http.StatusBadRequest, msg} }

// status maps an error to its answer: spec section 0.4, plus what only an edge
// appliance has.
func status(err error) (code int, message string) {
	message = err.Error()
	var (
		req      *requestError
		limit    *store.LimitError
		config   *store.ConfigError
		name     *store.NameError
		reserved *store.ReservedError
		double   *store.DuplicateError
		deleted  *store.DeletedError
		token    *store.TokenExistsError
		cached   *store.CacheColumnError
	)
	switch {
	case errors.As(err, &req):
		return req.status, req.msg
	case errors.As(err, &limit):
		return http.StatusUnprocessableEntity, limit.Error()
	case errors.As(err, &config), errors.As(err, &name), errors.As(err, &reserved), errors.As(err, &double), errors.As(err, &deleted), errors.As(err, &cached):
		return http.StatusBadRequest, message
	case errors.As(err, &token):
		return http.StatusConflict, token.Error()
	case errors.Is(err, store.ErrOperatorToken):
		return http.StatusMethodNotAllowed, store.ErrOperatorToken.Error()
	case errors.Is(err, store.ErrNoAdminToken):
		return http.StatusNotFound, store.ErrNoAdminToken.Error()
	case errors.Is(err, store.ErrNotFound), errors.Is(err, store.ErrTokenNotFound):
		return http.StatusNotFound, store.ErrNotFound.Error()
	case errors.Is(err, store.ErrExists):
		return http.StatusConflict, store.ErrExists.Error()
	case errors.Is(err, store.ErrDeleted):
		return http.StatusConflict, store.ErrDeleted.Error()
	case errors.Is(err, ingest.ErrTooMuch):
		return http.StatusRequestEntityTooLarge, message
	case errors.Is(err, store.ErrBusy), errors.Is(err, store.ErrSchemaChanged), errors.Is(err, store.ErrClosed), errors.Is(err, store.ErrReadOnly):
		return http.StatusServiceUnavailable, message
	case errors.Is(err, store.ErrQuota):
		return http.StatusInsufficientStorage, store.ErrQuota.Error()
	}
	return http.StatusInternalServerError, message
}

// fail answers err in the E2 shape.
func (a *API) fail(w http.ResponseWriter, r *http.Request, err error) {
	code, message := a.explain(w, r, err)
	Fail(w, code, message)
}

// explain finds the answer for err, says when to come back, logs what is the
// server's fault (not that a client went away), and takes in the rest of the
// body so that the client gets to read the answer.
func (a *API) explain(w http.ResponseWriter, r *http.Request, err error) (code int, message string) {
	code, message = status(err)
	server.Drain(r, a.MaxBody)
	if code == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "2")
	}
	if code == http.StatusInternalServerError && r.Context().Err() == nil {
		a.Logger.Error("request failed", "method", r.Method, "path", r.URL.Path, "error", err)
	}
	return code, message
}
