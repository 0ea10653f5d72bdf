// Package gate is what all endpoints of the GreptimeDB family share, those below
// /v1/ (spec/greptimedb-http-api.md section 0): credentials, the choice of a
// database, bodies and parameters, status codes, error bodies and the headers of
// answers.
//
// A handler reads
//
//	started := time.Now()
//	db, err := g.WriteDatabase(r, "db")
//	body, err := g.ReadBody(r)        // decompressed, bounded
//	...
//	if err != nil {
//		g.Fail(w, r, gate.ShapeB, err)  // any error: Classify finds its code
//		return
//	}
//	gate.AffectedRows(w, "greptimedb_v1", rows, started)
package gate

import (
	"encoding/base64"
	"log/slog"
	"net/http"
	"strings"
	"sync"

	"tarn/edge/auth"
	"tarn/store"
)

// Gate serves the endpoints of the family.
type Gate struct {
	Store  *store.Store
	Auth   *auth.Authenticator
	Logger *slog.Logger
	// MaxBody bounds a request's body in bytes, as it comes and as it is
	// decompressed.
	MaxBody int64

	zstd   sync.Pool // of *zstd.Decoder
	bodies sync.Pool // of *Held
}

// Prefix is where the paths of the family begin.
const Prefix = "/v1/"

// Admit says whether a request may go on, and answers it otherwise: 401 in shape
// A (section 0.3). It is the server's guard of the family's paths.
func (g *Gate) Admit(w http.ResponseWriter, r *http.Request, need auth.Need) bool {
	if g.Auth.Disabled || need == auth.Open || g.Auth.Exempt[need] {
		return true
	}
	token, err := credentials(r)
	if err == nil {
		if _, ok := g.Auth.Tokens.Check(token); ok {
			return true
		}
		err = Errorf(UserPasswordMismatch, "Username and password does not match")
	}
	g.Fail(w, r, ShapeA, err)
	return false
}

// Deny answers a path that there is not, a method that a path does not have, or
// a request whose handler broke: status and no body, as upstream's framework
// does; only what is our fault says so.
func (g *Gate) Deny(w http.ResponseWriter, r *http.Request, status int) {
	if status == http.StatusInternalServerError {
		g.Fail(w, r, ShapeA, Errorf(Internal, "internal error"))
		return
	}
	w.WriteHeader(status)
}

// Preflight answers OPTIONS.
func (g *Gate) Preflight(w http.ResponseWriter) {
	w.Header().Set("Access-Control-Allow-Methods", "GET,POST,PUT,DELETE,HEAD")
	w.Header().Set("Access-Control-Allow-Headers", "*")
	w.WriteHeader(http.StatusOK)
}

// credentials finds the token of a request (section 0.3). Tarn has tokens and no
// users: where a scheme has a user and a password, the password is the token.
func credentials(r *http.Request) (string, *Error) {
	influx := strings.Contains(r.URL.Path, "influxdb")
	header := r.Header.Get("x-greptime-auth")
	if header == "" {
		header = r.Header.Get("Authorization")
	}
	if header == "" {
		if q := Query(r); influx && q.Has("u") && q.Has("p") {
			return q.Get("p"), nil
		}
		return "", Errorf(AuthHeaderNotFound, "Not found http or grpc authorization header")
	}
	scheme, value, _ := strings.Cut(header, " ")
	value = strings.TrimSpace(value)
	invalid := Errorf(InvalidAuthHeader, "Invalid http authorization header")
	switch {
	case value == "":
	case strings.EqualFold(scheme, "Basic"):
		raw, err := base64.StdEncoding.DecodeString(value)
		if _, password, ok := strings.Cut(string(raw), ":"); ok && err == nil {
			return password, nil
		}
	case strings.EqualFold(scheme, "Bearer"):
		return value, nil
	case influx && strings.EqualFold(scheme, "Token"):
		if _, password, ok := strings.Cut(value, ":"); ok {
			return password, nil
		}
		return value, nil
	}
	return "", invalid
}
