// Package systemd holds the unit that `tarn service install` writes.
package systemd

import _ "embed"

// Unit is a template of kardianos/service's: .Path, .Arguments and the
// functions cmd and cmdEscape are its own.
//
//go:embed tarn.service.tmpl
var Unit string
