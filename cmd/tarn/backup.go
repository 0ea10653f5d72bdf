package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"tarn/edge/api/dataapi"
	"tarn/store"
)

func newBackup() *cobra.Command {
	c := &client{}
	var output string
	cmd := &cobra.Command{
		Use: "backup --output FILE", Short: "Write all that a running server has into one file", Args: noArgs,
		Long: `Write all that a running server has into one file: databases, tables, tokens, caches and all rows that were
acknowledged before the backup began. The server goes on. The file is a tar archive with a checksum of every part; it
gets its name when it is whole and was read again.

  tarn backup --output tarn.backup
  tarn backup verify tarn.backup
  tarn restore tarn.backup --data-dir /var/lib/tarn`,
	}
	c.flags(cmd)
	cmd.Flags().StringVarP(&output, "output", "o", "", "file to write")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if output == "" {
			return &usageError{errors.New("where to? use --output FILE")}
		}
		resp, err := c.do(cmd.Context(), http.MethodGet, "/api/v3/backup", nil, "", nil)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		total, _ := strconv.ParseInt(resp.Header.Get(dataapi.BytesHeader), 10, 64)
		progress := newProgress(cmd, total)
		tmp := output + ".tmp"
		if err := saveSync(tmp, io.TeeReader(resp.Body, progress)); err != nil {
			return err
		}
		progress.end()
		info, err := verifyBackup(cmd, tmp)
		if err == nil {
			err = os.Rename(tmp, output)
		}
		if err != nil {
			return errors.Join(fmt.Errorf("backup: %w", err), os.Remove(tmp))
		}
		return say(cmd, "%s: %s", output, describeBackup(info))
	}
	verify := &cobra.Command{Use: "verify FILE", Short: "Check every checksum of a backup", Args: one, RunE: func(cmd *cobra.Command, args []string) error {
		info, err := verifyBackup(cmd, args[0])
		if err != nil {
			return err
		}
		return say(cmd, "%s is whole: %s", args[0], describeBackup(info))
	}}
	cmd.AddCommand(verify)
	return cmd
}

func describeBackup(i store.BackupInfo) string {
	return fmt.Sprintf("%d files, %s, %d rows, taken at %s", i.Files, humanize.IBytes(uint64(i.Bytes)), i.Rows, i.TakenAt.Format("2006-01-02T15:04:05Z"))
}

func verifyBackup(cmd *cobra.Command, path string) (store.BackupInfo, error) {
	f, err := os.Open(path)
	if err != nil {
		return store.BackupInfo{}, err
	}
	defer f.Close()
	return store.VerifyBackup(cmd.Context(), f)
}

// saveSync writes a file for good, or leaves none.
func saveSync(path string, r io.Reader) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("--output: %w", err)
	}
	_, err = io.Copy(f, r)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write %s: %w", path, errors.Join(err, os.Remove(path)))
	}
	return nil
}

func newRestore() *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use: "restore FILE --data-dir DIR", Short: "Make a data directory of a backup", Args: one,
		Long: `Make a data directory of a backup. The directory must be empty or not be there. Every checksum and every page is
checked before a server can start on it. FILE may be - for standard input.`,
	}
	cmd.Flags().StringVar(&dir, "data-dir", "", "directory to restore into")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if dir == "" {
			return &usageError{errors.New("where to? use --data-dir DIR")}
		}
		in := cmd.InOrStdin()
		if args[0] != "-" {
			f, err := os.Open(args[0])
			if err != nil {
				return err
			}
			defer f.Close()
			in = f
		}
		info, err := store.RestoreBackup(cmd.Context(), in, store.Options{Dir: dir})
		if err != nil {
			return err
		}
		return say(cmd, "%s: %s", dir, describeBackup(info))
	}
	return cmd
}
