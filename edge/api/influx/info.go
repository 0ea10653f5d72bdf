package influx

import (
	"net/http"

	"github.com/google/uuid"
)

// health serves GET /health and /api/v1/health: 500 once the log can no longer
// be written (decision D-24).
func (a *API) health(w http.ResponseWriter, _ *http.Request) {
	if err := a.Store.Health(); err != nil {
		Fail(w, http.StatusInternalServerError, "Service is unavailable: "+err.Error())
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
	writeJSON(w, http.StatusOK, struct {
		Version   string `json:"version"`
		Revision  string `json:"revision"`
		ProcessID string `json:"process_id"`
		Product   string `json:"product_name"`
	}{a.Build.Version, a.Build.Revision, a.Build.ProcessID, "Tarn"})
}
