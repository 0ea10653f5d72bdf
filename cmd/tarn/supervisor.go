package main

import (
	"log/slog"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// supervisor tells systemd how we are (Type=notify, WatchdogSec). Without
// systemd it does nothing.
type supervisor struct {
	logger *slog.Logger
	stop   chan struct{}
}

func newSupervisor(logger *slog.Logger) *supervisor {
	return &supervisor{logger: logger, stop: make(chan struct{})}
}

func (s *supervisor) tell(state string) {
	if _, err := daemon.SdNotify(false, state); err != nil {
		s.logger.Warn("cannot notify systemd", "state", state, "error", err)
	}
}

// ready says that requests are served, and from then on that we are alive.
func (s *supervisor) ready() {
	s.tell(daemon.SdNotifyReady)
	interval, err := daemon.SdWatchdogEnabled(false)
	if err != nil || interval <= 0 {
		return
	}
	go func() {
		tick := time.NewTicker(interval / 3)
		defer tick.Stop()
		for {
			select {
			case <-s.stop:
				return
			case <-tick.C:
				s.tell(daemon.SdNotifyWatchdog)
			}
		}
	}()
}

func (s *supervisor) stopping() {
	close(s.stop)
	s.tell(daemon.SdNotifyStopping)
}
