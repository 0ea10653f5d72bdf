// Package server is the HTTP side of the appliance: listener, TLS, routing,
// authentication, limits and the headers that every answer carries.
package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/julienschmidt/httprouter"

	"tarn/edge/auth"
	"tarn/edge/route"
)

// Options configure a Handler.
type Options struct {
	Routes []route.Route
	Auth   *auth.Authenticator
	// ClusterUUID is sent with every answer.
	ClusterUUID string
	Logger      *slog.Logger
	// Observe is told of every finished request.
	Observe func(Observation)
	// Deny answers a request that is refused before its family is known, or
	// by authentication.
	Deny func(w http.ResponseWriter, status int, message string)
	// Guards answer for the paths below a prefix instead of Auth and Deny: a
	// protocol family with credentials and errors of its own.
	Guards map[string]Guard
	// Patience is how long a client may neither send nor take in anything;
	// default a minute.
	Patience time.Duration
}

// Guard admits and refuses requests of one protocol family.
type Guard interface {
	// Admit says whether a request may go on, and answers it otherwise.
	Admit(w http.ResponseWriter, r *http.Request, need auth.Need) bool
	// Deny answers with a status: 404 for a path that no route has, 405 for a
	// method that the path does not have, 500 for a handler that broke.
	Deny(w http.ResponseWriter, r *http.Request, status int)
	// Preflight answers OPTIONS.
	Preflight(w http.ResponseWriter)
}

// Observation is one finished request, for metrics.
type Observation struct {
	Method, Path string // Path is the route's pattern, empty for unknown ones
	Status       int
	Bytes        int64
	Took         time.Duration
	Aborted      bool
	Received     int64 // bytes of the request's body, as they came
}

// Handler routes requests.
type Handler struct {
	opts   Options
	router *httprouter.Router
}

// NewHandler builds the router from the route table.
func NewHandler(o Options) *Handler {
	if o.Patience == 0 {
		o.Patience = defaultPatience
	}
	h := &Handler{opts: o, router: httprouter.New()}
	h.router.RedirectTrailingSlash = false
	h.router.RedirectFixedPath = false
	h.router.HandleMethodNotAllowed = false
	h.router.HandleOPTIONS = false
	for _, r := range o.Routes {
		h.router.Handle(r.Method, r.Path, func(w http.ResponseWriter, req *http.Request, p httprouter.Params) {
			if r.When != nil && !r.When(req) {
				h.router.NotFound.ServeHTTP(w, req)
				return
			}
			if rec, ok := w.(*recorder); ok {
				rec.path = r.Path
			}
			need := r.Auth
			if r.Open != nil && r.Open(req) {
				need = auth.Open
			}
			if h.authorize(w, req, need) {
				r.Handle(w, req.WithContext(context.WithValue(req.Context(), httprouter.ParamsKey, p)))
			}
		})
	}
	h.router.NotFound = http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		// Authentication comes before routing: who has no token learns nothing
		// about the paths.
		if g := h.guard(req); g != nil {
			h.guarded(g, w, req)
			return
		}
		if h.authorize(w, req, auth.ForPath(req.URL.Path)) {
			o.Deny(w, http.StatusNotFound, "not found")
		}
	})
	return h
}

// guard is the guard of a request's path, or nil.
func (h *Handler) guard(r *http.Request) Guard {
	for prefix, g := range h.opts.Guards {
		if strings.HasPrefix(r.URL.Path, prefix) {
			return g
		}
	}
	return nil
}

// guarded answers a request that no route takes as it is: HEAD as GET, another
// method than the path has, or a path that there is not.
func (h *Handler) guarded(g Guard, w http.ResponseWriter, r *http.Request) {
	if get, p, _ := h.router.Lookup(http.MethodGet, r.URL.Path); get != nil && r.Method == http.MethodHead {
		get(w, r, p)
		return
	}
	if !g.Admit(w, r, auth.Token) {
		return
	}
	for _, m := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete} {
		if other, _, _ := h.router.Lookup(m, r.URL.Path); other != nil {
			g.Deny(w, r, http.StatusMethodNotAllowed)
			return
		}
	}
	g.Deny(w, r, http.StatusNotFound)
}

// authorize says whether the request may go on, and answers it otherwise.
func (h *Handler) authorize(w http.ResponseWriter, r *http.Request, need auth.Need) bool {
	if g := h.guard(r); g != nil {
		return g.Admit(w, r, need)
	}
	_, err := h.opts.Auth.Authenticate(r, need)
	switch {
	case err == nil:
		return true
	case errors.Is(err, auth.ErrMalformed):
		// The exact text of spec section 1.2, blank after the colon included.
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprintf(w, `{"error": "%s"}`, auth.ErrMalformed)
	default:
		w.Header().Set("WWW-Authenticate", "Bearer")
		h.opts.Deny(w, http.StatusUnauthorized, auth.ErrUnauthenticated.Error())
	}
	return false
}

// ServeHTTP is http.Handler's.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	rec := &recorder{ResponseWriter: w, control: http.NewResponseController(w), patience: h.opts.Patience}
	body := &patientBody{ReadCloser: r.Body, control: rec.control, patience: h.opts.Patience}
	r.Body = body
	// The deadline of the connection's last request may have passed.
	rec.extend()
	head := w.Header()
	head.Set("Access-Control-Allow-Origin", "*")
	head.Set("cluster-uuid", h.opts.ClusterUUID)
	defer func() {
		reason := recover()
		aborted := reason != nil
		if aborted && reason != http.ErrAbortHandler { //nolint:errorlint // a panic value, compared as net/http does
			h.opts.Logger.Error("panic in a handler", "method", r.Method, "path", r.URL.Path, "reason", reason)
			if rec.status == 0 {
				if g := h.guard(r); g != nil {
					g.Deny(rec, r, http.StatusInternalServerError)
				} else {
					h.opts.Deny(rec, http.StatusInternalServerError, "internal error")
				}
				aborted = false
			}
		}
		if rec.status == 0 {
			rec.status = http.StatusOK
		}
		rec.finish()
		h.opts.Observe(Observation{Method: r.Method, Path: rec.path, Status: rec.status, Bytes: rec.bytes, Received: body.received, Took: time.Since(start), Aborted: aborted})
		if aborted {
			panic(http.ErrAbortHandler)
		}
	}()
	// The documented curl examples send "--request post".
	r.Method = strings.ToUpper(r.Method)
	if r.Method == http.MethodOptions {
		if g := h.guard(r); g != nil {
			g.Preflight(rec)
			return
		}
		head.Set("Access-Control-Allow-Methods", "*")
		head.Set("Access-Control-Allow-Headers", "*")
		head.Set("Access-Control-Max-Age", "86400")
		rec.WriteHeader(http.StatusNoContent)
		return
	}
	h.router.ServeHTTP(rec, r)
}

// recorder notes what was answered.
type recorder struct {
	http.ResponseWriter
	control  *http.ResponseController
	patience time.Duration
	path     string
	status   int
	bytes    int64
}

func (r *recorder) WriteHeader(code int) {
	if r.status == 0 {
		r.status = code
	}
	r.ResponseWriter.WriteHeader(code)
}

func (r *recorder) Write(p []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	n, err := r.patientWrite(p)
	r.bytes += int64(n)
	return n, err
}

// Unwrap lets http.ResponseController reach the connection.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// Server is a running listener.
type Server struct {
	http     *http.Server
	listener net.Listener
	failed   chan error
}

// ListenOptions say where and how to listen.
type ListenOptions struct {
	Addr              string
	CertFile, KeyFile string
	// MinTLS is a version of crypto/tls.
	MinTLS uint16
	Logger *slog.Logger
}

// Start listens and serves in the background.
func Start(h http.Handler, o ListenOptions) (*Server, error) {
	l, err := net.Listen("tcp", o.Addr)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", o.Addr, err)
	}
	s := &Server{listener: l, failed: make(chan error, 1), http: &http.Server{
		Handler: h,
		// A client that dribbles its header, or keeps an idle connection, holds
		// memory that an edge machine does not have. Bodies may be slow: links
		// are.
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(o.Logger.Handler(), slog.LevelDebug),
	}}
	serve := func() error { return s.http.Serve(l) }
	if o.CertFile != "" {
		cert, err := tls.LoadX509KeyPair(o.CertFile, o.KeyFile)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("load the TLS certificate: %w", err), l.Close())
		}
		s.http.TLSConfig = &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: max(o.MinTLS, tls.VersionTLS12)}
		serve = func() error { return s.http.ServeTLS(l, "", "") }
	}
	go func() { s.failed <- serve() }()
	return s, nil
}

// Addr is where the server listens.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// Failed yields the error of a server that stopped by itself.
func (s *Server) Failed() <-chan error { return s.failed }

// Stop takes no new requests and waits for running ones until ctx ends; then
// it breaks them off.
func (s *Server) Stop(ctx context.Context) error {
	if err := s.http.Shutdown(ctx); err != nil {
		return errors.Join(fmt.Errorf("wait for running requests: %w", err), s.http.Close())
	}
	return nil
}
