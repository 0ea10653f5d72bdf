package gate

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"tarn/edge/server"
)

// Shape is one of the family's error bodies (section 0.8).
type Shape uint8

const (
	// ShapeA is {"code","error","execution_time_ms"}: SQL, scripts, credentials.
	ShapeA Shape = iota
	// ShapeB is {"error"}: all writing, pipelines, administration.
	ShapeB
	// ShapeC is {"status","error","errorType"}: Prometheus' query API.
	ShapeC
)

// Fail answers any error in a shape.
func (g *Gate) Fail(w http.ResponseWriter, r *http.Request, shape Shape, err error) {
	g.FailAfter(w, r, shape, err, time.Time{})
}

// FailAfter is Fail for a request whose work began at started, which shape A
// tells.
func (g *Gate) FailAfter(w http.ResponseWriter, r *http.Request, shape Shape, err error, started time.Time) {
	e := Classify(err)
	status := e.HTTP()
	if status != http.StatusUnauthorized && status != http.StatusForbidden {
		server.Drain(r, g.MaxBody) // or a client that still sends gets no answer
	}
	if status == http.StatusServiceUnavailable || status == http.StatusTooManyRequests {
		w.Header().Set("Retry-After", "1")
	}
	message := e.Msg
	if e.Code == Unknown || e.Code == Internal {
		// What went wrong inside is for the operator.
		g.Logger.Error("request failed", "method", r.Method, "path", r.URL.Path, "error", err)
		message = fmt.Sprintf("Internal error: %d", e.Code)
	}
	if e.Plain {
		if message == "" {
			w.WriteHeader(status)
			return
		}
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(message))
		return
	}
	switch shape {
	case ShapeB:
		server.JSON(w, status, struct {
			Error string `json:"error"`
		}{message})
	case ShapeC:
		server.JSON(w, status, struct {
			Status string `json:"status"`
			Error  string `json:"error"`
			Type   string `json:"errorType"`
		}{"error", message, e.Code.String()})
	default:
		ms := Elapsed(started)
		w.Header().Set("x-greptime-err-code", strconv.Itoa(int(e.Code)))
		w.Header().Set("x-greptime-err-msg", headerText(fmt.Sprintf("error: %s, execution_time_ms: %d", message, ms)))
		server.JSON(w, status, struct {
			Code  Code   `json:"code"`
			Error string `json:"error"`
			Took  int64  `json:"execution_time_ms"`
		}{e.Code, message, ms})
	}
}

// maxHeaderText bounds an error's text in a header: proxies bound headers.
const maxHeaderText = 1024

// headerText makes a text fit for a header: what is not printable ASCII is
// escaped.
func headerText(s string) string {
	var b strings.Builder
	for _, c := range s {
		if b.Len() > maxHeaderText {
			b.WriteString("...")
			break
		}
		switch {
		case c >= ' ' && c < 0x7f:
			b.WriteRune(c)
		case c == '\n':
			b.WriteString(`\n`)
		case c == '\t':
			b.WriteString(`\t`)
		default:
			fmt.Fprintf(&b, `\u{%x}`, c)
		}
	}
	return b.String()
}

// Elapsed is the time since started in milliseconds; 0 for the zero time.
func Elapsed(started time.Time) int64 {
	if started.IsZero() {
		return 0
	}
	return time.Since(started).Milliseconds()
}

// Headers sets what answers of SQL's kind carry (section 0.6): the format's name
// and the milliseconds since started.
func Headers(w http.ResponseWriter, format string, started time.Time) {
	w.Header().Set("x-greptime-format", format)
	w.Header().Set("x-greptime-execution-time", strconv.FormatInt(Elapsed(started), 10))
}

// AffectedRows answers with the envelope of a statement that wrote rows (section
// 0.9); format is what x-greptime-format says.
func AffectedRows(w http.ResponseWriter, format string, rows int64, started time.Time) {
	Headers(w, format, started)
	server.JSON(w, http.StatusOK, struct {
		Output [1]struct {
			Rows int64 `json:"affectedrows"`
		} `json:"output"`
		Took int64 `json:"execution_time_ms"`
	}{[1]struct {
		Rows int64 `json:"affectedrows"`
	}{{rows}}, Elapsed(started)})
}
