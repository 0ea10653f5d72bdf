package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// TestSupervisor is systemd's side of the talk: ready, fed while the check
// succeeds and not while it fails, stopping.
func TestSupervisor(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notify")
	socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = socket.Close() })
	hear := func() string {
		t.Helper()
		if err := socket.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, 100)
		n, err := socket.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		return string(buf[:n])
	}
	t.Setenv("NOTIFY_SOCKET", path)
	t.Setenv("WATCHDOG_USEC", strconv.Itoa(4000))
	t.Setenv("WATCHDOG_PID", "")

	checks := make(chan error)
	s := newSupervisor(slog.New(slog.DiscardHandler), func(ctx context.Context) error {
		select {
		case err := <-checks:
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	})
	s.ready()
	if got := hear(); got != "READY=1" {
		t.Fatalf("at first %q", got)
	}
	checks <- nil
	if got := hear(); got != "WATCHDOG=1" {
		t.Fatalf("after a good check %q", got)
	}
	// Had a failed check fed it, that would be the next thing to hear.
	checks <- errors.New("hangs")
	checks <- errors.New("hangs")
	s.stopping()
	if got := hear(); got != "STOPPING=1" {
		t.Fatalf("after failed checks %q", got)
	}
}

// TestNotify: a real server says ready when it serves, is fed by its own checks,
// and says that it stops.
func TestNotify(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notify")
	socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = socket.Close() })
	if err := socket.SetReadDeadline(time.Now().Add(3 * time.Minute)); err != nil {
		t.Fatal(err)
	}
	t.Setenv("NOTIFY_SOCKET", path)
	t.Setenv("WATCHDOG_USEC", "400000")
	t.Setenv("WATCHDOG_PID", "")
	p := startProcess(t, t.TempDir())
	var heard []string
	hear := func(want string) {
		t.Helper()
		buf := make([]byte, 100)
		for len(heard) == 0 || heard[len(heard)-1] != want {
			n, err := socket.Read(buf)
			if err != nil {
				t.Fatalf("waiting for %s after %q: %v", want, heard, err)
			}
			heard = append(heard, string(buf[:n]))
		}
	}
	hear("READY=1")
	if len(heard) != 1 {
		t.Errorf("before READY=1 came %q", heard)
	}
	hear("WATCHDOG=1")
	p.stop()
	hear("STOPPING=1")
}
