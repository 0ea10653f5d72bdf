package main

import (
	"database/sql"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	_ "modernc.org/sqlite" // to damage a catalog

	"tarn/store"
	"tarn/store/catalog"
)

// doctor runs `tarn doctor` and returns its report.
func doctor(t *testing.T, dir string, args ...string) (d diagnosis, err error) {
	t.Helper()
	out, err := run(nil, append([]string{"doctor", "--data-dir", dir, "--format", "json"}, args...)...)
	if strings.HasPrefix(out, "{") {
		if e := json.Unmarshal([]byte(out), &d); e != nil {
			t.Fatalf("%v: %s", e, out)
		}
	}
	return d, err
}

func (d diagnosis) says(text string) bool {
	for _, f := range d.Findings {
		if strings.Contains(f.Text, text) {
			return true
		}
	}
	return false
}

// TestDoctor has a data directory that is well, used, damaged, repaired, without
// its catalog, and rebuilt.
func TestDoctor(t *testing.T) {
	dir := t.TempDir()
	p := startProcess(t, dir, "--without-auth")
	for _, line := range []string{"a,host=x v=1 1700000000000000000", "b,host=x v=1,s=\"text\" 1700000000000000000"} {
		if out, err := run(p, "write", "-d", "d", line); err != nil {
			t.Fatal(out, err)
		}
	}
	if out, err := run(p, "create", "database", "kept", "--retention-period", "7d"); err != nil {
		t.Fatal(out, err)
	}
	var held *lockedError
	if _, err := doctor(t, dir); !errors.As(err, &held) || !strings.Contains(err.Error(), "pid") {
		t.Fatalf("while a server runs: %v", err)
	}
	p.kill()
	d, err := doctor(t, dir)
	if err != nil || !d.Healthy || d.Log.Rows != 2 || d.Segments != 0 || len(d.Databases) != 2 || d.Databases[1].Retention != "168h0m0s" {
		t.Fatalf("after a crash: %+v, %v", d, err)
	}
	p = startProcess(t, dir, "--without-auth")
	p.stop()
	d, err = doctor(t, dir)
	nearlyFull := 0 // the disk of this machine, which is no fault of the directory
	if d.DiskFree < d.DiskTotal/20 {
		nearlyFull = 1
	}
	if err != nil || !d.Healthy || len(d.Findings) > nearlyFull || d.Log.Rows != 0 || d.Segments != 2 || d.SegmentRows != 2 || d.Databases[0].Tables[1].Rows != 1 {
		t.Fatalf("after a clean stop: %+v, %v", d, err)
	}
	if out, err := run(nil, "doctor", "--data-dir", dir); err != nil || nearlyFull == 0 && !strings.Contains(out, "all is well") || !strings.Contains(out, `database "kept", keeps 168h`) {
		t.Fatalf("%s, %v", out, err)
	}

	files, err := filepath.Glob(filepath.Join(dir, "segments", "1", "*", "*.parquet"))
	if err != nil || len(files) != 2 {
		t.Fatal(files, err)
	}
	data, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	whole := append([]byte{}, data...)
	data[len(data)/3] ^= 4
	if err := os.WriteFile(files[0], data, 0o640); err != nil {
		t.Fatal(err)
	}
	if d, err = doctor(t, dir); err == nil || d.Errors() != 1 || !d.says("corrupt") {
		t.Fatalf("with a damaged file: %+v, %v", d, err)
	}
	if d, err = doctor(t, dir, "--repair"); err != nil || len(d.Done) != 1 || d.Quarantined != 1 || d.Segments != 1 {
		t.Fatalf("repair: %+v, %v", d, err)
	}
	kept, err := filepath.Glob(filepath.Join(dir, "quarantine", "*"))
	if err != nil || len(kept) != 2 {
		t.Fatal(kept, err)
	}
	// Somebody has a copy of the file, and brings it back.
	if err := os.WriteFile(files[0], whole, 0o640); err != nil {
		t.Fatal(err)
	}
	for _, name := range append(kept, filepath.Join(dir, "catalog.db")) {
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
	if d, err = doctor(t, dir); err == nil || !d.says("the catalog is not there") {
		t.Fatalf("without a catalog: %+v, %v", d, err)
	}
	if d, err = doctor(t, dir, "--rebuild"); err != nil || d.Segments != 2 || !strings.Contains(strings.Join(d.Done, "\n"), "no token could be brought back") {
		t.Fatalf("rebuild: %+v, %v", d, err)
	}
	p = startProcess(t, dir, "--without-auth")
	for _, table := range []string{"a", "b"} {
		if n := p.query("d", "SELECT count(*) AS n FROM "+table)[0]["n"]; n != 1.0 {
			t.Errorf("%s has %v rows", table, n)
		}
	}
	p.stop()
	if d, err = doctor(t, dir, "--rebuild"); err != nil || d.Done[0] != "catalog.db: it is whole, and stays" {
		t.Fatalf("rebuild of a whole one: %+v, %v", d, err)
	}
	if _, err := doctor(t, filepath.Join(dir, "nowhere")); err == nil {
		t.Error("a directory that is not there")
	}
}

// TestDoctorKeepsTriggers damages a catalog that has triggers and scripts: all
// that can be read come back.
func TestDoctorKeepsTriggers(t *testing.T) {
	ctx, dir := t.Context(), t.TempDir()
	open := func() *store.Store {
		t.Helper()
		s, err := store.Open(ctx, store.Options{Dir: dir, Limits: store.Limits{Databases: 5, Tables: 10, Columns: 10, Tags: 5}})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	s := open()
	err := errors.Join(s.CreateDatabase(ctx, "d", 0), s.CreateDatabase(ctx, "lost", 0),
		s.CreateTrigger(ctx, "d", catalog.Trigger{Name: "t", Plugin: "a.py", Specification: "table:cpu", OnError: "retry", Async: true, Arguments: map[string]string{"k": "v"}}),
		s.CreateTrigger(ctx, "d", catalog.Trigger{Name: "off", Plugin: "dir", Specification: "every:1s", OnError: "log", Disabled: true}),
		s.CreateTrigger(ctx, "d", catalog.Trigger{Name: "damaged", Plugin: "b.py", Specification: "request:x", OnError: "log"}),
		s.CreateTrigger(ctx, "lost", catalog.Trigger{Name: "orphan", Plugin: "c.py", Specification: "all_tables", OnError: "log"}),
		s.SaveScript(ctx, "public", "one", "def f():\n    return 1\n"), s.SaveScript(ctx, "public", "two", "damaged"))
	triggers := s.Triggers("d")
	script, serr := s.Script(ctx, "public", "one")
	if err := errors.Join(err, serr, s.Close(ctx)); err != nil {
		t.Fatal(err)
	}
	if len(triggers) != 3 {
		t.Fatal(triggers)
	}
	db, err := sql.Open("sqlite", filepath.Join(dir, "catalog.db"))
	if err == nil {
		_, err = db.ExecContext(ctx, `UPDATE triggers SET plugin = 'B.py' WHERE name = 'damaged'; UPDATE scripts SET source = 'Damaged' WHERE name = 'two';
			UPDATE databases SET retention = 1 WHERE name = 'lost'`)
		err = errors.Join(err, db.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	d, err := doctor(t, dir)
	if err == nil || d.Errors() == 0 {
		t.Fatalf("with a damaged catalog: %+v, %v", d, err)
	}
	d, err = doctor(t, dir, "--rebuild")
	if done := strings.Join(d.Done, "\n"); err != nil || !strings.Contains(done, `trigger "orphan" is lost with its database`) {
		t.Fatalf("rebuild: %s, %v", done, err)
	}
	s = open()
	scripts, err := s.Scripts(ctx)
	if err != nil || !reflect.DeepEqual(scripts, []store.Script{script}) {
		t.Errorf("scripts: %+v, %v; want %+v", scripts, err, script)
	}
	if got := s.Triggers(""); !reflect.DeepEqual(got, triggers[:2]) {
		t.Errorf("triggers: %+v, want %+v", got, triggers[:2])
	}
	if err := s.Close(ctx); err != nil {
		t.Fatal(err)
	}
}
