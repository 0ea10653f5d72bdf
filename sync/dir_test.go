package upstream

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"tarn/store"
)

// TestDirectory sends segments to a directory: keys, manifests, states, restarts.
func TestDirectory(t *testing.T) {
	lake := t.TempDir()
	g := newGateway(t, "file://"+lake+"?name=nas")
	g.write("db", "odd/table =ü", 100)
	g.write("db", "odd/table =ü", 50)
	s := g.settle().Targets[0]
	if s.ID != "nas" || s.State != StateIdle || s.Files.Committed != 2 || s.CommittedRows != 150 || s.PendingBytes != 0 || s.CommittedAt == nil || s.Manifest == 0 {
		t.Errorf("%+v", s)
	}
	checkDir(t, lake, 150)
	key := regexp.MustCompile(`^db/odd%2Ftable%20%3D%C3%BC/edge=gw-1/date=2023-11-15/20231115T00000\d\d{8}\dZ-\d+-[0-9a-f]{16}\.parquet$`)
	for _, path := range parquetFiles(t, lake) {
		rel, err := filepath.Rel(lake, path)
		if err != nil || !key.MatchString(rel) {
			t.Errorf("key %q", rel)
		}
	}
	g.stop()
	g.start()
	g.write("db", "odd/table =ü", 10)
	g.settle()
	checkDir(t, lake, 160)
	report, err := g.manager.Verify(context.Background(), "")
	g.must(err)
	if r := report.Targets[0]; r.Objects != 3 || r.Rows != 160 || len(r.Problems) != 0 || r.Unlisted != 0 || r.Error != "" {
		t.Errorf("%+v", r)
	}
	// What is lost upstream is found.
	files := parquetFiles(t, lake)
	g.must(os.Remove(files[0]))
	g.must(os.WriteFile(files[1], []byte("short"), 0o600))
	report, err = g.manager.Verify(context.Background(), "nas")
	g.must(err)
	if p := strings.Join(report.Targets[0].Problems, "\n"); !strings.Contains(p, "is missing") || !strings.Contains(p, "has 5 bytes instead of") {
		t.Errorf("%s", p)
	}
	g.must(os.Remove(filepath.Join(lake, "_manifest/gw-1/0000000001.json")))
	report, err = g.manager.Verify(context.Background(), "nas")
	g.must(err)
	if p := strings.Join(report.Targets[0].Problems, "\n"); !strings.Contains(p, "manifests 1 to 1 are missing") {
		t.Errorf("%s", p)
	}
}

// TestManifest reads what a manifest says.
func TestManifest(t *testing.T) {
	lake := t.TempDir()
	g := newGateway(t, "file://"+lake)
	g.write("db", "m", 7)
	g.settle()
	body, err := os.ReadFile(filepath.Join(lake, "_manifest/gw-1/0000000001.json"))
	g.must(err)
	m, err := readManifest(body)
	g.must(err)
	if m.Node != "gw-1" || m.Origin != g.store.UUID() || len(m.Adds) != 1 {
		t.Fatalf("%+v", m)
	}
	a := m.Adds[0]
	columns, err := json.Marshal(a.Columns)
	g.must(err)
	want := `[{"name":"host","role":"tag","type":"string"},{"name":"time","role":"time","type":"timestamp_us"},{"name":"n","role":"field","type":"int64"},` +
		`{"name":"f","role":"field","type":"float64"},{"name":"s","role":"field","type":"string"},{"name":"time_ns_rem","role":"remainder","type":"int32"}]`
	if string(columns) != want {
		t.Errorf("columns %s", columns)
	}
	object, err := os.ReadFile(filepath.Join(lake, a.Key))
	g.must(err)
	if o := bytesObject(object); o.Hash != a.SHA256 || o.Size != a.Bytes || a.Rows != 7 || a.MinTime != day || a.MaxTime != day+6*1_000_001 || a.Date != "2023-11-15" {
		t.Errorf("%+v", a)
	}
}

// TestMissingDirectory waits for a directory that is not mounted, and claims
// nothing meanwhile.
func TestMissingDirectory(t *testing.T) {
	lake := filepath.Join(t.TempDir(), "mnt")
	g := newGateway(t, "file://"+lake)
	g.write("db", "m", 5)
	for g.manager.Status().Targets[0].Failures < 3 {
		g.manager.workers[0].nudge()
	}
	s := g.manager.Status().Targets[0]
	if s.Files.Sealed != 1 || s.Files.Uploading != 0 || s.LastError == "" {
		t.Errorf("%+v", s)
	}
	if _, err := os.Stat(lake); err == nil {
		t.Error("the directory was made")
	}
	g.must(os.Mkdir(lake, 0o755))
	g.settle()
	checkDir(t, lake, 5)
}

// TestPause sends nothing while paused, across a restart.
func TestPause(t *testing.T) {
	ctx := context.Background()
	lake := t.TempDir()
	g := newGateway(t, "file://"+lake)
	g.must(g.manager.Pause(ctx, ""))
	g.write("db", "m", 5)
	g.stop()
	g.start()
	g.must(g.manager.Now(ctx, ""))
	if s := g.manager.Status().Targets[0]; s.State != StatePaused || s.Files.Sealed != 1 {
		t.Errorf("%+v", s)
	}
	g.must(g.manager.Resume(ctx, ""))
	g.settle()
	checkDir(t, lake, 5)
}

// TestSeveralTargets have their databases, and do not wait for each other.
func TestSeveralTargets(t *testing.T) {
	all, some, gone := t.TempDir(), t.TempDir(), filepath.Join(t.TempDir(), "gone")
	g := newGateway(t, "file://"+all+"?name=all", "file://"+some+"?name=some&database=b,c", "file://"+gone+"?name=gone")
	g.write("a", "m", 5)
	g.write("b", "m", 5)
	for g.manager.Status().Targets[0].Files.Committed < 2 || g.manager.Status().Targets[1].Files.Committed < 1 {
		g.manager.workers[0].nudge()
	}
	checkDir(t, all, 10)
	if n := len(parquetFiles(t, some)); n != 1 {
		t.Errorf("%d files of database b", n)
	}
	s := g.manager.Status().Targets[2]
	if s.Files.Sealed != 2 || s.PendingRows != 10 {
		t.Errorf("%+v", s)
	}
	// A target that is taken out of the configuration is remembered.
	g.stop()
	g.config.Targets = g.config.Targets[:2]
	g.start()
	if err := g.manager.Forget(context.Background(), "all"); err == nil {
		t.Error("a configured target was forgotten")
	}
	g.stop()
	g.config.Targets = g.config.Targets[1:]
	g.start()
	if s := g.manager.Status(); !slices.Contains(s.Former, "all") || slices.Contains(s.Former, "some") {
		t.Errorf("%+v", s)
	}
	g.must(g.manager.Forget(context.Background(), "all"))
}

// TestWaits holds files back that are of today, until --sync-max-delay or
// `tarn sync now`.
func TestWaits(t *testing.T) {
	lake := t.TempDir()
	g := newGateway(t, "file://"+lake)
	g.must(g.manager.Pause(context.Background(), ""))
	g.write("db", "m", 5)
	f := g.store.SyncFiles(g.manager.workers[0].target.ID)
	if len(f) != 1 || !f[0].Ready {
		t.Fatalf("a file of a day long over: %+v", f)
	}
	w := &worker{dest: destination{bucket: &dirBucket{}}}
	f[0].Ready = false
	if got, _ := w.next(f); got != nil {
		t.Error("a file that is not ready is sent")
	}
	w.forced = true
	if got, _ := w.next(f); got == nil {
		t.Error("a file that is forced is not sent")
	}
	f[0].Progress.State = store.SyncUploading
	f[0].Deleted = true
	if got, _ := w.next(f); got == nil {
		t.Error("a file that was begun is not finished")
	}
}
