package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestThisMachine reads a Raspberry Pi with the data on a stick.
func TestThisMachine(t *testing.T) {
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(root, "my stick", "tarn")
	if err := os.MkdirAll(data, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"proc/device-tree/model":    "Raspberry Pi 3 Model B Rev 1.2\x00",
		"proc/sys/kernel/osrelease": "6.6.31+rpt-rpi-v8\n",
		"etc/os-release":            "NAME=\"Debian\"\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n",
		"proc/meminfo":              "MemTotal:         944264 kB\nMemFree: 1 kB\n",
		"proc/self/cgroup":          "0::/system.slice/tarn.service\n",
		"sys/fs/cgroup/system.slice/tarn.service/memory.max": "536870912\n",
		"proc/uptime": "1234.56 4000.00\n",
		"proc/self/mountinfo": "22 1 179:2 / / rw,noatime shared:1 - ext4 /dev/mmcblk0p2 rw\n" +
			"30 22 8:1 / " + root + "/my\\040stick rw,nosuid - vfat /dev/sda1 rw,uid=0\n" +
			"31 22 8:2 / " + root + "/my rw - xfs /dev/sdb1 rw\nnonsense\n",
	} {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want := machine{Model: "Raspberry Pi 3 Model B Rev 1.2", System: "Debian GNU/Linux 12 (bookworm)", Kernel: "6.6.31+rpt-rpi-v8",
		Memory: 944264 << 10, MemoryLimit: 512 << 20, Up: 1234 * time.Second,
		FileSystem: fileSystem{Type: "vfat", Device: "/dev/sda1", Mount: root + "/my stick", Options: "rw,nosuid"}}
	if got := thisMachine(root, data); got != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if got := mountOf("/var/lib/tarn", "22 1 179:2 / / rw,noatime shared:1 - ext4 /dev/mmcblk0p2 rw\n"); got.Device != "/dev/mmcblk0p2" || got.Mount != "/" {
		t.Errorf("the root: %+v", got)
	}
	// Where nothing can be read nothing is said.
	if got := thisMachine(t.TempDir(), data); got.Model != "" || got.Memory != 0 || got.FileSystem != (fileSystem{}) {
		t.Errorf("an empty machine: %+v", got)
	}
}
