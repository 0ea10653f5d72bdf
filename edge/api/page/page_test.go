package page_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"tarn/edge/api/page"
	"tarn/edge/auth"
	"tarn/edge/server"
	"tarn/web"
)

func handler(t *testing.T) http.Handler {
	t.Helper()
	files, err := web.New()
	if err != nil {
		t.Fatal(err)
	}
	api := &page.API{Page: files, Status: func(bool) page.Status { return page.Status{Node: "n"} }}
	return server.NewHandler(server.Options{Routes: api.Routes(), Auth: &auth.Authenticator{Disabled: true}, Logger: slog.New(slog.DiscardHandler),
		Observe: func(server.Observation) {}, Deny: func(w http.ResponseWriter, status int, text string) { http.Error(w, text, status) }})
}

// TestDashboard: the folder answers GET and POST, as GreptimeDB's does, with
// the page for whatever is no file of it.
func TestDashboard(t *testing.T) {
	h := handler(t)
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(method, "/dashboard?a=b", nil))
		if w.Code != http.StatusPermanentRedirect || w.Header().Get("Location") != "dashboard/?a=b" {
			t.Errorf("%s: %d to %q", method, w.Code, w.Header().Get("Location"))
		}
		for target, want := range map[string]string{"/dashboard/": `src="./app.js"`, "/dashboard/no/such/": `src="../../app.js"`, "/dashboard/app.js": "The frame around the views"} {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest(method, target, nil))
			if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), want) {
				t.Errorf("%s %s: %d, no %s in %.300s", method, target, w.Code, want, w.Body)
			}
		}
	}
}

// TestRoot: only who wants HTML gets it.
func TestRoot(t *testing.T) {
	h := handler(t)
	for accept, want := range map[string]int{"text/html,*/*;q=0.8": http.StatusOK, "*/*": http.StatusNotFound, "application/json": http.StatusNotFound, "": http.StatusNotFound} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		if accept != "" {
			r.Header.Set("Accept", accept)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != want || want == http.StatusOK && !strings.Contains(w.Body.String(), `src="dashboard/app.js"`) {
			t.Errorf("Accept %q: %d %.300s", accept, w.Code, w.Body)
		}
	}
}
