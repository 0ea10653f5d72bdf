package vfs

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"slices"
	"strings"
	"testing"
)

// TestConformance holds every file system to the same contract.
func TestConformance(t *testing.T) {
	systems := []struct {
		name string
		open func(t *testing.T) (FS, string)
	}{
		{"os", func(t *testing.T) (FS, string) { return OS(), t.TempDir() }},
		{"mem", func(*testing.T) (FS, string) { return newMemWith("root"), "root" }},
		{"fault", func(*testing.T) (FS, string) {
			return NewFault(newMemWith("root"), func(Op) (int, error) { return 0, nil }), "root"
		}},
	}
	cases := []struct {
		name string
		test func(t *testing.T, fsys FS, dir string)
	}{
		{"create_truncates", createTruncates},
		{"open_read_write_keeps", openReadWriteKeeps},
		{"open_is_read_only", openIsReadOnly},
		{"missing_names", missingNames},
		{"read_and_write_share_a_position", sharedPosition},
		{"read_at_ends_with_eof", readAtEnds},
		{"write_at_leaves_a_hole_of_zeros", writeAtHole},
		{"truncate_both_ways", truncates},
		{"preallocate_never_shrinks", preallocates},
		{"rename_replaces", renameReplaces},
		{"list_is_sorted_base_names", lists},
		{"an_open_file_survives_its_name", survivesRemove},
		{"mkdir_all_twice", mkdirTwice},
		{"lock_is_exclusive", locks},
		{"write_file_atomic", writesAtomically},
		{"free_space", freeSpace},
	}
	for _, s := range systems {
		for _, c := range cases {
			t.Run(s.name+"/"+c.name, func(t *testing.T) {
				fsys, dir := s.open(t)
				c.test(t, fsys, dir)
			})
		}
	}
}

func newMemWith(dir string) *Mem {
	m := NewMem()
	if err := m.MkdirAll(dir); err != nil {
		panic(err)
	}
	return m
}

func must[T any](v T, err error) func(t *testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func put(t *testing.T, fsys FS, name, content string) {
	t.Helper()
	f := must(fsys.Create(name))(t)
	must(f.Write([]byte(content)))(t)
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		t.Fatal(err)
	}
}

func content(t *testing.T, fsys FS, name string) string {
	t.Helper()
	f := must(fsys.Open(name))(t)
	data := must(io.ReadAll(f))(t)
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func wantContent(t *testing.T, fsys FS, name, want string) {
	t.Helper()
	if got := content(t, fsys, name); got != want {
		t.Errorf("%s holds %q, want %q", name, got, want)
	}
}

func createTruncates(t *testing.T, fsys FS, dir string) {
	put(t, fsys, dir+"/f", "long content")
	put(t, fsys, dir+"/f", "new")
	wantContent(t, fsys, dir+"/f", "new")
	f := must(fsys.Create(dir + "/f"))(t)
	defer f.Close()
	if f.Name() != dir+"/f" {
		t.Errorf("name %q", f.Name())
	}
	must(f.Write([]byte("abc")))(t)
	p := make([]byte, 3)
	if n, err := f.ReadAt(p, 0); n != 3 || err != nil || string(p) != "abc" {
		t.Errorf("a created file reads %q, %v", p[:n], err)
	}
}

func openReadWriteKeeps(t *testing.T, fsys FS, dir string) {
	for _, want := range []string{"a", "ab"} { // makes it, then keeps it
		f := must(fsys.OpenReadWrite(dir + "/f"))(t)
		size := must(f.Size())(t)
		must(f.WriteAt([]byte{"ab"[size]}, size))(t)
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		wantContent(t, fsys, dir+"/f", want)
	}
}

func openIsReadOnly(t *testing.T, fsys FS, dir string) {
	put(t, fsys, dir+"/f", "x")
	f := must(fsys.Open(dir + "/f"))(t)
	defer f.Close()
	if _, err := f.WriteAt([]byte("y"), 0); err == nil {
		t.Error("wrote to a file that is open for reading")
	}
	if err := f.Truncate(0); err == nil {
		t.Error("truncated a file that is open for reading")
	}
	wantContent(t, fsys, dir+"/f", "x")
}

func missingNames(t *testing.T, fsys FS, dir string) {
	_, openErr := fsys.Open(dir + "/none")
	_, statErr := fsys.Stat(dir + "/none")
	_, listErr := fsys.List(dir + "/none")
	_, createErr := fsys.Create(dir + "/none/f")
	for what, err := range map[string]error{
		"open": openErr, "stat": statErr, "list": listErr, "create in a missing directory": createErr,
		"remove": fsys.Remove(dir + "/none"), "rename": fsys.Rename(dir+"/none", dir+"/f"), "syncdir": fsys.SyncDir(dir + "/none"),
	} {
		if !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v, want fs.ErrNotExist", what, err)
		}
	}
}

func sharedPosition(t *testing.T, fsys FS, dir string) {
	f := must(fsys.Create(dir + "/f"))(t)
	defer f.Close()
	must(f.Write([]byte("ab")))(t)
	must(f.Write([]byte("cd")))(t)
	must(f.WriteAt([]byte("X"), 1))(t) // does not move it
	must(f.Write([]byte("e")))(t)
	if n, err := f.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		t.Errorf("read %d bytes behind the last write, %v", n, err)
	}
	wantContent(t, fsys, dir+"/f", "aXcde")
}

func readAtEnds(t *testing.T, fsys FS, dir string) {
	put(t, fsys, dir+"/f", "abcdef")
	f := must(fsys.Open(dir + "/f"))(t)
	defer f.Close()
	p := make([]byte, 4)
	for _, c := range []struct {
		off  int64
		want string
		err  error
	}{{0, "abcd", nil}, {2, "cdef", nil}, {4, "ef", io.EOF}, {6, "", io.EOF}, {99, "", io.EOF}} {
		if n, err := f.ReadAt(p, c.off); string(p[:n]) != c.want || err != c.err {
			t.Errorf("at %d: %q, %v, want %q, %v", c.off, p[:n], err, c.want, c.err)
		}
	}
}

func writeAtHole(t *testing.T, fsys FS, dir string) {
	f := must(fsys.Create(dir + "/f"))(t)
	must(f.WriteAt([]byte("end"), 5))(t)
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	wantContent(t, fsys, dir+"/f", "\x00\x00\x00\x00\x00end")
}

func truncates(t *testing.T, fsys FS, dir string) {
	put(t, fsys, dir+"/f", "abcdef")
	f := must(fsys.OpenReadWrite(dir + "/f"))(t)
	if err := errors.Join(f.Truncate(2), f.Truncate(4), f.Close()); err != nil {
		t.Fatal(err)
	}
	wantContent(t, fsys, dir+"/f", "ab\x00\x00") // what was cut off does not come back
}

func preallocates(t *testing.T, fsys FS, dir string) {
	put(t, fsys, dir+"/f", "abc")
	f := must(fsys.OpenReadWrite(dir + "/f"))(t)
	defer f.Close()
	const size = 300_000
	for _, n := range []int64{size, 10} {
		if err := f.Preallocate(n); err != nil {
			t.Fatal(err)
		}
		if got := must(f.Size())(t); got != size {
			t.Errorf("after Preallocate(%d) the size is %d, want %d", n, got, size)
		}
	}
	got := content(t, fsys, dir+"/f")
	if got[:3] != "abc" || !bytes.Equal([]byte(got[3:]), make([]byte, size-3)) {
		t.Error("preallocation changed the content or is not zero")
	}
}

func renameReplaces(t *testing.T, fsys FS, dir string) {
	put(t, fsys, dir+"/a", "of a")
	put(t, fsys, dir+"/b", "of b")
	if err := fsys.Rename(dir+"/a", dir+"/b"); err != nil {
		t.Fatal(err)
	}
	wantContent(t, fsys, dir+"/b", "of a")
	if _, err := fsys.Stat(dir + "/a"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the old name: %v", err)
	}
}

func lists(t *testing.T, fsys FS, dir string) {
	if names, err := fsys.List(dir); len(names) != 0 || err != nil {
		t.Errorf("an empty directory lists %q, %v", names, err)
	}
	for _, n := range []string{"b", "a", "10", "9"} {
		put(t, fsys, dir+"/"+n, n)
	}
	if err := MkdirAllSync(fsys, dir+"/d/deeper", 2); err != nil {
		t.Fatal(err)
	}
	put(t, fsys, dir+"/d/inner", "x")
	if names := must(fsys.List(dir))(t); !slices.Equal(names, []string{"10", "9", "a", "b", "d"}) {
		t.Errorf("listed %q", names)
	}
	if names := must(fsys.List(dir + "/d"))(t); !slices.Equal(names, []string{"deeper", "inner"}) {
		t.Errorf("listed %q", names)
	}
	if i := must(fsys.Stat(dir + "/d"))(t); !i.Dir {
		t.Error("a directory is no directory")
	}
	if i := must(fsys.Stat(dir + "/10"))(t); i.Dir || i.Size != 2 || i.ModTime.IsZero() {
		t.Errorf("stat %+v", i)
	}
}

func survivesRemove(t *testing.T, fsys FS, dir string) {
	put(t, fsys, dir+"/f", "still here")
	f := must(fsys.Open(dir + "/f"))(t)
	defer f.Close()
	if err := fsys.Remove(dir + "/f"); err != nil {
		t.Fatal(err)
	}
	if got := must(io.ReadAll(f))(t); string(got) != "still here" {
		t.Errorf("read %q", got)
	}
	if names := must(fsys.List(dir))(t); len(names) > 0 {
		t.Errorf("removed, but listed: %q", names)
	}
}

func mkdirTwice(t *testing.T, fsys FS, dir string) {
	if err := errors.Join(fsys.MkdirAll(dir+"/x/y"), fsys.MkdirAll(dir+"/x/y"), MkdirAllSync(fsys, dir+"/x/y/z", 3), MkdirAllSync(fsys, dir+"/x/y/z", 1)); err != nil {
		t.Fatal(err)
	}
	put(t, fsys, dir+"/x/y/z/f", "x")
	if err := errors.Join(fsys.SyncDir(dir), fsys.SyncDir(dir+"/x/y/z")); err != nil {
		t.Error(err)
	}
}

func locks(t *testing.T, fsys FS, dir string) {
	l := must(fsys.Lock(dir + "/lock"))(t)
	if _, err := fsys.Lock(dir + "/lock"); !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), "lock "+dir+"/lock") {
		t.Errorf("the second lock: %v", err)
	}
	must(fsys.Lock(dir + "/other"))(t)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := must(fsys.Lock(dir + "/lock"))(t).Close(); err != nil {
		t.Error(err)
	}
}

func writesAtomically(t *testing.T, fsys FS, dir string) {
	for _, want := range []string{"first", "2nd"} {
		if err := WriteFileAtomic(fsys, dir, "f", []byte(want)); err != nil {
			t.Fatal(err)
		}
		wantContent(t, fsys, dir+"/f", want)
	}
	if names := must(fsys.List(dir))(t); !slices.Equal(names, []string{"f"}) {
		t.Errorf("left behind: %q", names)
	}
}

func freeSpace(t *testing.T, fsys FS, dir string) {
	available, total, err := fsys.Free(dir)
	if err != nil || available <= 0 || total < available {
		t.Errorf("%d of %d bytes free, %v", available, total, err)
	}
}
