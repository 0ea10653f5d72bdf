// Package fakes3 is an S3 store in memory for tests: enough of the protocol for
// objects, listings and multipart uploads, and faults at will. Nothing that
// ships imports it.
package fakes3

import (
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Fault is what goes wrong with a request.
type Fault int

// The faults.
const (
	// None: nothing does.
	None Fault = iota
	// CutBefore closes the connection before anything is done.
	CutBefore
	// CutAfter does what was asked and closes the connection without an answer.
	CutAfter
	// CutBody closes the connection in the middle of the request's body.
	CutBody
	// Unavailable answers 503.
	Unavailable
	// Broken answers 500.
	Broken
	// TooLarge answers 400 EntityTooLarge.
	TooLarge
	// Denied answers 403.
	Denied
)

// Conditions is how a store treats If-None-Match.
type Conditions int

// The ways.
const (
	Honoured Conditions = iota
	Ignored
	Refused
)

// Object is what is stored.
type Object struct {
	Body []byte
	Meta map[string]string
	ETag string
}

// Server is a store with one bucket.
type Server struct {
	Bucket     string
	Conditions Conditions

	faultMu sync.Mutex
	fault   Decide

	mu       sync.Mutex
	objects  map[string]*Object
	uploads  map[string]*upload
	next     int
	requests map[string]int // by operation
	// Overwritten counts PUTs of keys that were there.
	overwritten int
	hosts       map[string]bool
}

// Decide says what goes wrong with a request, by its method and what of the URL
// follows the bucket. It is called for one request at a time.
type Decide func(method, key string, query map[string][]string) Fault

// Fail makes requests go wrong from now on; nil ends it.
func (s *Server) Fail(d Decide) {
	s.faultMu.Lock()
	defer s.faultMu.Unlock()
	s.fault = d
}

func (s *Server) decide(method, key string, query map[string][]string) Fault {
	s.faultMu.Lock()
	defer s.faultMu.Unlock()
	if s.fault == nil {
		return None
	}
	return s.fault(method, key, query)
}

type upload struct {
	key   string
	meta  map[string]string
	parts map[int][]byte
}

// New returns an empty store.
func New(bucket string) *Server {
	return &Server{Bucket: bucket, objects: map[string]*Object{}, uploads: map[string]*upload{}, requests: map[string]int{}, hosts: map[string]bool{}}
}

// Objects are the keys and objects of now.
func (s *Server) Objects() map[string]*Object {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.objects)
}

// Put stores an object behind everybody's back.
func (s *Server) Put(key string, o *Object) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.objects[key] = o
}

// Requests says how many of an operation were done: PUT, HEAD, GET, LIST, PART,
// INITIATE, COMPLETE, ABORT, PARTS.
func (s *Server) Requests(operation string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests[operation]
}

// Overwritten says how many PUTs replaced an object.
func (s *Server) Overwritten() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.overwritten
}

// Hosts are the Host headers that came.
func (s *Server) Hosts() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.hosts))
}

// Uploads is how many multipart uploads are unfinished.
func (s *Server) Uploads() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.uploads)
}

type answer struct {
	status int
	header http.Header
	body   []byte
}

// ServeHTTP is http.Handler's.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	key := strings.TrimPrefix(r.URL.Path, "/")
	if !strings.HasPrefix(r.Host, s.Bucket+".") {
		key = strings.TrimPrefix(strings.TrimPrefix(key, s.Bucket), "/")
	}
	fault := s.decide(r.Method, key, r.URL.Query())
	switch fault {
	case CutBefore:
		panic(http.ErrAbortHandler)
	case CutBody:
		_, _ = io.CopyN(io.Discard, r.Body, r.ContentLength/2)
		panic(http.ErrAbortHandler)
	case Unavailable:
		send(w, r, failure(http.StatusServiceUnavailable, "SlowDown"))
		return
	case Broken:
		send(w, r, failure(http.StatusInternalServerError, "InternalError"))
		return
	case TooLarge:
		send(w, r, failure(http.StatusBadRequest, "EntityTooLarge"))
		return
	case Denied:
		send(w, r, failure(http.StatusForbidden, "AccessDenied"))
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	a := s.handle(r, key, body)
	if fault == CutAfter {
		panic(http.ErrAbortHandler)
	}
	send(w, r, a)
}

func send(w http.ResponseWriter, r *http.Request, a answer) {
	maps.Copy(w.Header(), a.header)
	if w.Header().Get("Content-Length") == "" {
		w.Header().Set("Content-Length", strconv.Itoa(len(a.body)))
	}
	w.WriteHeader(a.status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(a.body)
	}
}

func failure(status int, code string) answer {
	return answer{status: status, header: http.Header{"Content-Type": {"application/xml"}},
		body: []byte("<Error><Code>" + code + "</Code><Message>" + code + "</Message></Error>")}
}

func document(v any) answer {
	b, err := xml.Marshal(v)
	if err != nil {
		return failure(http.StatusInternalServerError, "InternalError")
	}
	return answer{status: http.StatusOK, header: http.Header{"Content-Type": {"application/xml"}}, body: b}
}

func (s *Server) handle(r *http.Request, key string, body []byte) answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hosts[r.Host] = true
	q := r.URL.Query()
	if sum := r.Header.Get("Content-Md5"); sum != "" {
		if got := md5.Sum(body); base64.StdEncoding.EncodeToString(got[:]) != sum {
			return failure(http.StatusBadRequest, "BadDigest")
		}
	}
	switch {
	case !strings.Contains(r.Header.Get("Authorization"), "Credential="):
		return failure(http.StatusForbidden, "AccessDenied")
	case key == "" && r.Method == http.MethodHead:
		return answer{status: http.StatusOK}
	case key == "" && r.Method == http.MethodGet && q.Has("location"):
		return document(struct {
			XMLName xml.Name `xml:"LocationConstraint"`
		}{})
	case key == "" && r.Method == http.MethodGet:
		return s.list(q.Get("prefix"), q.Get("continuation-token"), q.Get("start-after"))
	case q.Has("uploads") && r.Method == http.MethodPost:
		s.requests["INITIATE"]++
		s.next++
		id := fmt.Sprint("upload-", s.next)
		s.uploads[id] = &upload{key, meta(r.Header), map[int][]byte{}}
		return document(struct {
			XMLName  xml.Name `xml:"InitiateMultipartUploadResult"`
			UploadID string   `xml:"UploadId"`
		}{UploadID: id})
	case q.Has("uploadId"):
		return s.multipart(r, key, q.Get("uploadId"), q.Get("partNumber"), body)
	case r.Method == http.MethodPut:
		return s.put(r, key, &Object{Body: body, Meta: meta(r.Header)})
	}
	s.requests[r.Method]++
	o := s.objects[key]
	if o == nil {
		return failure(http.StatusNotFound, "NoSuchKey")
	}
	if r.Method == http.MethodDelete {
		delete(s.objects, key)
		return answer{status: http.StatusNoContent}
	}
	h := http.Header{"Etag": {`"` + o.ETag + `"`}, "Last-Modified": {time.Unix(0, 0).UTC().Format(http.TimeFormat)}, "Content-Length": {strconv.Itoa(len(o.Body))}}
	for k, v := range o.Meta {
		h.Set(k, v)
	}
	return answer{status: http.StatusOK, header: h, body: o.Body}
}

func meta(h http.Header) map[string]string {
	out := map[string]string{}
	for k := range h {
		if strings.HasPrefix(k, "X-Amz-Meta-") {
			out[k] = h.Get(k)
		}
	}
	return out
}

func (s *Server) put(r *http.Request, key string, o *Object) answer {
	s.requests["PUT"]++
	_, there := s.objects[key]
	if r.Header.Get("If-None-Match") == "*" {
		switch {
		case s.Conditions == Refused:
			return failure(http.StatusNotImplemented, "NotImplemented")
		case s.Conditions == Honoured && there:
			return failure(http.StatusPreconditionFailed, "PreconditionFailed")
		}
	}
	if there {
		s.overwritten++
	}
	if o.ETag == "" {
		sum := md5.Sum(o.Body)
		o.ETag = hex.EncodeToString(sum[:])
	}
	s.objects[key] = o
	return answer{status: http.StatusOK, header: http.Header{"Etag": {`"` + o.ETag + `"`}}}
}

func (s *Server) multipart(r *http.Request, key, id, part string, body []byte) answer {
	u := s.uploads[id]
	if u == nil || u.key != key {
		return failure(http.StatusNotFound, "NoSuchUpload")
	}
	switch r.Method {
	case http.MethodPut:
		s.requests["PART"]++
		n, err := strconv.Atoi(part)
		if err != nil || n < 1 {
			return failure(http.StatusBadRequest, "InvalidArgument")
		}
		u.parts[n] = body
		return answer{status: http.StatusOK, header: http.Header{"Etag": {`"` + etag(body) + `"`}}}
	case http.MethodGet:
		s.requests["PARTS"]++
		type item struct {
			PartNumber int
			ETag       string
			Size       int
		}
		list := struct {
			XMLName     xml.Name `xml:"ListPartsResult"`
			IsTruncated bool
			Part        []item
		}{}
		for _, n := range slices.Sorted(maps.Keys(u.parts)) {
			list.Part = append(list.Part, item{n, `"` + etag(u.parts[n]) + `"`, len(u.parts[n])})
		}
		return document(list)
	case http.MethodDelete:
		s.requests["ABORT"]++
		delete(s.uploads, id)
		return answer{status: http.StatusNoContent}
	}
	s.requests["COMPLETE"]++
	var want struct {
		Part []struct {
			PartNumber int
			ETag       string
		}
	}
	if xml.Unmarshal(body, &want) != nil || len(want.Part) == 0 {
		return failure(http.StatusBadRequest, "MalformedXML")
	}
	o := &Object{Meta: u.meta}
	for _, p := range want.Part {
		b, ok := u.parts[p.PartNumber]
		if !ok || strings.Trim(p.ETag, `"`) != etag(b) {
			return failure(http.StatusBadRequest, "InvalidPart")
		}
		o.Body = append(o.Body, b...)
	}
	o.ETag = fmt.Sprintf("%s-%d", etag(o.Body), len(want.Part))
	a := s.put(r, key, o)
	if a.status != http.StatusOK {
		return a
	}
	delete(s.uploads, id)
	return document(struct {
		XMLName xml.Name `xml:"CompleteMultipartUploadResult"`
		Key     string
		ETag    string
	}{Key: key, ETag: o.ETag})
}

func etag(b []byte) string {
	sum := md5.Sum(b)
	return hex.EncodeToString(sum[:])
}

// list answers pages of two keys, so that paging is tested.
func (s *Server) list(prefix, token, after string) answer {
	s.requests["LIST"]++
	type item struct {
		Key          string
		Size         int
		ETag         string
		LastModified string
	}
	result := struct {
		XMLName               xml.Name `xml:"ListBucketResult"`
		Name                  string
		IsTruncated           bool
		NextContinuationToken string `xml:",omitempty"`
		Contents              []item
	}{Name: s.Bucket}
	for _, key := range slices.Sorted(maps.Keys(s.objects)) {
		if !strings.HasPrefix(key, prefix) || key <= max(token, after) {
			continue
		}
		if len(result.Contents) == 2 {
			result.IsTruncated = true
			result.NextContinuationToken = result.Contents[1].Key
			break
		}
		o := s.objects[key]
		result.Contents = append(result.Contents, item{key, len(o.Body), `"` + o.ETag + `"`, "2026-01-01T00:00:00.000Z"})
	}
	return document(result)
}
