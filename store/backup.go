package store

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"tarn/store/vfs"
)

// A backup is one tar file:
//
//	backup.json       what it is, and how much comes
//	catalog.db        the catalog
//	segments/...      all files that it names
//	checksums.json    length and SHA-256 of each of them
//
// It begins with a checkpoint: what is in the log and in memory becomes files,
// so every row that was acknowledged before is in it, and no log. The files and
// the copy of the catalog are of one moment between two checkpoints; files that
// are replaced meanwhile stay until the backup ends. Without checksums.json it
// is not whole.

const (
	backupFormat    = 1
	backupInfoName  = "backup.json"
	backupSumsName  = "checksums.json"
	backupCatalog   = "catalog.db"
	restoringSuffix = ".restoring"
	// backupCopySuffix, and a number, follow the name of the catalog in the
	// names of copies that a backup holds.
	backupCopySuffix = ".backup-"
)

// BackupInfo says what is in a backup.
type BackupInfo struct {
	Format  int       `json:"format"`
	UUID    string    `json:"cluster_uuid"`
	TakenAt time.Time `json:"taken_at"`
	// Files, Bytes and Rows are of segments. Missing ones were registered and
	// not there.
	Files   int   `json:"files"`
	Bytes   int64 `json:"bytes"`
	Rows    int64 `json:"rows"`
	Missing int   `json:"missing,omitempty"`
	// LastWrite is the number of the last write that is in it.
	LastWrite uint64 `json:"last_write"`
}

// backupSum is a line of checksums.json.
type backupSum struct {
	Name   string `json:"name"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// Backup is a moment of a store, held until it is closed.
type Backup struct {
	Info    BackupInfo
	store   *Store
	catalog string // the copy
	held    []*segmentFile
}

// Backup holds what is in the store now. Every row that was acknowledged before
// is in it.
func (s *Store) Backup(ctx context.Context) (_ *Backup, err error) {
	if err := s.Checkpoint(ctx); err != nil {
		return nil, fmt.Errorf("backup: %w", err)
	}
	b := &Backup{store: s, Info: BackupInfo{Format: backupFormat, UUID: s.uuid, TakenAt: s.opts.Now().UTC()}}
	copied, err := os.CreateTemp(filepath.Dir(s.opts.CatalogPath), filepath.Base(s.opts.CatalogPath)+backupCopySuffix+"*")
	if err != nil {
		return nil, fmt.Errorf("backup: %w", err)
	}
	b.catalog = copied.Name()
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("backup: %w", err), b.Close())
		}
	}()
	// SQLite wants to make the file.
	if err := errors.Join(copied.Close(), os.Remove(b.catalog)); err != nil {
		return nil, err
	}
	// Between checkpoints and compactions the catalog does not change its mind
	// about segments.
	s.checkpointing.Lock()
	defer s.checkpointing.Unlock()
	if err := s.catalog.Copy(ctx, b.catalog); err != nil {
		return nil, err
	}
	b.Info.LastWrite = s.lastSeq.Load()
	for _, t := range s.allTables() {
		t.mu.RLock()
		for _, f := range t.segments {
			f.acquire()
			b.held = append(b.held, f)
		}
		b.Info.Missing += len(t.lost)
		t.mu.RUnlock()
	}
	for _, f := range b.held {
		b.Info.Files, b.Info.Bytes, b.Info.Rows = b.Info.Files+1, b.Info.Bytes+f.Bytes, b.Info.Rows+f.Segment.Rows
	}
	return b, nil
}

// removeBackupCopies removes what backups left behind that were killed.
func removeBackupCopies(catalog string) error {
	names, err := os.ReadDir(filepath.Dir(catalog))
	for _, n := range names {
		if strings.HasPrefix(n.Name(), filepath.Base(catalog)+backupCopySuffix) {
			err = errors.Join(err, os.Remove(filepath.Join(filepath.Dir(catalog), n.Name())))
		}
	}
	if err != nil {
		return fmt.Errorf("remove what backups left: %w", err)
	}
	return nil
}

// Close lets go of the files.
func (b *Backup) Close() error {
	for _, f := range b.held {
		f.release()
	}
	b.held = nil
	err := os.Remove(b.catalog)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return err
}

// backupWriter writes the parts of a backup and sums them up.
type backupWriter struct {
	tar  *tar.Writer
	at   time.Time
	sums []backupSum
}

func (w *backupWriter) add(ctx context.Context, name string, size int64, r io.Reader) error {
	if err := w.tar.WriteHeader(&tar.Header{Name: name, Size: size, Mode: 0o640, ModTime: w.at, Typeflag: tar.TypeReg, Format: tar.FormatPAX}); err != nil {
		return err
	}
	sum := sha256.New()
	buf := make([]byte, 256<<10)
	for left := size; left > 0; {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := io.ReadFull(r, buf[:min(left, int64(len(buf)))])
		if err != nil {
			return fmt.Errorf("read %s: %w", name, err)
		}
		sum.Write(buf[:n])
		if _, err := w.tar.Write(buf[:n]); err != nil {
			return err
		}
		left -= int64(n)
	}
	w.sums = append(w.sums, backupSum{name, size, hex.EncodeToString(sum.Sum(nil))})
	return nil
}

func (w *backupWriter) json(name string, v any) error {
	text, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		return err
	}
	if err := w.tar.WriteHeader(&tar.Header{Name: name, Size: int64(len(text)), Mode: 0o640, ModTime: w.at, Typeflag: tar.TypeReg, Format: tar.FormatPAX}); err != nil {
		return err
	}
	_, err = w.tar.Write(text)
	return err
}

// Write writes the backup.
func (b *Backup) Write(ctx context.Context, out io.Writer) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("write the backup: %w", err)
		}
	}()
	w := &backupWriter{tar: tar.NewWriter(out), at: b.Info.TakenAt}
	if err := w.json(backupInfoName, b.Info); err != nil {
		return err
	}
	c, err := os.Open(b.catalog)
	if err != nil {
		return err
	}
	info, err := c.Stat()
	if err == nil {
		err = w.add(ctx, backupCatalog, info.Size(), c)
	}
	if err = errors.Join(err, c.Close()); err != nil {
		return err
	}
	for _, f := range b.held {
		file, err := b.store.opts.FS.Open(b.store.opts.Dir + "/" + f.Path)
		if err != nil {
			return err
		}
		err = w.add(ctx, f.Path, f.Bytes, io.NewSectionReader(file, 0, f.Bytes))
		if err = errors.Join(err, file.Close()); err != nil {
			return err
		}
	}
	if err := w.json(backupSumsName, w.sums); err != nil {
		return err
	}
	return w.tar.Close()
}

// backupSegment are the names of segments: nothing else is ever written below
// a data directory.
var backupSegment = regexp.MustCompile(`^segments/[0-9]{1,10}/[0-9]{1,10}/[0-9]{1,20}\.parquet$`)

// ErrBadBackup means that a file is no whole backup.
var ErrBadBackup = errors.New("not a whole backup of Tarn")

func badBackup(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrBadBackup, fmt.Errorf(format, args...))
}

// readBackup reads a backup, gives each file to use, and checks all sums at the
// end.
func readBackup(ctx context.Context, in io.Reader, use func(name string, size int64, r io.Reader) error) (info BackupInfo, err error) {
	r := tar.NewReader(in)
	var got, want []backupSum
	small := func(v any) error {
		text, err := io.ReadAll(io.LimitReader(r, 64<<20))
		if err != nil {
			return err
		}
		return json.Unmarshal(text, v)
	}
	whole := false
	for n := 0; ; n++ {
		if err := ctx.Err(); err != nil {
			return info, err
		}
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return info, badBackup("%w", err)
		}
		switch {
		case (n == 0) != (h.Name == backupInfoName), h.Typeflag != tar.TypeReg, whole:
			return info, badBackup("%q is not expected", h.Name)
		case n == 0:
			if err := small(&info); err != nil {
				return info, badBackup("%s: %w", h.Name, err)
			}
			if info.Format != backupFormat {
				return info, badBackup("format %d; this program knows format %d", info.Format, backupFormat)
			}
		case h.Name == backupSumsName:
			if err := small(&want); err != nil {
				return info, badBackup("%s: %w", h.Name, err)
			}
			whole = true
		case h.Name == backupCatalog || backupSegment.MatchString(h.Name):
			sum := &summed{r: r, sum: sha256.New()}
			if err := use(h.Name, h.Size, sum); err != nil {
				return info, err
			}
			if _, err := io.Copy(io.Discard, sum); err != nil {
				return info, badBackup("%s: %w", h.Name, err)
			}
			got = append(got, backupSum{h.Name, sum.n, hex.EncodeToString(sum.sum.Sum(nil))})
		default:
			return info, badBackup("%q is not expected", h.Name)
		}
	}
	if !whole {
		return info, badBackup("it ends early")
	}
	if len(got) != len(want) || len(got) != info.Files+1 {
		return info, badBackup("%d files, %d checksums, %d announced", len(got), len(want), info.Files+1)
	}
	for i := range got {
		if got[i] != want[i] {
			return info, badBackup("%s does not match its checksum", got[i].Name)
		}
	}
	return info, nil
}

// summed sums up what is read.
type summed struct {
	r   io.Reader
	sum hash.Hash
	n   int64
}

func (s *summed) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	s.sum.Write(p[:n])
	s.n += int64(n)
	return n, err
}

// VerifyBackup reads a whole backup and checks the checksum of every file.
func VerifyBackup(ctx context.Context, in io.Reader) (BackupInfo, error) {
	return readBackup(ctx, in, func(string, int64, io.Reader) error { return nil })
}

// errHalfRestored is a directory in which a restore was interrupted.
var errHalfRestored = errors.New("a restore was interrupted here: empty the directory and restore again")

// refuseHalfRestored keeps a server from starting on a part of a backup.
func (s *Store) refuseHalfRestored() error {
	_, err := s.opts.FS.Stat(s.opts.Dir + "/" + backupCatalog + restoringSuffix)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	}
	return errHalfRestored
}

// RestoreBackup makes a data directory of a backup. The directory must be empty
// or not be there. The catalog, which has a temporary name from the beginning, gets
// its own when all else is in its place and every page was checked: a server does
// not start before.
func RestoreBackup(ctx context.Context, in io.Reader, opts Options) (info BackupInfo, err error) {
	opts = opts.withDefaults()
	names, err := opts.FS.List(opts.Dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if err := vfs.MkdirAllSync(opts.FS, opts.Dir, 1); err != nil {
			return info, err
		}
	case err != nil:
		return info, fmt.Errorf("restore into %s: %w", opts.Dir, err)
	case len(names) > 0:
		return info, fmt.Errorf("restore into %s: the directory is not empty (%s)", opts.Dir, names[0])
	}
	lock, err := opts.FS.Lock(opts.Dir + "/lock")
	if err != nil {
		return info, err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	var written []string
	defer func() {
		if err == nil {
			return
		}
		err = fmt.Errorf("restore into %s: %w", opts.Dir, err)
		for _, name := range written { // an empty directory is left, for another try
			err = errors.Join(err, ignoreMissing(opts.FS.Remove(opts.Dir+"/"+name)))
		}
		_ = os.RemoveAll(opts.Dir + "/segments")
		_ = os.Remove(opts.Dir + "/lock")
	}()
	written = append(written, backupCatalog+restoringSuffix)
	if err := restoreFile(ctx, opts.FS, opts.Dir, written[0], strings.NewReader("")); err != nil {
		return info, err
	}
	info, err = readBackup(ctx, in, func(name string, size int64, r io.Reader) error {
		to := name
		if name == backupCatalog {
			to += restoringSuffix
		} else if err := vfs.MkdirAllSync(opts.FS, opts.Dir+"/"+path.Dir(name), 3); err != nil {
			return err
		}
		if to != written[0] {
			written = append(written, to)
		}
		return restoreFile(ctx, opts.FS, opts.Dir, to, r)
	})
	if err != nil {
		return info, err
	}
	for _, name := range written {
		if path.Ext(name) != ".parquet" {
			continue
		}
		if _, err := readSegment(ctx, opts.FS, opts.Dir, name, true); err != nil {
			return info, badBackup("%w", err)
		}
	}
	// It has the hashes of tokens.
	if err := os.Chmod(opts.Dir+"/"+backupCatalog+restoringSuffix, 0o600); err != nil {
		return info, err
	}
	if err := opts.FS.Rename(opts.Dir+"/"+backupCatalog+restoringSuffix, opts.Dir+"/"+backupCatalog); err != nil {
		return info, err
	}
	return info, opts.FS.SyncDir(opts.Dir)
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// restoreFile writes one file for good.
func restoreFile(ctx context.Context, fsys vfs.FS, dir, name string, r io.Reader) error {
	f, err := fsys.Create(dir + "/" + name)
	if err != nil {
		return err
	}
	buf := make([]byte, 256<<10)
	for err == nil {
		if err = ctx.Err(); err != nil {
			break
		}
		var n int
		n, err = r.Read(buf)
		if n > 0 {
			if _, e := f.Write(buf[:n]); e != nil {
				err = e
			}
		}
	}
	if errors.Is(err, io.EOF) {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return fsys.SyncDir(dir + "/" + path.Dir(name))
}
