package edge

import (
	"encoding/json"
	"strings"
	"testing"
)

// TestLargeQueries: queries as large as they may be are answered, with rows or
// with an error that says what is too much.
func TestLargeQueries(t *testing.T) {
	s := startServer(t, func(o *Config) { o.WithoutAuth = true })
	s.write("d", "m,t=a n=1i,f=1 1\nm,t=b n=2i,f=2 2")
	for _, c := range []struct {
		name, sql string
		status    int
		text      string
	}{
		{"a long sum", "SELECT n" + strings.Repeat("+1", 4000) + " AS x FROM m ORDER BY time", 200, `[{"x":4001},{"x":4002}]`},
		{"a long condition", "SELECT n FROM m WHERE n=7" + strings.Repeat(" OR n=2", 4000), 200, `[{"n":2}]`},
		{"a long condition on tags", "SELECT n FROM m WHERE t='x'" + strings.Repeat(" OR t='b'", 4000), 200, `[{"n":2}]`},
		{"a long list", "SELECT n FROM m WHERE n IN (2" + strings.Repeat(",1000000", 100000) + ")", 200, `[{"n":2}]`},
		{"nested parentheses", "SELECT " + strings.Repeat("(", 150) + "n" + strings.Repeat(")", 150) + " AS x FROM m LIMIT 0", 200, "[]"},
		{"nested queries", strings.Repeat("SELECT x FROM (", 50) + "SELECT n AS x FROM m LIMIT 1" + strings.Repeat(")", 50), 200, `[{"x":`},
		{"too long a sum", "SELECT n" + strings.Repeat("+1", 100000) + " FROM m", 400, "operators are nested"},
		{"too many parentheses", "SELECT " + strings.Repeat("(", 100000), 400, "nested more than 200 levels"},
		{"too long a text", "SELECT 1 --" + strings.Repeat("x", 1<<20), 400, "longer than 1048576 bytes"},
		{"a bad regular expression", "SELECT n FROM m WHERE t ~ '" + strings.Repeat("(", 5000) + "'", 400, "Regular expression did not compile"},
		{"a repeated repetition", "SELECT n FROM m WHERE t ~ '((a{1000}){1000}){1000}'", 400, "Regular expression did not compile"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s.t = t
			body, err := json.Marshal(map[string]string{"db": "d", "q": c.sql})
			if err != nil {
				t.Fatal(err)
			}
			r := s.do(testRequest{method: "POST", target: "/api/v3/query_sql", body: body})
			if r.StatusCode != c.status || !strings.Contains(string(r.body), c.text) {
				t.Errorf("%d %.300s, want %d and %q", r.StatusCode, r.body, c.status, c.text)
			}
		})
	}
	s.t = t
}
