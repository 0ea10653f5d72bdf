package main

import (
	"bytes"
	"testing"

	upstream "tarn/sync"
)

// TestPrintPrune shows what goes, and how much more there is.
func TestPrintPrune(t *testing.T) {
	r := &upstream.PruneReport{DryRun: true, Targets: []upstream.PruneTarget{
		{ID: "nas", Objects: 3, Rows: 60, Bytes: 3072, Removed: []upstream.PrunedObject{
			{Key: "db/m/x.parquet", Rows: 10, Bytes: 1024, Reason: upstream.PruneDeleted},
			{Key: "db/longer/y.parquet", Rows: 20, Bytes: 1024, Reason: upstream.PruneRetention},
		}},
		{ID: "far", Note: "not pruned"},
	}}
	var out bytes.Buffer
	if err := printPrune(&out, r); err != nil {
		t.Fatal(err)
	}
	want := `nas: would remove 3 objects, 60 rows, 3.0 KiB
  db/m/x.parquet       10 rows  1.0 KiB  deleted
  db/longer/y.parquet  20 rows  1.0 KiB  retention
  and 1 more
far: would remove 0 objects, 0 rows, 0 B
  not pruned
`
	if out.String() != want {
		t.Errorf("%s", out.String())
	}
}
