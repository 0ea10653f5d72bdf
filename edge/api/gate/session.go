package gate

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"tarn/edge/query/text"
)

// Zone is the session's time zone: x-greptime-timezone as IANA name or offset
// ("+8:00"), else UTC. name is as the client wrote it.
func Zone(r *http.Request) (name string, loc *time.Location, err error) {
	if name = r.Header.Get("x-greptime-timezone"); name == "" {
		return "UTC", time.UTC, nil
	}
	loc, err = ParseZone(name)
	return name, loc, err
}

// ParseZone reads a time zone as Zone does, and as SET time_zone has it.
func ParseZone(name string) (*time.Location, error) {
	norm := name
	if strings.EqualFold(norm, "system") {
		norm = "UTC"
	}
	if len(norm) > 2 && (norm[0] == '+' || norm[0] == '-') && norm[2] == ':' {
		norm = norm[:1] + "0" + norm[1:]
	}
	loc, err := text.Zone(norm)
	if err != nil {
		return nil, Bad("Invalid timezone string %s", name)
	}
	return loc, nil
}

// Context is the request's context with the time that x-greptime-timeout allows.
// What it ends answers 408 through Fail. 0 and no header mean the server's own
// limits alone.
func Context(r *http.Request) (context.Context, context.CancelFunc, error) {
	header := r.Header.Get("x-greptime-timeout")
	if header == "" {
		return r.Context(), func() {}, nil
	}
	d, err := parseTimeout(header)
	if err != nil {
		return nil, nil, err
	}
	if d == 0 {
		return r.Context(), func() {}, nil
	}
	ctx, cancel := context.WithTimeoutCause(r.Context(), d, errExpired)
	return ctx, cancel, nil
}

// parseTimeout reads "120s", "1m 30s" or seconds.
func parseTimeout(header string) (time.Duration, error) {
	h := strings.ReplaceAll(strings.TrimSpace(header), " ", "")
	d, err := time.ParseDuration(h)
	if err != nil {
		var n int64
		n, err = strconv.ParseInt(h, 10, 32)
		d = time.Duration(n) * time.Second
	}
	if err != nil || d < 0 {
		return 0, Bad("invalid x-greptime-timeout %q: a duration such as 120s is expected", header)
	}
	return d, nil
}
