package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/kardianos/service"
	"github.com/spf13/cobra"

	"tarn/systemd"
)

// program satisfies service.Interface. The service manager runs `tarn serve`
// itself, which handles signals on its own: there is nothing to start here.
type program struct{}

func (program) Start(service.Service) error { return nil }
func (program) Stop(service.Service) error  { return nil }

func newService() *cobra.Command {
	cmd := verb("service", "Install and control Tarn as a system service")
	install := &cobra.Command{
		Use: "install [-- SERVE-FLAGS]", Short: "Install the service",
		Long: "Install the service. What follows -- is given to `tarn serve`:\n\n  tarn service install -- --data-dir /srv/tarn --http-bind 0.0.0.0:8181",
		RunE: func(cmd *cobra.Command, args []string) error {
			check := newServe()
			if err := check.ParseFlags(args); err != nil {
				return &usageError{fmt.Errorf("flags for serve: %w", err)}
			}
			self, err := os.Executable()
			if err != nil {
				return fmt.Errorf("find the binary: %w", err)
			}
			if err := reachable(self); err != nil {
				return err
			}
			return control(cmd, "install", args)
		},
	}
	cmd.AddCommand(install)
	for action, short := range map[string]string{"uninstall": "Remove the service; the data stays", "start": "Start the service", "stop": "Stop the service"} {
		cmd.AddCommand(&cobra.Command{Use: action, Short: short, Args: noArgs, RunE: func(cmd *cobra.Command, _ []string) error {
			return control(cmd, action, nil)
		}})
	}
	cmd.AddCommand(&cobra.Command{Use: "status", Short: "Say whether the service runs", Args: noArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		s, err := newSystemService(nil)
		if err != nil {
			return err
		}
		status, err := s.Status()
		switch {
		case errors.Is(err, service.ErrNotInstalled):
			return say(cmd, "tarn is not installed as a service")
		case err != nil:
			return fmt.Errorf("ask the service manager (%s): %w", s.Platform(), err)
		case status == service.StatusRunning:
			return say(cmd, "tarn is running")
		}
		return say(cmd, "tarn is stopped")
	}})
	return cmd
}

// reachable refuses a binary where the unit lets nobody look (ProtectHome,
// PrivateTmp): the service could not start.
func reachable(binary string) error {
	for _, dir := range []string{"/home/", "/root/", "/run/user/", "/tmp/", "/var/tmp/"} {
		if strings.HasPrefix(binary, dir) {
			return fmt.Errorf("the service runs without access to %s, where this binary is (%s): copy it to /usr/local/bin first", strings.TrimSuffix(dir, "/"), binary)
		}
	}
	return nil
}

func newSystemService(args []string) (service.Service, error) {
	s, err := service.New(program{}, &service.Config{
		Name: "tarn", DisplayName: "Tarn", Description: "Tarn, a time-series database for the edge",
		Arguments: append([]string{"serve"}, args...),
		Option:    service.KeyValue{"SystemdScript": systemd.Template()},
	})
	if err != nil {
		return nil, fmt.Errorf("find the service manager: %w", err)
	}
	return s, nil
}

func control(cmd *cobra.Command, action string, args []string) error {
	s, err := newSystemService(args)
	if err != nil {
		return err
	}
	if err := service.Control(s, action); err != nil {
		return fmt.Errorf("%s the service with %s: %w", action, s.Platform(), err)
	}
	return say(cmd, "tarn: %s: done", action)
}
