package upstream

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tarn/store"
	"tarn/store/column"
	"tarn/store/points"
)

// quick is the pace of tests.
var quick = timing{base: 5 * time.Millisecond, most: 50 * time.Millisecond, poll: 10 * time.Millisecond, stall: 20 * time.Second}

// gateway is a store in a directory and what sends its segments.
type gateway struct {
	t       *testing.T
	dir     string
	config  Config
	store   *store.Store
	manager *Manager
	rows    int // written so far
	tweak   func(*store.Options)
}

// day is the first time that gateways write, a day long over.
const day = int64(1_700_006_400_000_000_000) // 2023-11-15T00:00:00Z

func newGateway(t *testing.T, targets ...string) *gateway {
	g := &gateway{t: t, dir: t.TempDir(), config: Config{Targets: targets, Format: FormatParquet, TimeUnit: Micros, MaxDelay: time.Hour, Node: "gw-1"}}
	g.start()
	t.Cleanup(func() {
		if g.store != nil {
			g.stop()
		}
	})
	return g
}

func (g *gateway) must(err error) {
	g.t.Helper()
	if err != nil {
		g.t.Fatal(err)
	}
}

// open opens the store without sending anything.
func (g *gateway) open() {
	g.t.Helper()
	targets, err := StoreTargets(g.config)
	g.must(err)
	o := store.Options{Dir: g.dir, SyncTargets: targets, CompactInterval: -1, NodeID: "gw-1"}
	if g.tweak != nil {
		g.tweak(&o)
	}
	g.store, err = store.Open(context.Background(), o)
	g.must(err)
}

func (g *gateway) start() {
	g.t.Helper()
	g.open()
	g.send()
}

func (g *gateway) send() {
	g.t.Helper()
	var err error
	g.manager, err = start(context.Background(), g.store, g.config, slog.New(slog.DiscardHandler), quick)
	g.must(err)
}

func (g *gateway) stop() {
	g.t.Helper()
	if g.manager != nil {
		g.must(g.manager.Stop(context.Background()))
		g.manager = nil
	}
	g.must(g.store.Close(context.Background()))
	g.store = nil
}

// write adds n rows of a database and table, ms apart, and makes them a segment.
func (g *gateway) write(database, table string, n int) {
	g.t.Helper()
	b := points.NewBatch()
	t := b.Table([]byte(table))
	for range n {
		series := t.AddSeries(nil, []points.Tag{{Key: []byte("host"), Value: fmt.Appendf(nil, "h%d", g.rows%3)}})
		row := t.AddRow(series, day+int64(g.rows)*1_000_001)
		t.Fields[t.Field([]byte("n"), column.Int64)].Set(row, uint64(g.rows))
		t.Fields[t.Field([]byte("f"), column.Float64)].Set(row, math.Float64bits(float64(g.rows)/7))
		t.Fields[t.Field([]byte("s"), column.String)].SetString(row, fmt.Appendf(nil, "text \"%d\"", g.rows))
		g.rows++
	}
	g.must(g.store.Write(context.Background(), database, b, store.WriteOptions{}))
	g.must(g.store.Checkpoint(context.Background()))
}

// settle waits until nothing is pending but what is parked.
func (g *gateway) settle() Status {
	g.t.Helper()
	deadline := time.Now().Add(3 * time.Minute)
	for {
		s := g.manager.Status()
		pending := 0
		for _, t := range s.Targets {
			pending += t.Files.Sealed + t.Files.Uploading + t.Files.Uploaded
		}
		if pending == 0 {
			return s
		}
		if time.Now().After(deadline) {
			g.t.Fatalf("still pending: %+v", s)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// parquetFiles lists the objects below a directory.
func parquetFiles(t *testing.T, dir string) (out []string) {
	t.Helper()
	err := filepath.Walk(dir, func(path string, _ os.FileInfo, err error) error {
		if strings.HasSuffix(path, ".parquet") {
			out = append(out, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}
