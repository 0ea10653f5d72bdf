package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// errNoPython is the one sentence that everything answers without Python.
var errNoPython = errors.New("python3 not found (tried --python, the virtual environment, PATH); install Python 3.11+ or set --python")

// interpreter finds Python and remembers where. A version manager's shim is
// asked for the program behind it, which starts much faster.
func (e *Engine) interpreter() (string, error) {
	e.mu.Lock()
	found := e.python
	e.mu.Unlock()
	if found != "" {
		if _, err := os.Stat(found); err == nil {
			return found, nil
		}
	}
	base := "python3"
	if e.opts.Python != "" {
		base = e.opts.Python
	}
	// What was installed is in the environment, which base has made.
	for i, try := range []string{e.venvPython(), base} {
		if try == "" {
			continue
		}
		path, err := exec.LookPath(try)
		if err != nil {
			continue
		}
		program, version, err := e.probe(path)
		if err != nil {
			continue
		}
		if made := madeFor(e.venv()); i == 0 && made != "" && made != version {
			continue // of another Python, whose packages this one does not see
		}
		found = program
		e.mu.Lock()
		e.python = found
		e.mu.Unlock()
		return found, nil
	}
	if e.opts.Python != "" {
		return "", fmt.Errorf("--python %s: %w", e.opts.Python, errNoPython)
	}
	return "", errNoPython
}

// forgetPython makes the next start look again.
func (e *Engine) forgetPython() {
	e.mu.Lock()
	e.python = ""
	e.mu.Unlock()
}

func (e *Engine) venv() string {
	if e.opts.VirtualEnv != "" {
		return e.opts.VirtualEnv
	}
	return filepath.Join(e.dir, ".venv")
}

// venvPython is the interpreter of the virtual environment, or empty.
func (e *Engine) venvPython() string {
	if _, err := os.Stat(filepath.Join(e.venv(), "pyvenv.cfg")); err != nil {
		return ""
	}
	// After an upgrade of the system's Python its interpreter may be a link to
	// nothing (see renew).
	path := filepath.Join(e.venv(), "bin", "python")
	if runtime.GOOS == "windows" {
		path = filepath.Join(e.venv(), "Scripts", "python.exe")
	}
	if _, err := os.Stat(path); err != nil {
		return ""
	}
	return path
}

// inherited are the variables that every program may have. All others of the
// server, which may hold tokens, plugins get only if they are named by
// --plugin-env.
var inherited = []string{"PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "LC_CTYPE", "TMPDIR", "TMP", "TEMP", "SYSTEMROOT",
	"LD_LIBRARY_PATH", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_CONFIG_FILE",
	"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"}

// environment is the worker's. TZ is UTC because plugins read scheduled times
// both as local and as UTC.
func (e *Engine) environment() []string {
	env := []string{"TZ=UTC", "PYTHONUNBUFFERED=1", "PYTHONNOUSERSITE=1", "PYTHONDONTWRITEBYTECODE=1", "PYTHONUTF8=1", "MALLOC_ARENA_MAX=2",
		"PLUGIN_DIR=" + e.dir, "INFLUXDB3_PLUGIN_DIR=" + e.dir}
	path := os.Getenv("PATH")
	if p := e.venvPython(); p != "" {
		env = append(env, "VIRTUAL_ENV="+e.venv())
		path = filepath.Dir(p) + string(os.PathListSeparator) + path
	}
	for _, name := range append(inherited[:len(inherited):len(inherited)], e.opts.Environment...) {
		if v, ok := os.LookupEnv(name); ok && name != "PATH" {
			env = append(env, name+"="+v)
		}
	}
	return append(env, "PATH="+path)
}

// makeVenv makes the virtual environment with pip where there is none.
func (e *Engine) makeVenv(ctx context.Context) error {
	if e.venvPython() == "" {
		python, err := e.interpreter()
		if err != nil {
			return err
		}
		out, err := e.command(ctx, python, "-m", "venv", "--without-pip", e.venv())
		if err != nil {
			if strings.Contains(out, "No module named") {
				//lint:ignore ST1005 the specification's text
				return errors.New("Python has no venv/ensurepip module; install the distribution's python3-venv package")
			}
			return fmt.Errorf("cannot create virtual environment in %s: %w; set --virtual-env-location: %s", e.venv(), err, lastLines(out))
		}
		e.forgetPython() // the environment's is the one to use now
	}
	if _, err := e.command(ctx, e.venvPython(), "-m", "pip", "--version"); err == nil {
		return nil
	}
	if out, err := e.command(ctx, e.venvPython(), "-m", "ensurepip", "--default-pip"); err != nil {
		if strings.Contains(out, "No module named") {
			//lint:ignore ST1005 the reference's text
			return errors.New("Python has no venv/ensurepip module; install the distribution's python3-venv package")
		}
		return fmt.Errorf("install pip: %w: %s", err, lastLines(out))
	}
	return nil
}

// installTimeout bounds one install.
const installTimeout = 15 * time.Minute

// command runs a program with the plugins' environment and returns what it
// printed, the last 64 KiB.
func (e *Engine) command(ctx context.Context, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Env = e.dir, e.environment()
	detach(cmd)
	cmd.Cancel = func() error { killGroup(cmd); return nil }
	cmd.WaitDelay = 2 * time.Second
	tail := &tailWriter{}
	cmd.Stdout, cmd.Stderr = tail, tail
	err := cmd.Run()
	return string(tail.kept), err
}

// tailWriter keeps the end of what is written.
type tailWriter struct{ kept []byte }

// Write is io.Writer's.
func (t *tailWriter) Write(p []byte) (int, error) {
	t.kept = append(t.kept, p...)
	if len(t.kept) > 128<<10 {
		t.kept = append([]byte(nil), t.kept[len(t.kept)-64<<10:]...)
	}
	return len(p), nil
}

// lastLines is the end of what a program printed, without pip's notes of its
// attempts to reach an index.
func lastLines(text string) string {
	lines := slices.DeleteFunc(strings.Split(strings.TrimSpace(text), "\n"), func(l string) bool { return strings.HasPrefix(l, "WARNING: Retrying") })
	return strings.Join(lines[max(0, len(lines)-20):], "\n")
}

// requirement says whether a text is a package's name with a version, and not an
// option of pip, which could name a foreign index, or a path.
func requirement(text string) bool {
	if text == "" || len(text) > 200 || text[0] == '-' || text[0] == '.' || strings.ContainsAny(text, "/\\:@\n\r") {
		return false
	}
	c := text[0] | 0x20
	return c >= 'a' && c <= 'z' || text[0] >= '0' && text[0] <= '9'
}

// BadPackage is a package name that pip is not given.
type BadPackage struct{ Name string }

func (b *BadPackage) Error() string { return fmt.Sprintf("%q is not the name of a package", b.Name) }

// InstallPackages installs packages into the virtual environment.
func (e *Engine) InstallPackages(ctx context.Context, packages []string) error {
	for _, p := range packages {
		if !requirement(p) {
			return &BadPackage{p}
		}
	}
	return e.install(ctx, packages)
}

// InstallRequirements installs what a file, relative to the plugin directory,
// lists.
func (e *Engine) InstallRequirements(ctx context.Context, location string) error {
	if location == "" || location[0] == '-' {
		return &BadPackage{location}
	}
	if !filepath.IsAbs(location) && !strings.Contains(location, "://") {
		location = filepath.Join(e.dir, location)
	}
	return e.install(ctx, []string{"-r", location})
}

func (e *Engine) install(ctx context.Context, what []string) error {
	switch {
	case e.opts.NoInstalls || e.opts.NoPackages:
		return ErrInstallOff
	case e.dir == "":
		return ErrNoDir
	}
	e.installing.Lock()
	defer e.installing.Unlock()
	ctx, cancel := context.WithTimeout(ctx, installTimeout)
	defer cancel()
	defer context.AfterFunc(e.run, cancel)()
	before, _ := e.interpreter()
	if err := e.ensureVenv(ctx); err != nil {
		return err
	}
	e.opts.Logger.Info("installing Python packages", "what", what)
	out, err := e.pipInstall(ctx, what...)
	if err != nil {
		return err
	}
	e.savePackages(ctx)
	e.forgetPython()
	after, _ := e.interpreter()
	e.mu.Lock()
	w := e.worker
	e.mu.Unlock()
	switch {
	case w == nil:
	case after != before:
		e.opts.Logger.Info("the Python worker is replaced by one of the virtual environment; caches are lost")
		e.retire(w)
	case strings.Contains(out, "Uninstalling "):
		// What is imported already would stay in its old version.
		e.opts.Logger.Info("the Python worker is replaced for an upgraded package; caches are lost")
		e.retire(w)
	default:
		return w.send([]byte(`{"op":"packages"}`), nil)
	}
	return nil
}

// pipInstall runs pip install and returns what it printed.
func (e *Engine) pipInstall(ctx context.Context, what ...string) (string, error) {
	args := []string{"-m", "pip", "install", "--no-input", "--disable-pip-version-check"}
	if e.opts.WheelDir != "" {
		args = append(args, "--find-links", e.opts.WheelDir)
	}
	if e.opts.Offline {
		args = append(args, "--no-index")
	}
	out, err := e.command(ctx, e.venvPython(), append(args, what...)...)
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit) && ctx.Err() == nil:
		text := lastLines(out)
		if e.opts.Offline || strings.Contains(text, "No matching distribution") {
			return out, fmt.Errorf("pip exited with status %d: no matching distribution; if the host has no package index, put wheels in --plugin-wheel-dir: %s", exit.ExitCode(), text)
		}
		return out, fmt.Errorf("pip exited with status %d: %s", exit.ExitCode(), text)
	case err != nil:
		//lint:ignore ST1005 the reference's text
		return out, fmt.Errorf("External call failed: %w", err)
	}
	return out, nil
}
