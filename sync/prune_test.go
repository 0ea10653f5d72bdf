package upstream

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tarn/store"
	"tarn/sync/fakes3"
)

// prune prunes the only target, and checks what it says.
func (g *gateway) prune(database string, dry bool, objects int, rows int64, reason string) PruneTarget {
	g.t.Helper()
	report, err := g.manager.Prune(context.Background(), "", database, dry)
	g.must(err)
	r := report.Targets[0]
	if r.Objects != objects || r.Rows != rows || r.Error != "" || r.Note != "" || report.DryRun != dry || len(r.Removed) != objects || objects > 0 && r.Bytes == 0 {
		g.t.Fatalf("want %d objects and %d rows: %+v", objects, rows, r)
	}
	for _, o := range r.Removed {
		if o.Reason != reason {
			g.t.Fatalf("want reason %s: %+v", reason, o)
		}
	}
	return r
}

// verified checks that the only target has what its manifests say.
func (g *gateway) verified(objects int, rows int64, unlisted int) {
	g.t.Helper()
	report, err := g.manager.Verify(context.Background(), "")
	g.must(err)
	if r := report.Targets[0]; r.Objects != objects || r.Rows != rows || r.Unlisted != unlisted || len(r.Problems) > 0 || r.Error != "" {
		g.t.Fatalf("want %d objects, %d rows, %d unlisted: %+v", objects, rows, unlisted, r)
	}
}

// TestPrune takes out of a bucket and a directory what was deleted for good and
// what retention has outlived, and nothing else.
func TestPrune(t *testing.T) {
	t.Run("s3", func(t *testing.T) {
		_, target := newS3(t)
		testPrune(t, target)
	})
	t.Run("directory", func(t *testing.T) { testPrune(t, "file://"+t.TempDir()) })
}

func testPrune(t *testing.T, target string) {
	ctx := context.Background()
	g := newGateway(t, target)
	g.write("db", "kept", 10)
	g.write("db", "dropped", 20)
	g.write("db", "hidden", 30)
	g.write("old", "m", 40)
	g.write("old", "own", 50)
	g.write("gone", "m", 60)
	g.settle()
	g.verified(6, 210, 0)
	g.prune("", false, 0, 0, "")

	// Dropped for good, and dropped with the way back open.
	now := store.HardDelete{At: time.Now().Add(-time.Second)}
	g.must(g.store.DeleteTable(ctx, "db", "hidden", store.HardDelete{Never: true}))
	g.must(g.store.DeleteTable(ctx, "db", "dropped", now))
	g.must(g.store.DeleteDatabase(ctx, "gone", now))
	g.tablesLeft(4)
	g.prune("", true, 2, 80, PruneDeleted)
	g.prune("db", true, 1, 20, PruneDeleted)
	g.verified(6, 210, 0)
	g.stop() // what was deleted is known after a restart
	g.start()
	g.prune("db", false, 1, 20, PruneDeleted)
	g.verified(5, 190, 0)
	g.prune("", false, 1, 60, PruneDeleted)
	g.verified(4, 130, 0)

	// Past the retention of the database, but not of the table.
	g.must(g.store.SetTableRetention(ctx, "old", "own", 100*365*24*time.Hour))
	g.must(g.store.SetRetention(ctx, "old", time.Hour))
	g.prune("", true, 1, 40, PruneRetention)
	g.prune("", false, 1, 40, PruneRetention)
	g.prune("", false, 0, 0, "")
	g.verified(3, 90, 0)

	// What comes later goes up as ever, in the next manifest.
	g.write("db", "kept", 5)
	g.settle()
	g.verified(4, 95, 0)

	g.must(g.manager.Pause(ctx, ""))
	if r, err := g.manager.Prune(ctx, "", "", false); err != nil || !strings.Contains(r.Targets[0].Error, "paused") {
		t.Errorf("%+v %v", r, err)
	}
	g.prune("", true, 0, 0, "")
}

// tablesLeft waits until all tables but n are gone for good.
func (g *gateway) tablesLeft(n int) {
	g.t.Helper()
	deadline := time.Now().Add(time.Minute)
	for len(g.store.ListTables(true)) != n {
		if time.Now().After(deadline) {
			g.t.Fatalf("not deleted: %+v", g.store.ListTables(true))
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// TestPruneNameAgain keeps the objects of a table whose name is in use again.
func TestPruneNameAgain(t *testing.T) {
	g := newGateway(t, "file://"+t.TempDir())
	g.write("db", "m", 10)
	g.settle()
	g.must(g.store.DeleteTable(context.Background(), "db", "m", store.HardDelete{At: time.Now().Add(-time.Second)}))
	g.tablesLeft(0)
	g.prune("", true, 1, 10, PruneDeleted)
	g.write("db", "m", 5)
	g.settle()
	g.prune("", false, 0, 0, "")
	g.verified(2, 15, 0)
}

// TestPruneKeepsEvicted keeps what made room here.
func TestPruneKeepsEvicted(t *testing.T) {
	g := newGateway(t, "file://"+t.TempDir())
	g.write("db", "m", 1000)
	g.write("db", "m", 1000)
	g.settle()
	g.stop()
	g.tweak = func(o *store.Options) { o.MaxDiskBytes = 1 }
	g.start()
	deadline := time.Now().Add(time.Minute)
	for len(g.store.SyncFiles(g.manager.workers[0].target.ID)) > 0 {
		if time.Now().After(deadline) {
			t.Fatal("nothing was evicted")
		}
		g.must(g.store.Checkpoint(context.Background()))
		time.Sleep(5 * time.Millisecond)
	}
	g.prune("", false, 0, 0, "")
	g.verified(2, 2000, 0)
}

// TestPruneClock deletes nothing for its age by a clock that is wrong.
func TestPruneClock(t *testing.T) {
	g := newGateway(t, "file://"+t.TempDir())
	g.write("db", "m", 10)
	g.settle()
	g.must(g.store.SetRetention(context.Background(), "db", time.Hour))
	g.stop()
	g.tweak = func(o *store.Options) { o.Earliest = time.Now().Add(time.Hour) }
	g.start()
	r, err := g.manager.Prune(context.Background(), "", "", false)
	g.must(err)
	if p := r.Targets[0]; p.Objects != 0 || !strings.Contains(p.Note, "before this program was made") {
		t.Errorf("%+v", p)
	}
	g.verified(1, 10, 0)
}

// TestPruneCrash ends between the manifest and the deletion, and before the
// manifest: the next run finishes.
func TestPruneCrash(t *testing.T) {
	ctx := context.Background()
	s, target := newS3(t)
	g := newGateway(t, target)
	g.write("db", "m", 10)
	g.write("db", "m", 20)
	g.settle()
	g.must(g.store.SetRetention(ctx, "db", time.Hour))
	denied := func(method string) fakes3.Decide {
		return func(m, _ string, _ map[string][]string) fakes3.Fault {
			if m == method {
				return fakes3.Denied
			}
			return fakes3.None
		}
	}
	failed := func() {
		t.Helper()
		r, err := g.manager.Prune(ctx, "", "", false)
		g.must(err)
		if r.Targets[0].Error == "" || r.Targets[0].Objects != 0 {
			t.Fatalf("%+v", r)
		}
	}
	s.Fail(denied("PUT"))
	failed()
	if n := s.Requests("DELETE"); n != 0 {
		t.Fatalf("%d deletions before the manifest", n)
	}
	g.stop()
	s.Fail(denied("DELETE"))
	g.start()
	failed()
	g.stop()
	s.Fail(nil)
	g.start()
	g.verified(0, 0, 2)
	g.prune("", true, 2, 30, PruneUnfinished)
	g.verified(0, 0, 2)
	manifest := g.manager.Status().Targets[0].Manifest
	g.prune("", false, 2, 30, PruneUnfinished)
	g.verified(0, 0, 0)
	if now := g.manager.Status().Targets[0].Manifest; now != manifest {
		t.Errorf("another manifest: %d after %d", now, manifest)
	}
}

// TestPruneDelta takes objects out of a node's own Delta tables and, with the
// committer's next run, of the shared one.
func TestPruneDelta(t *testing.T) {
	ctx := context.Background()
	lake := t.TempDir()
	g := newGateway(t, "file://"+lake+"?format=delta")
	commit := func(objects, removed int) {
		t.Helper()
		r, err := CommitLake(ctx, "file://"+lake, g.config, false)
		if err != nil || len(r.Problems) > 0 || r.Objects != objects || r.Removed != removed {
			t.Fatalf("%+v %v", r, err)
		}
	}
	check := func(root string, rows int) {
		t.Helper()
		r := replayDelta(t, filepath.Join(lake, root))
		if got := r.rows(t, filepath.Join(lake, root)); len(got) != rows {
			t.Fatalf("%s: %d rows instead of %d", root, len(got), rows)
		}
	}
	g.write("db", "m", 10)
	g.write("odd_name", "t/ü", 20)
	g.settle()
	commit(2, 0)
	g.must(g.store.SetRetention(ctx, "db", time.Hour))
	g.must(g.store.SetRetention(ctx, "odd_name", time.Hour))
	g.prune("", false, 2, 30, PruneRetention)
	check("db/m/edge=gw-1", 0)
	check("odd_name/t%2F%C3%BC/edge=gw-1", 0)
	commit(0, 2)
	check("db/m", 0)
	check("odd_name/t%2F%C3%BC", 0)

	// A committer that sees the coming and going at once has one action for it.
	g.write("db", "late", 5)
	g.settle()
	g.prune("", false, 1, 5, PruneRetention)
	commit(1, 1)
	root := filepath.Join(lake, "db/late/_delta_log")
	body, err := os.ReadFile(filepath.Join(root, "00000000000000000000.json"))
	g.must(err)
	if strings.Contains(string(body), `"add":`) || strings.Count(string(body), `"remove":`) != 1 || !strings.Contains(string(body), `"metaData":`) {
		t.Errorf("%s", body)
	}
	g.verified(0, 0, 0)
}

// TestPruneLines says that servers that take lines are not pruned.
func TestPruneLines(t *testing.T) {
	g := newGateway(t, "http://127.0.0.1:1?name=far")
	for target, want := range map[string]PruneTarget{
		"":    {ID: "far", Note: "a server that takes lines is not pruned: delete there"},
		"far": {ID: "far", Error: "a server that takes lines is not pruned: delete there"},
	} {
		r, err := g.manager.Prune(context.Background(), target, "", false)
		g.must(err)
		if p := r.Targets[0]; p.ID != want.ID || p.Note != want.Note || p.Error != want.Error || p.Objects != 0 {
			t.Errorf("%+v", p)
		}
	}
	if _, err := g.manager.Prune(context.Background(), "x", "", false); err == nil {
		t.Error("there is no target x")
	}
}

// TestPruneFaults asks again over a link that loses 30 % of all requests.
func TestPruneFaults(t *testing.T) {
	s, target := newS3(t)
	g := newGateway(t, target)
	for range 10 {
		g.write("db", "m", 10)
	}
	g.settle()
	g.must(g.store.SetRetention(context.Background(), "db", time.Hour))
	n := 0
	s.Fail(func(string, string, map[string][]string) fakes3.Fault {
		if n++; n%10 >= 3 {
			return fakes3.None
		}
		return []fakes3.Fault{fakes3.CutBefore, fakes3.CutAfter, fakes3.Broken}[n%10]
	})
	g.prune("", false, 10, 100, PruneRetention)
	s.Fail(nil)
	g.verified(0, 0, 0)
}
