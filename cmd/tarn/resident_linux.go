package main

import (
	"bufio"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// unmapStart gives back the pages of the program that only its start needed.
// The kernel maps 64 KB around every page that is touched, and the first
// statement of SQLite touches most of the text: 15 MB that count as resident
// and are reclaimed last, for functions that an idle server does not call
// again. What is called is mapped again from the page cache.
func unmapStart() error {
	program, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return fmt.Errorf("find the program: %w", err)
	}
	maps, err := os.Open("/proc/self/maps")
	if err != nil {
		return fmt.Errorf("read the mappings: %w", err)
	}
	defer maps.Close()
	for lines := bufio.NewScanner(maps); lines.Scan(); {
		// Start-end permissions offset device inode path, see proc(5). What can be
		// written differs from the file by now.
		var start, end uintptr
		var permissions string
		if _, err := fmt.Sscanf(lines.Text(), "%x-%x %s", &start, &end, &permissions); err != nil {
			return fmt.Errorf("read the mappings: %q: %w", lines.Text(), err)
		}
		if !strings.HasSuffix(lines.Text(), " "+program) || strings.Contains(permissions, "w") {
			continue
		}
		if _, _, errno := unix.Syscall(unix.SYS_MADVISE, start, end-start, unix.MADV_DONTNEED); errno != 0 {
			return fmt.Errorf("unmap %x-%x: %w", start, end, errno)
		}
	}
	return nil
}
