package query

import (
	"context"
	"time"
)

// slots bound how many queries compute at once, and how many are open: a client
// that takes its rows slowly does not keep others from running.
type slots struct {
	running, open chan struct{}
}

// openPerRunning is how many open queries there may be for each running one.
// Those that wait for their clients hold little memory but do hold some.
const openPerRunning = 8

func newSlots(running int) *slots {
	if running <= 0 {
		return nil
	}
	return &slots{make(chan struct{}, running), make(chan struct{}, openPerRunning*running)}
}

// enter lets a query in, or refuses it as Busy after waiting a second. Without
// limits the receiver is nil and everybody gets in.
func (s *slots) enter(ctx context.Context) error {
	if s == nil {
		return nil
	}
	patience := time.NewTimer(time.Second)
	defer patience.Stop()
	take := func(c chan struct{}) error {
		select {
		case c <- struct{}{}:
			return nil
		default:
		}
		select {
		case c <- struct{}{}:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		case <-patience.C:
			return &Error{Class: Busy, Msg: "too many queries are running: try again later, or raise --query-concurrency"}
		}
	}
	if err := take(s.open); err != nil {
		return err
	}
	if err := take(s.running); err != nil {
		<-s.open
		return err
	}
	return nil
}

// leave gives up what enter took.
func (s *slots) leave(running bool) {
	if s == nil {
		return
	}
	if running {
		<-s.running
	}
	<-s.open
}

// away runs fn without a place among the running queries, and waits for one
// afterwards; it says whether it got one.
func (s *slots) away(ctx context.Context, fn func() error) (running bool, err error) {
	if s == nil {
		return true, fn()
	}
	<-s.running
	err = fn()
	select {
	case s.running <- struct{}{}:
		return true, err
	case <-ctx.Done():
		if err == nil {
			err = ctx.Err()
		}
		return false, err
	}
}
