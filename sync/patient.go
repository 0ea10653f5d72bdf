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

// patience is how often patient asks.
const patience = 8

func (p patient) again(ctx context.Context, ask func() error) error {
	back := backoff{base: p.pace.base / 2, most: min(p.pace.most, 5*time.Second)}
	for {
		err := ask()
		var refused *refusedError
		back.fail()
		if err == nil || errors.Is(err, errAbsent) || errors.Is(err, errTaken) || errors.As(err, &refused) || errors.Is(err, errUnreachable) || back.failures >= patience {
			return err
		}
		timer := time.NewTimer(back.left())
		select {
		case <-ctx.Done():
			timer.Stop()
			return err
		case <-timer.C:
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

// List is bucket's. A listing that breaks off begins again; fn is called when it
// is whole.
func (p patient) List(ctx context.Context, prefix string, fn func(key string, size int64) error) error {
	type entry struct {
		key  string
		size int64
	}
	var all []entry
	err := p.again(ctx, func() error {
		all = all[:0]
		return p.bucket.List(ctx, prefix, func(key string, size int64) error {
			all = append(all, entry{key, size})
			return nil
		})
	})
	for _, e := range all {
		if err != nil {
			break
		}
		err = fn(e.key, e.size)
	}
	return err
}
