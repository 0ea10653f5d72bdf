package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"tarn/edge/query"
	"tarn/store"
	"tarn/store/catalog"
)

// Definition is a trigger as a client asks for it.
type Definition struct {
	Database, Name, Plugin, Specification string
	Async                                 bool
	OnError                               string
	Arguments                             map[string]string
	Disabled                              bool
}

// KindError is a trigger of a kind that the configuration forbids.
type KindError struct{ kind kind }

func (e *KindError) Error() string {
	name := map[kind]string{kindWAL: "WalRows", kindSchedule: "Schedule", kindRequest: "Request"}[e.kind]
	return "invalid request: server is configured to reject " + name + " plugin triggers"
}

// ErrEnabled is the deletion of an enabled trigger.
var ErrEnabled = errors.New("the trigger is enabled")

// allowed says whether triggers of a kind may run.
func (e *Engine) allowed(s Spec) error {
	for _, k := range e.opts.Kinds {
		if k == "wal_flush" {
			k = "wal"
		}
		if k == string(s.kind) {
			return nil
		}
	}
	if len(e.opts.Kinds) == 0 {
		return nil
	}
	return &KindError{s.kind}
}

// Create adds a trigger and, unless it is disabled, starts it.
func (e *Engine) Create(ctx context.Context, d Definition) error {
	spec, specErr := ParseSpec(d.Specification)
	if specErr == nil {
		if err := e.allowed(spec); err != nil {
			return err
		}
	}
	if _, err := e.load(ctx, d.Plugin); err != nil {
		return err
	}
	switch {
	case specErr != nil:
		return specErr
	case d.Database == query.InternalDatabase:
		return &PluginError{"cannot modify internal db"}
	}
	err := e.opts.Store.CreateTrigger(ctx, d.Database, catalog.Trigger{Name: d.Name, Plugin: d.Plugin, Specification: strings.TrimSpace(d.Specification),
		Async: d.Async, OnError: d.OnError, Arguments: d.Arguments, Disabled: d.Disabled})
	if err != nil {
		return err
	}
	if spec.kind == kindSchedule && spec.every == 0 {
		at := e.opts.Now().UTC()
		var times []string
		for range 3 {
			if at = spec.next(at); at.IsZero() {
				break
			}
			times = append(times, at.Format(time.RFC3339))
		}
		e.opts.Logger.Info("schedule created", "trigger", d.Name, "next_runs", strings.Join(times, " "))
	}
	e.reconcile()
	return nil
}

// Delete removes a trigger; an enabled one only by force.
func (e *Engine) Delete(ctx context.Context, database, name string, force bool) error {
	t, err := e.opts.Store.Trigger(database, name)
	if err != nil {
		return err
	}
	if !t.Disabled && !force {
		return fmt.Errorf("%w: %s", ErrEnabled, name)
	}
	if err := e.opts.Store.DeleteTrigger(ctx, database, name); err != nil {
		return err
	}
	e.reconcile()
	return nil
}

// SetDisabled switches a trigger off or on; it may be so already.
func (e *Engine) SetDisabled(ctx context.Context, database, name string, disabled bool) error {
	t, err := e.opts.Store.Trigger(database, name)
	if err != nil {
		return err
	}
	if t.Disabled != disabled {
		if err := e.opts.Store.SetTriggerDisabled(ctx, database, name, disabled); err != nil {
			return err
		}
	}
	if !disabled { // it gets another chance
		e.mu.Lock()
		delete(e.crashes, runnerKey{t.DatabaseID, name})
		e.mu.Unlock()
	}
	e.reconcile()
	return nil
}

// Request is an HTTP request for a plugin.
type Request struct {
	Query, Headers map[string]string
	Body           []byte
}

// Response is a plugin's answer.
type Response struct {
	Status  int
	Headers map[string]string
	Body    []byte
}

// Errors of Serve.
var ErrNoRoute = errors.New("no trigger has this path")

// FailedError is a plugin that failed on a request.
type FailedError struct{ msg string }

func (f *FailedError) Error() string { return f.msg }

// Unavailable is a plugin that cannot be run now.
type Unavailable struct{ Err error }

func (u *Unavailable) Error() string { return u.Err.Error() }

// Unwrap returns the cause.
func (u *Unavailable) Unwrap() error { return u.Err }

// maxWaiting is how many requests wait for a plugin that is busy, each with its
// body in memory.
const maxWaiting = 60

// Serve runs the plugin that has a request path. What it queued is written
// before Serve returns.
func (e *Engine) Serve(ctx context.Context, path string, q Request) (Response, error) {
	e.mu.Lock()
	list := e.routes[path]
	var r *runner
	if len(list) > 0 {
		r = list[len(list)-1]
	}
	e.mu.Unlock()
	if r == nil {
		return Response{}, ErrNoRoute
	}
	if r.waiting.Add(1) > int32(cap(r.slots)+maxWaiting) {
		r.waiting.Add(-1)
		return Response{}, &Unavailable{fmt.Errorf("%d requests wait for this plugin already", maxWaiting)}
	}
	defer r.waiting.Add(-1)
	select {
	case r.slots <- struct{}{}:
		defer func() { <-r.slots }()
	case <-ctx.Done():
		return Response{}, ctx.Err()
	case <-r.ctx.Done():
		return Response{}, &Unavailable{context.Cause(r.ctx)}
	}
	o, err := r.invoke(r.ctx, &call{kind: kindRequest, query: q.Query, headers: q.Headers, body: q.Body})
	if err == nil {
		return Response{o.status, o.headers, o.body}, nil
	}
	text := err.Error()
	if o.raised {
		text = "Python function call failed: " + text
	}
	r.log(levelError, "error running request plugin: "+text)
	r.crashed(err)
	if !o.bad && (errors.Is(err, errNoPython) || errors.Is(err, errStopping)) {
		return Response{}, &Unavailable{err}
	}
	return Response{}, &FailedError{text}
}

// ErrNoTrigger is a name that no trigger has.
var ErrNoTrigger = errors.New("no such trigger")

// File is a file of a plugin.
type File struct{ Path, Content string }

// WriteFile stores a file below the plugin directory.
func (e *Engine) WriteFile(name, content string) error {
	path, err := e.uploadable(name)
	if err != nil {
		return err
	}
	e.opts.Logger.Info("plugin file uploaded", "file", name, "bytes", len(content))
	return writeFile(path, content)
}

func (e *Engine) uploadable(name string) (string, error) {
	if e.dir == "" {
		return "", ErrNoDir
	}
	if e.opts.DirOnly {
		return "", &PluginError{errDirOnly.Error()}
	}
	path, err := e.resolve(name)
	if err == nil && (strings.HasSuffix(name, ".tmp") || strings.HasSuffix(name, ".old")) {
		err = traversal(name)
	}
	return path, err
}

// writeFile puts a file in the place of another at once.
func writeFile(path, content string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".upload-")
	if err != nil {
		return err
	}
	_, err = f.WriteString(content)
	err = errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

// pluginOf finds the file or directory of a trigger, by its name in any
// database.
func (e *Engine) pluginOf(trigger string) (path string, isDir bool, err error) {
	if e.dir == "" {
		return "", false, ErrNoDir
	}
	for _, t := range e.opts.Store.Triggers("") {
		if t.Name != trigger || strings.HasPrefix(t.Plugin, "gh:") {
			continue
		}
		path, err := e.uploadable(t.Plugin)
		if err != nil {
			return "", false, err
		}
		info, err := os.Stat(path)
		return path, err == nil && info.IsDir(), nil
	}
	return "", false, fmt.Errorf("%w: Plugin not found: %s", ErrNoTrigger, trigger)
}

// ReplaceFile replaces the file of a trigger's plugin, of a directory its
// __init__.py.
func (e *Engine) ReplaceFile(trigger, content string) error {
	path, isDir, err := e.pluginOf(trigger)
	if err != nil {
		return err
	}
	if isDir {
		path = filepath.Join(path, "__init__.py")
	}
	e.opts.Logger.Info("plugin replaced", "trigger", trigger, "bytes", len(content))
	return writeFile(path, content)
}

// maxFiles bounds a plugin directory.
const maxFiles = 1000

// ReplaceDirectory replaces all files of a trigger's plugin.
func (e *Engine) ReplaceDirectory(trigger string, files []File) error {
	path, _, err := e.pluginOf(trigger)
	if err != nil {
		return err
	}
	if len(files) > maxFiles {
		return &PluginError{fmt.Sprintf("a plugin may have %d files", maxFiles)}
	}
	for _, f := range files {
		local := filepath.FromSlash(f.Path)
		if f.Path == "" || !filepath.IsLocal(local) || slices.ContainsFunc(strings.Split(local, string(filepath.Separator)), func(p string) bool { return strings.HasPrefix(p, ".") }) {
			return traversal(f.Path)
		}
	}
	next, old := path+".tmp", path+".old"
	if err := errors.Join(os.RemoveAll(next), os.RemoveAll(old), os.Mkdir(next, 0o755)); err != nil {
		return err
	}
	for _, f := range files {
		if err := writeFile(filepath.Join(next, filepath.FromSlash(f.Path)), f.Content); err != nil {
			return errors.Join(err, os.RemoveAll(next))
		}
	}
	moved := os.Rename(path, old) == nil
	if err := os.Rename(next, path); err != nil {
		if moved {
			err = errors.Join(err, os.Rename(old, path))
		}
		return errors.Join(err, os.RemoveAll(next))
	}
	e.opts.Logger.Info("plugin directory replaced", "trigger", trigger, "files", len(files))
	return os.RemoveAll(old)
}

// PluginFile is a row of system.plugin_files.
type PluginFile struct {
	Trigger, Name, Path string
	Bytes, Modified     int64 // Modified in ms since epoch
}

// Files lists the files of the triggers' plugins.
func (e *Engine) Files() []PluginFile {
	var out []PluginFile
	for _, t := range e.opts.Store.Triggers("") {
		path, err := e.resolve(t.Plugin)
		if err != nil || strings.HasPrefix(t.Plugin, "gh:") {
			continue
		}
		info, err := os.Stat(path)
		if err != nil {
			continue
		}
		if !info.IsDir() {
			out = append(out, PluginFile{t.Name, t.Plugin, path, info.Size(), info.ModTime().UnixMilli()})
			continue
		}
		_ = filepath.WalkDir(path, func(p string, d os.DirEntry, err error) error {
			switch {
			case err != nil || len(out) > 10*maxFiles:
				return filepath.SkipAll
			case d.IsDir() && d.Name() == "__pycache__":
				return filepath.SkipDir
			case strings.HasSuffix(p, ".py"):
				if info, err := d.Info(); err == nil {
					rel, _ := filepath.Rel(path, p)
					out = append(out, PluginFile{t.Name, filepath.ToSlash(rel), p, info.Size(), info.ModTime().UnixMilli()})
				}
			}
			return nil
		})
	}
	return out
}

// Stored is a trigger as the system tables show it.
func Stored(t store.Trigger) string {
	s, err := ParseSpec(t.Specification)
	if err != nil {
		return t.Specification
	}
	return s.String()
}
