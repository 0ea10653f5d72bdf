package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"tarn/store/vfs"
)

// A virtual environment belongs to one minor version of Python. After an upgrade
// of the system's Python it is moved aside and made anew, with the packages that
// the last install left there (spec/processing-engine.md section 7.9). All of
// this lies beside the environment DIR: the list in DIR.packages, the old
// environment in DIR.stale, which goes once its packages are back.

func (e *Engine) packageList() string { return e.venv() + ".packages" }
func (e *Engine) staleVenv() string   { return e.venv() + ".stale" }

func isVenv(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "pyvenv.cfg"))
	return err == nil
}

// madeFor is the version of Python, 3.11, that an environment was made for, or
// empty.
func madeFor(venv string) string {
	text, err := os.ReadFile(filepath.Join(venv, "pyvenv.cfg"))
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) {
		key, value, _ := strings.Cut(line, "=")
		// The latter is virtualenv's.
		if key = strings.TrimSpace(key); key != "version" && key != "version_info" {
			continue
		}
		if parts := strings.SplitN(strings.TrimSpace(value), ".", 3); len(parts) > 1 {
			return parts[0] + "." + parts[1]
		}
	}
	return ""
}

// probe asks an interpreter for the program behind it and its version, 3.11.
func (e *Engine) probe(path string) (program, version string, err error) {
	ctx, cancel := context.WithTimeout(e.run, startTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, "-I", "-c", "import sys; print(sys.executable); print('%d.%d' % sys.version_info[:2])")
	cmd.Env = e.environment()
	out, err := cmd.Output()
	if err != nil {
		return "", "", err
	}
	program, version, _ = strings.Cut(strings.TrimSpace(string(out)), "\n")
	return strings.TrimSpace(program), strings.TrimSpace(version), nil
}

// outdated says why the environment cannot be used; empty means that it can, or
// that there is none.
func (e *Engine) outdated() string {
	if !isVenv(e.venv()) {
		if isVenv(e.staleVenv()) {
			return "it could not be made anew before"
		}
		return ""
	}
	python := e.venvPython()
	if python == "" {
		return "its interpreter is gone"
	}
	_, version, err := e.probe(python)
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit) && exit.ExitCode() < 0:
		return "" // ended by a signal: too slow, no memory, or the server stops
	case err != nil:
		return "its interpreter does not run: " + err.Error()
	}
	if made := madeFor(e.venv()); made != "" && made != version {
		return "it was made for Python " + made + " and this is " + version
	}
	return ""
}

// renewOnce looks after the environment before the first worker of this process
// starts. The caller holds starting.
func (e *Engine) renewOnce() {
	if e.renewed {
		return
	}
	why := e.outdated()
	// An install that runs renews it itself, and its environment may be half made.
	if why != "" && !e.installing.TryLock() {
		return
	}
	e.renewed = true
	if why == "" {
		return
	}
	defer e.installing.Unlock()
	log := e.opts.Logger.With("environment", e.venv(), "reason", why)
	_, err := os.Stat(e.packageList())
	switch {
	case e.opts.NoPackages:
		log.Error("the virtual environment cannot be used, and --disable-package-management keeps it as it is; plugins run without it")
	case err != nil:
		log.Error("the virtual environment cannot be used, and there is no list of its packages; plugins run without it until packages are installed again")
	default:
		ctx, cancel := context.WithTimeout(e.run, installTimeout)
		defer cancel()
		if err := e.renew(ctx); err != nil {
			log.Error("the virtual environment cannot be used, and could not be made anew; plugins run without it until the next start or install", "error", err)
			return
		}
		log.Info("the virtual environment was made anew")
	}
}

// renew makes the environment anew with the packages of the list. When that
// fails there is none, and the old one is aside. The caller holds installing.
func (e *Engine) renew(ctx context.Context) error {
	if err := e.moveAside(); err != nil {
		return err
	}
	err := e.makeVenv(ctx)
	if err == nil {
		_, err = e.pipInstall(ctx, "-r", e.packageList())
	}
	if err != nil {
		e.forgetPython()
		return errors.Join(err, os.RemoveAll(e.venv()))
	}
	if err := os.RemoveAll(e.staleVenv()); err != nil {
		e.opts.Logger.Warn("the old virtual environment stays", "error", err)
	}
	return nil
}

// moveAside gives the place of an environment free.
func (e *Engine) moveAside() error {
	e.forgetPython()
	if !isVenv(e.venv()) {
		return nil
	}
	if isVenv(e.staleVenv()) {
		if err := os.RemoveAll(e.staleVenv()); err != nil {
			return fmt.Errorf("remove an older virtual environment: %w", err)
		}
	}
	if err := os.Rename(e.venv(), e.staleVenv()); err != nil {
		return fmt.Errorf("move the virtual environment aside: %w", err)
	}
	return nil
}

// ensureVenv makes the virtual environment with pip if there is none that can be
// used. What packages an old one had and cannot be brought back does not hinder
// an install.
func (e *Engine) ensureVenv(ctx context.Context) error {
	if why := e.outdated(); why != "" {
		_, err := os.Stat(e.packageList())
		if err == nil {
			if err = e.renew(ctx); err == nil {
				return nil
			}
			if ctx.Err() != nil || isVenv(e.venv()) {
				return err
			}
			// The next install replaces the list: the old one stays with what it is of.
			err = errors.Join(err, os.Rename(e.packageList(), filepath.Join(e.staleVenv(), "packages.txt")))
		} else if err = e.moveAside(); err != nil {
			return err
		}
		e.opts.Logger.Error("a virtual environment is begun without the packages of the old one", "reason", why, "old", e.staleVenv(), "error", err)
	}
	return e.makeVenv(ctx)
}

// savePackages writes the list of what is installed. Without it all works until
// Python is upgraded.
func (e *Engine) savePackages(ctx context.Context) {
	cmd := exec.CommandContext(ctx, e.venvPython(), "-m", "pip", "freeze", "--disable-pip-version-check")
	cmd.Dir, cmd.Env = e.dir, e.environment()
	out, err := cmd.Output()
	if err == nil {
		dir, name := filepath.Split(e.packageList())
		err = vfs.WriteFileAtomic(vfs.OS(), filepath.Clean(dir), name, out)
	}
	if err != nil {
		e.opts.Logger.Warn("no list of the installed packages is kept; after an upgrade of Python they must be installed again", "error", err)
	}
}
