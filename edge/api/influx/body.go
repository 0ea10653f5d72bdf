package influx

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"github.com/klauspost/compress/gzip"
)

// body is a request's body, decompressed and bounded on both sides.
type body struct {
	r     io.Reader
	gz    *gzip.Reader
	limit int64
	left  int64
}

var gzipReaders sync.Pool

// openBody prepares the body for reading; close it afterwards. A gzip body may
// have several members.
func (a *API) openBody(r *http.Request) (*body, error) {
	b := &body{limit: a.MaxBody, left: a.MaxBody, r: http.MaxBytesReader(nil, r.Body, a.MaxBody)}
	if r.ContentLength > a.MaxBody {
		return nil, tooLarge(a.MaxBody)
	}
	switch enc := r.Header.Get("Content-Encoding"); enc {
	case "", "identity":
		return b, nil
	case "gzip":
		gz, _ := gzipReaders.Get().(*gzip.Reader)
		if gz == nil {
			gz = new(gzip.Reader)
		}
		if err := gz.Reset(b.r); err != nil {
			gzipReaders.Put(gz)
			if errors.Is(err, io.ErrUnexpectedEOF) { // within the gzip header
				return nil, badRequest("error decoding gzip stream: " + err.Error())
			}
			return nil, b.explain(err)
		}
		b.gz, b.r = gz, gz
		return b, nil
	default:
		return nil, badRequest("unacceptable content-encoding: " + enc)
	}
}

func (b *body) close() {
	if b.gz != nil {
		gzipReaders.Put(b.gz)
		b.gz, b.r = nil, nil
	}
}

// Read is io.Reader's. Its errors are requestErrors.
func (b *body) Read(p []byte) (int, error) {
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.r.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, tooLarge(b.limit)
	}
	if err != nil && err != io.EOF {
		err = b.explain(err)
	}
	return n, err
}

func (b *body) explain(err error) error {
	var size *http.MaxBytesError
	switch {
	case errors.As(err, &size):
		return tooLarge(b.limit)
	case b.gz != nil || errors.Is(err, gzip.ErrHeader) || errors.Is(err, io.EOF):
		return badRequest("error decoding gzip stream: " + err.Error())
	}
	return badRequest("cannot read the request body: " + err.Error())
}

func tooLarge(limit int64) error {
	return &requestError{http.StatusRequestEntityTooLarge, fmt.Sprintf("max request size (%d bytes) exceeded", limit)}
}

// readJSON decodes a JSON body into v. Unknown members are ignored.
func (a *API) readJSON(r *http.Request, v any) error {
	b, err := a.openBody(r)
	if err != nil {
		return err
	}
	defer b.close()
	raw, err := io.ReadAll(b)
	if err != nil {
		return err
	}
	return decodeJSON(raw, v)
}

// readConfig is readJSON for the configure API, which insists on the content
// type.
func (a *API) readConfig(r *http.Request, v any) error {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != "application/json" && !(strings.HasPrefix(media, "application/") && strings.HasSuffix(media, "+json")) {
		return &requestError{http.StatusUnsupportedMediaType, "unacceptable content-type, expected: application/json"}
	}
	return a.readJSON(r, v)
}

// missing is the error of a required member or parameter that is not there.
func missing(prefix, field string) error {
	return badRequest(fmt.Sprintf("%s: missing field `%s`", prefix, field))
}

// queryBool reads a boolean parameter.
func queryBool(q url.Values, name string, def bool) (bool, error) {
	switch v := q.Get(name); {
	case !q.Has(name):
		return def, nil
	case v == "true":
		return true, nil
	case v == "false":
		return false, nil
	default:
		return false, badRequest(fmt.Sprintf("serde error: provided string was not `true` or `false`: `%s` in parameter `%s`", v, name))
	}
}

// parseQuery parses the query string strictly.
func parseQuery(r *http.Request) (url.Values, error) {
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, badRequest("serde error: " + err.Error())
	}
	return q, nil
}
