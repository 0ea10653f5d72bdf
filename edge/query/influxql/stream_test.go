package influxql_test

import (
	"fmt"
	"strings"
	"testing"

	"tarn/edge/query"
	"tarn/store/column"
)

// TestRowsAreNotHeld reads more rows than the budget of the query could hold, in
// both directions. They come in order of time, each once.
func TestRowsAreNotHeld(t *testing.T) {
	s := openStore(t)
	const hosts, seconds = 20, 5000
	var b strings.Builder
	for at := range seconds {
		for h := range hosts {
			fmt.Fprintf(&b, "big,host=h%d v=%di,w=%d.5 %d\n", h, at, h, at)
		}
	}
	write(t, s, "db", b.String())
	// Then nothing for a day, and a little more.
	write(t, s, "db", "big,host=h0 v=5000i 90000\nbig,host=h1 v=5001i 90001")
	e := query.New(provider{s}, query.Options{Now: clock, MemoryLimit: 2 << 20})
	for _, order := range []string{"ASC", "DESC"} {
		rows, last := 0, int64(0)
		err := each(e, query.Request{Database: "db", Text: "SELECT * FROM big WHERE host =~ /h/ ORDER BY time " + order, Language: query.InfluxQL,
			InfluxQL: query.InfluxQLRequest{Series: true}}, func(*query.Result) error { return nil }, func(b *column.Batch) error {
			for i, at := range b.Cols[1].Ints[:b.Len] {
				if rows+i > 0 && (at < last) != (order == "DESC") && at != last {
					return fmt.Errorf("row %d: %d after %d", rows+i, at, last)
				}
				last = at
			}
			rows += b.Len
			return nil
		})
		if err != nil {
			t.Errorf("%s: %v", order, err)
		}
		if want := hosts*seconds + 2; rows != want {
			t.Errorf("%s: %d rows, want %d", order, rows, want)
		}
	}
	// What has to be held is refused.
	err := each(e, query.Request{Database: "db", Text: "SELECT * FROM big GROUP BY host", Language: query.InfluxQL},
		func(*query.Result) error { return nil }, func(*column.Batch) error { return nil })
	if got := describe(err); !strings.HasPrefix(got, "Resources: ") {
		t.Errorf("rows by host: %s", got)
	}
}
