package page

// Status is what GET /api/v3/tarn/status answers: the state of the server in
// numbers. Counters start with the server; rates are for the reader to make of
// two answers. Sizes are bytes, times are milliseconds since 1970 UTC.
type Status struct {
	Version  string `json:"version"`
	Revision string `json:"revision"`
	Node     string `json:"node"`
	// Process is a UUID made at start: counters of another process cannot be
	// compared.
	Process string `json:"process"`
	// Auth says whether requests need a token.
	Auth    bool  `json:"auth"`
	Now     int64 `json:"now_ms"`
	Started int64 `json:"started_ms"`

	// Healthy is false when the server is read-only; Reason says why.
	Healthy bool   `json:"healthy"`
	Reason  string `json:"reason,omitempty"`

	// Rows counts accepted rows, Received the bytes of request bodies as they
	// came, Requests and Failed all finished requests and those that were
	// answered with a server error.
	Rows     int64 `json:"rows"`
	Received int64 `json:"received_bytes"`
	Requests int64 `json:"requests"`
	Failed   int64 `json:"failed_requests"`

	Buffer Level `json:"buffer"`
	Memory Level `json:"memory"`
	Disk   Disk  `json:"disk"`
	Flash  Flash `json:"flash"`
	WAL    WAL   `json:"wal"`

	Databases int   `json:"databases"`
	Tables    int   `json:"tables"`
	Series    int64 `json:"series"`
	Files     int   `json:"files"`
	FileRows  int64 `json:"file_rows"`

	// Sync lists the sync targets; there is none on a server that sends nothing.
	Sync []SyncTarget `json:"sync"`

	// Problems are the newest warnings and errors of the log, newest first.
	Problems []Problem `json:"problems"`
	// History is there when it was asked for, oldest first.
	History []Sample `json:"history,omitempty"`
}

// Level is a use against its limit; a limit of 0 means none.
type Level struct {
	Used  int64 `json:"used"`
	Limit int64 `json:"limit"`
}

// Disk is what files and log take (Used) against --max-disk-bytes (Limit), and
// the file system that they are on.
type Disk struct {
	Level
	Free  int64 `json:"free"`
	Total int64 `json:"total"`
}

// Flash is what the server wrote to the disk. Today counts since midnight UTC,
// or since the start if that was later.
type Flash struct {
	WAL      int64 `json:"wal"`
	Segments int64 `json:"segments"`
	Today    int64 `json:"today"`
	// Amplification is bytes written for each byte of files that stays, 0 when
	// it is not known.
	Amplification float64 `json:"amplification"`
}

// WAL is the state of the write-ahead log. Live bytes are not in files yet.
type WAL struct {
	Live   int64 `json:"live_bytes"`
	Syncs  int64 `json:"syncs"`
	Failed bool  `json:"failed"`
}

// SyncTarget is the state of the link to one sync target and of what waits for
// it; GET /api/v3/sync has more.
type SyncTarget struct {
	ID string `json:"id"`
	// State is idle, uploading, waiting or paused, as package upstream has it.
	State string `json:"state"`
	// Failures in a row; above zero the link is down and Error says why.
	Failures int    `json:"failures"`
	Error    string `json:"error,omitempty"`
	// Files, Rows and Bytes wait to be sent, the oldest for so many seconds.
	Files  int     `json:"pending_files"`
	Rows   int64   `json:"pending_rows"`
	Bytes  int64   `json:"pending_bytes"`
	Oldest float64 `json:"oldest_pending_seconds"`
	// Parked files failed for good.
	Parked int `json:"parked_files"`
}

// Problem is one warning or error of the log.
type Problem struct {
	Time  int64  `json:"time_ms"`
	Level string `json:"level"`
	Text  string `json:"text"`
}

// Sample is the state of some counters at a time.
type Sample struct {
	Time     int64 `json:"t"`
	Rows     int64 `json:"rows"`
	Received int64 `json:"received"`
}
