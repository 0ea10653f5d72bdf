package greptime

import (
	"net/http"

	"tarn/edge/server"
)

// health serves /v1/health and /ready: {} while rows can be written.
func (a *API) health(w http.ResponseWriter, _ *http.Request) {
	if err := a.Store.Health(); err != nil {
		server.JSON(w, http.StatusServiceUnavailable, map[string]string{"error": err.Error()})
		return
	}
	server.JSON(w, http.StatusOK, struct{}{})
}

// influxHealth serves /v1/influxdb/health, whose body is empty.
func (a *API) influxHealth(w http.ResponseWriter, _ *http.Request) {
	if a.Store.Health() != nil {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
}
