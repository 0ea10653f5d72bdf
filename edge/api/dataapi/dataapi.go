// Package dataapi serves Tarn's own endpoints that give data away as files:
//
//	GET /api/v3/export?db=D&table=T&format=lp|csv|parquet[&from=RFC3339][&to=RFC3339]
//	GET /api/v3/backup
//
// Both stream. An answer that breaks off is not whole: the connection is cut, so
// that a client notices. Times are inclusive at the beginning and exclusive at
// the end.
package dataapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"sync"
	"time"

	"tarn/edge/auth"
	"tarn/edge/export"
	"tarn/edge/route"
	"tarn/store"
)

// API serves the endpoints.
type API struct {
	Store  *store.Store
	Logger *slog.Logger

	backup sync.Mutex // one at a time: each copies the catalog
}

// Routes are the endpoints. All of them need a token.
func (a *API) Routes() []route.Route {
	return []route.Route{
		{Method: http.MethodGet, Path: "/api/v3/export", Family: "tarn", Auth: auth.Token, Handle: a.export},
		{Method: http.MethodGet, Path: "/api/v3/backup", Family: "tarn", Auth: auth.Token, Handle: a.serveBackup},
	}
}

func fail(w http.ResponseWriter, status int, err error) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": err.Error()}) // a client that went away is nobody's error
}

// started is a response that notes whether anything was sent.
type started struct {
	http.ResponseWriter
	any bool
}

func (s *started) Write(p []byte) (int, error) {
	s.any = true
	return s.ResponseWriter.Write(p)
}

// end answers an error, or cuts the connection when it is too late for that.
func (a *API) end(w *started, r *http.Request, err error) {
	if err == nil {
		return
	}
	if r.Context().Err() == nil {
		a.Logger.Error("request failed", "method", r.Method, "path", r.URL.Path, "error", err)
	}
	if w.any {
		panic(http.ErrAbortHandler)
	}
	w.Header().Del("Content-Disposition")
	status := http.StatusInternalServerError
	switch {
	case errors.Is(err, store.ErrNotFound):
		status = http.StatusNotFound
	case errors.Is(err, store.ErrReadOnly), errors.Is(err, store.ErrClosed), errors.Is(err, context.DeadlineExceeded):
		status = http.StatusServiceUnavailable
	}
	fail(w, status, err)
}

// Bounds reads a range of time, from inclusive and to exclusive; empty texts
// leave it open.
func Bounds(from, to string) (lo, hi int64, err error) {
	lo, hi = store.MinTime, store.MaxTime
	if from != "" {
		t, err := time.Parse(time.RFC3339Nano, from)
		if err != nil {
			return 0, 0, fmt.Errorf("from must be a time such as 2026-01-31T00:00:00Z, not %q", from)
		}
		lo = t.UnixNano()
	}
	if to != "" {
		t, err := time.Parse(time.RFC3339Nano, to)
		if err != nil {
			return 0, 0, fmt.Errorf("to must be a time such as 2026-01-31T00:00:00Z, not %q", to)
		}
		hi = t.UnixNano() - 1
	}
	return lo, hi, nil
}

func (a *API) export(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	for _, name := range []string{"db", "table"} {
		if q.Get(name) == "" {
			fail(w, http.StatusBadRequest, fmt.Errorf("serde error: missing field `%s`", name))
			return
		}
	}
	format := export.Lines
	if f := q.Get("format"); f != "" {
		var err error
		if format, err = export.ParseFormat(f); err != nil {
			fail(w, http.StatusBadRequest, err)
			return
		}
	}
	lo, hi, err := Bounds(q.Get("from"), q.Get("to"))
	if err != nil {
		fail(w, http.StatusBadRequest, err)
		return
	}
	w.Header().Set("Content-Type", format.ContentType())
	out := &started{ResponseWriter: w}
	_, err = export.Table(r.Context(), a.Store, export.Spec{Database: q.Get("db"), Table: q.Get("table"), MinTime: lo, MaxTime: hi, Format: format}, out)
	a.end(out, r, err)
}

// BytesHeader says how many bytes of files a backup has, for progress.
const BytesHeader = "X-Tarn-Backup-Bytes"

func (a *API) serveBackup(w http.ResponseWriter, r *http.Request) {
	if !a.backup.TryLock() {
		w.Header().Set("Retry-After", "30")
		fail(w, http.StatusServiceUnavailable, errors.New("another backup is being taken"))
		return
	}
	defer a.backup.Unlock()
	out := &started{ResponseWriter: w}
	b, err := a.Store.Backup(r.Context())
	if err != nil {
		a.end(out, r, err)
		return
	}
	began := time.Now()
	w.Header().Set("Content-Type", "application/x-tar")
	w.Header().Set(BytesHeader, strconv.FormatInt(b.Info.Bytes, 10))
	err = errors.Join(b.Write(r.Context(), out), b.Close())
	if err == nil {
		a.Logger.Info("backup", "files", b.Info.Files, "bytes", b.Info.Bytes, "rows", b.Info.Rows, "took", time.Since(began).Round(time.Millisecond))
	}
	a.end(out, r, err)
}
