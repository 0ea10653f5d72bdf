package engine

import (
	"strings"
	"testing"
)

func TestRequirement(t *testing.T) {
	for _, good := range []string{"pint", "scipy==1.9.0", "influxdb3-python[pandas]>=0.10,<1", "7zip", `requests; python_version < "3.12"`} {
		if !requirement(good) {
			t.Errorf("%q was refused", good)
		}
	}
	for _, bad := range []string{"", "-i", "--index-url=x", "-r/etc/passwd", "./x", "/tmp/x", "x @ file:///tmp/x", "git+https://h/x", "a\n-i", `C:\x`, strings.Repeat("a", 201)} {
		if requirement(bad) {
			t.Errorf("%q was taken", bad)
		}
	}
}

func TestLastLines(t *testing.T) {
	if got := lastLines("a\nWARNING: Retrying (Retry(total=4))\nb\n"); got != "a\nb" {
		t.Errorf("%q", got)
	}
	if got := lastLines(strings.Repeat("x\n", 50)); strings.Count(got, "x") != 20 {
		t.Errorf("%q", got)
	}
}
