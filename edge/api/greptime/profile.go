package greptime

import (
	"bytes"
	"cmp"
	"fmt"
	"net/http"
	"runtime"
	"runtime/pprof"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/pprof/profile"

	"tarn/edge/api/gate"
)

// maxSampling is the longest CPU profile.
const maxSampling = 5 * time.Minute

// profileOutput is what a profile is asked for as; flamegraphs are drawn by
// pprof's own page.
func profileOutput(q gate.Values, otherwise string) (string, error) {
	out := q.Get("output")
	switch out {
	case "":
		return otherwise, nil
	case "proto", "text":
		return out, nil
	case "flamegraph":
		return "", gate.Plainf(http.StatusNotImplemented, "flamegraphs are not drawn here: fetch output=proto and open it with go tool pprof -http=:0")
	}
	return "", gate.Bad("Invalid request parameter: output must be proto, text or flamegraph, not %q", out)
}

func (a *API) profiles() error {
	if a.Server.NoProfiles {
		return gate.Plainf(http.StatusNotImplemented, "The 'pprof' feature is disabled")
	}
	return nil
}

// cpuProfile serves POST /debug/prof/cpu: Go's CPU profile of some seconds, as
// gzipped pprof or as the functions that took most. Go samples 100 times a
// second whatever frequency says.
func (a *API) cpuProfile(w http.ResponseWriter, r *http.Request) {
	raw, out, err := a.sampleCPU(r)
	if err != nil {
		a.Fail(w, r, gate.ShapeB, err)
		return
	}
	if out == "proto" {
		sendProfile(w, raw)
		return
	}
	text, err := topFunctions(raw)
	if err != nil {
		a.Fail(w, r, gate.ShapeB, err)
		return
	}
	sendText(w, text)
}

func (a *API) sampleCPU(r *http.Request) (raw []byte, out string, err error) {
	if err := a.profiles(); err != nil {
		return nil, "", err
	}
	q := gate.Query(r)
	if out, err = profileOutput(q, "proto"); err != nil {
		return nil, "", err
	}
	span := 5 * time.Second
	if text := q.Get("seconds"); text != "" {
		n, err := strconv.ParseUint(text, 10, 16)
		span = time.Duration(n) * time.Second
		if err != nil || n == 0 || span > maxSampling {
			return nil, "", gate.Bad("Invalid request parameter: seconds must be between 1 and %d", int(maxSampling.Seconds()))
		}
	}
	if text := q.Get("frequency"); text != "" {
		if n, err := strconv.ParseUint(text, 10, 16); err != nil || n == 0 {
			return nil, "", gate.Bad("Invalid request parameter: frequency must be greater than 0")
		}
	}
	var buf bytes.Buffer
	if err := pprof.StartCPUProfile(&buf); err != nil {
		return nil, "", gate.Errorf(gate.RegionBusy, "another CPU profile is being taken: try again later")
	}
	select {
	case <-time.After(span):
	case <-r.Context().Done():
	}
	pprof.StopCPUProfile()
	return buf.Bytes(), out, r.Context().Err()
}

// memoryProfile serves POST /debug/prof/mem: Go's heap profile, as text or as
// gzipped pprof.
func (a *API) memoryProfile(w http.ResponseWriter, r *http.Request) {
	if a.Server.NoProfiles {
		a.Fail(w, r, gate.ShapeB, gate.Plainf(http.StatusNotImplemented, "The 'mem-prof' feature is disabled"))
		return
	}
	out, err := profileOutput(gate.Query(r), "text")
	if err != nil {
		a.Fail(w, r, gate.ShapeB, err)
		return
	}
	runtime.GC() // what is live is known after a collection
	level := 0
	if out == "text" {
		level = 1
	}
	var buf bytes.Buffer
	if err := pprof.Lookup("heap").WriteTo(&buf, level); err != nil {
		a.Fail(w, r, gate.ShapeB, err)
		return
	}
	if out == "text" {
		sendText(w, buf.Bytes())
		return
	}
	sendProfile(w, buf.Bytes())
}

func sendProfile(w http.ResponseWriter, raw []byte) {
	w.Header().Set("Content-Type", "application/octet-stream")
	_, _ = w.Write(raw) // a client that went away is nobody's error
}

func sendText(w http.ResponseWriter, text []byte) {
	w.Header().Set("Content-Type", plainMime)
	_, _ = w.Write(text)
}

// topShown is how many functions a profile as text has.
const topShown = 50

// topFunctions lists the functions of a CPU profile by the time in themselves.
func topFunctions(raw []byte) ([]byte, error) {
	p, err := profile.ParseData(raw)
	if err != nil {
		return nil, fmt.Errorf("read the profile: %w", err)
	}
	type spent struct{ flat, all int64 }
	functions := map[string]*spent{}
	total := int64(0)
	for _, s := range p.Sample {
		v := s.Value[len(s.Value)-1]
		total += v
		seen := map[string]bool{}
		for i, l := range s.Location {
			for j, line := range l.Line {
				name := line.Function.Name
				f := functions[name]
				if f == nil {
					f = &spent{}
					functions[name] = f
				}
				if i == 0 && j == 0 {
					f.flat += v
				}
				if !seen[name] {
					seen[name] = true
					f.all += v
				}
			}
		}
	}
	names := make([]string, 0, len(functions))
	for n := range functions {
		names = append(names, n)
	}
	slices.SortFunc(names, func(a, b string) int {
		return cmp.Or(cmp.Compare(functions[b].flat, functions[a].flat), cmp.Compare(functions[b].all, functions[a].all), strings.Compare(a, b))
	})
	var b bytes.Buffer
	fmt.Fprintf(&b, "samples of %s in %s\n%10s %10s  function\n", time.Duration(total), time.Duration(p.DurationNanos).Round(time.Millisecond), "self", "with calls")
	for _, n := range names[:min(len(names), topShown)] {
		fmt.Fprintf(&b, "%10s %10s  %s\n", time.Duration(functions[n].flat), time.Duration(functions[n].all), n)
	}
	return b.Bytes(), nil
}
