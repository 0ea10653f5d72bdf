package edge

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"

	"tarn/edge/api/gate"
	"tarn/edge/api/influx"
	"tarn/edge/auth"
	"tarn/edge/server"
)

// listen serves the routes, and those of the recovery listener if there is to be
// one.
func (a *Appliance) listen(c *shared) error {
	minTLS, err := a.config.minTLS()
	if err != nil {
		return err
	}
	observe := func(o server.Observation) {
		c.metrics.observe(o)
		a.monitor.observe(o)
	}
	options := server.Options{Routes: a.routes, Auth: c.auth, ClusterUUID: a.store.UUID(), Logger: a.logger, Observe: observe, Deny: influx.Fail,
		Guards: map[string]server.Guard{gate.Prefix: c.gate}}
	listen := server.ListenOptions{Addr: a.config.HTTPBind, CertFile: a.config.TLSCert, KeyFile: a.config.TLSKey, MinTLS: minTLS, Logger: a.logger}
	if a.server, err = server.Start(server.NewHandler(options), listen); err != nil {
		return err
	}
	if a.config.RecoveryBind == "" {
		return nil
	}
	// The recovery listener ends with the first token that it hands out.
	replaced, done := context.WithCancel(context.Background())
	options.Routes = c.influx.RecoveryRoutes(done)
	options.Auth = &auth.Authenticator{Tokens: a.store.Tokens(), Disabled: true}
	listen.Addr = a.config.RecoveryBind
	if a.recovery, err = server.Start(server.NewHandler(options), listen); err != nil {
		return errors.Join(err, a.server.Stop(context.Background()))
	}
	recovery := a.recovery
	context.AfterFunc(replaced, func() {
		a.logger.Info("admin token regenerated; the recovery listener stops")
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := recovery.Stop(ctx); err != nil {
			a.logger.Warn("recovery listener", "error", err)
		}
	})
	return nil
}

// loopback says whether a request comes from this machine.
func loopback(r *http.Request) bool {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
