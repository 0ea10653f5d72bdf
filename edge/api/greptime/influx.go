package greptime

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"tarn/edge/api/gate"
	"tarn/edge/ingest"
	"tarn/lp"
)

// precisions are those of section 3.2.
var precisions = map[string]lp.Precision{
	"": lp.Nanosecond, "n": lp.Nanosecond, "ns": lp.Nanosecond, "u": lp.Microsecond, "us": lp.Microsecond,
	"ms": lp.Millisecond, "s": lp.Second, "m": lp.Minute, "h": lp.Hour,
}

// writeLines serves /v1/influxdb/write and /api/v2/write, which take the
// database from the named parameters. One bad line refuses all.
func (a *API) writeLines(parameters ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := a.lines(r, parameters); err != nil {
			a.Fail(w, r, gate.ShapeB, err)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	}
}

func (a *API) lines(r *http.Request, parameters []string) error {
	db, err := a.WriteDatabase(r, parameters...)
	if err != nil {
		return err
	}
	name := gate.Query(r).Get("precision")
	precision, ok := precisions[name]
	if !ok {
		return gate.Bad("Failed to convert time precision, name: %s", name)
	}
	hints, err := gate.Hints(r)
	if err != nil {
		return err
	}
	// A table that a line makes looks as it comes, unless hints say more.
	look := &ingest.Look{TimeName: "greptime_timestamp", Unit: time.Nanosecond}
	if !look.Hint(hints) {
		look = nil
	}
	body, err := a.Body(r)
	if err != nil {
		return err
	}
	defer body.Close()
	report, err := a.Writer.WriteLines(r.Context(), body, ingest.Options{Database: db, Precision: precision, AllOrNothing: true, NoCreate: hints["auto_create_table"] == "false", Look: look})
	switch {
	case errors.Is(err, ingest.ErrEmpty):
		return nil
	case err != nil:
		return err
	case report.Failed > 0:
		return gate.Bad("Failed to parse InfluxDB line protocol: %s", describe(report))
	}
	return nil
}

// maxDescribed bounds how many bad lines an error names.
const maxDescribed = 5

func describe(r ingest.Report) string {
	var parts []string
	for i, j := range r.Rejected {
		if i == maxDescribed {
			parts = append(parts, fmt.Sprintf("and %d more", r.Failed-i))
			break
		}
		parts = append(parts, fmt.Sprintf("line %d: %s", j.Line, j.Message))
	}
	return strings.Join(parts, "; ")
}
