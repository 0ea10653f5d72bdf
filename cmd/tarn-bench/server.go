//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// server is a running child process on a loopback port.
type server struct {
	kind    serverKind
	process *exec.Cmd
	base    string        // http://127.0.0.1:PORT
	started time.Duration // from exec to the first answered ping
	exited  chan error    // receives the result of Wait, once
}

const (
	startLimit = 60 * time.Second
	stopLimit  = 60 * time.Second
)

// startServer runs a server on dir/data and returns once it answers. Its output
// goes to dir/log, which the error names when the server does not come up.
func startServer(ctx context.Context, kind serverKind, program, dir string, extraEnv []string) (*server, error) {
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	data := filepath.Join(dir, "data")
	if err := os.MkdirAll(data, 0o755); err != nil {
		return nil, err
	}
	logName := filepath.Join(dir, "log")
	log, err := os.OpenFile(logName, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return nil, err
	}
	defer log.Close() // the child keeps its own descriptor

	args, env := kind.command(data, address)
	process := exec.Command(program, args...)
	process.Env = append(append(os.Environ(), env...), extraEnv...)
	process.Stdout, process.Stderr = log, log
	s := &server{kind: kind, process: process, base: "http://" + address, exited: make(chan error, 1)}
	syscall.Sync() // what others wrote is not this server's to wait for
	begin := time.Now()
	if err := process.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", kind.name, err)
	}
	go func() { s.exited <- process.Wait() }()

	for time.Since(begin) < startLimit {
		select {
		case err := <-s.exited:
			return nil, fmt.Errorf("%s ended before it was ready (%v), see %s", kind.name, err, logName)
		default:
		}
		if getOK(ctx, s.base+kind.ping) == nil {
			s.started = time.Since(begin)
			return s, nil
		}
		if err := sleep(ctx, time.Millisecond); err != nil {
			return nil, errors.Join(err, s.stop())
		}
	}
	return nil, errors.Join(fmt.Errorf("%s did not answer %s within %v, see %s", kind.name, kind.ping, startLimit, logName), s.stop())
}

// stop ends the server in good order, and kills it only when that takes too long.
func (s *server) stop() error {
	if err := s.process.Process.Signal(syscall.SIGTERM); err != nil {
		return fmt.Errorf("stop %s: %w", s.kind.name, err)
	}
	select {
	case err := <-s.exited:
		if err != nil {
			return fmt.Errorf("stop %s: %w", s.kind.name, err)
		}
		return nil
	case <-time.After(stopLimit):
		killErr := s.process.Process.Kill()
		<-s.exited
		return errors.Join(fmt.Errorf("%s ignored SIGTERM for %v and was killed", s.kind.name, stopLimit), killErr)
	}
}

// spent returns what the process used in its whole life: CPU time and bytes written
// towards the block device. It is valid once stop has returned.
func (s *server) spent() (cpu time.Duration, written int64) {
	state := s.process.ProcessState
	if usage, ok := state.SysUsage().(*syscall.Rusage); ok {
		written = int64(usage.Oublock) * 512 // the same count as write_bytes in /proc/PID/io, in sectors
	}
	return state.UserTime() + state.SystemTime(), written
}

// freeAddress returns a loopback address that was free a moment ago.
func freeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	defer listener.Close()
	return listener.Addr().String(), nil
}
