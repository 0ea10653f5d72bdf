package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// supervisor tells systemd how we are (Type=notify, WatchdogSec). Without
// systemd it does nothing.
type supervisor struct {
	logger *slog.Logger
	check  func(context.Context) error
	cancel context.CancelFunc
	done   chan struct{}
}

// newSupervisor returns one that feeds the watchdog as long as check succeeds.
func newSupervisor(logger *slog.Logger, check func(context.Context) error) *supervisor {
	return &supervisor{logger: logger, check: check, cancel: func() {}, done: make(chan struct{})}
}

func (s *supervisor) tell(state string) {
	if _, err := daemon.SdNotify(false, state); err != nil {
		s.logger.Warn("cannot notify systemd", "state", state, "error", err)
	}
}

// ready says that requests are served, and from then on that the server answers
// its own.
func (s *supervisor) ready() {
	s.tell(daemon.SdNotifyReady)
	interval, err := daemon.SdWatchdogEnabled(false)
	if err != nil || interval <= 0 {
		close(s.done)
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	s.cancel = cancel
	go s.watch(ctx, interval)
}

// watch feeds the watchdog. One check that fails, on a machine that is busy for a
// moment, is no reason to be killed: there are several in an interval.
func (s *supervisor) watch(ctx context.Context, interval time.Duration) {
	defer close(s.done)
	pause := interval / 4
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		probe, cancel := context.WithTimeout(ctx, pause)
		err := s.check(probe)
		cancel()
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			s.logger.Error("the server does not answer itself; the watchdog is not fed", "error", err)
		default:
			s.tell(daemon.SdNotifyWatchdog)
		}
	}
}

func (s *supervisor) stopping() {
	s.cancel()
	<-s.done
	s.tell(daemon.SdNotifyStopping)
}
