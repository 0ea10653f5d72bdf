package edge

import (
	"net/http"
	"strings"

	"tarn/edge/auth"
	"tarn/edge/route"
)

// shareHealth gives /health, which InfluxDB and GreptimeDB both have, to both:
// POST is GreptimeDB's, and so is a GET that accepts JSON and says so; neither
// needs a token. "OK" is for all others.
func shareHealth(routes []route.Route, family string, json http.HandlerFunc) []route.Route {
	for i := range routes {
		if r := &routes[i]; r.Path == "/health" && r.Method == http.MethodGet {
			plain := r.Handle
			r.Open = func(req *http.Request) bool { return wantsJSON(req.Header) }
			r.Handle = func(w http.ResponseWriter, req *http.Request) {
				w.Header().Set("Vary", "Accept")
				if wantsJSON(req.Header) {
					json(w, req)
				} else {
					plain(w, req)
				}
			}
		}
	}
	return append(routes, route.Route{Method: http.MethodPost, Path: "/health", Family: family, Auth: auth.Open, Handle: json})
}

// wantsJSON says whether JSON is the first type that Accept names.
func wantsJSON(h http.Header) bool {
	first, _, _ := strings.Cut(strings.Join(h.Values("Accept"), ","), ",")
	media, _, _ := strings.Cut(first, ";")
	return strings.EqualFold(strings.TrimSpace(media), "application/json")
}
