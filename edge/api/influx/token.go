package influx

import (
	"encoding/hex"
	"math"
	"net/http"
	"slices"
	"strconv"
	"time"

	"tarn/edge/auth"
	"tarn/edge/server"
	"tarn/store"
)

// tokenBody is a new token as the API shows it, once (spec section 1.5).
type tokenBody struct {
	ID        uint64  `json:"id"`
	Name      string  `json:"name"`
	Token     string  `json:"token"`
	Hash      string  `json:"hash"`
	CreatedAt string  `json:"created_at"`
	Expiry    *string `json:"expiry"`
}

// instant writes milliseconds since epoch as RFC 3339, with the fraction only
// when there is one.
func instant(ms int64) string {
	t := time.UnixMilli(ms).UTC()
	if ms%1000 == 0 {
		return t.Format("2006-01-02T15:04:05Z")
	}
	return t.Format("2006-01-02T15:04:05.000Z")
}

func showToken(w http.ResponseWriter, k store.Token, text string) {
	b := tokenBody{ID: k.ID, Name: k.Name, Token: text, Hash: hex.EncodeToString(k.Hash[:]), CreatedAt: instant(k.CreatedAt)}
	if k.ExpiresAt != 0 {
		e := instant(k.ExpiresAt)
		b.Expiry = &e
	}
	server.JSON(w, http.StatusCreated, b)
}

// enabled refuses token administration on a server without authentication.
func (a *API) enabled(w http.ResponseWriter) bool {
	if a.Auth.Disabled {
		Fail(w, http.StatusMethodNotAllowed, "endpoint disabled, started without auth")
		return false
	}
	return true
}

// createAdminToken serves POST /api/v3/configure/token/admin, which is how the
// first token is made: without a credential, but only from the machine itself.
// Once a server has tokens of other names, as with --admin-token-file, one of
// them must ask: else a stranger could make himself the operator.
func (a *API) createAdminToken(w http.ResponseWriter, r *http.Request) {
	if !a.enabled(w) {
		return
	}
	list, caller := a.Store.Tokens().List(), a.caller(r)
	taken := slices.ContainsFunc(list, func(k store.Token) bool { return k.Name == store.AdminToken })
	switch {
	case taken: // Create says so
	case len(list) == 0 && !a.FirstTokenFrom(r):
		Fail(w, http.StatusForbidden, "the first admin token can be created only from the machine itself: connect over loopback, or start the server with --admin-token-file")
		return
	case len(list) > 0 && caller < 0:
		w.Header().Set("WWW-Authenticate", "Bearer")
		Fail(w, http.StatusUnauthorized, auth.ErrUnauthenticated.Error())
		return
	}
	k, text, err := a.Store.Tokens().Create(r.Context(), store.AdminToken, time.Time{}, caller)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	showToken(w, k, text)
}

// regenerateAdminToken serves POST /api/v3/configure/token/admin/regenerate.
func (a *API) regenerateAdminToken(w http.ResponseWriter, r *http.Request) {
	if a.enabled(w) {
		a.regenerate(w, r)
	}
}

func (a *API) regenerate(w http.ResponseWriter, r *http.Request) bool {
	k, text, err := a.Store.Tokens().Regenerate(r.Context(), a.caller(r))
	if err != nil {
		a.fail(w, r, err)
		return false
	}
	showToken(w, k, text)
	return true
}

// caller is the ID of the token that a request carries, -1 for none.
func (a *API) caller(r *http.Request) int64 {
	text, err := auth.Credentials(r, false)
	if err != nil {
		return -1
	}
	k, ok := a.Store.Tokens().Check(text)
	if !ok {
		return -1
	}
	return int64(k.ID)
}

// namedTokenBody asks for a named token; name is the documented parameter's
// spelling.
type namedTokenBody struct {
	TokenName  *string `json:"token_name"`
	Name       *string `json:"name"`
	ExpirySecs *uint64 `json:"expiry_secs"`
}

// createNamedToken serves POST /api/v3/configure/token/named_admin. The name
// comes in the body or, as the documentation has it, in the query.
func (a *API) createNamedToken(w http.ResponseWriter, r *http.Request) {
	if !a.enabled(w) {
		return
	}
	name, secs, err := a.namedToken(r)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	var expires time.Time
	if secs != nil {
		now := a.Now()
		if *secs > uint64(math.MaxInt64/int64(time.Second))-uint64(now.Unix()) {
			a.fail(w, r, badRequest("serde json error: expiry_secs is too large"))
			return
		}
		expires = now.Add(time.Duration(*secs) * time.Second)
	}
	k, text, err := a.Store.Tokens().Create(r.Context(), name, expires, a.caller(r))
	if err != nil {
		a.fail(w, r, err)
		return
	}
	showToken(w, k, text)
}

func (a *API) namedToken(r *http.Request) (name string, secs *uint64, err error) {
	q, err := parseQuery(r)
	if err != nil {
		return "", nil, err
	}
	var b namedTokenBody
	if r.ContentLength != 0 && !q.Has("name") {
		if err := a.readConfig(r, &b); err != nil {
			return "", nil, err
		}
	}
	switch {
	case b.TokenName != nil:
		name = *b.TokenName
	case b.Name != nil:
		name = *b.Name
	case q.Has("name"):
		name = q.Get("name")
	case q.Has("token_name"):
		name = q.Get("token_name")
	}
	if name == "" {
		return "", nil, missing("serde json error", "token_name")
	}
	if b.ExpirySecs == nil && q.Has("expiry_secs") {
		n, err := strconv.ParseUint(q.Get("expiry_secs"), 10, 64)
		if err != nil {
			return "", nil, badRequest("serde error: expiry_secs must be a number of seconds")
		}
		b.ExpirySecs = &n
	}
	return name, b.ExpirySecs, nil
}

// deleteToken serves DELETE /api/v3/configure/token by id (204, documented) or
// by token_name (200, what the vendor's own client does).
func (a *API) deleteToken(w http.ResponseWriter, r *http.Request) {
	if !a.enabled(w) {
		return
	}
	q, err := parseQuery(r)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	switch {
	case q.Has("token_name"):
		name := q.Get("token_name")
		a.done(w, r, http.StatusOK, a.Store.Tokens().Delete(r.Context(), func(k store.Token) bool { return k.Name == name }))
	case q.Has("id"):
		id, err := strconv.ParseUint(q.Get("id"), 10, 64)
		if err != nil {
			a.fail(w, r, badRequest("serde error: id must be a decimal number"))
			return
		}
		a.done(w, r, http.StatusNoContent, a.Store.Tokens().Delete(r.Context(), func(k store.Token) bool { return k.ID == id }))
	default:
		a.fail(w, r, missing("serde error", "token_name"))
	}
}
