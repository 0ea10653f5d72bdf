package upstream

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"
)

// newTransport is how targets are reached. Dead links are noticed by time-outs:
// of connecting, of an answer, and of progress (worker.watch).
func newTransport(t *Target, pace timing) (*http.Transport, error) {
	tr := &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         (&net.Dialer{Timeout: 15 * time.Second, KeepAlive: 15 * time.Second}).DialContext,
		TLSHandshakeTimeout: 20 * time.Second, ResponseHeaderTimeout: pace.stall,
		MaxIdleConns: 2, IdleConnTimeout: time.Minute, DisableCompression: true, ForceAttemptHTTP2: true,
		TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12},
	}
	if t.CAFile == "" {
		return tr, nil
	}
	pem, err := os.ReadFile(t.CAFile)
	if err != nil {
		return nil, fmt.Errorf("tls-ca: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("tls-ca %s: there is no certificate in it", t.CAFile)
	}
	tr.TLSClientConfig.RootCAs = pool
	return tr, nil
}

// unreachable marks errors of connecting: nothing was sent.
func unreachable(err error) error {
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "dial" {
		return fmt.Errorf("the target %w: %w", errUnreachable, err)
	}
	return err
}
