// Package auth reads credentials from requests and checks them against the
// store's tokens (spec/influxdb3-http-api.md section 1).
package auth

import (
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"unicode/utf8"

	"tarn/store"
)

// Need says what a route demands of a request.
type Need uint8

const (
	// Token demands a valid token.
	Token Need = iota
	// Open demands nothing.
	Open
	// TokenOrQuery is Token, but the query parameter p may carry it.
	TokenOrQuery
	// Health, Ping and Metrics are Token unless --disable-authz names them.
	Health
	Ping
	Metrics
)

// ForPath is the need of a path that no route serves. The v1 paths take the
// query parameter p whatever the method (spec section 1.2): who has a token is
// told that there is nothing, and not that it is wrong.
func ForPath(path string) Need {
	switch strings.TrimSuffix(path, "/") {
	case "/write", "/query":
		return TokenOrQuery
	}
	return Token
}

// Errors of Authenticate.
var (
	// ErrMalformed is an Authorization header that no scheme understands: 400.
	//
	//lint:ignore ST1005 the API's wording
	ErrMalformed = errors.New("Authorization header was malformed, the request was not in the form of 'Authorization: <auth-scheme> <token>', supported auth-schemes are Bearer, Token and Basic")
	// ErrUnauthenticated is a missing, unknown or expired token: 401.
	ErrUnauthenticated = errors.New("the request was not authenticated")
)

// Authenticator checks requests.
type Authenticator struct {
	// Tokens are the valid ones.
	Tokens *store.Tokens
	// Disabled turns all checking off: --without-auth.
	Disabled bool
	// Exempt are the needs that --disable-authz lifts.
	Exempt map[Need]bool
}

// Authenticate returns the token that a request carries. With checking off, or
// for an open route, it returns ok with a Token of ID 0 that names nobody.
func (a *Authenticator) Authenticate(r *http.Request, need Need) (store.Token, error) {
	if a.Disabled || need == Open || a.Exempt[need] {
		return store.Token{}, nil
	}
	text, err := Credentials(r, need == TokenOrQuery)
	if err != nil {
		return store.Token{}, err
	}
	t, ok := a.Tokens.Check(text)
	if !ok {
		return store.Token{}, ErrUnauthenticated
	}
	return t, nil
}

// Credentials extracts the token's text: the query parameter p where it is
// allowed, which wins, else the Authorization header as Bearer, Token or
// Basic, whose user is ignored.
func Credentials(r *http.Request, query bool) (string, error) {
	if query {
		if q := r.URL.Query(); q.Has("p") {
			return q.Get("p"), nil
		}
	}
	header := r.Header.Get("Authorization")
	if header == "" {
		return "", ErrUnauthenticated
	}
	scheme, value, ok := strings.Cut(header, " ")
	if !ok || strings.Contains(value, " ") {
		return "", ErrMalformed
	}
	switch scheme {
	case "Bearer", "Token":
		return value, nil
	case "Basic":
		raw, err := base64.StdEncoding.DecodeString(value)
		if err != nil || !utf8.Valid(raw) {
			return "", ErrMalformed
		}
		_, password, ok := strings.Cut(string(raw), ":")
		if !ok || strings.Contains(password, ":") {
			return "", ErrMalformed
		}
		return password, nil
	}
	return "", ErrMalformed
}
