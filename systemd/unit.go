// Package systemd holds the unit of the packages, and the one that `tarn service
// install` writes.
package systemd

import (
	_ "embed"
	"strings"
)

//go:embed tarn.service
var packaged string

// Packaged is the unit that the packages install.
func Packaged() string { return packaged }

// Template is the same unit for a binary anywhere, run as a user that exists
// while the service does. It is a template of kardianos/service's own engine (not
// text/template), which gives it Description, Path, Arguments and the functions
// cmd and cmdEscape.
func Template() string {
	var b strings.Builder
	for line := range strings.Lines(packaged) {
		switch name, _, _ := strings.Cut(line, "="); name {
		case "Description":
			line = "Description={{Description}}\n"
		case "Documentation": // the packages bring the manual page
			continue
		case "ExecStart":
			line = "ExecStart={{Path|cmdEscape}}{{range Arguments}} {{.|cmd}}{{end}}\n"
		case "Group":
			line = "Group=tarn\nDynamicUser=yes\n"
		}
		b.WriteString(line)
	}
	return b.String()
}
