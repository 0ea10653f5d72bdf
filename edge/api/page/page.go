// Package page serves what people look at: the embedded page, and the numbers
// that it and `tarn top` show.
package page

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/julienschmidt/httprouter"

	"tarn/edge/auth"
	"tarn/edge/route"
	"tarn/web"
)

// Family names this package's routes.
const Family = "tarn"

// StatusPath is where the numbers are.
const StatusPath = "/api/v3/tarn/status"

// API serves the page.
type API struct {
	Page *web.Page
	// Status collects the numbers of now, and with history those of the last
	// minutes.
	Status func(history bool) Status
}

// Routes lists the endpoints. The page itself is open to everybody: it holds
// nothing, and asks for a token before it asks the server for anything.
func (a *API) Routes() []route.Route {
	rs := []route.Route{
		{Method: http.MethodGet, Path: "/", Handle: a.root, When: browser, Auth: auth.Open},
		{Method: http.MethodHead, Path: "/", Handle: a.root, When: browser, Auth: auth.Open},
		{Method: http.MethodGet, Path: StatusPath, Handle: a.status, Auth: auth.Token},
	}
	// GreptimeDB has its dashboard there, for GET and POST (spec
	// greptimedb-http-api.md section 1.5).
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost} {
		rs = append(rs,
			route.Route{Method: method, Path: "/dashboard", Handle: a.redirect, Auth: auth.Open},
			route.Route{Method: method, Path: "/dashboard/*file", Handle: a.file, Auth: auth.Open})
	}
	for i := range rs {
		rs[i].Family = Family
	}
	return rs
}

// browser says whether a request wants a page to look at. Clients of InfluxDB
// that probe "/" do not, and get the answer that they got before.
func browser(r *http.Request) bool {
	return strings.Contains(strings.Join(r.Header.Values("Accept"), ","), "text/html")
}

func (a *API) root(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Vary", "Accept")
	a.Page.Serve(w, r, "index.html", "dashboard/")
}

// redirect leads to the folder. The target is relative, for proxies that serve
// the page below some other path.
func (a *API) redirect(w http.ResponseWriter, r *http.Request) {
	target := "dashboard/"
	if r.URL.RawQuery != "" {
		target += "?" + r.URL.RawQuery
	}
	w.Header().Set("Location", target)
	w.WriteHeader(http.StatusPermanentRedirect)
}

func (a *API) file(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(httprouter.ParamsFromContext(r.Context()).ByName("file"), "/")
	if r.Method == http.MethodPost {
		// The file does not depend on the method; net/http's ranges do.
		r.Method = http.MethodGet
	}
	a.Page.Serve(w, r, name, strings.Repeat("../", strings.Count(name, "/")))
}

func (a *API) status(w http.ResponseWriter, r *http.Request) {
	body, err := json.Marshal(a.Status(r.URL.Query().Get("history") == "true"))
	if err != nil {
		// Numbers and texts always marshal.
		panic("BUG: status: " + err.Error())
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(body) // a client that went away is nobody's error
}
