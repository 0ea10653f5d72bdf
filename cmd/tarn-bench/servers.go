//go:build linux

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"regexp"
	"time"
)

// database is the name that every load writes to.
const database = "bench"

// serverKind says how one database product is started, written to and asked.
// Every product runs with its own defaults; what is set beyond them is the
// directory, the address, and what the fixed dates of the data need.
type serverKind struct {
	name    string
	program string // looked up in the tools' bin directory, then in PATH
	promise string // what an acknowledged write has survived

	// command returns arguments and environment for a server on an empty dir.
	command func(dir, address string) (args, env []string)
	ping    string // path that answers 2xx once the server is ready
	write   string // path and query of the write endpoint

	// prepare, when set, is called once before the first write.
	prepare func(ctx context.Context, base string) error
	// count returns how many rows a table holds, as its own query language sees it.
	count func(ctx context.Context, base, table string, data *dataset) (int64, error)
	// settleEnv and settle, when set, make the server merge its files all the way.
	settleEnv []string
	settle    func(ctx context.Context, base string) error
	// settledDir, when set, is the part of the data directory that counts afterwards.
	settledDir string
}

var serverKinds = []serverKind{
	{
		name:    "tarn",
		program: "tarn",
		promise: "kill -9 and power loss (synced before the answer)",
		command: func(dir, address string) (args, env []string) {
			return []string{"serve", "--data-dir", dir, "--http-bind", address, "--without-auth"}, nil
		},
		ping:  "/ping",
		write: "/write?db=" + database + "&precision=ns",
		count: countTarn,
		// Beside the segments lie the catalog and a log file kept for reuse, 4 MiB
		// whatever the data.
		settledDir: "segments",
	},
	{
		name:    "influxd-1.6",
		program: "influxd",
		promise: "kill -9 and power loss (synced before the answer)",
		command: func(dir, address string) (args, env []string) {
			return []string{"run", "-config", "/dev/null"}, []string{
				"INFLUXDB_META_DIR=" + filepath.Join(dir, "meta"),
				"INFLUXDB_DATA_DIR=" + filepath.Join(dir, "data"),
				"INFLUXDB_DATA_WAL_DIR=" + filepath.Join(dir, "wal"),
				"INFLUXDB_HTTP_BIND_ADDRESS=" + address,
				"INFLUXDB_BIND_ADDRESS=127.0.0.1:0", // the backup service, on any free port
				"INFLUXDB_REPORTING_DISABLED=true",
			}
		},
		ping:    "/ping",
		write:   "/write?db=" + database + "&precision=ns",
		prepare: createInfluxDatabase,
		count:   countInflux,
		settleEnv: []string{
			"INFLUXDB_DATA_CACHE_SNAPSHOT_WRITE_COLD_DURATION=2s",
			"INFLUXDB_DATA_COMPACT_FULL_WRITE_COLD_DURATION=5s",
		},
		// Its last WAL segment, of up to 10 MB, stays although the rows in it are in
		// TSM files by then; to count it would be a matter of luck.
		settledDir: filepath.Join("data", database),
	},
	{
		name:    "victoria-metrics",
		program: "victoria-metrics",
		promise: "nothing for up to some seconds (acknowledged from memory)",
		command: func(dir, address string) (args, env []string) {
			// The default retention of one month would drop data of fixed dates.
			return []string{"-storageDataPath", dir, "-httpListenAddr", address, "-retentionPeriod=100y"}, nil
		},
		ping:  "/health",
		write: "/write?db=" + database + "&precision=ns",
		count: countVictoria,
		settle: func(ctx context.Context, base string) error {
			return getOK(ctx, base+"/internal/force_merge")
		},
	},
}

// countTarn asks over the InfluxDB 3 SQL endpoint.
func countTarn(ctx context.Context, base, table string, _ *dataset) (int64, error) {
	query := url.Values{"db": {database}, "format": {"json"}, "q": {`SELECT count(*) AS n FROM "` + table + `"`}}
	body, err := get(ctx, base+"/api/v3/query_sql?"+query.Encode())
	if err != nil {
		return 0, err
	}
	var rows []struct{ N int64 }
	if err := json.Unmarshal(body, &rows); err != nil || len(rows) != 1 {
		return 0, fmt.Errorf("want one row with n, got %.200s", body)
	}
	return rows[0].N, nil
}

func createInfluxDatabase(ctx context.Context, base string) error {
	return post(ctx, base+"/query?"+url.Values{"q": {"CREATE DATABASE " + database}}.Encode())
}

// countInflux counts every field and takes the largest: InfluxQL has no count of
// rows. It is the number of rows where one field is never missing.
func countInflux(ctx context.Context, base, table string, _ *dataset) (int64, error) {
	query := url.Values{"db": {database}, "q": {`SELECT count(*) FROM "` + table + `"`}}
	body, err := get(ctx, base+"/query?"+query.Encode())
	if err != nil {
		return 0, err
	}
	var answer struct {
		Results []struct {
			Error  string
			Series []struct{ Values [][]any }
		}
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return 0, fmt.Errorf("%w in %.200s", err, body)
	}
	if len(answer.Results) != 1 || len(answer.Results[0].Series) != 1 || len(answer.Results[0].Series[0].Values) != 1 {
		return 0, fmt.Errorf("want one series with one row, got %.200s", body)
	}
	var most float64
	for _, value := range answer.Results[0].Series[0].Values[0][1:] { // [0] is the time
		if n, ok := value.(float64); ok {
			most = max(most, n)
		}
	}
	return int64(most), nil
}

// countVictoria counts the samples of each metric "table_field" and takes the
// largest, for the same reason. Acknowledged rows are not searchable at once, so
// the pending ones are flushed first.
func countVictoria(ctx context.Context, base, table string, data *dataset) (int64, error) {
	if err := getOK(ctx, base+"/internal/force_flush"); err != nil {
		return 0, err
	}
	first, last := time.Unix(0, data.first), time.Unix(0, data.last)
	window := last.Sub(first) + 2*time.Second
	query := url.Values{
		"time": {fmt.Sprint(last.Unix() + 1)},
		"query": {fmt.Sprintf(`max(sum(count_over_time({__name__=~%q,db=%q}[%dms]) keep_metric_names) by (__name__))`,
			regexp.QuoteMeta(table)+"_.+", database, window.Milliseconds())},
	}
	body, err := get(ctx, base+"/api/v1/query?"+query.Encode())
	if err != nil {
		return 0, err
	}
	var answer struct {
		Data struct {
			Result []struct{ Value [2]any }
		}
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return 0, fmt.Errorf("%w in %.200s", err, body)
	}
	if len(answer.Data.Result) != 1 {
		return 0, fmt.Errorf("want one value, got %.200s", body)
	}
	text, ok := answer.Data.Result[0].Value[1].(string)
	if !ok {
		return 0, errors.New("value is not a string")
	}
	var n int64
	if _, err := fmt.Sscan(text, &n); err != nil {
		return 0, fmt.Errorf("value %q: %w", text, err)
	}
	return n, nil
}
