package sql

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
)

// TestParseScript runs testdata_native: scripts of GreptimeDB's dialect, printed
// statement by statement. What parses must parse again from its own text, and be
// unknown to Parse unless it is a query.
func TestParseScript(t *testing.T) {
	datadriven.Walk(t, "testdata_native", func(t *testing.T, path string) {
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			var out strings.Builder
			for text := range strings.SplitSeq(d.Input, "\n---\n") {
				all, err := ParseScript(text)
				if err != nil {
					fmt.Fprintln(&out, "error:", err)
				}
				for _, s := range all {
					fmt.Fprintln(&out, s)
					again, err := ParseScript(s.String())
					if err != nil || len(again) != 1 || again[0].String() != s.String() {
						t.Errorf("%s: %q parses again as %v, %v", d.Pos, s, again, err)
					}
				}
			}
			return out.String()
		})
	})
}

// TestNativeIsNotParsed: InfluxDB's front door knows nothing of this dialect.
func TestNativeIsNotParsed(t *testing.T) {
	for _, text := range []string{"CREATE TABLE t (ts TIMESTAMP TIME INDEX)", "INSERT INTO t VALUES (1)", "DELETE FROM t", "DROP TABLE t", "TRUNCATE t", "USE d",
		"SHOW DATABASES", "TQL EVAL (0, 1, 1) m", "ADMIN flush_table('t')", "SET time_zone = 'UTC'", "ALTER TABLE t DROP c", "CREATE DATABASE d",
		"SELECT min(v) RANGE '5s' FROM t ALIGN '5s'", "SELECT a FROM `t`", "SELECT a @@ 'b' FROM t", "SELECT 1; SELECT 2"} {
		if s, err := Parse(text); err == nil {
			t.Errorf("%s is %s", text, s)
		}
	}
}

// FuzzParseScript: whatever parses prints as a script that parses, and prints as
// itself.
func FuzzParseScript(f *testing.F) {
	addSeeds(f)
	for _, s := range []string{
		"CREATE TABLE IF NOT EXISTS d.t (h STRING DEFAULT 'x' COMMENT 'c' PRIMARY KEY, ts TIMESTAMP(3) NOT NULL DEFAULT now() TIME INDEX, v INT UNSIGNED, PRIMARY KEY (h)) ENGINE=mito WITH (ttl='7d', 'a.b'=1)",
		"SELECT ts, min(v) RANGE '5s' FILL PREV + 1 FROM t WHERE a ALIGN (INTERVAL '1' day) TO NOW BY (h, length(h)) FILL 0 ORDER BY ts",
		"INSERT INTO t (a) VALUES (1, \"x\", DEFAULT), (-1, NULL, now()); DELETE FROM t WHERE a = 1; use d",
		"TQL EVAL (0, now() - '5m'::interval, '15s') sum by (a) (rate(m{b=~\"c;d\"}[5m])) AS v; tql explain verbose format json up",
		"ALTER TABLE t ADD COLUMN a INT AFTER b, ADD c STRING PRIMARY KEY; ALTER TABLE t MODIFY a SET INVERTED INDEX; ALTER TABLE t SET 'ttl'='1d'",
		"SHOW FULL TABLES FROM d LIKE 'x%'; SHOW CREATE TABLE `T`; SHOW VARIABLES time_zone; ADMIN f('t', 1); SET TIME ZONE '+8:00'",
		"DROP TABLE IF EXISTS a, b; DROP DATABASE d; TRUNCATE TABLE x; CREATE TABLE a LIKE b;",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		all, err := ParseScript(text)
		if err != nil {
			checkPosition(t, text, err)
			return
		}
		for _, s := range all {
			again, err := ParseScript(s.String())
			if err != nil {
				if strings.Contains(err.Error(), "nested") || strings.Contains(err.Error(), "longer than") {
					return
				}
				t.Fatalf("%q parses, %q does not: %v", text, s, err)
			}
			if len(again) != 1 || again[0].String() != s.String() {
				t.Fatalf("%q prints as %q, and that as %q", text, s, again)
			}
		}
	})
}
