package upstream

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/klauspost/compress/gzip"

	"tarn/store"
	"tarn/store/column"
	"tarn/store/schema"
)

// lineServer is another Tarn, or whatever takes line protocol at /api/v2/write.
type lineServer struct {
	target *Target
	client *http.Client
	limit  *throttle
	token  string
	// batch is the size at which lines are sent, before compression.
	batch int
}

// lineBatch is what InfluxDB recommends at most: about 5,000 lines of a few
// hundred bytes.
const lineBatch = 1 << 20

func newLineServer(t *Target, tr http.RoundTripper, limit *throttle) (*lineServer, error) {
	l := &lineServer{target: t, client: &http.Client{Transport: tr, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse // a token is not for strangers
	}}, limit: limit, batch: lineBatch}
	switch {
	case t.Secret != "":
		l.token = t.Secret
	case t.User != "":
		l.token = t.User
	case t.CredentialsFile != "":
		text, err := os.ReadFile(t.CredentialsFile)
		if err != nil {
			return nil, fmt.Errorf("credentials-file: %w", err)
		}
		l.token = strings.TrimSpace(string(text))
	default:
		l.token = os.Getenv("TARN_SYNC_TOKEN")
	}
	return l, nil
}

func (l *lineServer) do(ctx context.Context, method, path string, query url.Values, body io.Reader) (*http.Response, error) {
	target := l.target.Base + path
	if len(query) > 0 {
		target += "?" + query.Encode()
	}
	r, err := http.NewRequestWithContext(ctx, method, target, body)
	if err != nil {
		return nil, err
	}
	if l.token != "" {
		r.Header.Set("Authorization", "Token "+l.token)
	}
	if body != nil {
		r.Header.Set("Content-Encoding", "gzip")
		r.Header.Set("Content-Type", "text/plain; charset=utf-8")
	}
	resp, err := l.client.Do(r)
	if err != nil {
		return nil, unreachable(err)
	}
	return resp, nil
}

// Ready says whether the server can be reached; what it answers does not matter.
func (l *lineServer) Ready(ctx context.Context) error {
	resp, err := l.do(ctx, http.MethodGet, "/ping", nil, nil)
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

// Send writes a segment's rows in batches, and returns the bytes of lines.
func (l *lineServer) Send(ctx context.Context, f *store.SyncFile, r *store.SyncReader, node string, progress func(int)) (int64, error) {
	e := &lineEncoder{table: f.Table, tags: r.Tags(), fields: r.Fields(), most: l.batch}
	if l.target.EdgeTag != "" {
		e.extra = "," + escapeKey(l.target.EdgeTag) + "=" + escapeKey(node)
	}
	database := l.target.RemoteDatabase
	if database == "" {
		database = f.Database
	}
	total := int64(0)
	var failed error // of sending
	send := func(lines []byte) error {
		total += int64(len(lines))
		failed = l.post(ctx, database, lines, progress)
		return failed
	}
	err := r.Each(ctx, func(tags []string, times []int64, cols []*column.Vector) error {
		return e.encode(tags, times, cols, send)
	})
	if err == nil {
		err = e.flush(send)
	}
	if err != nil && failed == nil && ctx.Err() == nil {
		err = &localError{err}
	}
	return total, err
}

func (l *lineServer) post(ctx context.Context, database string, lines []byte, progress func(int)) error {
	var body bytes.Buffer
	z := gzip.NewWriter(&body)
	if _, err := z.Write(lines); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	q := url.Values{"bucket": {database}, "precision": {"ns"}}
	if l.target.Org != "" {
		q.Set("org", l.target.Org)
	}
	resp, err := l.do(ctx, http.MethodPost, "/api/v2/write", q, l.limit.reader(ctx, bytes.NewReader(body.Bytes()), progress))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 4096))
	if resp.StatusCode/100 == 2 {
		return err
	}
	answer := fmt.Errorf("the server answered %d: %s", resp.StatusCode, strings.TrimSpace(string(text)))
	switch resp.StatusCode {
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		after, _ := strconv.Atoi(resp.Header.Get("Retry-After"))
		return &busyError{answer, time.Duration(max(0, min(after, 3600))) * time.Second}
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity:
		return &refusedError{answer}
	}
	return answer
}

// lineEncoder makes line protocol of rows.
type lineEncoder struct {
	table  string
	extra  string // tags for all rows, escaped
	tags   []string
	fields []schema.Column
	most   int
	buf    []byte
}

func (e *lineEncoder) encode(tags []string, times []int64, cols []*column.Vector, send func([]byte) error) error {
	if err := e.sayable(tags); err != nil {
		return err
	}
	head := []byte(escapeMeasurement(e.table))
	head = append(head, e.extra...)
	for i, v := range tags {
		if v != "" {
			head = append(append(append(head, ','), escapeKey(e.tags[i])...), '=')
			head = append(head, escapeKey(v)...)
		}
	}
	names := make([]string, len(e.fields))
	for i, f := range e.fields {
		names[i] = escapeKey(f.Name) + "="
	}
	for row, t := range times {
		start := len(e.buf)
		e.buf = append(append(e.buf, head...), ' ')
		first := true
		for i, c := range cols {
			if c.IsNull(row) {
				continue
			}
			if !first {
				e.buf = append(e.buf, ',')
			}
			e.buf = append(e.buf, names[i]...)
			var err error
			if e.buf, err = appendField(e.buf, c, row); err != nil {
				return fmt.Errorf("field %q: %w", e.fields[i].Name, err)
			}
			first = false
		}
		if first { // a row of nulls has no line
			e.buf = e.buf[:start]
			continue
		}
		e.buf = append(e.buf, ' ')
		e.buf = append(strconv.AppendInt(e.buf, t, 10), '\n')
		if len(e.buf) >= e.most {
			if err := e.flush(send); err != nil {
				return err
			}
		}
	}
	return nil
}

// sayable refuses names and tag values that line protocol has no way to write.
func (e *lineEncoder) sayable(tags []string) error {
	bad := func(s string) bool { return strings.ContainsAny(s, "\n\r") || strings.HasSuffix(s, `\`) }
	for i, v := range tags {
		if v != "" && (bad(e.tags[i]) || bad(v)) {
			return fmt.Errorf("line protocol cannot write tag %q = %q", e.tags[i], v)
		}
	}
	for _, f := range e.fields {
		if bad(f.Name) {
			return fmt.Errorf("line protocol cannot write field %q", f.Name)
		}
	}
	if bad(e.table) || strings.HasPrefix(e.table, "#") {
		return fmt.Errorf("line protocol cannot write table %q", e.table)
	}
	return nil
}

func (e *lineEncoder) flush(send func([]byte) error) error {
	if len(e.buf) == 0 {
		return nil
	}
	err := send(e.buf)
	e.buf = e.buf[:0]
	return err
}

var errNotFinite = errors.New("line protocol has no NaN and no infinity")

func appendField(b []byte, c *column.Vector, row int) ([]byte, error) {
	switch c.Type.Kind {
	case column.Int64, column.Timestamp:
		return append(strconv.AppendInt(b, c.Ints[row], 10), 'i'), nil
	case column.Uint64:
		return append(strconv.AppendUint(b, c.Uints[row], 10), 'u'), nil
	case column.Float64:
		if v := c.Floats[row]; math.IsNaN(v) || math.IsInf(v, 0) {
			return b, errNotFinite
		}
		return strconv.AppendFloat(b, c.Floats[row], 'g', -1, 64), nil
	case column.Bool:
		return strconv.AppendBool(b, c.Bools[row]), nil
	case column.String:
		b = append(b, '"')
		for i := range len(c.Strings[row]) {
			ch := c.Strings[row][i]
			if ch == '"' || ch == '\\' {
				b = append(b, '\\')
			}
			b = append(b, ch)
		}
		return append(b, '"'), nil
	}
	return b, fmt.Errorf("BUG: a field of type %s", c.Type)
}

var (
	measurementEscapes = strings.NewReplacer(",", `\,`, " ", `\ `)
	keyEscapes         = strings.NewReplacer(",", `\,`, " ", `\ `, "=", `\=`)
)

func escapeMeasurement(s string) string { return measurementEscapes.Replace(s) }
func escapeKey(s string) string         { return keyEscapes.Replace(s) }
