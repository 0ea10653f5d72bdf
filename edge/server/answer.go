package server

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"time"
)

// JSON answers with a value as JSON. Texts are not escaped for HTML: clients
// search errors for what they wrote, "<" and "&" included.
func JSON(w http.ResponseWriter, status int, v any) {
	var buf bytes.Buffer
	e := json.NewEncoder(&buf)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		status = http.StatusInternalServerError
		buf.Reset()
		buf.WriteString(`{"error":"cannot encode the answer"}`)
	}
	body := bytes.TrimSuffix(buf.Bytes(), []byte("\n"))
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // a client that went away is nobody's error
}

// What Drain takes in before it gives up: a multiple of what a request may
// have, and a time.
const (
	drainBodies  = 8
	drainTimeout = 5 * time.Second
)

// Drain reads the rest of a refused request's body; limit is what a body may
// have, in bytes. A client that is still sending when the server closes the
// connection sees it break instead of the answer, and a 413 that says to send
// less is never heard. Who asked before sending (Expect: 100-continue) has sent
// nothing yet.
func Drain(r *http.Request, limit int64) {
	if r.Header.Get("Expect") != "" && r.ContentLength > limit {
		return
	}
	const step = 64 << 10
	end := time.Now().Add(drainTimeout)
	for left := drainBodies * limit; left > 0 && time.Now().Before(end); left -= step {
		if _, err := io.CopyN(io.Discard, r.Body, step); err != nil {
			return
		}
	}
}
