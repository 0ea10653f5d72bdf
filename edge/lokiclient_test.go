package edge

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/grafana/loki/pkg/push"
	"github.com/klauspost/compress/s2"
)

// TestLokiMessages: a push as Grafana's own types for it encode it, which are those
// of Promtail, Alloy and Loki's Go client, in snappy's block format; SQL reads
// the lines back. (The client itself does not build with our Prometheus.)
func TestLokiMessages(t *testing.T) {
	s := startServer(t)
	_, token, err := s.app.store.Tokens().Create(t.Context(), "loki", time.Time{}, -1)
	if err != nil {
		t.Fatal(err)
	}
	var request push.PushRequest
	for app := range 2 {
		stream := push.Stream{Labels: fmt.Sprintf(`{app="a\"%d", site="north"}`, app), Hash: 7}
		for i := range 500 {
			stream.Entries = append(stream.Entries, push.Entry{Timestamp: time.Unix(1767225600, int64(2*i+app)), Line: fmt.Sprintf("line %d of \"the log\"", 2*i+app),
				StructuredMetadata: push.LabelsAdapter{{Name: "trace_id", Value: fmt.Sprintf("%032x", i)}}})
		}
		request.Streams = append(request.Streams, stream)
	}
	body, err := request.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	r := s.do(testRequest{method: "POST", target: "/v1/loki/api/v1/push", body: s2.EncodeSnappy(nil, body), header: http.Header{
		"Authorization": {"Bearer " + token}, "Content-Type": {"application/x-protobuf"}, "User-Agent": {"promtail/2.9"}, "X-Scope-Orgid": {"edge"}}})
	if r.StatusCode/100 != 2 {
		t.Fatal(r.text())
	}
	for _, q := range []struct{ query, want string }{
		{`SELECT app, site, count(*), min(time), max(time) FROM loki_logs GROUP BY app, site ORDER BY app`,
			`"a""0",north,500,2026-01-01T00:00:00,2026-01-01T00:00:00.000000998` + "\n" + `"a""1",north,500,2026-01-01T00:00:00.000000001,2026-01-01T00:00:00.000000999`},
		{`SELECT line, structured_metadata FROM loki_logs WHERE line LIKE 'line 77 %'`, `"line 77 of ""the log""","{""trace_id"":""00000000000000000000000000000026""}"`},
	} {
		if got := s.sqlAs(t, token, q.query); got != q.want {
			t.Errorf("%s:\n got %s\nwant %s", q.query, got, q.want)
		}
	}
}
