package edge

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestAlive: a server answers itself on every kind of address, over TLS too, and
// one that stopped does not.
func TestAlive(t *testing.T) {
	cert, key := writeCertificate(t)
	for name, change := range map[string]func(*Config){
		"plain":         func(*Config) {},
		"all addresses": func(c *Config) { c.HTTPBind = ":0" },
		"TLS":           func(c *Config) { c.TLSCert, c.TLSKey = cert, key },
	} {
		t.Run(name, func(t *testing.T) {
			s := startServer(t, change)
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			if err := s.app.Alive(ctx); err != nil {
				t.Error(err)
			}
			if err := s.app.server.Stop(ctx); err != nil {
				t.Fatal(err)
			}
			if err := s.app.Alive(ctx); err == nil {
				t.Error("a server that stopped is alive")
			}
		})
	}
}

// writeCertificate writes the certificate of net/http's test servers as files.
func writeCertificate(t *testing.T) (cert, key string) {
	t.Helper()
	far := httptest.NewTLSServer(http.NotFoundHandler())
	defer far.Close()
	pair := far.TLS.Certificates[0]
	der, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for path, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: pair.Certificate[0]}, key: {Type: "PRIVATE KEY", Bytes: der}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}
