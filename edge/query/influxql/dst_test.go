package influxql_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"tarn/edge/query"
	"tarn/edge/query/result"
)

// TestWindowsOverClockChanges compares windows of zones whose clocks change with
// influxd's: Berlin goes forward on 2026-03-29 and back on 2026-10-25, Lord Howe
// by half an hour on 2026-04-05 and 2026-10-04.
func TestWindowsOverClockChanges(t *testing.T) {
	d := startInfluxd(t)
	r := rand.New(rand.NewPCG(1, 2))
	var b strings.Builder
	days := []time.Time{time.Date(2026, 3, 28, 0, 0, 0, 0, time.UTC), time.Date(2026, 10, 24, 0, 0, 0, 0, time.UTC),
		time.Date(2026, 4, 4, 0, 0, 0, 0, time.UTC), time.Date(2026, 10, 3, 0, 0, 0, 0, time.UTC)}
	for _, day := range days {
		for _, minute := range r.Perm(72 * 60)[:300] {
			fmt.Fprintf(&b, "m v=%di %d\n", r.IntN(100), day.Unix()+int64(60*minute)-t0)
		}
	}
	d.query(t, "", "CREATE DATABASE db")
	d.write(t, "db", absolute(t, b.String()))
	s := openStore(t)
	write(t, s, "db", b.String())
	e := query.New(provider{s}, query.Options{Now: clock})
	for _, zone := range []string{"Europe/Berlin", "Australia/Lord_Howe"} {
		for _, day := range days {
			for _, every := range []string{"30m", "1h", "2h", "6h", "12h", "1d", "2d"} {
				for _, rest := range []string{" fill(none)", "", " fill(previous)"} {
					if rest != " fill(none)" && zone != "Europe/Berlin" {
						continue // v1 fills windows that are none where clocks change by half an hour
					}
					q := fmt.Sprintf("SELECT sum(v), count(v) FROM m WHERE time >= '%s' AND time < '%s' GROUP BY time(%s)%s TZ('%s')",
						day.Format(time.DateOnly), day.AddDate(0, 0, 3).Format(time.DateOnly), every, rest, zone)
					want := decodeV1(t, d.query(t, "db", q))
					body, err := v1(e, query.Request{Database: "db", Text: q, Language: query.InfluxQL, InfluxQL: query.InfluxQLRequest{Series: true}}, result.V1Options{Epoch: 1})
					if err != nil {
						t.Fatal(err)
					}
					if why := compare(decodeV1(t, []byte(body)), want); why != "" {
						t.Errorf("%s: %s\ngot  %.900s\nwant %.900s", q, why, body, show(want))
					}
				}
			}
		}
	}
}

// TestEachRowIsInOneWindow: whatever clocks do, windows ascend, or descend, and
// their counts add up.
func TestEachRowIsInOneWindow(t *testing.T) {
	var b strings.Builder
	from := time.Date(2026, 10, 2, 0, 0, 0, 0, time.UTC)
	for i := range 96 * 60 / 7 {
		fmt.Fprintf(&b, "m v=%di %d\n", i, from.Unix()+int64(420*i)-t0)
		fmt.Fprintf(&b, "m v=%di %d\n", i, from.AddDate(0, 0, 22).Unix()+int64(420*i)-t0)
		fmt.Fprintf(&b, "m v=%di %d\n", i, from.AddDate(0, -7, 26).Unix()+int64(420*i)-t0)
	}
	s := openStore(t)
	write(t, s, "db", b.String())
	e := query.New(provider{s}, query.Options{Now: clock})
	for _, zone := range []string{"Europe/Berlin", "Australia/Lord_Howe", "America/St_Johns", "UTC"} {
		for _, every := range []string{"10m", "30m", "1h", "1h, 15m", "2h, 30m", "1d", "1d, 6h", "1d, -6h", "1w", "1w, 36h"} {
			for _, rest := range []string{" fill(none)", " fill(0)", " fill(none) ORDER BY time DESC", " fill(0) ORDER BY time DESC"} {
				q := fmt.Sprintf("SELECT count(v) FROM m WHERE time >= '2026-03-27' AND time < '2026-10-29' GROUP BY time(%s)%s TZ('%s')", every, rest, zone)
				body, err := v1(e, query.Request{Database: "db", Text: q, Language: query.InfluxQL, InfluxQL: query.InfluxQLRequest{Series: true}}, result.V1Options{Epoch: 1})
				if err != nil {
					t.Fatal(err)
				}
				a := decodeV1(t, []byte(body))
				if a.Results[0].Error != "" {
					t.Errorf("%s: %s", q, a.Results[0].Error)
					continue
				}
				var sum, last int64
				for i, row := range a.Results[0].Series[0].Values {
					at, n := number(t, row[0]), number(t, row[1])
					if i > 0 && (at <= last) != strings.Contains(q, "DESC") {
						t.Errorf("%s: %d after %d", q, at, last)
					}
					last = at
					sum += n
				}
				if want := int64(3 * (96 * 60 / 7)); sum != want {
					t.Errorf("%s: %d rows in windows, want %d", q, sum, want)
				}
			}
		}
	}
}

func number(t *testing.T, v any) int64 {
	n, err := v.(json.Number).Int64()
	if err != nil {
		t.Fatal(err)
	}
	return n
}
