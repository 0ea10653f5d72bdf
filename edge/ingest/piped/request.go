package piped

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"tarn/edge/pipeline"
)

// header is the first of some headers that is set.
func header(r *http.Request, names ...string) string {
	for _, n := range names {
		if v := r.Header.Get(n); v != "" {
			return v
		}
	}
	return ""
}

// PipelineName is the pipeline that a request's headers name, or "".
func PipelineName(r *http.Request) string {
	return header(r, "x-greptime-pipeline-name", "x-greptime-log-pipeline-name")
}

// PipelineVersion is the version that the headers name, 0 for the newest.
func PipelineVersion(r *http.Request) (int64, error) {
	v := header(r, "x-greptime-pipeline-version", "x-greptime-log-pipeline-version")
	if v == "" {
		return 0, nil
	}
	return ParseVersion(v)
}

// Params are those of x-greptime-pipeline-params.
type Params struct {
	SkipErrors bool
	// Levels is max_nested_levels, 0 when it is not set.
	Levels int
}

// ReadParams reads the header x-greptime-pipeline-params; what it does not say
// is as in otherwise.
func ReadParams(r *http.Request, otherwise Params) (Params, error) {
	p := otherwise
	text := r.Header.Get("x-greptime-pipeline-params")
	if text == "" {
		return p, nil
	}
	v, err := url.ParseQuery(text)
	if err != nil {
		return p, &ParamsError{text}
	}
	if s := v.Get("skip_error"); s != "" {
		p.SkipErrors = strings.EqualFold(s, "true")
	}
	if s := v.Get("max_nested_levels"); s != "" {
		if p.Levels, err = strconv.Atoi(s); err != nil || p.Levels < 1 || p.Levels > pipeline.MaxDepth {
			return p, &ParamsError{text}
		}
	}
	return p, nil
}

// ParamsError is an x-greptime-pipeline-params that is wrong.
type ParamsError struct{ Text string }

func (e *ParamsError) Error() string {
	return fmt.Sprintf("Invalid request parameter: x-greptime-pipeline-params: %q", e.Text)
}

// RefusedError says that records of a request are bad. The others are written.
type RefusedError struct {
	Report
}

func (e *RefusedError) Error() string {
	if e.Written+e.Dropped+e.Refused == 1 {
		return e.First.Error()
	}
	return fmt.Sprintf("%v; %d of %d records are bad, the others are written", e.First, e.Refused, e.Written+e.Dropped+e.Refused)
}

// Unwrap is the first reason.
func (e *RefusedError) Unwrap() error { return e.First }

// Outcome is the number of rows that a committed batch wrote, or a RefusedError
// when records are bad and skip is not set.
func (b *Batch) Outcome(skip bool) (int, error) {
	if b.report.Refused > 0 && !skip {
		return 0, &RefusedError{b.report}
	}
	return b.report.Written, nil
}

// IsRequestError says whether an error is the client's: 400.
func IsRequestError(err error) bool {
	var (
		refused *RefusedError
		found   *NotFoundError
		version *VersionError
		params  *ParamsError
	)
	return errors.As(err, &refused) || errors.As(err, &found) || errors.As(err, &version) || errors.As(err, &params)
}
