package edge

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"testing"
	"time"
)

// BenchmarkSmallQuery answers what dashboards ask most: an hour of one host, by
// minute. The rows are in files, as after a restart. The asker's work is included.
func BenchmarkSmallQuery(b *testing.B) {
	for _, hosts := range []int{100, 100_000} {
		b.Run(fmt.Sprint(hosts, " hosts"), func(b *testing.B) {
			s := startServer(b, func(c *Config) { c.WithoutAuth = true; c.MemoryLimit = 512 << 20 })
			const rows = 2_000_000
			start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
			var body bytes.Buffer
			for i := range rows {
				fmt.Fprintf(&body, "cpu,host=host_%d,region=eu usage_user=%di,usage_system=%di %d\n", i%hosts, i%97, i%89, start.Add(time.Duration(i/hosts)*10*time.Second).UnixNano())
				if body.Len() > 1<<20 || i == rows-1 {
					resp, err := http.Post("http://"+s.app.Addr().String()+"/api/v3/write_lp?db=d", "", &body)
					if err != nil || resp.StatusCode != http.StatusNoContent {
						b.Fatal(resp, err)
					}
					resp.Body.Close()
					body.Reset()
				}
			}
			s.stop()
			s.start()
			v := url.Values{"db": {"d"}, "format": {"json"}, "q": {fmt.Sprintf(`SELECT date_bin(INTERVAL '1 minute', time) AS t, max(usage_user) FROM cpu
				WHERE host = 'host_43' AND time >= '%s' AND time < '%s' GROUP BY 1 ORDER BY 1`, start.Format(time.RFC3339), start.Add(time.Hour).Format(time.RFC3339))}}
			target := "http://" + s.app.Addr().String() + "/api/v3/query_sql?" + v.Encode()
			b.ReportAllocs()
			for b.Loop() {
				resp, err := http.Get(target)
				if err != nil {
					b.Fatal(err)
				}
				if n, err := io.Copy(io.Discard, resp.Body); n < 40 || err != nil || resp.StatusCode != http.StatusOK {
					b.Fatal(resp.Status, n, err)
				}
				resp.Body.Close()
			}
		})
	}
}
