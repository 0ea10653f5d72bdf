// Package syncapi serves Tarn's own endpoints about upstream sync; what they
// answer is described in package upstream (folder sync).
package syncapi

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"

	"tarn/edge/auth"
	"tarn/edge/route"
	"tarn/store"
	upstream "tarn/sync"
)

// Path is where the endpoints are.
const Path = "/api/v3/sync"

// API serves the endpoints.
type API struct{ Sync *upstream.Manager }

// Routes are the endpoints. All of them need a token.
func (a *API) Routes() []route.Route {
	r := func(method, path string, h http.HandlerFunc) route.Route {
		return route.Route{Method: method, Path: Path + path, Family: "tarn", Auth: auth.Token, Handle: h}
	}
	return []route.Route{
		r(http.MethodGet, "", func(w http.ResponseWriter, _ *http.Request) { answer(w, a.Sync.Status()) }),
		r(http.MethodDelete, "", a.act(a.Sync.Forget)),
		r(http.MethodPost, "/now", a.act(a.Sync.Now)),
		r(http.MethodPost, "/pause", a.act(a.Sync.Pause)),
		r(http.MethodPost, "/resume", a.act(a.Sync.Resume)),
		r(http.MethodPost, "/verify", func(w http.ResponseWriter, q *http.Request) {
			report, err := a.Sync.Verify(q.Context(), q.URL.Query().Get("target"))
			if err != nil {
				fail(w, err)
				return
			}
			answer(w, report)
		}),
		r(http.MethodPost, "/prune", a.prune),
	}
}

func (a *API) prune(w http.ResponseWriter, q *http.Request) {
	values := q.URL.Query()
	dry := false
	if text := values.Get("dry_run"); text != "" {
		var err error
		if dry, err = strconv.ParseBool(text); err != nil {
			write(w, http.StatusBadRequest, map[string]string{"error": "dry_run is true or false"})
			return
		}
	}
	report, err := a.Sync.Prune(q.Context(), values.Get("target"), values.Get("database"), dry)
	if err != nil {
		fail(w, err)
		return
	}
	answer(w, report)
}

// act serves a change of one target, or of all, and shows what it led to.
func (a *API) act(change func(context.Context, string) error) http.HandlerFunc {
	return func(w http.ResponseWriter, q *http.Request) {
		if err := change(q.Context(), q.URL.Query().Get("target")); err != nil {
			fail(w, err)
			return
		}
		answer(w, a.Sync.Status())
	}
}

func fail(w http.ResponseWriter, err error) {
	status := http.StatusInternalServerError
	switch {
	case errors.Is(err, store.ErrNotFound):
		status = http.StatusNotFound
	case errors.Is(err, store.ErrConfigured):
		status = http.StatusConflict
	case errors.Is(err, store.ErrReadOnly), errors.Is(err, store.ErrClosed), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		status = http.StatusServiceUnavailable
	}
	write(w, status, map[string]string{"error": err.Error()})
}

func answer(w http.ResponseWriter, v any) { write(w, http.StatusOK, v) }

func write(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		status, body = http.StatusInternalServerError, []byte(`{"error":"cannot encode the answer"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body) // a client that went away is nobody's error
}
