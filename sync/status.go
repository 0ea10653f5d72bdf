package upstream

import "time"

// Status is what GET /api/v3/sync answers; see the package's comment.
type Status struct {
	Node    string         `json:"node"`
	Targets []TargetStatus `json:"targets"`
	Former  []string       `json:"former_targets"`
}

// TargetStatus is the state of one target.
type TargetStatus struct {
	ID        string   `json:"id"`
	URL       string   `json:"url"`
	Kind      Kind     `json:"kind"`
	Format    string   `json:"format"`
	TimeUnit  string   `json:"time_unit"`
	Databases []string `json:"databases"`

	State       string   `json:"state"`
	Current     *Current `json:"current"`
	NextAttempt float64  `json:"next_attempt_seconds"`
	Failures    int      `json:"failures"`
	LastError   string   `json:"last_error"`
	Note        string   `json:"note"`

	Files         FileCounts   `json:"files"`
	ReadyFiles    int          `json:"ready_files"`
	PendingRows   int64        `json:"pending_rows"`
	PendingBytes  int64        `json:"pending_bytes"`
	OldestPending float64      `json:"oldest_pending_seconds"`
	Parked        []ParkedFile `json:"parked"`

	Manifest       uint64     `json:"manifest"`
	CommittedFiles int64      `json:"committed_files"`
	CommittedRows  int64      `json:"committed_rows"`
	CommittedBytes int64      `json:"committed_bytes"`
	CommittedAt    *time.Time `json:"committed_at"`
	SentBytes      int64      `json:"sent_bytes"`
	Failed         int64      `json:"requests_failed"`
}

// States of a target.
const (
	StateIdle      = "idle"
	StateUploading = "uploading"
	StateWaiting   = "waiting"
	StatePaused    = "paused"
)

// Current is the file that is being sent.
type Current struct {
	Database string `json:"database"`
	Table    string `json:"table"`
	Key      string `json:"key"`
	Bytes    int64  `json:"bytes"`
	Sent     int64  `json:"sent_bytes"`
}

// FileCounts counts segments by state.
type FileCounts struct {
	Sealed    int `json:"sealed"`
	Uploading int `json:"uploading"`
	Uploaded  int `json:"uploaded"`
	Committed int `json:"committed"`
	Parked    int `json:"parked"`
}

// ParkedFile is a segment that failed for good.
type ParkedFile struct {
	Segment  uint64 `json:"segment"`
	Database string `json:"database"`
	Table    string `json:"table"`
	Bytes    int64  `json:"bytes"`
	Attempts int    `json:"attempts"`
	Error    string `json:"error"`
}

// maxParked bounds the parked files that are listed.
const maxParked = 100
