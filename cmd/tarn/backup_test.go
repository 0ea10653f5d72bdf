package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// TestBackupAndExport backs a server up while somebody writes, restores that,
// and exports the restored one, running and not.
func TestBackupAndExport(t *testing.T) {
	dir := t.TempDir()
	p := startProcess(t, filepath.Join(dir, "live"), "--without-auth", "--wal-sync-rate", "1000")
	if out, err := run(p, "write", "-d", "telegraf", "--file", "../../testdata/telegraf.lp"); err != nil {
		t.Fatal(out, err)
	}
	var acknowledged atomic.Int64
	done := make(chan struct{})
	stop := make(chan struct{})
	go func() {
		defer close(done)
		for n := int64(0); ; n++ {
			select {
			case <-stop:
				return
			default:
			}
			resp, err := http.Post(p.url+"/api/v3/write_lp?db=d&precision=nanosecond", "text/plain", strings.NewReader(fmt.Sprintf("m n=%di %d", n, n)))
			if err != nil {
				t.Error(err)
				return
			}
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusNoContent {
				acknowledged.Store(n + 1)
			}
		}
	}()
	for acknowledged.Load() < 50 {
		select {
		case <-done:
			t.Fatal("the writer gave up")
		case <-time.After(time.Millisecond):
		}
	}
	before := acknowledged.Load()
	file := filepath.Join(dir, "tarn.backup")
	if out, err := run(p, "backup", "--output", file); err != nil || !strings.Contains(out, "files") {
		t.Fatal(out, err)
	}
	close(stop)
	<-done
	if out, err := run(nil, "backup", "verify", file); err != nil || !strings.Contains(out, "is whole") {
		t.Fatal(out, err)
	}
	to := filepath.Join(dir, "restored")
	if out, err := run(nil, "restore", file, "--data-dir", to); err != nil {
		t.Fatal(out, err)
	}
	if out, err := run(nil, "doctor", "--data-dir", to); err != nil || strings.Contains(out, "WARNING   catalog") {
		t.Fatal(out, err)
	}
	if out, err := run(nil, "restore", file, "--data-dir", to); err == nil || !strings.Contains(err.Error(), "not empty") {
		t.Fatal(out, err)
	}
	p.stop()
	p = startProcess(t, to, "--without-auth")
	if n := p.query("d", "SELECT count(*) AS n FROM m")[0]["n"].(float64); int64(n) < before {
		t.Fatalf("%v rows, %d were acknowledged before the backup", n, before)
	}
	if n := p.query("telegraf", "SELECT count(*) AS n FROM cpu")[0]["n"]; n != 897.0 {
		t.Fatalf("%v rows of cpu", n)
	}
	live := filepath.Join(dir, "live.export")
	if out, err := run(p, "export", "--output", live); err != nil {
		t.Fatal(out, err)
	}
	if _, err := run(p, "export", "-d", "telegraf", "--table", "nothing"); err == nil {
		t.Error("a table that is not there")
	}
	p.stop()
	offline := filepath.Join(dir, "offline.export")
	if out, err := run(nil, "export", "--data-dir", to, "--output", offline); err != nil {
		t.Fatal(out, err)
	}
	files := 0
	err := filepath.Walk(live, func(path string, info os.FileInfo, err error) error {
		if err != nil || info.IsDir() {
			return err
		}
		files++
		rel, _ := filepath.Rel(live, path)
		a, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		b, err := os.ReadFile(filepath.Join(offline, rel))
		if err == nil && string(a) != string(b) {
			t.Errorf("%s differs", rel)
		}
		return err
	})
	if err != nil || files != 15 {
		t.Fatalf("%d files, %v", files, err)
	}
}
