package server

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tarn/edge/route"
)

// pipeListener hands out one connection.
type pipeListener struct {
	conns  chan net.Conn
	closed chan struct{}
}

func (l pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l pipeListener) Close() error { close(l.closed); return nil }

func (l pipeListener) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "unix"} }

// converse serves one connection in a bubble of its own time; client has the
// other end.
func converse(t *testing.T, handle http.HandlerFunc, client func(t *testing.T, c net.Conn)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		var seen []Observation
		h := handlerOf(&seen, route.Route{Method: "POST", Path: "/", Handle: handle})
		l := pipeListener{make(chan net.Conn), make(chan struct{})}
		s := &http.Server{Handler: h, ErrorLog: log.New(io.Discard, "", 0)}
		served := make(chan error)
		go func() { served <- s.Serve(l) }()
		mine, theirs := net.Pipe()
		l.conns <- theirs
		client(t, mine)
		mine.Close()
		if err := s.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
}

func TestStalledBody(t *testing.T) {
	var took time.Duration
	var failure error
	converse(t, func(_ http.ResponseWriter, r *http.Request) {
		began := time.Now()
		_, failure = io.ReadAll(r.Body)
		took = time.Since(began)
	}, func(t *testing.T, c net.Conn) {
		fmt.Fprint(c, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf of it")
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	})
	if !errors.Is(failure, os.ErrDeadlineExceeded) || took != time.Minute {
		t.Errorf("after %v: %v", took, failure)
	}
}

// TestStalledBodyOfNoInterest: the handler does not read, but net/http does.
func TestStalledBodyOfNoInterest(t *testing.T) {
	converse(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }, func(t *testing.T, c net.Conn) {
		began := time.Now()
		fmt.Fprint(c, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf of it")
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if took := time.Since(began); resp.StatusCode != http.StatusTeapot || took != time.Minute/2 {
			t.Errorf("status %d after %v", resp.StatusCode, took)
		}
	})
}

// TestSlowBody: a slow client is no stalled one, and the handler may take its
// time afterwards.
func TestSlowBody(t *testing.T) {
	converse(t, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || len(body) != 100 {
			t.Errorf("%d bytes, %v", len(body), err)
		}
		time.Sleep(10 * time.Minute)
		if err := r.Context().Err(); err != nil {
			t.Errorf("the request has ended: %v", err)
		}
		_, _ = io.WriteString(w, "thanks")
	}, func(t *testing.T, c net.Conn) {
		r := bufio.NewReader(c)
		for range 2 { // the second request must not suffer from the first one's deadlines
			fmt.Fprint(c, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n")
			for range 100 {
				time.Sleep(50 * time.Second)
				fmt.Fprint(c, "x")
			}
			resp, err := http.ReadResponse(r, nil)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(resp.Body)
			if err != nil || string(body) != "thanks" {
				t.Errorf("%q, %v", body, err)
			}
			time.Sleep(time.Hour)
		}
	})
}

func TestStalledReader(t *testing.T) {
	var took time.Duration
	var failure error
	converse(t, func(w http.ResponseWriter, _ *http.Request) {
		began := time.Now()
		for failure == nil {
			_, failure = io.WriteString(w, strings.Repeat("x", 1<<20))
		}
		took = time.Since(began)
	}, func(_ *testing.T, c net.Conn) {
		fmt.Fprint(c, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
		time.Sleep(time.Hour)
	})
	if !errors.Is(failure, os.ErrDeadlineExceeded) || took != time.Minute {
		t.Errorf("after %v: %v", took, failure)
	}
}

// TestSlowReader: a client that takes in 4 KB a second gets all of an answer
// that is written at once.
func TestSlowReader(t *testing.T) {
	const size = 1 << 20
	converse(t, func(w http.ResponseWriter, _ *http.Request) {
		if _, err := io.WriteString(w, strings.Repeat("x", size)); err != nil {
			t.Error(err)
		}
	}, func(t *testing.T, c net.Conn) {
		fmt.Fprint(c, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
		resp, err := http.ReadResponse(bufio.NewReaderSize(c, 16), nil)
		if err != nil {
			t.Fatal(err)
		}
		total := 0
		buf := make([]byte, 4<<10)
		for err == nil {
			var n int
			time.Sleep(time.Second)
			n, err = io.ReadFull(resp.Body, buf)
			total += n
		}
		if total != size {
			t.Errorf("%d bytes, then %v", total, err)
		}
	})
}
