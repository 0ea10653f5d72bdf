package server

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/julienschmidt/httprouter"

	"tarn/edge/auth"
	"tarn/edge/route"
)

// handlerOf serves routes without authentication; seen gets the observations.
func handlerOf(seen *[]Observation, routes ...route.Route) *Handler {
	return NewHandler(Options{Routes: routes, Auth: &auth.Authenticator{Disabled: true}, ClusterUUID: "uuid", Logger: slog.New(slog.DiscardHandler),
		Observe: func(o Observation) { *seen = append(*seen, o) },
		Deny:    func(w http.ResponseWriter, status int, message string) { http.Error(w, message, status) }})
}

func TestObservations(t *testing.T) {
	routes := []route.Route{
		{Method: "GET", Path: "/ok", Handle: func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") }},
		{Method: "GET", Path: "/empty", Handle: func(http.ResponseWriter, *http.Request) {}},
		{Method: "GET", Path: "/gone", Handle: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusGone) }},
		{Method: "GET", Path: "/panic", Handle: func(http.ResponseWriter, *http.Request) { panic("oops") }},
		{Method: "GET", Path: "/late", Handle: func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "par"); panic("oops") }},
		{Method: "GET", Path: "/cut", Handle: func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }},
		{Method: "GET", Path: "/named/:name", Handle: func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, httprouter.ParamsFromContext(r.Context()).ByName("name"))
		}},
	}
	for _, c := range []struct {
		name, method, target string
		status               int
		body                 string
		want                 Observation // without Took
		aborts               bool
	}{
		{"a body", "GET", "/ok", 200, "hello", Observation{"GET", "/ok", 200, 5, 0, false, 0}, false},
		{"the method in lower case", "get", "/ok", 200, "hello", Observation{"GET", "/ok", 200, 5, 0, false, 0}, false},
		{"nothing", "GET", "/empty", 200, "", Observation{"GET", "/empty", 200, 0, 0, false, 0}, false},
		{"a status", "GET", "/gone", 410, "", Observation{"GET", "/gone", 410, 0, 0, false, 0}, false},
		{"a parameter", "GET", "/named/x", 200, "x", Observation{"GET", "/named/:name", 200, 1, 0, false, 0}, false},
		{"an unknown path", "GET", "/nosuch", 404, "not found\n", Observation{"GET", "", 404, 10, 0, false, 0}, false},
		{"an unknown method", "BREW", "/ok", 404, "not found\n", Observation{"BREW", "", 404, 10, 0, false, 0}, false},
		{"preflight", "OPTIONS", "/nosuch", 204, "", Observation{"OPTIONS", "", 204, 0, 0, false, 0}, false},
		{"a panic before the status", "GET", "/panic", 500, "internal error\n", Observation{"GET", "/panic", 500, 15, 0, false, 0}, false},
		{"a panic after it", "GET", "/late", 200, "par", Observation{"GET", "/late", 200, 3, 0, true, 0}, true},
		{"a connection that is cut", "GET", "/cut", 200, "", Observation{"GET", "/cut", 200, 0, 0, true, 0}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			var seen []Observation
			w := httptest.NewRecorder()
			aborted := func() (aborted bool) {
				defer func() {
					if reason := recover(); reason != nil {
						aborted = true
						if reason != http.ErrAbortHandler { //nolint:errorlint // a panic value
							t.Errorf("panics with %v", reason)
						}
					}
				}()
				handlerOf(&seen, routes...).ServeHTTP(w, httptest.NewRequest(c.method, c.target, nil))
				return false
			}()
			if w.Code != c.status || w.Body.String() != c.body || aborted != c.aborts {
				t.Errorf("status %d, body %q, aborted %v", w.Code, w.Body, aborted)
			}
			if len(seen) != 1 {
				t.Fatalf("%d observations", len(seen))
			}
			if seen[0].Took = 0; seen[0] != c.want {
				t.Errorf("observed %+v, want %+v", seen[0], c.want)
			}
			if w.Header().Get("cluster-uuid") != "uuid" || w.Header().Get("Access-Control-Allow-Origin") != "*" {
				t.Errorf("headers %v", w.Header())
			}
		})
	}
}

// certificate writes a key and a certificate for 127.0.0.1 that it signed
// itself.
func certificate(t *testing.T) (certFile, keyFile string, pool *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	pool = x509.NewCertPool()
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool.AddCert(cert)
	certFile, keyFile = filepath.Join(t.TempDir(), "cert.pem"), filepath.Join(t.TempDir(), "key.pem")
	for name, b := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: der}, keyFile: {Type: "PRIVATE KEY", Bytes: keyDER}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(b), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return certFile, keyFile, pool
}

func TestTLS(t *testing.T) {
	certFile, keyFile, pool := certificate(t)
	s, err := Start(http.NotFoundHandler(), ListenOptions{Addr: "127.0.0.1:0", CertFile: certFile, KeyFile: keyFile, MinTLS: tls.VersionTLS13, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Stop(context.Background()); err != nil {
			t.Error(err)
		}
		if err := <-s.Failed(); !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("serving ended with %v", err)
		}
	}()
	get := func(c *tls.Config) error {
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: c, DisableKeepAlives: true}}
		resp, err := client.Get("https://" + s.Addr().String() + "/")
		if err != nil {
			return err
		}
		return resp.Body.Close()
	}
	if err := get(&tls.Config{RootCAs: pool}); err != nil {
		t.Error(err)
	}
	if err := get(&tls.Config{RootCAs: pool, MaxVersion: tls.VersionTLS12}); err == nil {
		t.Error("TLS 1.2 is accepted where the minimum is 1.3")
	}
}

func TestStartFails(t *testing.T) {
	logger := slog.New(slog.DiscardHandler)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for name, o := range map[string]ListenOptions{
		"the port is taken":    {Addr: taken.Addr().String(), Logger: logger},
		"there is no key pair": {Addr: "127.0.0.1:0", CertFile: "nosuch.pem", KeyFile: "nosuch.key", Logger: logger},
	} {
		if s, err := Start(http.NotFoundHandler(), o); err == nil {
			t.Errorf("%s: it starts", name)
			_ = s.Stop(context.Background())
		}
	}
}
