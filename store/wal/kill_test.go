package wal

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"tarn/store/vfs"
)

// TestReplayedRecordsSurviveALaterCrash kills the process between a write and
// its sync, so that the next start replays what was never made durable, and
// then cuts the power: what the second start built upon must still be there.
func TestReplayedRecordsSurviveALaterCrash(t *testing.T) {
	for seed := range uint64(50) {
		mem := vfs.NewMem()
		syncs := 0
		killed := vfs.NewFault(mem, func(op vfs.Op) (int, error) {
			if op.Kind == "sync" {
				if syncs++; syncs > 2 {
					return 0, errors.New("killed")
				}
			}
			return 0, nil
		})
		l, _, _ := reopen(t, killed, Options{SyncBytes: 1})
		for i := range 4 {
			if _, ticket, err := l.Append(fmt.Appendf(nil, "before %d", i), 1); err == nil {
				_ = ticket.Wait(context.Background())
			}
		}
		if l.Failed() == nil {
			t.Fatal("the log did not fail")
		}
		_ = l.Close()

		l, _, replayed := reopen(t, mem, Options{SyncBytes: 1})
		if len(replayed) != 3 {
			t.Fatalf("replayed %d records, want the third, which was written but not synced", len(replayed))
		}
		want := append(replayed, entry{appendWait(t, l, "after"), "after"})
		crashed := mem.CrashClone(rand.New(rand.NewPCG(seed, 3)))
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		l, found, got := reopen(t, crashed, Options{})
		if !slices.Equal(got, want) || found.Missing > 0 {
			t.Fatalf("seed %d: got %v, want %v; %+v", seed, got, want, found)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
