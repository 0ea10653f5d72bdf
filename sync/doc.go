// Package upstream sends sealed segments to upstream targets: S3-compatible
// buckets, directories, and other servers that take line protocol. The segments
// are the queue: nothing is copied, and the state of each is in the store's
// catalog, so that a crash, a restart or days without a link cost nothing but
// time. (The folder is called sync; the package is not, to leave the standard
// library's name alone.)
//
// # What lies at a bucket or directory
//
//	<prefix>/<db>/<table>/edge=<node>/date=YYYY-MM-DD/<min time>-<seq>-<hash16>.parquet
//	<prefix>/_manifest/<node>/<seq, 10 digits>.json
//	<prefix>/<db>/<table>/edge=<node>/_delta_log/...      with format=delta
//	<prefix>/<db>/<table>/_delta_log/...                  by `tarn lake commit`
//
// The hash is that of the segment here, not of what is sent, so that a retry
// after a crash or an upgrade finds the same key. Objects are put only where
// there is none; one that is there with the same size and checksum is success.
// A manifest lists the objects of one batch and names the one before it.
//
// # States
//
// A segment is, for each target, sealed (nothing of it is upstream), uploading
// (the target may have some of it), uploaded (it has it), committed (the
// manifest says so), or parked (it failed for good; `tarn sync now` tries
// again). It is evictable when all targets that want it have it committed.
//
// # Status as JSON
//
// GET /api/v3/sync (admin token) answers with a Status. All sizes are bytes;
// *_seconds are counted by a clock that does not jump; times are RFC 3339 or
// null; lists are never null.
//
//	{
//	  "node": "gw-17",
//	  "targets": [{
//	    "id": "lake",
//	    "url": "s3://bucket/prefix?endpoint=s3.example.com",  // without credentials
//	    "kind": "s3",                    // s3, file, http
//	    "format": "parquet",             // parquet, delta, lines
//	    "time_unit": "us",               // us, ns
//	    "databases": [],                 // empty: all
//	    "state": "idle",                 // idle, uploading, waiting (after an error), paused
//	    "current": null,                 // or {"database","table","key","bytes","sent_bytes"}
//	    "next_attempt_seconds": 0,       // while waiting
//	    "failures": 0,                   // in a row
//	    "last_error": "",                // of the failures in a row
//	    "note": "",                      // e.g. that the store has no conditional PUT
//	    "files": {"sealed": 2, "uploading": 0, "uploaded": 0, "committed": 40, "parked": 0},
//	    "ready_files": 1,                // sealed ones that wait for nothing else
//	    "pending_rows": 1000, "pending_bytes": 5000,   // of all that is not committed
//	    "oldest_pending_seconds": 60,    // 0 when nothing is pending
//	    "parked": [{"segment": 7, "database": "d", "table": "t", "bytes": 1, "attempts": 3, "error": "..."}],  // at most 100
//	    "manifest": 12,                  // the last one that was written
//	    "committed_files": 44, "committed_rows": 90000, "committed_bytes": 400000,   // since the target was first named
//	    "committed_at": "2026-11-28T03:00:00Z",
//	    "sent_bytes": 400000, "requests_failed": 3    // since the start
//	  }],
//	  "former_targets": []               // known, but not configured: `tarn sync forget`
//	}
//
// POST /api/v3/sync/now, /pause and /resume take ?target=ID (all without) and
// answer with the Status. POST /api/v3/sync/verify answers with
//
//	{"targets": [{"id": "lake", "manifests": 12, "objects": 44, "rows": 90000, "bytes": 400000,
//	  "unlisted": 0,                     // objects below edge=<node> that no manifest lists
//	  "problems": ["manifest 3 is missing", "..."], "error": ""}]}
//
// POST /api/v3/sync/prune takes ?target=ID, ?database=NAME and ?dry_run=true, and
// answers with
//
//	{"dry_run": false, "targets": [{"id": "lake", "objects": 1, "rows": 10, "bytes": 900,
//	  "removed": [{"key": "...", "database": "d", "table": "t", "rows": 10, "bytes": 900,
//	    "reason": "retention"}],         // deleted, retention, unfinished; at most 1000 objects
//	  "note": "", "error": ""}]}
//
// DELETE /api/v3/sync?target=ID forgets a former target.
package upstream
