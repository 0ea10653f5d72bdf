package influx

import (
	"fmt"
	"net/http"

	"github.com/google/uuid"

	"tarn/edge/server"
)

// health serves GET /health and /api/v1/health: 500 once the log can no longer
// be written (decision D-24). A store that goes on without something that is
// damaged serves its clients: it answers 200, in the shape of an error.
func (a *API) health(w http.ResponseWriter, _ *http.Request) {
	if err := a.Store.Health(); err != nil {
		Fail(w, http.StatusInternalServerError, "Service is unavailable: "+err.Error())
		return
	}
	if damaged := a.Store.Problems(); len(damaged) > 0 {
		server.JSON(w, http.StatusOK, errorBody{
			Error: fmt.Sprintf("degraded: %d damaged files are kept in the quarantine or missing; all else is served", len(damaged)), Data: damaged,
		})
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write([]byte("OK"))
}

// ping serves GET and POST /ping.
func (a *API) ping(w http.ResponseWriter, _ *http.Request) {
	id := uuid.Must(uuid.NewV7()).String()
	h := w.Header()
	h.Set("X-Influxdb-Version", a.Build.Version)
	h.Set("X-Influxdb-Build", "Core")
	h.Set("Request-Id", id)
	h.Set("X-Request-Id", id)
	server.JSON(w, http.StatusOK, struct {
		Version   string `json:"version"`
		Revision  string `json:"revision"`
		ProcessID string `json:"process_id"`
		Product   string `json:"product_name"`
	}{a.Build.Version, a.Build.Revision, a.Build.ProcessID, "Tarn"})
}
