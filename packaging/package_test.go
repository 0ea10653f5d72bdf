package packaging

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// run executes a command from the top of the tree.
func run(t *testing.T, env []string, name string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = ".."
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func must(t *testing.T, env []string, name string, args ...string) string {
	t.Helper()
	out, err := run(t, env, name, args...)
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return out
}

// newNFPM builds nfpm, or skips the test where its modules cannot be had.
func newNFPM(t *testing.T) string {
	t.Helper()
	if path := os.Getenv("TARN_NFPM"); path != "" {
		return path
	}
	path := filepath.Join(t.TempDir(), "nfpm")
	if out, err := run(t, []string{"CGO_ENABLED=0"}, "go", "-C", "packaging/tools", "build", "-o", path, "github.com/goreleaser/nfpm/v2/cmd/nfpm"); err != nil {
		t.Skipf("left out: nfpm cannot be built here: %v\n%s", err, out)
	}
	return path
}

// TestPackages makes the packages for this machine, checks what is in them, and
// has dpkg work with them.
func TestPackages(t *testing.T) {
	if testing.Short() {
		t.Skip("left out with -short: builds nfpm and the packages")
	}
	switch runtime.GOARCH {
	case "amd64", "arm64", "arm":
	default:
		t.Skip("left out: there are no packages for " + runtime.GOARCH)
	}
	nfpm := newNFPM(t)
	binary := filepath.Join(t.TempDir(), "tarn")
	must(t, []string{"CGO_ENABLED=0"}, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", binary, "./cmd/tarn")
	dir := t.TempDir()
	for n, version := range map[string]string{"1": "0.0.1", "2": "0.0.2"} {
		must(t, []string{"NFPM=" + nfpm, "BINARY=" + binary, "VERSION=" + version, "OUT=" + filepath.Join(dir, n)}, "sh", "packaging/build.sh", runtime.GOARCH)
	}
	t.Run("sums", func(t *testing.T) { checkSums(t, filepath.Join(dir, "1")) })
	t.Run("contents", func(t *testing.T) { checkContents(t, filepath.Join(dir, "1")) })
	t.Run("life", func(t *testing.T) { liveWithDpkg(t, dir) })
}

// checkSums: the list names every file with its checksum.
func checkSums(t *testing.T, dir string) {
	text, err := os.ReadFile(filepath.Join(dir, "SHA256SUMS"))
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		sum, name, _ := strings.Cut(strings.TrimSpace(line), "  ")
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if got := sha256.Sum256(data); hex.EncodeToString(got[:]) != sum {
			t.Errorf("%s has another checksum", name)
		}
		kinds[filepath.Ext(name)] = true
	}
	for _, want := range []string{".deb", ".rpm", ".gz"} {
		if !kinds[want] && (want != ".rpm" || runtime.GOARCH != "arm") { // armv6 has no .rpm
			t.Errorf("no %s in %s", want, text)
		}
	}
}

// checkContents: the .deb holds what a person looks for.
func checkContents(t *testing.T, dir string) {
	if _, err := exec.LookPath("dpkg-deb"); err != nil {
		t.Skip("left out: no dpkg-deb on this machine")
	}
	debs, _ := filepath.Glob(filepath.Join(dir, "*.deb"))
	if len(debs) != 1 {
		t.Fatalf("packages: %v", debs)
	}
	list := must(t, nil, "dpkg-deb", "--contents", debs[0])
	for _, want := range []string{"./usr/bin/tarn\n", "./etc/tarn/tarn.toml\n", "./usr/lib/systemd/system/tarn.service\n", "./usr/share/man/man1/tarn.1.gz\n", "./usr/share/man/man1/tarn-serve.1.gz\n",
		"./usr/share/bash-completion/completions/tarn\n", "/_tarn\n", "/tarn.fish\n", "examples/telegraf.conf\n", "examples/grafana/datasources/tarn.yaml\n", "./usr/share/doc/tarn/copyright\n"} {
		if !strings.Contains(list, want) {
			t.Errorf("no %q in the package:\n%s", want, list)
		}
	}
	if got := strings.TrimSpace(must(t, nil, "dpkg-deb", "--field", debs[0], "Version")); got != "0.0.1-1" {
		t.Errorf("version %q", got)
	}
}

// liveWithDpkg runs lifecycle.sh.
func liveWithDpkg(t *testing.T, dir string) {
	if os.Getuid() != 0 {
		t.Skip("left out: dpkg needs root")
	}
	for _, tool := range []string{"dpkg", "unshare", "setpriv", "systemctl", "chroot"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("left out: no %s on this machine", tool)
		}
	}
	for _, d := range []string{"root", "try"} {
		if err := os.Mkdir(filepath.Join(dir, d), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	try := filepath.Join(dir, "try")
	const overlay = `mount -t tmpfs tmpfs "$0" && mkdir "$0/u" "$0/w" "$0/m" && mount -t overlay overlay -o "lowerdir=/,upperdir=$0/u,workdir=$0/w" "$0/m" && mount -t proc proc "$0/m/proc" && chroot "$0/m" true`
	if out, err := run(t, nil, "unshare", "--mount", "--pid", "--fork", "sh", "-c", overlay, try); err != nil {
		t.Skipf("left out: this machine does not allow namespaces and overlayfs: %v\n%s", err, out)
	}
	if out, err := run(t, nil, "dpkg-query", "-W", "-f", "${Status}", "tarn"); err == nil {
		t.Skipf("left out: tarn is a package of this machine: %s", out)
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := free.Addr().(*net.TCPAddr).Port
	if err := free.Close(); err != nil {
		t.Fatal(err)
	}
	out, err := run(t, nil, "unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "packaging/lifecycle.sh", dir, fmt.Sprint(port))
	if err != nil || !strings.Contains(out, "== done") {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Log(out)
}
