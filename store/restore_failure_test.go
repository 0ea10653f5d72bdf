package store

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"tarn/store/vfs"
)

// smallBackup is a backup of 20 rows of two tables.
func smallBackup(t *testing.T) []byte {
	t.Helper()
	ctx := t.Context()
	s, err := Open(ctx, Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	for i := range int64(10) {
		for _, table := range []string{"t", "u"} {
			if err := s.Write(ctx, "d", one("d", table, "a", i, "i=1").batch(), WriteOptions{}); err != nil {
				t.Fatal(err)
			}
		}
	}
	b, err := s.Backup(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	if err := errors.Join(b.Write(ctx, &file), b.Close(), s.Close(ctx)); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

// TestEveryFailureOfRestore fails each file operation of a restore, once, which
// leaves the directory for another try, or from then on, as if the process was
// killed: what is there then is no data directory for a server.
func TestEveryFailureOfRestore(t *testing.T) {
	ctx := t.Context()
	file := smallBackup(t)
	for _, sticky := range []bool{false, true} {
		t.Run(fmt.Sprint("sticky=", sticky), func(t *testing.T) {
			for n := 1; ; n++ {
				dir := filepath.Join(t.TempDir(), "data")
				fsys := vfs.NewFault(vfs.OS(), vfs.FailNth(n, sticky, errBoom))
				_, err := RestoreBackup(ctx, bytes.NewReader(file), Options{Dir: dir, FS: fsys})
				if err == nil && fsys.Ops() < n {
					if n < 20 {
						t.Errorf("only %d operations", n-1)
					}
					return
				}
				_, complete := os.Stat(filepath.Join(dir, "catalog.db"))
				switch {
				case err == nil:
					t.Fatalf("operation %d failed, and nobody said so", n)
				case !errors.Is(err, errBoom):
					t.Fatalf("operation %d: %v", n, err)
				case sticky && complete != nil:
					_, marked := os.Stat(filepath.Join(dir, "catalog.db.restoring"))
					if left, _ := os.ReadDir(dir); marked != nil && len(left) > 1 {
						t.Errorf("operation %d leaves %v", n, left)
					} else if marked != nil {
						continue // it had not begun
					}
					if s, err := Open(ctx, Options{Dir: dir}); err == nil {
						t.Errorf("operation %d: a server starts on half of a backup", n)
						_ = s.Close(ctx)
					} else if !errors.Is(err, errHalfRestored) {
						t.Errorf("operation %d: a server that starts then: %v", n, err)
					}
				case !sticky:
					if _, err := RestoreBackup(ctx, bytes.NewReader(file), Options{Dir: dir}); err != nil && complete != nil {
						t.Fatalf("operation %d: another try: %v", n, err)
					}
				}
			}
		})
	}
}
