package prometheus

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/prometheus/prometheus/model/labels"
	prom "github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"

	"tarn/edge/query"
	"tarn/edge/query/text"
)

var gzipWriters = sync.Pool{New: func() any {
	z, _ := gzip.NewWriterLevel(io.Discard, gzip.BestSpeed) // the level exists
	return z
}}

// compressed is where the answer goes: gzip if the client takes it. Call done
// at the end.
func compressed(w http.ResponseWriter, r *http.Request) (out io.Writer, done func() error) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Add("Vary", "Accept-Encoding")
	if !acceptsGzip(r.Header.Get("Accept-Encoding")) {
		return w, func() error { return nil }
	}
	w.Header().Set("Content-Encoding", "gzip")
	z := gzipWriters.Get().(*gzip.Writer)
	z.Reset(w)
	return z, func() error {
		err := z.Close()
		z.Reset(io.Discard)
		gzipWriters.Put(z)
		return err
	}
}

func acceptsGzip(header string) bool {
	for part := range strings.SplitSeq(header, ",") {
		name, params, _ := strings.Cut(part, ";")
		if name = strings.TrimSpace(name); name != "gzip" && name != "*" {
			continue
		}
		q, isQ := strings.CutPrefix(strings.ReplaceAll(params, " ", ""), "q=")
		weight, err := strconv.ParseFloat(q, 64)
		return !isQ || err == nil && weight > 0
	}
	return false
}

// answer sends data in the envelope of success.
func answer(w http.ResponseWriter, r *http.Request, data any) {
	warn(w, r, data, nil)
}

// warn is answer with warnings.
func warn(w http.ResponseWriter, r *http.Request, data any, warnings []string) {
	out, done := compressed(w, r)
	e := json.NewEncoder(out)
	e.SetEscapeHTML(false)
	_ = e.Encode(struct {
		Status   string   `json:"status"`
		Data     any      `json:"data"`
		Warnings []string `json:"warnings,omitempty"`
	}{"success", data, warnings}) // a client that went away is nobody's error
	_ = done()
}

// writer builds JSON and sends it piece by piece.
type writer struct {
	to  io.Writer
	buf []byte
	err error
}

const pieceSize = 32 << 10

// buffers are writers'; none is much longer than a piece and the labels of a series.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

// piece sends what is built, if it is much.
func (w *writer) piece() {
	if len(w.buf) >= pieceSize {
		w.flush()
	}
}

func (w *writer) flush() {
	if w.err == nil {
		_, w.err = w.to.Write(w.buf)
	}
	w.buf = w.buf[:0]
}

func (w *writer) text(s string) { w.buf = append(w.buf, s...) }

// writeResult sends the answer of a query: at most limit series unless that is
// 0. at is the time of an instant query.
func writeResult(to http.ResponseWriter, r *http.Request, res *query.PromQLResult, at time.Time, limit int) error {
	out, done := compressed(to, r)
	buf := buffers.Get().(*[]byte)
	w := &writer{to: out, buf: (*buf)[:0]}
	defer func() {
		*buf = w.buf
		buffers.Put(buf)
	}()
	value, cut := truncate(res.Value, limit)
	warnings := res.Warnings
	if cut {
		warnings = append(warnings, truncated)
	}
	fmt.Fprintf(w, `{"status":"success","data":{"resultType":"%s","result":`, value.Type())
	switch v := value.(type) {
	case prom.Vector:
		w.vector(v)
	case prom.Matrix:
		w.matrix(v)
	case prom.Scalar:
		w.point(v.T, v.V)
	case prom.String:
		w.text("[")
		w.time(at.UnixMilli())
		w.text(",")
		w.buf = text.AppendJSONString(w.buf, v.V)
		w.text("]")
	}
	w.text("}")
	w.notes("warnings", warnings)
	w.notes("infos", res.Infos)
	w.text("}\n")
	w.flush()
	if err := done(); w.err == nil {
		w.err = err
	}
	return w.err
}

// Write is io.Writer's, for fmt.
func (w *writer) Write(p []byte) (int, error) {
	w.buf = append(w.buf, p...)
	return len(p), nil
}

// truncate cuts a result to so many series, 0 meaning all.
func truncate(v parser.Value, limit int) (parser.Value, bool) {
	switch x := v.(type) {
	case prom.Vector:
		if limit > 0 && len(x) > limit {
			return x[:limit], true
		}
	case prom.Matrix:
		if limit > 0 && len(x) > limit {
			return x[:limit], true
		}
	}
	return v, false
}

func (w *writer) notes(name string, texts []string) {
	if len(texts) == 0 {
		return
	}
	w.text(`,"` + name + `":[`)
	for i, t := range texts {
		if i > 0 {
			w.text(",")
		}
		w.buf = text.AppendJSONString(w.buf, t)
	}
	w.text("]")
}

func (w *writer) vector(v prom.Vector) {
	w.text("[")
	for i, s := range v {
		if i > 0 {
			w.text(",")
		}
		w.text(`{"metric":`)
		w.labels(s.Metric)
		w.text(`,"value":`)
		w.point(s.T, s.F)
		w.text("}")
		w.piece()
	}
	w.text("]")
}

func (w *writer) matrix(m prom.Matrix) {
	w.text("[")
	for i, s := range m {
		if i > 0 {
			w.text(",")
		}
		w.text(`{"metric":`)
		w.labels(s.Metric)
		w.text(`,"values":[`)
		w.points(s.Floats)
		w.text("]}")
	}
	w.text("]")
}

func (w *writer) labels(l labels.Labels) {
	w.text("{")
	first := true
	l.Range(func(l labels.Label) {
		if !first {
			w.text(",")
		}
		first = false
		w.buf = text.AppendJSONString(w.buf, l.Name)
		w.text(":")
		w.buf = text.AppendJSONString(w.buf, l.Value)
	})
	w.text("}")
}

// points are those of a series: all that large answers are made of.
func (w *writer) points(points []prom.FPoint) {
	buf := w.buf
	for i, p := range points {
		if i > 0 {
			buf = append(buf, ',')
		}
		buf = appendPoint(buf, p.T, p.F)
		if len(buf) >= pieceSize {
			w.buf = buf
			w.flush()
			buf = w.buf
		}
	}
	w.buf = buf
}

func (w *writer) point(ms int64, v float64) { w.buf = appendPoint(w.buf, ms, v) }

func (w *writer) time(ms int64) { w.buf = appendTime(w.buf, ms) }

// appendPoint is [seconds,"value"].
func appendPoint(dst []byte, ms int64, v float64) []byte {
	dst = append(dst, '[')
	dst = appendTime(dst, ms)
	dst = append(dst, ',', '"')
	dst = appendValue(dst, v)
	return append(dst, '"', ']')
}

// appendTime is a time in ms as seconds with up to three decimals.
func appendTime(dst []byte, ms int64) []byte {
	if ms < 0 {
		dst = append(dst, '-')
		ms = -ms
	}
	dst = strconv.AppendInt(dst, ms/1000, 10)
	if part := ms % 1000; part != 0 {
		dst = append(dst, '.', byte('0'+part/100), byte('0'+part/10%10), byte('0'+part%10))
	}
	return dst
}

// appendValue is a sample's value as Prometheus prints it in JSON.
func appendValue(dst []byte, v float64) []byte {
	if abs := math.Abs(v); abs != 0 && (abs < 1e-6 || abs >= 1e21) && !math.IsInf(v, 0) {
		return strconv.AppendFloat(dst, v, 'e', -1, 64)
	}
	return text.AppendShort(dst, v)
}

// buildInfo serves /api/v1/status/buildinfo, with the keys of GreptimeDB and of
// Prometheus.
func (a *API) buildInfo(w http.ResponseWriter, r *http.Request) {
	if _, err := a.params(r); err != nil {
		a.fail(w, r, err)
		return
	}
	short := a.Revision[:min(len(a.Revision), 8)]
	answer(w, r, map[string]any{
		"version": a.Version, "branch": "", "commit": a.Revision, "commit_short": short, "clean": true, "rustc": "", "target": platform,
		"revision": a.Revision, "buildUser": "", "buildDate": "", "goVersion": goVersion,
	})
}
