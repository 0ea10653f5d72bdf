package greptime

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"runtime"
	"strings"

	"tarn/edge/api/gate"
	"tarn/edge/server"
)

// Server is what the administrative endpoints tell and change of the server
// (section 1).
type Server struct {
	Version, Revision string
	// Config is the running configuration as TOML, without secrets.
	Config func() ([]byte, error)
	// Level is that of the log.
	Level *slog.LevelVar
	// NoProfiles turns /debug/prof off.
	NoProfiles bool
	// Local says whether a request comes from this machine.
	Local func(*http.Request) bool
	// Page serves the web page below /dashboard/, its path without that; nil
	// when there is none.
	Page http.Handler
}

// Health serves the {} of this family's /health, which shares its path with
// InfluxDB's.
func (a *API) Health(w http.ResponseWriter, r *http.Request) { a.health(w, r) }

// status serves GET /status.
func (a *API) status(w http.ResponseWriter, _ *http.Request) {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	server.JSON(w, http.StatusOK, struct {
		Commit   string `json:"commit"`
		Branch   string `json:"branch"`
		Compiler string `json:"rustc_version"`
		Hostname string `json:"hostname"`
		Version  string `json:"version"`
	}{a.Server.Revision, "main", runtime.Version(), host, a.Server.Version})
}

// config serves GET /config.
func (a *API) config(w http.ResponseWriter, r *http.Request) {
	text, err := a.Server.Config()
	if err != nil {
		a.Fail(w, r, gate.ShapeB, err)
		return
	}
	w.Header().Set("Content-Type", plainMime)
	_, _ = w.Write(text) // a client that went away is nobody's error
}

// guarded lets through what may look inside the server: who has a token, and
// without tokens only who is on this machine.
func (a *API) guarded(h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if a.Auth.Disabled && !a.Server.Local(r) {
			a.Fail(w, r, gate.ShapeB, gate.Errorf(gate.PermissionDenied, "the debug endpoints of a server without tokens answer this machine alone"))
			return
		}
		h(w, r)
	}
}

// levels of the log by their names in filters; off is above all that is logged.
var levels = []struct {
	name  string
	level slog.Level
}{{"trace", slog.LevelDebug - 4}, {"debug", slog.LevelDebug}, {"info", slog.LevelInfo}, {"warn", slog.LevelWarn}, {"error", slog.LevelError}, {"off", slog.LevelError + 100}}

func levelName(l slog.Level) string {
	for _, n := range levels {
		if l <= n.level {
			return n.name
		}
	}
	return "off"
}

// maxFilter bounds the text of a filter.
const maxFilter = 1 << 10

// logLevel serves POST /debug/log_level: the level for all modules, which the
// log does not tell apart.
func (a *API) logLevel(w http.ResponseWriter, r *http.Request) {
	raw, err := io.ReadAll(io.LimitReader(r.Body, maxFilter+1))
	if err != nil {
		a.Fail(w, r, gate.ShapeB, gate.Bad("cannot read the request body: %w", err))
		return
	}
	filter := strings.TrimSpace(string(raw))
	for _, l := range levels {
		if strings.EqualFold(filter, l.name) {
			old := a.Server.Level.Level()
			a.Server.Level.Set(l.level)
			a.Logger.Info("log level changed", "from", levelName(old), "to", l.name)
			w.Header().Set("Content-Type", plainMime)
			fmt.Fprintf(w, "Log Level changed from %s to %s", levelName(old), l.name)
			return
		}
	}
	reason := "expected trace, debug, info, warn, error or off"
	if strings.ContainsAny(filter, "=,") {
		reason += ": the log has one level for all modules"
	}
	a.Fail(w, r, gate.ShapeB, gate.Bad("Invalid request parameter: Invalid filter %q: %s", filter[:min(len(filter), 100)], reason))
}

// dashboard sends to /dashboard/ whoever asks for /dashboard.
func (a *API) dashboard(w http.ResponseWriter, r *http.Request) {
	to := "/dashboard/"
	if r.URL.RawQuery != "" {
		to += "?" + r.URL.RawQuery
	}
	w.Header().Set("Location", to)
	w.WriteHeader(http.StatusPermanentRedirect)
}
