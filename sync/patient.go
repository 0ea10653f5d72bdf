package upstream

import (
	"context"
	"errors"
	"time"
)

// patient is a bucket that asks again when an answer does not come, for work
// that somebody waits for: a person, or a committer without a worker's back-off.
// Put and Set are passed on as they are.
type patient struct {
	bucket
	pace timing
}

const (
	// patience is how often patient asks before an answer is given up.
	patience = 8
	// patienceOffline is that of a target that cannot be connected to: no link is
	// known sooner than a bad link.
	patienceOffline = 3
)

// attempts counts how often something was asked in vain.
type attempts struct{ back backoff }

func (p patient) attempts() attempts {
	return attempts{backoff{base: p.pace.base / 2, most: min(p.pace.most, 5*time.Second)}}
}

// again says, after a wait, whether what failed with err may be asked again.
func (a *attempts) again(ctx context.Context, err error) bool {
	var refused *refusedError
	if errors.Is(err, errAbsent) || errors.Is(err, errTaken) || errors.As(err, &refused) {
		return false
	}
	a.back.fail()
	if a.back.failures >= patience || a.back.failures >= patienceOffline && errors.Is(err, errUnreachable) {
		return false
	}
	timer := time.NewTimer(a.back.left())
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

func (p patient) again(ctx context.Context, ask func() error) error {
	a := p.attempts()
	for {
		if err := ask(); err == nil || !a.again(ctx, err) {
			return err
		}
	}
}

// Ready is bucket's.
func (p patient) Ready(ctx context.Context) error {
	return p.again(ctx, func() error { return p.bucket.Ready(ctx) })
}

// Stat is bucket's.
func (p patient) Stat(ctx context.Context, key string) (s stat, err error) {
	err = p.again(ctx, func() (e error) { s, e = p.bucket.Stat(ctx, key); return e })
	return s, err
}

// Get is bucket's.
func (p patient) Get(ctx context.Context, key string) (body []byte, err error) {
	err = p.again(ctx, func() (e error) { body, e = p.bucket.Get(ctx, key); return e })
	return body, err
}

// Delete is bucket's.
func (p patient) Delete(ctx context.Context, key string) error {
	return p.again(ctx, func() error { return p.bucket.Delete(ctx, key) })
}

// List is bucket's. A listing that breaks off goes on after the last object that
// it brought: a long one over a link that cuts often would never be whole
// otherwise. Only attempts in a row that bring nothing count.
func (p patient) List(ctx context.Context, prefix, after string, fn func(key string, size int64) error) error {
	a := p.attempts()
	for {
		var failed error // of fn: not the target's
		err := p.bucket.List(ctx, prefix, after, func(key string, size int64) error {
			if key <= after {
				return nil // the store cannot begin in the middle
			}
			after = key
			a.back.succeed()
			failed = fn(key, size)
			return failed
		})
		if err == nil || failed != nil || !a.again(ctx, err) {
			return err
		}
	}
}
