package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestBackup takes backups while four writers and a compactor are busy: each has
// every row that was acknowledged before it began, exactly once.
func TestBackup(t *testing.T) {
	ctx := t.Context()
	dir := t.TempDir()
	s, err := Open(ctx, Options{Dir: filepath.Join(dir, "live"), WALSyncRate: 1e6, SegmentBytes: 64 << 10, CompactInterval: 10 * time.Millisecond, BufferBytes: 256 << 10})
	if err != nil {
		t.Fatal(err)
	}
	_, token, err := s.Tokens().Create(ctx, "one", time.Time{}, -1)
	if err != nil {
		t.Fatal(err)
	}
	const writers = 4
	var acknowledged [writers]atomic.Int64
	run, stop := context.WithCancel(ctx)
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for n := int64(0); run.Err() == nil; n++ {
				one := write{database: "d", rows: []point{{table: fmt.Sprint("t", w), time: n, tags: map[string]string{"host": "a"}, fields: map[string]string{"i": fmt.Sprint(n)}}}}
				if err := s.Write(ctx, "d", one.batch(), WriteOptions{}); errors.Is(err, ErrBusy) {
					n--
					continue
				} else if err != nil {
					t.Error(err)
					return
				}
				acknowledged[w].Store(n + 1)
			}
		})
	}
	for w := range writers { // on a slow machine, until all have begun
		for acknowledged[w].Load() == 0 && !t.Failed() {
			time.Sleep(time.Millisecond)
		}
	}
	var file bytes.Buffer
	for round := range 4 {
		time.Sleep(100 * time.Millisecond)
		var before [writers]int64
		for w := range before {
			before[w] = acknowledged[w].Load()
		}
		b, err := s.Backup(ctx)
		if err != nil {
			t.Fatal(err)
		}
		file.Reset()
		if err := errors.Join(b.Write(ctx, &file), b.Close()); err != nil {
			t.Fatal(err)
		}
		if info, err := VerifyBackup(ctx, bytes.NewReader(file.Bytes())); err != nil || info.Rows != b.Info.Rows {
			t.Fatalf("%+v, %v", info, err)
		}
		to := filepath.Join(dir, fmt.Sprint("restored", round))
		if _, err := RestoreBackup(ctx, bytes.NewReader(file.Bytes()), Options{Dir: to}); err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(filepath.Join(to, "catalog.db")); err != nil || info.Mode().Perm() != 0o600 {
			t.Fatalf("the restored catalog: %v, %v", info.Mode(), err) // it has the hashes of tokens
		}
		killed := filepath.Join(to, "catalog.db.backup-1") // of a backup that was killed
		if err := os.WriteFile(killed, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		r, err := Open(ctx, Options{Dir: to})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(killed); !errors.Is(err, os.ErrNotExist) {
			t.Fatal("the copy of a backup that was killed is still there")
		}
		for w := range writers {
			n, err := readTable(r, fmt.Sprint("t", w))
			if err != nil || int64(n) < before[w] || int64(n) > acknowledged[w].Load()+1 {
				t.Fatalf("round %d: %d rows of writer %d, %d were acknowledged: %v", round, n, w, before[w], err)
			}
		}
		if _, ok := r.Tokens().Check(token); !ok || r.UUID() != s.UUID() || len(r.Problems()) != 0 {
			t.Fatalf("token %t, %s, %v", ok, r.UUID(), r.Problems())
		}
		if err := r.Write(ctx, "d", write{rows: []point{{table: "t0", time: -1, fields: map[string]string{"i": "1"}}}}.batch(), WriteOptions{}); err != nil {
			t.Fatal(err)
		}
		if err := r.Close(ctx); err != nil {
			t.Fatal(err)
		}
	}
	stop()
	wg.Wait()
	if err := s.Close(ctx); err != nil {
		t.Fatal(err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "live", "*backup*")); left != nil {
		t.Errorf("left behind: %v", left)
	}

	good := file.Bytes()
	to := filepath.Join(dir, "bad")
	step := len(good)/150 + 1
	for at := 0; at < len(good); at += step {
		bad := bytes.Clone(good)
		bad[at] ^= 0x10
		for what, file := range map[string][]byte{"damaged": bad, "cut off": good[:at]} {
			if _, err := RestoreBackup(ctx, bytes.NewReader(file), Options{Dir: to}); err == nil {
				if what == "damaged" && harmless(good, at) || what == "cut off" && len(bytes.Trim(good[at:], "\x00")) == 0 {
					if err := os.RemoveAll(to); err != nil {
						t.Fatal(err)
					}
					continue
				}
				t.Fatalf("%s at byte %d of %d, and restored", what, at, len(good))
			}
			if names, err := os.ReadDir(to); err == nil && len(names) > 0 {
				t.Fatalf("%s at byte %d: %s is left", what, at, names[0].Name())
			}
		}
	}
	if err := os.MkdirAll(to, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(to, "mine"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := RestoreBackup(ctx, bytes.NewReader(good), Options{Dir: to}); err == nil {
		t.Fatal("restored into a directory that is not empty")
	}
}

// harmless says whether a byte is padding of the archive, or of its first part,
// which is for people.
func harmless(file []byte, at int) bool {
	block := file[at/512*512 : min(at/512*512+512, len(file))]
	return file[at] == 0 || at < 4096 || bytes.Contains(block, []byte("ustar"))
}
