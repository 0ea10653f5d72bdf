package catalog

import "tarn/store/schema"

// State is everything that the catalog holds.
type State struct {
	// UUID is made with the file and never changes: the cluster-uuid.
	UUID       string
	Databases  []Database
	Tables     []Table
	Segments   []Segment
	Checkpoint Checkpoint
	Tokens     []Token
	Caches     []Cache
	// Pipelines are by name and version.
	Pipelines []Pipeline

	SyncTargets []SyncTarget
	SyncFiles   []SyncFile
	SyncBatches []SyncBatch
	// Triggers are in the order in which they were made.
	Triggers []Trigger
	// Scripts are read only to salvage them.
	Scripts []Script
}

// Lifetime says when something was made and when it goes. Times are ns since
// epoch; 0 means never.
type Lifetime struct {
	CreatedAt    int64
	DeletedAt    int64 // soft deletion
	HardDeleteAt int64 // when its data goes
	Purged       bool  // its data is gone; the ID stays taken
}

// Database is one database.
type Database struct {
	ID   uint32
	Name string
	// Retention in ns; 0 keeps rows for ever.
	Retention int64
	Lifetime
}

// Table is one table with its columns.
type Table struct {
	Schema *schema.Table
	Lifetime
}

// Segment is one registered Parquet file.
type Segment struct {
	ID                  uint64
	DatabaseID, TableID uint32
	// Path is relative to the data directory.
	Path             string
	Bytes, Rows      int64
	Series           int64
	MinTime, MaxTime int64
	MinSeq, MaxSeq   uint64
	// Late is merge.Source's Late.
	Late bool
	// CreatedAt is when the oldest part of it first became a segment, in ns
	// since epoch.
	CreatedAt int64
}

// Checkpoint says how far segments cover the write-ahead log: everything in
// log segments below WALSegment, and every write up to Seq, is in segments.
type Checkpoint struct {
	WALSegment uint64
	Seq        uint64
}

// Token is one API token; only the SHA-512 of its text is kept.
type Token struct {
	ID          uint64
	Name        string
	Hash        [64]byte
	Description string
	CreatedAt   int64 // ms since epoch
	UpdatedAt   int64 // ms since epoch, 0 when never
	ExpiresAt   int64 // ms since epoch, 0 never
	CreatedBy   int64 // token ID, -1 when made by none
	UpdatedBy   int64 // token ID, -1 when by none
}

// Change is what one transaction does.
type Change struct {
	// Databases and Tables are inserted or replaced by ID.
	Databases      []Database
	Tables         []Table
	AddSegments    []Segment
	RemoveSegments []uint64
	// MarkLate are segments that may have rows of older ones, after all.
	MarkLate   []Segment
	Checkpoint *Checkpoint
	// PutTokens are inserted or replaced by ID.
	PutTokens    []Token
	DeleteTokens []uint64
	// PutCaches are inserted or replaced by table, kind and ID.
	PutCaches    []Cache
	DeleteCaches []Cache // of which only table, kind and ID count
	// DeleteCachesOf are tables that lose all their caches.
	DeleteCachesOf []uint32
	AddPipelines   []Pipeline
	// DeletePipelines are versions, of which the text does not count.
	DeletePipelines []Pipeline
	// PutSyncTargets, PutSyncFiles and PutSyncBatches are inserted or replaced
	// by target and number. A segment that is removed takes its states along, a
	// target its states and manifests.
	PutSyncTargets    []SyncTarget
	DeleteSyncTargets []string
	PutSyncFiles      []SyncFile
	DeleteSyncFiles   []SyncSegment
	PutSyncBatches    []SyncBatch
	DeleteSyncBatches []SyncBatch // of which only target and number count
	// PutTriggers are inserted or replaced by database and name.
	PutTriggers    []Trigger
	DeleteTriggers []Trigger // of which only database and name count
	// DeleteTriggersOf are databases that lose all their triggers.
	DeleteTriggersOf []uint32
	// PutScripts are inserted or replaced by database and name.
	PutScripts    []Script
	DeleteScripts []Script // of which only database and name count
}
