package query

import (
	"context"
	"errors"
	"testing"
)

// TestSlots lets one query run at a time: another gets in while the rows of the
// first are being sent, and not before.
func TestSlots(t *testing.T) {
	ctx := context.Background()
	e := New(examples(t), Options{Now: clock, MaxConcurrent: 1})
	req := Request{Database: "db", Text: "SELECT 1", Language: SQL}
	first, err := e.Query(ctx, req)
	if err != nil {
		t.Fatal(err)
	}
	busy := func(err error) bool {
		var known *Error
		return errors.As(err, &known) && known.Class == Busy
	}
	if _, err := e.Query(ctx, req); !busy(err) {
		t.Errorf("beside a running query: %v", err)
	}
	err = first.Send(func() error {
		second, err := e.Query(ctx, req)
		if err != nil {
			return err
		}
		return second.Close()
	})
	if err != nil {
		t.Errorf("while rows are sent: %v", err)
	}
	if _, err := e.Query(ctx, req); !busy(err) {
		t.Errorf("after they were sent: %v", err)
	}
}

// TestOpenSlots has ever more queries whose rows are being sent: they hold some
// memory, and not any number may.
func TestOpenSlots(t *testing.T) {
	s := newSlots(1)
	for range openPerRunning {
		if err := s.enter(context.Background()); err != nil {
			t.Fatal(err)
		}
		<-s.running // as away does
	}
	if err := s.enter(context.Background()); err == nil {
		t.Errorf("%d queries are open", openPerRunning+1)
	}
	s.leave(false)
	if err := s.enter(context.Background()); err != nil {
		t.Errorf("after one has ended: %v", err)
	}
}
