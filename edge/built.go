package edge

import (
	"runtime/debug"
	"time"
)

// firstCommit is a time that no working clock shows any more.
var firstCommit = time.Date(2025, time.January, 1, 0, 0, 0, 0, time.UTC)

// BuiltAt is when the sources of this program were committed, if it was built
// where that is known: the clock is wrong when it shows less.
func BuiltAt() time.Time {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return firstCommit
	}
	for _, s := range info.Settings {
		if s.Key != "vcs.time" {
			continue
		}
		// A day is for builders whose own clock was ahead.
		if t, err := time.Parse(time.RFC3339, s.Value); err == nil && t.AddDate(0, 0, -1).After(firstCommit) {
			return t.AddDate(0, 0, -1)
		}
	}
	return firstCommit
}

// MemoryLimit is what --memory-limit comes to: 0 stands for the default.
func MemoryLimit(n int64) int64 { return newBudget(n).limit }
