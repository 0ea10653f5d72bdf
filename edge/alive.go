package edge

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
)

// Alive finds out whether the server still works: whether its listener answers a
// request, and whether the store can say how it is. It fails when ctx ends first,
// which is how a server that hangs looks. A store that is read-only is alive:
// reads go on, and a restart is for a person to decide.
func (a *Appliance) Alive(ctx context.Context) error {
	addr, ok := a.Addr().(*net.TCPAddr)
	if !ok {
		return fmt.Errorf("the listener's address %v is none of TCP", a.Addr())
	}
	target := net.TCPAddr{IP: addr.IP, Port: addr.Port, Zone: addr.Zone}
	if target.IP.IsUnspecified() {
		target.IP = net.IPv4(127, 0, 0, 1)
	}
	transport := &http.Transport{DisableKeepAlives: true}
	scheme := "http"
	if a.config.TLSCert != "" {
		// The certificate is for other names than this address, and this is us.
		scheme, transport.TLSClientConfig = "https", &tls.Config{InsecureSkipVerify: true} // #nosec G402
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, scheme+"://"+target.String()+"/dashboard/icon.svg", nil)
	if err != nil {
		return err
	}
	resp, err := transport.RoundTrip(r)
	if err != nil {
		return fmt.Errorf("ask %s: %w", target.String(), err)
	}
	// The page's files need no token: no refusals in the metrics that look like an
	// attack.
	if err := resp.Body.Close(); err != nil {
		return fmt.Errorf("ask %s: %w", target.String(), err)
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("ask %s: %s", target.String(), resp.Status)
	}
	said := make(chan struct{})
	go func() {
		a.store.Stats()
		close(said)
	}()
	select {
	case <-said:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("the store does not say how it is: %w", ctx.Err())
	}
}
