package exec

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
)

func TestPoolIsShared(t *testing.T) {
	p := NewPool(100)
	a, b := p.NewBudget(t.Context()), p.NewBudget(t.Context())
	if err := a.Try(75); err != nil { // alone, but something is left for others
		t.Error(err)
	}
	var memory *ErrMemory
	if err := a.Try(1); !errors.As(err, &memory) {
		t.Errorf("beyond three quarters: %v", err)
	}
	if err := b.Reserve(25); err != nil {
		t.Error(err)
	}
	if err := b.Reserve(80); !errors.As(err, &memory) {
		t.Errorf("more than there is at all: %v", err)
	}
	if err := b.Try(1); !errors.As(err, &memory) {
		t.Errorf("from a pool that is empty: %v", err)
	}
	if err := a.Reserve(-40); err != nil {
		t.Error(err)
	}
	if err := b.Try(25); err != nil {
		t.Error(err)
	}
	if err := b.Try(1); !errors.As(err, &memory) {
		t.Errorf("beyond an even share: %v", err)
	}
	a.Close()
	b.Close()
	if p.Used() != 0 || a.Peak() != 75 || b.Peak() != 50 {
		t.Errorf("%d are left, peaks %d and %d", p.Used(), a.Peak(), b.Peak())
	}
}

func TestReserveWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPool(100)
		a, b := p.NewBudget(t.Context()), p.NewBudget(t.Context())
		if err := a.Reserve(90); err != nil {
			t.Fatal(err)
		}
		got := make(chan error)
		go func() { got <- b.Reserve(50) }()
		synctest.Wait()
		select {
		case err := <-got:
			t.Fatalf("it did not wait: %v", err)
		default:
		}
		if err := a.Reserve(-10); err != nil { // not enough
			t.Fatal(err)
		}
		if err := a.Reserve(-30); err != nil {
			t.Fatal(err)
		}
		if err := <-got; err != nil {
			t.Error(err)
		}
		// Nobody gives back: it gives up.
		var crowded *ErrCrowded
		if err := b.Reserve(40); !errors.As(err, &crowded) {
			t.Errorf("without end: %v", err)
		}
		// Both hold something and want more: the second does not wait.
		go func() { got <- a.Reserve(40) }()
		synctest.Wait()
		if err := b.Reserve(40); !errors.As(err, &crowded) {
			t.Errorf("in a circle: %v", err)
		}
		b.Close()
		if err := <-got; err != nil {
			t.Error(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		c := p.NewBudget(ctx)
		go func() { got <- c.Reserve(40) }()
		synctest.Wait()
		cancel()
		if err := <-got; !errors.Is(err, context.Canceled) {
			t.Errorf("a query that was given up: %v", err)
		}
	})
}
