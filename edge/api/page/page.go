// Package page serves what people look at: the embedded page, and the numbers
// that it and `tarn top` show.
package page

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/julienschmidt/httprouter"

	"tarn/edge/auth"
	"tarn/edge/route"
	"tarn/store"
	"tarn/web"
)

// Family names this package's routes.
const Family = "tarn"

// StatusPath is where the numbers are.
const StatusPath = "/api/v3/tarn/status"

// PipelinesPath is where the names of the log pipelines are: GreptimeDB's API
// can only show one whose name is known.
const PipelinesPath = "/api/v3/tarn/pipelines"

// API serves the page.
type API struct {
	Page *web.Page
	// Status collects the numbers of now, and with history those of the last
	// minutes.
	Status func(history bool) Status
	// Pipelines lists the versions of the log pipelines by name, then by version.
	Pipelines func() []store.Pipeline
}

// Routes lists the endpoints. The page itself is open to everybody: it holds
// nothing, and asks for a token before it asks the server for anything.
func (a *API) Routes() []route.Route {
	rs := []route.Route{
		{Method: http.MethodGet, Path: "/", Handle: a.root, When: browser, Auth: auth.Open},
		{Method: http.MethodHead, Path: "/", Handle: a.root, When: browser, Auth: auth.Open},
		{Method: http.MethodGet, Path: StatusPath, Handle: a.status, Auth: auth.Token},
		{Method: http.MethodGet, Path: PipelinesPath, Handle: a.pipelines, Auth: auth.Token},
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
	answer(w, a.Status(r.URL.Query().Get("history") == "true"))
}

// Pipeline is a log pipeline: its name, how many versions there are, and when
// (ms since 1970 UTC) the newest was made.
type Pipeline struct {
	Name     string `json:"name"`
	Versions int    `json:"versions"`
	Created  int64  `json:"created_ms"`
}

func (a *API) pipelines(w http.ResponseWriter, _ *http.Request) {
	list := []Pipeline{} // a list for JSON
	for _, p := range a.Pipelines() {
		if n := len(list); n == 0 || list[n-1].Name != p.Name {
			list = append(list, Pipeline{Name: p.Name})
		}
		last := &list[len(list)-1]
		last.Versions++
		last.Created = max(last.Created, p.CreatedAt/int64(time.Millisecond))
	}
	answer(w, list)
}

func answer(w http.ResponseWriter, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		// Numbers and texts always marshal.
		panic("BUG: an answer for the page: " + err.Error())
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(body) // a client that went away is nobody's error
}
