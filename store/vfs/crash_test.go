package vfs

import (
	"bytes"
	"errors"
	"io/fs"
	"math/rand/v2"
	"strings"
	"testing"
)

// outcomes collects what a file may hold, or "missing", after a crash of what
// prepare did.
func outcomes(t *testing.T, name string, prepare func(m *Mem)) map[string]bool {
	t.Helper()
	m := newMemWith("d")
	if err := m.SyncDir("."); err != nil {
		t.Fatal(err)
	}
	prepare(m)
	got := map[string]bool{}
	for seed := range uint64(200) {
		c := m.CrashClone(rand.New(rand.NewPCG(seed, 0)))
		if _, err := c.Stat(name); errors.Is(err, fs.ErrNotExist) {
			got["missing"] = true
		} else {
			got[content(t, c, name)] = true
		}
	}
	return got
}

func TestCrashCloneKeepsWhatWasSynced(t *testing.T) {
	got := outcomes(t, "d/f", func(m *Mem) {
		put(t, m, "d/f", "synced")
		if err := m.SyncDir("d"); err != nil {
			t.Fatal(err)
		}
	})
	if len(got) != 1 || !got["synced"] {
		t.Errorf("outcomes %v", got)
	}
}

func TestCrashCloneLosesWhatWasNot(t *testing.T) {
	sync := func(m *Mem) {
		if err := m.SyncDir("d"); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name    string
		prepare func(m *Mem)
		want    []string // each must be possible, nothing else
	}{
		{"a_name", func(m *Mem) { put(t, m, "d/f", "x") }, []string{"missing", "x"}},
		{"a_removal", func(m *Mem) {
			put(t, m, "d/f", "x")
			sync(m)
			_ = m.Remove("d/f")
		}, []string{"missing", "x"}},
		{"a_rename", func(m *Mem) {
			put(t, m, "d/f", "old")
			put(t, m, "d/g", "new")
			sync(m)
			_ = m.Rename("d/g", "d/f")
		}, []string{"old", "new"}},
		{"a_write", func(m *Mem) {
			put(t, m, "d/f", "old")
			sync(m)
			f, _ := m.OpenReadWrite("d/f")
			_, _ = f.WriteAt([]byte("N"), 0)
		}, []string{"old", "Nld"}},
		{"either_of_two_writes", func(m *Mem) {
			put(t, m, "d/f", "ab")
			sync(m)
			f, _ := m.OpenReadWrite("d/f")
			_, _ = f.WriteAt([]byte("A"), 0)
			_, _ = f.WriteAt([]byte("B"), 1)
		}, []string{"ab", "Ab", "aB", "AB"}},
		{"a_truncation", func(m *Mem) {
			put(t, m, "d/f", "old")
			sync(m)
			f, _ := m.OpenReadWrite("d/f")
			_ = f.Truncate(1)
		}, []string{"old", "o"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := outcomes(t, "d/f", c.prepare)
			for _, w := range c.want {
				if !got[w] {
					t.Errorf("%q never happened", w)
				}
				delete(got, w)
			}
			for g := range got {
				t.Errorf("%q happened", g)
			}
		})
	}
}

func TestCrashCloneTearsAtSectors(t *testing.T) {
	const sectors = 4
	got := outcomes(t, "d/f", func(m *Mem) {
		put(t, m, "d/f", strings.Repeat("o", sectors*sector))
		if err := m.SyncDir("d"); err != nil {
			t.Fatal(err)
		}
		f, _ := m.OpenReadWrite("d/f")
		_, _ = f.WriteAt(bytes.Repeat([]byte{'n'}, sectors*sector), 0)
	})
	torn := 0
	for g := range got {
		changed := 0
		for i := range sectors {
			switch s := g[i*sector : (i+1)*sector]; s {
			case strings.Repeat("n", sector):
				changed++
			case strings.Repeat("o", sector):
			default:
				t.Fatalf("sector %d is torn: %q", i, s)
			}
		}
		if changed > 0 && changed < sectors {
			torn++
		}
	}
	if torn == 0 {
		t.Error("no crash tore the write")
	}
}

func TestCrashCloneLosesDirectories(t *testing.T) {
	m := NewMem()
	if err := m.MkdirAll("a/b"); err != nil {
		t.Fatal(err)
	}
	put(t, m, "a/b/f", "x")
	if err := m.SyncDir("a/b"); err != nil {
		t.Fatal(err)
	}
	lost := 0
	for seed := range uint64(50) {
		if _, err := m.CrashClone(rand.New(rand.NewPCG(seed, 0))).Stat("a/b/f"); err != nil {
			lost++
		}
	}
	if lost == 0 || lost == 50 {
		t.Errorf("the file was lost in %d of 50 crashes, although its directory's name was not synced", lost)
	}
	m = NewMem()
	if err := MkdirAllSync(m, "a/b", 2); err != nil {
		t.Fatal(err)
	}
	put(t, m, "a/b/f", "x")
	if err := m.SyncDir("a/b"); err != nil {
		t.Fatal(err)
	}
	for seed := range uint64(50) {
		wantContent(t, m.CrashClone(rand.New(rand.NewPCG(seed, 0))), "a/b/f", "x")
	}
}

// TestWriteFileAtomicSurvives crashes and fails at every operation: the file
// has its old or its new content, and the new one once nil was returned.
func TestWriteFileAtomicSurvives(t *testing.T) {
	boom := errors.New("boom")
	for n := 1; ; n++ {
		m := newMemWith("d")
		if err := errors.Join(m.SyncDir("."), WriteFileAtomic(m, "d", "f", []byte("old"))); err != nil {
			t.Fatal(err)
		}
		fault := NewFault(m, FailNth(n, true, boom))
		err := WriteFileAtomic(fault, "d", "f", []byte("new content"))
		if err != nil && !errors.Is(err, boom) {
			t.Fatal(err)
		}
		for seed := range uint64(20) {
			c := m.CrashClone(rand.New(rand.NewPCG(seed, uint64(n))))
			switch got := content(t, c, "d/f"); {
			case err == nil && got != "new content", got != "old" && got != "new content":
				t.Fatalf("failure at operation %d (%v) left %q", n, err, got)
			}
		}
		if err == nil {
			if n < 5 {
				t.Errorf("only %d operations", n-1)
			}
			return
		}
	}
}

func TestFault(t *testing.T) {
	boom := errors.New("boom")
	m := newMemWith("d")
	fault := NewFault(m, func(op Op) (int, error) {
		switch {
		case op.Kind == "write" && op.Bytes == 5:
			return 2, boom
		case op.Kind == "sync":
			return 0, boom
		}
		return 0, nil
	})
	f := must(fault.Create("d/f"))(t)
	if n, err := f.Write([]byte("12345")); n != 2 || !errors.Is(err, boom) {
		t.Errorf("a short write: %d, %v", n, err)
	}
	must(f.Write([]byte("6")))(t)
	if err := f.Sync(); !errors.Is(err, boom) {
		t.Errorf("a failing sync: %v", err)
	}
	wantContent(t, m, "d/f", "126")
	if n := fault.Ops(); n != 4 {
		t.Errorf("%d operations, want 4", n)
	}
	once := NewFault(m, FailNth(2, false, boom))
	var failed []int
	for i := range 4 {
		if _, err := once.Stat("d/f"); err != nil {
			failed = append(failed, i+1)
		}
	}
	if len(failed) != 1 || failed[0] != 2 {
		t.Errorf("operations %v failed, want the second", failed)
	}
}
