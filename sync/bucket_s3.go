package upstream

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	gosync "sync"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// s3Bucket is a bucket of AWS S3 or whatever speaks its language.
type s3Bucket struct {
	core   *minio.Core
	bucket string
	prefix string // ends in a slash, or is empty
	limit  *throttle
	// partSize is that of multipart uploads, and the size from which on an
	// object is one: what is held in memory at a time. S3 wants 5 MiB at least.
	partSize int64

	mu gosync.Mutex
	// conditional says whether the store honours If-None-Match, once probed.
	conditional, probed bool
}

var _ bucket = (*s3Bucket)(nil)

const (
	s3PartSize = 5 << 20
	s3MaxParts = 10_000
)

func newS3Bucket(t *Target, tr http.RoundTripper, limit *throttle) (*s3Bucket, error) {
	creds, err := s3Credentials(t)
	if err != nil {
		return nil, err
	}
	o := &minio.Options{Creds: creds, Secure: t.Secure, Transport: tr, Region: t.Region, MaxRetries: 1}
	if o.Region == "" && !strings.HasSuffix(t.Endpoint, "amazonaws.com") {
		o.Region = "us-east-1" // what others take; saves asking
	}
	switch t.Style {
	case "path":
		o.BucketLookup = minio.BucketLookupPath
	case "virtual":
		o.BucketLookup = minio.BucketLookupDNS
	}
	core, err := minio.NewCore(t.Endpoint, o)
	if err != nil {
		return nil, err
	}
	b := &s3Bucket{core: core, bucket: t.Bucket, prefix: t.Prefix, limit: limit, partSize: s3PartSize}
	if b.prefix != "" {
		b.prefix += "/"
	}
	return b, nil
}

// s3Credentials are those of the URL, else of the file that it names, else of
// the environment, else of the AWS credentials file of the user.
func s3Credentials(t *Target) (*credentials.Credentials, error) {
	if t.User != "" {
		if t.Secret == "" {
			return nil, errors.New("the URL has an access key without secret")
		}
		return credentials.NewStaticV4(t.User, t.Secret, ""), nil
	}
	file := &credentials.FileAWSCredentials{Filename: t.CredentialsFile, Profile: t.Profile}
	if t.CredentialsFile != "" {
		return credentials.New(file), nil
	}
	return credentials.NewChainCredentials([]credentials.Provider{&credentials.EnvAWS{}, &credentials.EnvMinio{}, file}), nil
}

// explain sorts an error of the S3 client.
func (b *s3Bucket) explain(what, key string, err error) error {
	if err == nil {
		return nil
	}
	err = unreachable(err)
	var r minio.ErrorResponse
	if errors.As(err, &r) {
		switch {
		case r.StatusCode == http.StatusNotFound && r.Code != minio.NoSuchBucket && r.Code != minio.NoSuchUpload:
			return fmt.Errorf("%s: %w", key, errAbsent)
		case r.Code == "EntityTooLarge", r.Code == "KeyTooLongError", r.Code == "InvalidObjectName", r.Code == "XMinioInvalidObjectName":
			return &refusedError{fmt.Errorf("%s %s: %s: %s", what, key, r.Code, r.Message)}
		case r.StatusCode == http.StatusServiceUnavailable, r.StatusCode == http.StatusTooManyRequests:
			return &busyError{err: fmt.Errorf("%s %s: %s: %s", what, key, r.Code, r.Message)}
		}
		return fmt.Errorf("%s %s: %d %s: %w", what, key, r.StatusCode, r.Code, err)
	}
	return fmt.Errorf("%s %s: %w", what, key, err)
}

// s3Code is the code of an answer, "" of other errors.
func s3Code(err error) (code string, status int) {
	var r minio.ErrorResponse
	if errors.As(err, &r) {
		return r.Code, r.StatusCode
	}
	return "", 0
}

// Note is bucket's.
func (b *s3Bucket) Note() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.probed && !b.conditional {
		return "the store has no conditional PUT (If-None-Match): whether an object exists is asked first"
	}
	return ""
}

// Ready is bucket's.
func (b *s3Bucket) Ready(ctx context.Context) error {
	ok, err := b.core.BucketExists(ctx, b.bucket)
	if _, status := s3Code(err); status == http.StatusForbidden {
		return nil // it answers; who may put need not be one who may list
	}
	if err != nil {
		return b.explain("look for bucket", b.bucket, err)
	}
	if !ok {
		return fmt.Errorf("there is no bucket %q", b.bucket)
	}
	return nil
}

// probe finds out whether the store honours If-None-Match, by putting the same
// object twice. Some ignore the header, some refuse it.
func (b *s3Bucket) probe(ctx context.Context) (conditional bool, err error) {
	b.mu.Lock()
	conditional, probed := b.conditional, b.probed
	b.mu.Unlock()
	if probed {
		return conditional, nil
	}
	const key = "_manifest/_probe"
	body := []byte("Tarn asks whether this store honours If-None-Match: *\n")
	for range 2 {
		err := b.putOnce(ctx, key, body, nil, true, nil)
		code, status := s3Code(err)
		switch {
		case status == http.StatusPreconditionFailed:
			conditional = true
		case status == http.StatusNotImplemented, status == http.StatusBadRequest && code != "BadDigest":
			// If it is something else that is wrong, the real PUT will say so.
		case err != nil:
			return false, b.explain("put", key, err)
		default:
			continue
		}
		break
	}
	b.mu.Lock()
	b.conditional, b.probed = conditional, true
	b.mu.Unlock()
	return conditional, nil
}

// putOnce is one PUT.
func (b *s3Bucket) putOnce(ctx context.Context, key string, body []byte, meta map[string]string, absent bool, progress func(int)) error {
	o := minio.PutObjectOptions{UserMetadata: meta, ContentType: contentType(key), DisableContentSha256: true}
	if absent {
		o.SetMatchETagExcept("*")
	}
	sha, md := sha256.Sum256(body), md5.Sum(body)
	// With the checksums the store refuses what did not arrive as it was sent.
	// What is disabled above is the chunked signature that takes its place
	// where there is no TLS, and that not all stores know.
	_, err := b.core.PutObject(ctx, b.bucket, b.prefix+key, b.limit.reader(ctx, bytes.NewReader(body), progress), int64(len(body)),
		base64.StdEncoding.EncodeToString(md[:]), hex.EncodeToString(sha[:]), o)
	return err
}

func contentType(key string) string {
	if strings.HasSuffix(key, ".json") {
		return "application/json"
	}
	return "application/vnd.apache.parquet"
}

// Names of an object's metadata.
const (
	metaHash   = "Tarn-Sha256"
	metaSource = "Tarn-Source-Sha256"
	metaSize   = "Tarn-Size"
)

func (o *object) meta() map[string]string {
	m := map[string]string{metaHash: o.Hash, metaSize: strconv.FormatInt(o.Size, 10)}
	if o.Source != "" {
		m[metaSource] = o.Source
	}
	return m
}

// Put is bucket's.
func (b *s3Bucket) Put(ctx context.Context, key string, o object) error {
	conditional, err := b.probe(ctx)
	if err != nil {
		return err
	}
	if o.Again || !conditional {
		// It may be there, and then nothing need be sent.
		if done, err := b.there(ctx, key, &o); done || err != nil {
			return err
		}
	}
	if o.Size <= b.partSize {
		err = b.putWhole(ctx, key, &o, conditional)
	} else {
		err = b.putParts(ctx, key, &o, conditional)
	}
	if _, status := s3Code(err); err != nil && status != http.StatusPreconditionFailed {
		return b.explain("put", key, err)
	}
	// Trust nothing: look at what is there now.
	done, err := b.there(ctx, key, &o)
	if err == nil && !done {
		err = fmt.Errorf("put %s: the store took it and does not have it", key)
	}
	if err != nil {
		return &sentError{err}
	}
	return nil
}

// there says whether the object is there already.
func (b *s3Bucket) there(ctx context.Context, key string, o *object) (bool, error) {
	s, err := b.Stat(ctx, key)
	switch {
	case errors.Is(err, errAbsent):
		return false, nil
	case err != nil:
		return false, err
	case s.Hash == "" && s.Size == o.Size && s.Size <= maxSmall:
		// Somebody copied it without its metadata.
		body, err := b.Get(ctx, key)
		if err != nil {
			return false, err
		}
		s.Hash = bytesObject(body).Hash
	}
	if !o.same(s) {
		return false, fmt.Errorf("put %s: %w", key, errTaken)
	}
	return true, nil
}

func (b *s3Bucket) putWhole(ctx context.Context, key string, o *object, conditional bool) error {
	var body bytes.Buffer
	body.Grow(int(o.Size))
	if err := o.render(ctx, &body); err != nil {
		return err
	}
	return b.putOnce(ctx, key, body.Bytes(), o.meta(), conditional, o.Progress)
}

// putParts goes on with a multipart upload, or begins one. Parts that are there
// are not sent again: the bytes are the same every time.
func (b *s3Bucket) putParts(ctx context.Context, key string, o *object, conditional bool) error {
	have := map[int]minio.ObjectPart{}
	if o.Upload != "" {
		var err error
		if have, err = b.parts(ctx, key, o.Upload); err != nil {
			if code, _ := s3Code(err); code != minio.NoSuchUpload {
				return err
			}
			o.Upload = "" // completed, as Put's look will say, or cleaned up
		}
	}
	if o.Upload == "" {
		id, err := b.core.NewMultipartUpload(ctx, b.bucket, b.prefix+key, minio.PutObjectOptions{UserMetadata: o.meta(), ContentType: contentType(key)})
		if err != nil {
			return err
		}
		if err := o.SaveUpload(ctx, id); err != nil {
			return errors.Join(err, b.core.AbortMultipartUpload(ctx, b.bucket, b.prefix+key, id))
		}
		o.Upload = id
	}
	p := &partWriter{b: b, ctx: ctx, key: b.prefix + key, o: o, have: have, size: max(b.partSize, (o.Size+s3MaxParts-1)/s3MaxParts)}
	if err := o.render(ctx, p); err != nil {
		if errors.Is(err, errChanged) {
			err = errors.Join(err, b.core.AbortMultipartUpload(ctx, b.bucket, b.prefix+key, o.Upload))
		}
		return err
	}
	if err := p.flush(); err != nil {
		return err
	}
	c := minio.PutObjectOptions{}
	if conditional {
		c.SetMatchETagExcept("*")
	}
	_, err := b.core.CompleteMultipartUpload(ctx, b.bucket, b.prefix+key, o.Upload, p.done, c)
	if _, status := s3Code(err); status == http.StatusPreconditionFailed {
		err = errors.Join(err, b.core.AbortMultipartUpload(ctx, b.bucket, b.prefix+key, o.Upload))
	}
	return err
}

// parts lists those of an upload.
func (b *s3Bucket) parts(ctx context.Context, key, upload string) (map[int]minio.ObjectPart, error) {
	out := map[int]minio.ObjectPart{}
	for marker := 0; ; {
		r, err := b.core.ListObjectParts(ctx, b.bucket, b.prefix+key, upload, marker, 1000)
		if err != nil {
			return nil, err
		}
		for _, p := range r.ObjectParts {
			out[p.PartNumber] = p
		}
		if !r.IsTruncated || r.NextPartNumberMarker <= marker {
			return out, nil
		}
		marker = r.NextPartNumberMarker
	}
}

// partWriter cuts what is written into parts, and sends those that are not
// there.
type partWriter struct {
	b    *s3Bucket
	ctx  context.Context
	key  string
	o    *object
	have map[int]minio.ObjectPart
	size int64

	buf  []byte
	done []minio.CompletePart
}

func (p *partWriter) Write(b []byte) (n int, err error) {
	if p.buf == nil {
		p.buf = make([]byte, 0, p.size)
	}
	for len(b) > 0 {
		k := min(len(b), int(p.size)-len(p.buf))
		p.buf = append(p.buf, b[:k]...)
		b, n = b[k:], n+k
		if len(p.buf) == int(p.size) {
			if err := p.flush(); err != nil {
				return n, err
			}
		}
	}
	return n, nil
}

func (p *partWriter) flush() error {
	if len(p.buf) == 0 {
		return nil
	}
	number := len(p.done) + 1
	md := md5.Sum(p.buf)
	part, ok := p.have[number]
	if !ok || part.Size != int64(len(p.buf)) || strings.Trim(part.ETag, `"`) != hex.EncodeToString(md[:]) {
		sha := sha256.Sum256(p.buf)
		var err error
		part, err = p.b.core.PutObjectPart(p.ctx, p.b.bucket, p.key, p.o.Upload, number, p.b.limit.reader(p.ctx, bytes.NewReader(p.buf), p.o.Progress),
			int64(len(p.buf)), minio.PutObjectPartOptions{Md5Base64: base64.StdEncoding.EncodeToString(md[:]), Sha256Hex: hex.EncodeToString(sha[:]), DisableContentSha256: true})
		if err != nil {
			return err
		}
	}
	p.done = append(p.done, minio.CompletePart{PartNumber: number, ETag: part.ETag})
	p.buf = p.buf[:0]
	return nil
}

// Stat is bucket's.
func (b *s3Bucket) Stat(ctx context.Context, key string) (stat, error) {
	info, err := b.core.StatObject(ctx, b.bucket, b.prefix+key, minio.StatObjectOptions{})
	if err != nil {
		return stat{}, b.explain("look at", key, err)
	}
	meta := func(name string) string {
		for k, v := range info.UserMetadata {
			if strings.EqualFold(k, name) {
				return v
			}
		}
		return ""
	}
	s := stat{Size: info.Size}
	if meta(metaSize) == strconv.FormatInt(info.Size, 10) {
		s.Hash, s.Source = meta(metaHash), meta(metaSource)
	}
	return s, nil
}

// Get is bucket's.
func (b *s3Bucket) Get(ctx context.Context, key string) ([]byte, error) {
	r, _, _, err := b.core.GetObject(ctx, b.bucket, b.prefix+key, minio.GetObjectOptions{})
	if err != nil {
		return nil, b.explain("get", key, err)
	}
	body, err := readSmall(r, key)
	return body, errors.Join(err, r.Close())
}

// Set is bucket's.
func (b *s3Bucket) Set(ctx context.Context, key string, body []byte) error {
	o := bytesObject(body)
	return b.explain("set", key, b.putOnce(ctx, key, body, o.meta(), false, nil))
}

// Delete is bucket's.
func (b *s3Bucket) Delete(ctx context.Context, key string) error {
	err := b.explain("delete", key, b.core.RemoveObject(ctx, b.bucket, b.prefix+key, minio.RemoveObjectOptions{}))
	if errors.Is(err, errAbsent) {
		return nil
	}
	return err
}

// List is bucket's.
func (b *s3Bucket) List(ctx context.Context, prefix, after string, fn func(key string, size int64) error) error {
	ctx, cancel := context.WithCancel(ctx) // ends the listing when fn fails
	defer cancel()
	o := minio.ListObjectsOptions{Prefix: b.prefix + prefix, Recursive: true}
	if after != "" {
		o.StartAfter = b.prefix + after
	}
	for info := range b.core.ListObjectsIter(ctx, b.bucket, o) {
		if info.Err != nil {
			return b.explain("list", prefix, info.Err)
		}
		if err := fn(strings.TrimPrefix(info.Key, b.prefix), info.Size); err != nil {
			return err
		}
	}
	return ctx.Err()
}

var _ io.Writer = (*partWriter)(nil)
