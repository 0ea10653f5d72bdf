package wal

import (
	"context"
	"log/slog"

	"tarn/store/vfs"
)

// Inspect reads the log in dir and changes nothing. It calls fn for every good
// record that a store with these options would replay.
func Inspect(ctx context.Context, fsys vfs.FS, dir string, opts Options, fn func(seq, segment uint64, payload []byte) error) (*Recovery, Stats, error) {
	opts.Logger = slog.New(slog.DiscardHandler)
	l := &Log{fs: fsys, dir: dir, opts: opts.withDefaults()}
	names, err := fsys.List(dir)
	if err != nil {
		return nil, Stats{}, err
	}
	found := &Recovery{}
	for _, name := range names {
		if n, ok := parseName(name); ok && n >= l.opts.MinSegment {
			if err := l.inspectSegment(ctx, n, found); err != nil {
				return found, l.stats, err
			}
		}
	}
	return found, l.stats, l.Replay(ctx, fn)
}
