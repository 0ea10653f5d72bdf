package store

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// checkOwners says what is wrong with the owners and modes of files below dir:
// whoever runs the server must be able to use them.
func checkOwners(dir string) (findings []Finding) {
	owner := func(info os.FileInfo) (uid uint32, ok bool) {
		st, ok := info.Sys().(*syscall.Stat_t)
		if !ok {
			return 0, false
		}
		return st.Uid, true
	}
	top, err := os.Stat(dir)
	if err != nil {
		return []Finding{{Error, ".", err.Error(), ""}}
	}
	want, known := owner(top)
	err = filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		rel, _ := filepath.Rel(dir, path)
		if err != nil {
			findings = append(findings, Finding{Error, rel, "cannot be looked at: " + err.Error(), ""})
			return nil
		}
		if uid, ok := owner(info); ok && known && uid != want {
			findings = append(findings, Finding{Error, rel, fmt.Sprintf("belongs to user %d, the data directory to user %d", uid, want), fmt.Sprintf("chown %d %s", want, path)})
		}
		switch mode := info.Mode().Perm(); {
		case mode&0o600 != 0o600:
			findings = append(findings, Finding{Error, rel, fmt.Sprintf("its owner may not read and write it (%v)", mode), "chmod u+rw " + path})
		case rel == "catalog.db" && mode&0o077 != 0:
			findings = append(findings, Finding{Warning, rel, fmt.Sprintf("others can read it (%v), and it has the hashes of tokens", mode), "chmod 600 " + path})
		case mode&0o002 != 0 && info.Mode()&os.ModeSymlink == 0:
			findings = append(findings, Finding{Warning, rel, fmt.Sprintf("everybody can write it (%v)", mode), "chmod o-w " + path})
		}
		return nil
	})
	if err != nil {
		findings = append(findings, Finding{Error, ".", err.Error(), ""})
	}
	if err := unix.Access(dir, unix.W_OK); err != nil {
		findings = append(findings, Finding{Warning, ".", "you may not write here: run this as the user that runs the server", ""})
	}
	return findings
}
