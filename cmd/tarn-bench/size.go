//go:build linux

package main

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"path/filepath"
	"syscall"
)

func runSize(args []string) error {
	flags := flag.NewFlagSet("size", flag.ContinueOnError)
	dir := flags.String("dir", "", "directory to measure")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *dir == "" {
		return errors.New("size: -dir is required")
	}
	allocated, err := allocatedBytes(*dir)
	if err != nil {
		return err
	}
	fmt.Println(allocated)
	return nil
}

// allocatedBytes returns the bytes of disk blocks that the files under dir
// occupy. File lengths would mislead: influxd preallocates sparse files, and a
// small file takes a whole block.
func allocatedBytes(dir string) (int64, error) {
	const blockSize = 512 // st_blocks counts in these on Linux, whatever the file system's block
	var total int64
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		if stat, ok := info.Sys().(*syscall.Stat_t); ok && info.Mode().IsRegular() {
			total += int64(stat.Blocks) * blockSize
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("measure %s: %w", dir, err)
	}
	return total, nil
}
