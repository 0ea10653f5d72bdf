package upstream

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
)

// bucket is where objects go: an S3 bucket or a directory. Keys are relative to
// its prefix. It is used by one goroutine, but for Get, List and Stat.
type bucket interface {
	// Ready says whether the target can be reached now, cheaply.
	Ready(ctx context.Context) error
	// Put makes an object where there is none of the name. One that is there
	// with the same size and checksum is success, or, of a segment, one that was
	// made of the same source; any other is errTaken.
	Put(ctx context.Context, key string, o object) error
	// Stat finds an object, or returns errAbsent.
	Stat(ctx context.Context, key string) (stat, error)
	// Get reads a small object, or returns errAbsent.
	Get(ctx context.Context, key string) ([]byte, error)
	// Set makes or replaces a small object.
	Set(ctx context.Context, key string, body []byte) error
	// Delete removes an object that may be gone already.
	Delete(ctx context.Context, key string) error
	// List calls fn with the objects below a prefix that ends in a slash, those
	// whose keys come after a key ("" for all), in their keys' order.
	List(ctx context.Context, prefix, after string, fn func(key string, size int64) error) error
	// Note is what an operator should know about the target, or "".
	Note() string
}

// stat describes an object.
type stat struct {
	Size int64
	// Hash is the SHA-256 of the bytes, in hexadecimal, and Source that of the
	// segment; empty when unknown.
	Hash, Source string
}

// object is what is to be put.
type object struct {
	Size int64
	// Hash is the SHA-256 of the bytes, in hexadecimal.
	Hash string
	// Source is the SHA-256 of the segment, "" of what is none.
	Source string
	// Write yields the bytes, the same every time.
	Write func(ctx context.Context, w io.Writer) error
	// Again says that an earlier attempt may have put it.
	Again bool
	// Upload is the multipart upload to go on with, and SaveUpload keeps it.
	Upload     string
	SaveUpload func(ctx context.Context, id string) error
	// Progress is told how many more bytes were sent.
	Progress func(n int)
}

// bytesObject is an object of bytes in memory.
func bytesObject(body []byte) object {
	sum := sha256.Sum256(body)
	return object{Size: int64(len(body)), Hash: hex.EncodeToString(sum[:]), Write: func(_ context.Context, w io.Writer) error {
		_, err := w.Write(body)
		return err
	}}
}

// same says whether an object that is there is the one to be put.
func (o *object) same(s stat) bool {
	if s.Hash == o.Hash && s.Size == o.Size {
		return true
	}
	// An older version of this program may have written the same segment with
	// other bytes. A stat has a source only if the object is whole.
	return o.Source != "" && s.Source == o.Source
}

// Kinds of failure. All else may pass by itself.
var (
	// errAbsent means that there is no such object.
	errAbsent = errors.New("there is no such object")
	// errTaken means that another object has the name.
	errTaken = errors.New("another object has the name")
	// errUnreachable means that the request was not sent. Of a Put nothing was
	// sent, unless it is a sentError too.
	errUnreachable = errors.New("cannot be reached")
	// errChanged means that the bytes are not those that were announced.
	errChanged = errors.New("the bytes are not those that were announced")
)

// refusedError is an answer about this one file that trying again will not
// change.
type refusedError struct{ err error }

func (e *refusedError) Error() string { return e.err.Error() }
func (e *refusedError) Unwrap() error { return e.err }

// sentError is a failure after the object was sent: it may be at the target.
type sentError struct{ err error }

func (e *sentError) Error() string { return e.err.Error() }
func (e *sentError) Unwrap() error { return e.err }

// render passes o's bytes to w, and checks that they are those announced.
func (o *object) render(ctx context.Context, w io.Writer) error {
	m := newMeter(w)
	if err := o.Write(ctx, m); err != nil {
		return err
	}
	if m.n != o.Size || m.sum() != o.Hash {
		return errChanged
	}
	return nil
}

// meter hashes and counts what passes.
type meter struct {
	w io.Writer
	h hash.Hash
	n int64
}

func newMeter(w io.Writer) *meter { return &meter{w: w, h: sha256.New()} }

func (m *meter) Write(p []byte) (int, error) {
	m.h.Write(p)
	m.n += int64(len(p))
	return m.w.Write(p)
}

func (m *meter) sum() string { return hex.EncodeToString(m.h.Sum(nil)) }

// maxSmall bounds the objects that are read: manifests and commits.
const maxSmall = 64 << 20

func readSmall(r io.Reader, key string) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(r, maxSmall+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", key, err)
	}
	if len(body) > maxSmall {
		return nil, fmt.Errorf("%s is larger than %d MiB", key, maxSmall>>20)
	}
	return body, nil
}
