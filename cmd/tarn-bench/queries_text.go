//go:build linux

package main

import "strings"

// benchQuery is a query on the TSBS cpu-only data. Its text is Tarn's; DuckDB's
// differs in the words of dialect.
type benchQuery struct{ name, text string }

// windows are the time ranges that TSBS drew for one instance of its queries.
var windows = strings.NewReplacer(
	"1H", "time >= '2026-01-01T11:17:55Z' AND time < '2026-01-01T12:17:55Z'",
	"8H", "time >= '2026-01-01T02:17:55Z' AND time < '2026-01-01T10:17:55Z'",
	"12H", "time >= '2026-01-01T06:17:55Z' AND time < '2026-01-01T18:17:55Z'",
	"HOSTS", "hostname IN ('host_43', 'host_0', 'host_19', 'host_77', 'host_74', 'host_75', 'host_69', 'host_93')",
	"MINUTE", "date_bin(INTERVAL '1 minute', time)",
	"HOUR", "date_bin(INTERVAL '1 hour', time)",
	"MAX5", strings.Join(of("max", 5), ", "),
	"MAX10", strings.Join(of("max", 10), ", "),
	"AVG5", strings.Join(of("avg", 5), ", "),
	"AVG10", strings.Join(of("avg", 10), ", "),
)

// dialect is what DuckDB says otherwise. It reads the files' UTC times as having
// a zone; buckets of those would go through its calendar, at twice the cost.
var dialect = strings.NewReplacer("date_bin(", "time_bucket(", "', time)", "', make_timestamp(epoch_us(time)))", "'2026-", "TIMESTAMPTZ '2026-")

func (q benchQuery) tarn() string { return windows.Replace(q.text) }

func (q benchQuery) duck() string { return dialect.Replace(q.tarn()) }

var cpuFields = []string{"usage_user", "usage_system", "usage_idle", "usage_nice", "usage_iowait",
	"usage_irq", "usage_softirq", "usage_steal", "usage_guest", "usage_guest_nice"}

// of is a function of each of the first n fields.
func of(function string, n int) []string {
	var out []string
	for _, f := range cpuFields[:n] {
		out = append(out, function+"("+f+")")
	}
	return out
}

// benchQueries are TSBS's, then whole scans.
var benchQueries = []benchQuery{
	{"single-groupby-1-1-1", "SELECT MINUTE AS t, max(usage_user) FROM cpu WHERE hostname = 'host_43' AND 1H GROUP BY 1 ORDER BY 1"},
	{"single-groupby-1-8-1", "SELECT MINUTE AS t, max(usage_user) FROM cpu WHERE HOSTS AND 1H GROUP BY 1 ORDER BY 1"},
	{"single-groupby-5-8-1", "SELECT MINUTE AS t, MAX5 FROM cpu WHERE HOSTS AND 1H GROUP BY 1 ORDER BY 1"},
	{"cpu-max-all-8", "SELECT HOUR AS t, MAX10 FROM cpu WHERE HOSTS AND 8H GROUP BY 1 ORDER BY 1"},
	{"double-groupby-1", "SELECT HOUR AS t, hostname, avg(usage_user) FROM cpu WHERE 12H GROUP BY 1, 2 ORDER BY 1, 2"},
	{"double-groupby-5", "SELECT HOUR AS t, hostname, AVG5 FROM cpu WHERE 12H GROUP BY 1, 2 ORDER BY 1, 2"},
	{"double-groupby-all", "SELECT HOUR AS t, hostname, AVG10 FROM cpu WHERE 12H GROUP BY 1, 2 ORDER BY 1, 2"},
	{"high-cpu-1", "SELECT * FROM cpu WHERE usage_user > 90 AND hostname = 'host_43' AND 12H"},
	{"high-cpu-all", "SELECT * FROM cpu WHERE usage_user > 90 AND 12H"},
	{"lastpoint", "SELECT DISTINCT ON (hostname) * FROM cpu ORDER BY hostname, time DESC"},
	{"groupby-orderby-limit", "SELECT MINUTE AS t, max(usage_user) FROM cpu WHERE time < '2026-01-01T12:17:55Z' GROUP BY 1 ORDER BY 1 LIMIT 5"},
	{"groupby-orderby-limit-desc", "SELECT MINUTE AS t, max(usage_user) FROM cpu WHERE time < '2026-01-01T12:17:55Z' GROUP BY 1 ORDER BY 1 DESC LIMIT 5"},
	{"newest-10", "SELECT time, hostname, usage_user FROM cpu ORDER BY time DESC, hostname LIMIT 10"},
	{"one-hour-count", "SELECT count(usage_user) FROM cpu WHERE 1H"},
	{"count", "SELECT count(*) FROM cpu"},
	{"sum-1", "SELECT sum(usage_user) FROM cpu"},
	{"avg-all", "SELECT AVG10 FROM cpu"},
	{"max-by-host", "SELECT hostname, max(usage_user) FROM cpu GROUP BY hostname"},
	{"avg-all-by-host", "SELECT hostname, AVG10 FROM cpu GROUP BY hostname"},
	{"filter-count", "SELECT count(*) FROM cpu WHERE usage_user > 95 OR usage_system > 95"},
	{"count-distinct", "SELECT count(DISTINCT usage_user) FROM cpu"},
}
