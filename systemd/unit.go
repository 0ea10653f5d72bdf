// Package systemd holds the unit that `tarn service install` writes.
package systemd

import _ "embed"

// Unit is a template of kardianos/service's own engine (not text/template),
// which gives it Description, Path, Arguments and the functions cmd and
// cmdEscape.
//
//go:embed tarn.service.tmpl
var Unit string
