package upstream

import (
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Config is what `tarn serve` is told about upstream targets.
type Config struct {
	// Targets are URLs, see ParseTarget.
	Targets []string
	// MaxDelay is how long a segment waits for its day to end before it goes.
	MaxDelay time.Duration
	// Bandwidth bounds the bytes a second that all targets send; 0 is no limit.
	Bandwidth int64
	// RetryMin and RetryMax bound the pauses after failures; 0 means 1 s and
	// 5 min.
	RetryMin, RetryMax time.Duration
	// Format and TimeUnit are those of targets that do not say.
	Format, TimeUnit string
	// Node names this server upstream.
	Node string
}

// Kind is what a target is.
type Kind string

// The kinds of target.
const (
	S3   Kind = "s3"
	File Kind = "file"
	HTTP Kind = "http"
)

// Formats of what is sent.
const (
	FormatParquet = "parquet"
	FormatDelta   = "delta"
	FormatLines   = "lines"
)

// Units of time in Parquet.
const (
	Micros = "us"
	Nanos  = "ns"
)

// Target is one upstream target.
type Target struct {
	// ID is the same at every start: the name that was given, or the place.
	ID   string
	Kind Kind
	// URL is how the target is shown: without credentials.
	URL       string
	Format    string
	TimeUnit  string
	Databases []string

	// Of s3: Bucket, Prefix (no slashes around), Endpoint (host:port), Secure,
	// Region, and Style: "auto", "path" or "virtual".
	Bucket, Prefix, Endpoint, Region, Style string
	Secure                                  bool
	// Dir is that of file, Base the URL of http, without query.
	Dir, Base string
	// Org and RemoteDatabase go into the query of http; EdgeTag names a tag that
	// gets the node's name, "" for none.
	Org, RemoteDatabase, EdgeTag string

	// User and Secret are from the URL. CredentialsFile is an AWS credentials
	// file, of which Profile counts, or for http a file that has the token.
	User, Secret, CredentialsFile, Profile string
	// CAFile has certificates to trust, PEM.
	CAFile string
}

// ParseTarget reads a target's URL:
//
//	s3://bucket/prefix?endpoint=https://host:port&region=R&style=path|virtual
//	file:///dir
//	http(s)://host:port?org=O&bucket=B&edge-tag=T
//
// All take name, database (repeated, or a list with commas), credentials-file,
// tls-ca, and but for http format (parquet, delta) and time-unit (us, ns).
func ParseTarget(text string, c Config) (*Target, error) {
	u, err := url.Parse(text)
	if err != nil {
		// The error of url.Parse quotes the text, which may have a password.
		return nil, errors.New("a sync target is not a URL")
	}
	shown := *u
	shown.User = nil
	t := &Target{URL: shown.String(), Format: c.Format, TimeUnit: c.TimeUnit}
	fail := func(format string, args ...any) (*Target, error) {
		return nil, fmt.Errorf("sync target %s: %w", t.URL, fmt.Errorf(format, args...))
	}
	q := u.Query()
	take := func(name string) string {
		v := q.Get(name)
		q.Del(name)
		return v
	}
	t.ID = take("name")
	for _, list := range q["database"] {
		for name := range strings.SplitSeq(list, ",") {
			if name != "" && !slices.Contains(t.Databases, name) {
				t.Databases = append(t.Databases, name)
			}
		}
	}
	q.Del("database")
	t.CredentialsFile, t.Profile, t.CAFile = take("credentials-file"), take("profile"), take("tls-ca")
	if u.User != nil {
		t.User = u.User.Username()
		t.Secret, _ = u.User.Password()
	}
	format, unit := take("format"), take("time-unit")
	place := ""
	switch u.Scheme {
	case "s3":
		t.Kind, t.Bucket, t.Prefix = S3, u.Host, strings.Trim(u.Path, "/")
		if err := t.s3(take); err != nil {
			return fail("%w", err)
		}
		place = fmt.Sprintf("s3://%s/%s/%s", t.Endpoint, t.Bucket, t.Prefix)
	case "file":
		t.Kind = File
		if u.Host != "" || !filepath.IsAbs(u.Path) {
			return fail("want an absolute path after file://")
		}
		t.Dir = filepath.Clean(u.Path)
		place = "file://" + t.Dir
	case "http", "https":
		if u.Host == "" {
			return fail("want a host")
		}
		t.Kind, t.Format = HTTP, FormatLines
		t.Base = u.Scheme + "://" + u.Host + strings.TrimRight(u.Path, "/")
		t.Org, t.RemoteDatabase, t.EdgeTag = take("org"), take("bucket"), take("edge-tag")
		place = t.Base
		if t.RemoteDatabase != "" {
			place += "/" + t.RemoteDatabase
		}
		if format != "" || unit != "" {
			return fail("format and time-unit are of files: lines have neither")
		}
	default:
		return fail("want s3://, file://, http:// or https://")
	}
	for name := range q {
		return fail("there is no parameter %q", name)
	}
	if t.ID == "" {
		t.ID = place
	}
	if len(t.ID) > 200 || strings.ContainsFunc(t.ID, func(r rune) bool { return r < 0x20 || r == 0x7f }) {
		return fail("a name has at most 200 bytes and no control characters")
	}
	if t.Kind == HTTP {
		t.TimeUnit = Nanos
		return t, nil
	}
	if format != "" {
		t.Format = format
	}
	if unit != "" {
		t.TimeUnit = unit
	}
	switch {
	case t.Format != FormatParquet && t.Format != FormatDelta:
		return fail("format is parquet or delta, not %q", t.Format)
	case t.TimeUnit != Micros && t.TimeUnit != Nanos:
		return fail("time-unit is us or ns, not %q", t.TimeUnit)
	case t.Format == FormatDelta && t.TimeUnit == Nanos:
		return fail("Delta Lake has no nanoseconds: use time-unit=us")
	}
	return t, nil
}

// s3 reads the parameters of a bucket.
func (t *Target) s3(take func(string) string) error {
	if t.Bucket == "" {
		return errors.New("want s3://BUCKET/PREFIX")
	}
	endpoint := take("endpoint")
	t.Region, t.Style, t.Secure = take("region"), take("style"), true
	if endpoint == "" {
		endpoint = "s3.amazonaws.com"
	}
	if scheme, host, ok := strings.Cut(endpoint, "://"); ok {
		if scheme != "http" && scheme != "https" {
			return fmt.Errorf("endpoint is http:// or https://, not %q", scheme)
		}
		t.Secure, endpoint = scheme == "https", host
	}
	t.Endpoint = strings.TrimRight(endpoint, "/")
	if t.Endpoint == "" || strings.ContainsAny(t.Endpoint, "/@") {
		return errors.New("endpoint is HOST:PORT, or http(s)://HOST:PORT")
	}
	switch t.Style {
	case "":
		t.Style = "auto"
	case "auto", "path", "virtual":
	default:
		return fmt.Errorf("style is auto, path or virtual, not %q", t.Style)
	}
	return nil
}

// ParseTargets reads the targets of a configuration.
func ParseTargets(c Config) ([]*Target, error) {
	var out []*Target
	var errs []error
	for _, text := range c.Targets {
		t, err := ParseTarget(text, c)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if slices.ContainsFunc(out, func(o *Target) bool { return o.ID == t.ID }) {
			errs = append(errs, fmt.Errorf("two sync targets are called %q: give one another name with ?name=", t.ID))
			continue
		}
		out = append(out, t)
	}
	return out, errors.Join(errs...)
}
