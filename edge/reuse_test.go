package edge

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
)

// TestReusedBodies: bodies lie in memory that the next request gets. Nothing that
// a request made, names of tables, columns and options included, may change
// with it, nor may requests at the same time.
func TestReusedBodies(t *testing.T) {
	s := startServer(t, func(o *Config) { o.WithoutAuth = true })
	post := func(target, media, body string, header ...string) testResponse {
		q := testRequest{method: "POST", target: target, header: http.Header{"Content-Type": {media}}, body: []byte(body)}
		for i := 0; i < len(header); i += 2 {
			q.header.Set(header[i], header[i+1])
		}
		return s.do(q)
	}
	r := post("/v1/events/pipelines/suffixed", "application/x-yaml", `
version: 2
processors:
  - date: {field: at}
transform:
  - {field: at, type: time, index: timestamp}
  - {field: tag, type: string, tag: true}
table_suffix: _${suffix}
`)
	if r.StatusCode != 200 {
		t.Fatal(r.text())
	}
	const senders, requests, rows = 6, 12, 15
	send := func(n, k int) error {
		id := fmt.Sprintf("%c%02d", 'a'+n, k)
		var events, loki, tsd, logs []string
		for i := range rows {
			text := fmt.Sprintf("%s line %d %s", id, i, strings.Repeat(id, 20))
			events = append(events, fmt.Sprintf(`{"at":"2026-01-01T00:00:%02dZ","tag":"t%s","suffix":"s%s","col%s":%q,"greptime_ttl":"%dd"}`, i, id, id, id, text, 4000+n))
			loki = append(loki, fmt.Sprintf(`["%d",%q,{"m%s":"v%s"}]`, i+1, text, id, id))
			tsd = append(tsd, fmt.Sprintf(`{"metric":"tsd.%s","timestamp":%d,"value":%d,"tags":{"k%s":"v%s"}}`, id, i+1, i, id, id))
			logs = append(logs, fmt.Sprintf(`{"timeUnixNano":"%d","body":{"stringValue":%q},"attributes":[{"key":"a%s","value":{"stringValue":"v%s"}}]}`, i+1, text, id, id))
		}
		for _, r := range []testResponse{
			post("/v1/events/logs?table=ev&pipeline_name=suffixed", "application/x-ndjson", strings.Join(events, "\n")),
			post("/v1/loki/api/v1/push", "application/json", fmt.Sprintf(`{"streams":[{"stream":{"l%c":"v%s"},"values":[%s]}]}`, 'a'+n, id, strings.Join(loki, ",")), "x-greptime-log-table-name", "loki"),
			post("/v1/opentsdb/api/put", "application/json", "["+strings.Join(tsd, ",")+"]"),
			post("/v1/otlp/v1/logs", "application/json", `{"resourceLogs":[{"scopeLogs":[{"scope":{"name":"sc`+id+`"},"logRecords":[`+strings.Join(logs, ",")+`]}]}]}`),
		} {
			if r.StatusCode/100 != 2 {
				return fmt.Errorf("%s: %s", id, r.text())
			}
		}
		return nil
	}
	var wait sync.WaitGroup
	errs := make(chan error, senders)
	for n := range senders {
		wait.Go(func() {
			for k := range requests {
				if err := send(n, k); err != nil {
					errs <- err
					return
				}
			}
		})
	}
	wait.Wait()
	close(errs)
	for err := range errs {
		t.Fatal(err)
	}
	ask := func(sql string) string {
		r := s.do(testRequest{method: "GET", target: "/v1/sql?format=csv&" + url.Values{"sql": {sql}}.Encode()})
		return strings.ReplaceAll(strings.TrimSpace(string(r.body)), "\r", "")
	}
	expect := func(sql, want string) {
		t.Helper()
		if got := ask(sql); got != want {
			t.Errorf("%s:\n got %s\nwant %s", sql, got, want)
		}
	}
	for range 2 { // as it is in memory, and as it is read again
		for n := range senders {
			for k := range requests {
				id := fmt.Sprintf("%c%02d", 'a'+n, k)
				last := fmt.Sprintf("%s line 9 %s", id, strings.Repeat(id, 20)) // by the alphabet
				expect("DESC ev_s"+id, fmt.Sprintf("at,TimestampNanosecond,PRI,NO,,TIMESTAMP\ntag,String,PRI,YES,,TAG\nsuffix,String,,YES,,FIELD\ncol%s,String,,YES,,FIELD", id))
				expect("SELECT tag, suffix, count(DISTINCT col"+id+"), max(col"+id+") FROM ev_s"+id+" GROUP BY tag, suffix", fmt.Sprintf("t%s,s%s,%d,%s", id, id, rows, last))
				expect(fmt.Sprintf(`SELECT count(DISTINCT line), max(line), max(structured_metadata) FROM loki WHERE l%c = 'v%s'`, 'a'+n, id),
					fmt.Sprintf(`%d,%s,"{""m%s"":""v%s""}"`, rows, last, id, id))
				expect(fmt.Sprintf(`SELECT k%s, count(*), sum(greptime_value) FROM "tsd.%s" GROUP BY k%s`, id, id, id), fmt.Sprintf("v%s,%d,%d.0", id, rows, rows*(rows-1)/2))
				expect(fmt.Sprintf(`SELECT count(DISTINCT body), max(body), max(log_attributes) FROM opentelemetry_logs WHERE scope_name = 'sc%s'`, id),
					fmt.Sprintf(`%d,%s,"{""a%s"":""v%s""}"`, rows, last, id, id))
				if t.Failed() {
					t.FailNow()
				}
			}
			id := fmt.Sprintf("%c%02d", 'a'+n, 0)
			if got, want := ask("SHOW CREATE TABLE ev_s"+id), fmt.Sprintf("ttl = '%dd'", 4000+n); !strings.Contains(got, want) {
				t.Errorf("no %s in %s", want, got)
			}
		}
		s.stop()
		s.start()
	}
}
