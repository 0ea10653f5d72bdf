// Package parsers times Tarn's line-protocol parser beside VictoriaMetrics' on
// the same file. It is a module of its own, so that only this benchmark needs
// VictoriaMetrics:
//
//	cd testdata/parsers && go test -bench . -lp FILE
package parsers

import (
	"bytes"
	"flag"
	"os"
	"testing"

	"github.com/VictoriaMetrics/VictoriaMetrics/lib/protoparser/influx"

	"tarn/lp"
)

var file = flag.String("lp", "../telegraf.lp", "line-protocol `file`; its first 16 MiB are parsed")

// blockBytes is how much VictoriaMetrics parses at a time.
const blockBytes = 64 << 10

// blocks are whole lines of the file.
func blocks(t testing.TB) (out [][]byte, size int) {
	data, err := os.ReadFile(*file)
	if err != nil {
		t.Fatal(err)
	}
	if data = data[:min(len(data), 16<<20)]; len(data) == 0 {
		t.Fatalf("%s is empty", *file)
	}
	data = data[:bytes.LastIndexByte(data, '\n')+1]
	for rest := data; len(rest) > 0; {
		n := len(rest)
		if n > blockBytes {
			n = bytes.LastIndexByte(rest[:blockBytes], '\n') + 1
		}
		out, rest = append(out, rest[:n]), rest[n:]
	}
	return out, len(data)
}

// tarn returns lines and fields of a block; each value is decoded.
func tarn(t testing.TB, d *lp.Decoder, block []byte) (lines int) {
	d.ResetBytes(block)
	for d.Next() {
		if err := d.LineErr(); err != nil {
			t.Fatal(err)
		}
		lines++
	}
	return lines
}

func victoria(t testing.TB, rows *influx.Rows, text string) int {
	rows.Reset()
	if err := rows.Unmarshal(text, false); err != nil {
		t.Fatal(err)
	}
	return len(rows.Rows)
}

func BenchmarkParsers(b *testing.B) {
	parts, size := blocks(b)
	var texts []string // VictoriaMetrics parses strings
	for _, p := range parts {
		texts = append(texts, string(p))
	}
	run := func(name string, parse func(i int) int) {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(size))
			b.ReportAllocs()
			lines := 0
			for b.Loop() {
				for i := range parts {
					lines += parse(i)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(lines), "ns/line")
		})
	}
	lazy, eager := lp.NewDecoder(nil), lp.NewDecoder(nil, lp.EagerKeys())
	var rows influx.Rows
	run("tarn", func(i int) int { return tarn(b, lazy, parts[i]) })
	run("tarn-all-tags", func(i int) int { return tarn(b, eager, parts[i]) })
	run("victoria-metrics", func(i int) int { return victoria(b, &rows, texts[i]) })
}

// TestParsersAgree: both see the same lines.
func TestParsersAgree(t *testing.T) {
	parts, _ := blocks(t)
	d := lp.NewDecoder(nil)
	var rows influx.Rows
	for i, p := range parts {
		if a, b := tarn(t, d, p), victoria(t, &rows, string(p)); a != b {
			t.Fatalf("block %d: %d lines, VictoriaMetrics has %d", i, a, b)
		}
	}
}
