// Package engine is the processing engine: Python plugins that run on writes,
// on schedules and on requests (spec/processing-engine.md).
//
// Plugins run in a worker, one CPython process that all triggers share so that
// the cache holds live objects (host.py). The server keeps everything else:
// triggers, schedules, queues, retries, logs, queries and writes. The worker is
// started with the first call, restarted with back-off after a crash, and
// limited in time and memory. Without a plugin directory nothing is ever run.
package engine
