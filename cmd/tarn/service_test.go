package main

import (
	"strings"
	"testing"
)

// TestReachable: a binary that the unit hides from itself is not installed.
func TestReachable(t *testing.T) {
	for binary, want := range map[string]string{
		"/usr/local/bin/tarn": "", "/opt/tarn": "", "/homes/tarn": "", "/srv/home/tarn": "",
		"/home/pi/tarn": "without access to /home,", "/root/bin/tarn": "without access to /root,", "/tmp/tarn": "without access to /tmp,",
	} {
		err := reachable(binary)
		if got := err == nil; got != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", binary, err)
		}
	}
}
