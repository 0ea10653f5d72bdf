package engine

import (
	"sync"
	"time"
)

// Levels of log rows.
const (
	levelInfo  = "INFO"
	levelWarn  = "WARN"
	levelError = "ERROR"
)

// Bounds of what system.processing_engine_logs shows: rows as InfluxDB has
// them, and bytes of text, because a gateway has little memory.
const (
	maxLogRows  = 10_000
	maxLogBytes = 2 << 20
	maxLogText  = 16 << 10
)

// LogRow is a row of system.processing_engine_logs.
type LogRow struct {
	At       time.Time
	Database string
	Trigger  string
	Level    string
	Text     string
}

// Logs are the newest log rows of all triggers, in memory.
type Logs struct {
	mu    sync.Mutex
	rows  []LogRow // the oldest at start
	start int
	bytes int
}

func (l *Logs) add(r LogRow) {
	if len(r.Text) > maxLogText {
		r.Text = r.Text[:maxLogText] + "..."
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rows = append(l.rows, r)
	l.bytes += len(r.Text)
	for len(l.rows)-l.start > maxLogRows || l.bytes > maxLogBytes {
		l.bytes -= len(l.rows[l.start].Text)
		l.rows[l.start] = LogRow{}
		l.start++
	}
	if l.start > len(l.rows)/2 && l.start > 64 {
		l.rows = append([]LogRow(nil), l.rows[l.start:]...)
		l.start = 0
	}
}

// Rows lists the rows of a database's triggers, the oldest first.
func (l *Logs) Rows(database string) []LogRow {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []LogRow
	for _, r := range l.rows[l.start:] {
		if r.Database == database {
			out = append(out, r)
		}
	}
	return out
}
