package systemd

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestUnits has systemd's own tools look at both units: nothing to complain
// about, and an exposure of at most 1.5 of 10.
func TestUnits(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	installed := Template()
	for _, r := range [][2]string{{"{{Description}}", "Tarn"}, {"{{Path|cmdEscape}}", self}, {"{{range Arguments}} {{.|cmd}}{{end}}", " serve"}} {
		if strings.Count(installed, r[0]) != 1 {
			t.Fatalf("the template has no %s:\n%s", r[0], installed)
		}
		installed = strings.Replace(installed, r[0], r[1], 1)
	}
	if strings.Contains(installed, "{{") || !strings.Contains(installed, "DynamicUser=yes") {
		t.Errorf("the installed unit:\n%s", installed)
	}
	for _, want := range []string{"Type=notify", "WatchdogSec=", "MemoryMax=", "TasksMax=", "Restart=on-failure"} {
		if !strings.Contains(Packaged(), want) || !strings.Contains(installed, want) {
			t.Errorf("a unit has no %s", want)
		}
	}
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		t.Skip("left out: systemd-analyze is not on this machine")
	}
	for name, unit := range map[string]string{"packaged": strings.Replace(Packaged(), "/usr/bin/tarn", self, 1), "installed": installed} {
		path := filepath.Join(t.TempDir(), "tarn.service")
		if err := os.WriteFile(path, []byte(unit), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, args := range [][]string{{"verify", "--man=no", path}, {"security", "--no-pager", "--offline=true", "--threshold=15", path}} {
			out, err := exec.Command("systemd-analyze", args...).CombinedOutput()
			if err != nil || args[0] == "verify" && len(out) > 0 {
				t.Errorf("%s: systemd-analyze %s: %v\n%s", name, args[0], err, out)
			}
		}
	}
}
