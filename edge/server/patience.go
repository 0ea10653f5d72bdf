package server

import (
	"io"
	"net/http"
	"time"
)

// defaultPatience is Options.Patience when none is given: long enough for a
// radio link that fades, short enough that stalled clients do not pile up.
const defaultPatience = time.Minute

// chunk is how much a client must take in within the patience: some 1 KB a
// second.
const chunk = 64 << 10

// patientBody is a request's body that breaks off when the client sends nothing
// for too long. A time for the whole request would punish slow links; one for
// each piece ends only those that stopped.
type patientBody struct {
	io.ReadCloser
	control  *http.ResponseController
	patience time.Duration
	received int64
}

func (b *patientBody) Read(p []byte) (int, error) {
	// Where there is no deadline to set, as in tests, there is nobody to wait
	// for.
	_ = b.control.SetReadDeadline(time.Now().Add(b.patience))
	n, err := b.ReadCloser.Read(p)
	b.received += int64(n)
	if err == io.EOF {
		// From now on net/http watches the connection, to see a client that
		// goes away: it must not take the deadline for that.
		_ = b.control.SetReadDeadline(time.Time{})
	}
	return n, err
}

// patientWrite writes in pieces, each with the patience.
func (r *recorder) patientWrite(p []byte) (n int, err error) {
	for err == nil && n < len(p) {
		var m int
		r.extend()
		m, err = r.ResponseWriter.Write(p[n:min(n+chunk, len(p))])
		n += m
	}
	return n, err
}

// finish prepares the connection for what net/http does after the handler: it
// takes in the rest of the body and then sends the rest of the answer, which
// needs some patience of its own.
func (r *recorder) finish() {
	_ = r.control.SetReadDeadline(time.Now().Add(r.patience / 2))
	r.extend()
}

// extend gives the client the patience once more to take in what comes.
func (r *recorder) extend() {
	_ = r.control.SetWriteDeadline(time.Now().Add(r.patience))
}
