//go:build linux

package main

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// column is one column of the printed table. A column that is empty in every row
// is left out, so that one layout serves `load` and `peers`.
type column struct {
	title string
	cell  func(*loadResult) string
}

var columns = []column{
	{"server", func(r *loadResult) string { return r.Server }},
	{"file", func(r *loadResult) string { return r.File }},
	{"W", func(r *loadResult) string { return fmt.Sprint(r.Workers) }},
	{"start ms", func(r *loadResult) string { return number("%.0f", r.StartMS) }},
	{"empty RSS MiB", func(r *loadResult) string { return number("%.0f", r.EmptyRSSMiB) }},
	{"wall s", func(r *loadResult) string { return number("%.2f", r.WallSeconds) }},
	{"krows/s", func(r *loadResult) string { return number("%.1f", r.RowsPerSecond/1e3) }},
	{"Mvalues/s", func(r *loadResult) string { return number("%.2f", r.ValuesPerSecond/1e6) }},
	{"CPU s/Mval ack", func(r *loadResult) string { return number("%.3f", r.perMillionValues(r.CPUAckSeconds)) }},
	{"to idle", func(r *loadResult) string { return number("%.3f", r.perMillionValues(r.CPUIdleSeconds)) }},
	{"to stop", func(r *loadResult) string { return number("%.3f", r.perMillionValues(r.CPUStopSeconds)) }},
	{"peak RSS MiB", func(r *loadResult) string { return number("%.0f", r.PeakRSSMiB) }},
	{"after", func(r *loadResult) string { return number("%.0f", r.IdleRSSMiB) }},
	{"batch p50 ms", func(r *loadResult) string { return number("%.1f", r.BatchP50MS) }},
	{"p99", func(r *loadResult) string { return number("%.1f", r.BatchP99MS) }},
	{"device MB", func(r *loadResult) string { return number("%.1f", r.WrittenMB) }},
	{"disk MB", func(r *loadResult) string { return number("%.2f", float64(r.DiskBytes)/1e6) }},
	{"B/value", func(r *loadResult) string { return number("%.3f", float64(r.DiskBytes)/float64(r.Values)) }},
	{"settled MB", func(r *loadResult) string { return number("%.2f", float64(r.SettledBytes)/1e6) }},
	{"B/value", func(r *loadResult) string { return number("%.3f", float64(r.SettledBytes)/float64(r.Values)) }},
	{"rows found", func(r *loadResult) string { return number("%.0f", float64(r.RowsFound)) }},
	{"retries", func(r *loadResult) string { return number("%.0f", float64(r.Retries)) }},
	{"error", func(r *loadResult) string { return r.Error }},
}

// number formats a measured value; zero means that it was not measured.
func number(format string, value float64) string {
	if value == 0 {
		return ""
	}
	return fmt.Sprintf(format, value)
}

// writeTable prints results as an aligned table, one row each.
func writeTable(w io.Writer, results []loadResult) error {
	cells := make([][]string, len(results)+1)
	for _, column := range columns {
		used := false
		values := make([]string, len(results))
		for i := range results {
			values[i] = column.cell(&results[i])
			used = used || values[i] != ""
		}
		if !used {
			continue
		}
		cells[0] = append(cells[0], column.title)
		for i, value := range values {
			if value == "" {
				value = "-"
			}
			cells[i+1] = append(cells[i+1], value)
		}
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range cells {
		for _, cell := range row {
			fmt.Fprint(table, cell, "\t")
		}
		fmt.Fprintln(table)
	}
	return table.Flush()
}
