package ingest

import (
	"context"
	"maps"
	"time"

	"tarn/store"
)

// Look is how a table that a protocol makes looks to GreptimeDB's SQL, and
// whether rows of the same series and time are one.
type Look struct {
	// TimeName is what the time index is called, and Unit its unit.
	TimeName string
	Unit     time.Duration
	// Append keeps rows of the same series and time apart: logs and traces.
	Append bool
	// Types are the columns' types in GreptimeDB that their kind does not tell,
	// such as Int32 or Json.
	Types map[string]string
	// Fulltext are the columns with a full-text index.
	Fulltext []string
	// Options are those of WITH.
	Options map[string]string
}

// tableHints are the hints that become options of a table (spec section 0.5).
var tableHints = []string{"ttl", "append_mode", "merge_mode", "skip_wal", "sst_format"}

// Hint takes over what a request's hints say of a table that it makes.
func (l *Look) Hint(hints map[string]string) {
	for _, name := range tableHints {
		v, ok := hints[name]
		if !ok {
			continue
		}
		if name == "append_mode" {
			l.Append = v == "true"
			continue
		}
		l.Options = maps.Clone(l.Options)
		if l.Options == nil {
			l.Options = map[string]string{}
		}
		l.Options[name] = v
	}
}

// CommitLooks is Commit, and says how the tables that it makes look, by name.
func (r *Rows) CommitLooks(ctx context.Context, o store.WriteOptions, looks map[string]Look) error {
	return r.Commit(ctx, o)
}
