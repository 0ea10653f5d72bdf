//go:build linux

package main

import (
	"slices"
	"time"
)

// loadResult is one load of one file into one server. It is printed as a line of
// JSON; the units are in the names.
type loadResult struct {
	Server  string `json:"server,omitempty"`
	File    string `json:"file"`
	Round   int    `json:"round,omitempty"`
	Workers int    `json:"workers"`

	Lines  int64 `json:"lines"`
	Values int64 `json:"values"`
	Bytes  int64 `json:"bytes"`

	WallSeconds     float64 `json:"wall_s"`
	RowsPerSecond   float64 `json:"rows_per_s"`
	ValuesPerSecond float64 `json:"values_per_s"`
	BatchP50MS      float64 `json:"batch_p50_ms"`
	BatchP99MS      float64 `json:"batch_p99_ms"`
	Retries         int64   `json:"retries"`

	// Server CPU, user and system: up to the last acknowledgement, until it was idle
	// again, and that plus what its orderly stop took (not the row counts in between).
	CPUAckSeconds    float64 `json:"cpu_ack_s,omitempty"`
	CPUIdleSeconds   float64 `json:"cpu_idle_s,omitempty"`
	CPUStopSeconds   float64 `json:"cpu_stop_s,omitempty"`
	ClientCPUSeconds float64 `json:"client_cpu_s"`

	PeakRSSMiB  float64 `json:"peak_rss_mib,omitempty"` // since the server started
	IdleRSSMiB  float64 `json:"idle_rss_mib,omitempty"` // after the load, idle again
	WrittenMB   float64 `json:"written_mb,omitempty"`   // towards the block device; in `peers`, over the server's whole life
	StartMS     float64 `json:"start_ms,omitempty"`     // from exec to the first answered ping
	EmptyRSSMiB float64 `json:"empty_rss_mib,omitempty"`

	RowsFound      int64   `json:"rows_found,omitempty"` // counted by a query after the load
	DiskBytes      int64   `json:"disk_bytes,omitempty"` // allocated, after the server stopped
	SettledBytes   int64   `json:"settled_bytes,omitempty"`
	SettledSeconds float64 `json:"settled_cpu_s,omitempty"` // server CPU of the settling run

	Error string `json:"error,omitempty"`
}

const mib = 1 << 20

func (r *loadResult) setWall(wall time.Duration, latencies []time.Duration) {
	slices.Sort(latencies)
	r.WallSeconds = wall.Seconds()
	r.RowsPerSecond = float64(r.Lines) / wall.Seconds()
	r.ValuesPerSecond = float64(r.Values) / wall.Seconds()
	r.BatchP50MS = milliseconds(quantile(latencies, 0.50))
	r.BatchP99MS = milliseconds(quantile(latencies, 0.99))
}

func (r *loadResult) setServer(before, acked, idle procSample) {
	r.CPUAckSeconds = (acked.cpu - before.cpu).Seconds()
	r.CPUIdleSeconds = (idle.cpu - before.cpu).Seconds()
	r.PeakRSSMiB = float64(idle.peakRSS) / mib
	r.IdleRSSMiB = float64(idle.rss) / mib
	r.WrittenMB = float64(idle.written-before.written) / 1e6
}

// perMillionValues turns seconds of the whole load into seconds per million values.
func (r *loadResult) perMillionValues(seconds float64) float64 {
	return seconds / float64(r.Values) * 1e6
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
