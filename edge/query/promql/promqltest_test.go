package promql_test

import (
	"context"
	"errors"
	"math"
	"path/filepath"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/promqltest"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/util/teststorage"
	"github.com/prometheus/prometheus/util/testutil"

	"tarn/edge/ingest"
	"tarn/edge/query/exec"
	"tarn/edge/query/plan"
	"tarn/edge/query/promql"
	"tarn/store"
	"tarn/store/points"
)

// provider is a store as queries see it.
type provider struct{ *store.Store }

func (p provider) Database(name string) (plan.Database, bool) { return p.Store.Database(name) }

func openStore(t testing.TB) *store.Store {
	t.Helper()
	s, err := store.Open(context.Background(), store.Options{Dir: t.TempDir(), WALSyncRate: 10000, CacheBytes: 32 << 20,
		Limits: store.Limits{Databases: 5, Tables: 2000, Columns: 500, Tags: 256}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return s
}

// testStorage is a Tarn store under Prometheus's storage interface, for
// Prometheus's own test scripts. Native histograms, which Tarn refuses but many
// scripts mix with floats, go to Prometheus's own storage, and only then are its
// series merged with those of Tarn.
type testStorage struct {
	promql.Queryable
	t          testutil.T
	store      *store.Store
	writer     *ingest.Writer
	histograms storage.Storage // nil until there are any
}

func newStorage(t testing.TB) *testStorage {
	s := openStore(t)
	return &testStorage{Queryable: promql.Queryable{Store: provider{s}, Database: "public", Memory: exec.NewPool(0).NewBudget(context.Background())}, t: t, store: s, writer: ingest.NewWriter(s, time.Now)}
}

func (s *testStorage) Querier(mint, maxt int64) (storage.Querier, error) {
	q, err := s.Queryable.Querier(mint, maxt)
	if err != nil || s.histograms == nil {
		return q, err
	}
	h, err := s.histograms.Querier(mint, maxt)
	if err != nil {
		return nil, err
	}
	return storage.NewMergeQuerier([]storage.Querier{q, h}, nil, storage.ChainedSeriesMerge), nil
}

func (s *testStorage) ChunkQuerier(int64, int64) (storage.ChunkQuerier, error) {
	return nil, errors.New("no chunks here")
}

func (s *testStorage) StartTime() (int64, error) { return math.MinInt64, nil }

func (s *testStorage) Close() error {
	if s.histograms != nil {
		return s.histograms.Close()
	}
	return nil
}

func (s *testStorage) Appender(ctx context.Context) storage.Appender {
	rows, err := s.writer.Rows("public", ingest.RowOptions{})
	if err != nil {
		return &appender{failed: err}
	}
	return &appender{ctx: ctx, storage: s, rows: rows}
}

// appender writes floats through the row writer, as remote write does.
type appender struct {
	storage.Appender // of the histograms; what it is not asked for is not here
	ctx              context.Context
	storage          *testStorage
	rows             *ingest.Rows
	failed           error
}

func (a *appender) AppendHistogram(ref storage.SeriesRef, l labels.Labels, t int64, h *histogram.Histogram, fh *histogram.FloatHistogram) (storage.SeriesRef, error) {
	if a.storage.histograms == nil {
		a.storage.histograms = teststorage.New(a.storage.t)
	}
	if a.Appender == nil {
		a.Appender = a.storage.histograms.Appender(a.ctx)
	}
	return a.Appender.AppendHistogram(0, l, t, h, fh)
}

func (a *appender) Append(_ storage.SeriesRef, l labels.Labels, t int64, v float64) (storage.SeriesRef, error) {
	if a.failed != nil {
		return 0, a.failed
	}
	name := ""
	var tags []points.Tag
	l.Range(func(l labels.Label) {
		if l.Name == promql.NameLabel {
			name = l.Value
			return
		}
		tags = append(tags, points.Tag{Key: []byte(l.Name), Value: []byte(l.Value)})
	})
	table, err := a.rows.Table([]byte(name))
	if err == nil {
		err = table.Series(nil, tags)
	}
	if err != nil {
		return 0, err
	}
	table.Row(t * 1e6)
	table.Float([]byte("greptime_value"), v)
	return 0, table.End()
}

func (a *appender) Commit() error {
	defer a.rows.Close()
	err := a.rows.Commit(a.ctx, store.WriteOptions{})
	if a.Appender != nil {
		err = errors.Join(err, a.Appender.Commit())
	}
	return err
}

func (a *appender) Rollback() error {
	a.rows.Close()
	if a.Appender != nil {
		return a.Appender.Rollback()
	}
	return nil
}

// TestPrometheusScripts runs Prometheus's own tests of PromQL over the store.
func TestPrometheusScripts(t *testing.T) {
	engine := promqltest.NewTestEngine(t, false, 0, promqltest.DefaultMaxSamplesPerQuery)
	promqltest.RunBuiltinTestsWithStorage(testRun{t}, engine, newScriptStorage)
}

func newScriptStorage(t testutil.T) storage.Storage { return newStorage(t.(testing.TB)) }

// testRun is a *testing.T that runs named scripts.
type testRun struct{ *testing.T }

func (r testRun) Run(name string, fn func(*testing.T)) bool { return r.T.Run(filepath.Base(name), fn) }
