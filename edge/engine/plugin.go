package engine

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// maxSource bounds a plugin's file.
const maxSource = 4 << 20

// PluginError is a plugin that cannot be found or read: a mistake of the user.
type PluginError struct{ msg string }

func (e *PluginError) Error() string { return e.msg }

func traversal(name string) error {
	return &PluginError{"Path traversal detected: plugin filename '" + name + "' attempts to access files outside the plugin directory"}
}

// resolve finds a path below the plugin directory. Symbolic links must not lead
// out of it; what does not exist yet is judged by its deepest directory that
// does.
func (e *Engine) resolve(name string) (string, error) {
	if e.dir == "" {
		return "", ErrNoDir
	}
	clean := filepath.FromSlash(name)
	if filepath.IsAbs(clean) {
		// An absolute path may name what is in the directory.
		rel, err := filepath.Rel(e.dir, clean)
		if err != nil {
			return "", traversal(name)
		}
		clean = rel
	}
	if name == "" || !filepath.IsLocal(clean) || filepath.Clean(clean) == "." {
		return "", traversal(name)
	}
	for _, part := range strings.Split(filepath.Clean(clean), string(filepath.Separator)) {
		if strings.HasPrefix(part, ".") || strings.ContainsRune(part, 0) {
			return "", traversal(name) // the virtual environment is there
		}
	}
	path := filepath.Join(e.dir, clean)
	for at := path; ; at = filepath.Dir(at) {
		real, err := filepath.EvalSymlinks(at)
		if errors.Is(err, fs.ErrNotExist) && at != e.dir {
			if _, err := os.Lstat(at); err == nil {
				return "", traversal(name) // a link to nowhere
			}
			continue
		}
		if err != nil {
			return "", traversal(name)
		}
		if real != e.dir && !strings.HasPrefix(real, e.dir+string(filepath.Separator)) {
			return "", traversal(name)
		}
		return path, nil
	}
}

// fileState is a loaded plugin and how its files looked.
type fileState struct {
	stamp string
	code  *code
}

// load reads a plugin, if it has changed since the last time.
func (e *Engine) load(ctx context.Context, name string) (*code, error) {
	if rest, ok := strings.CutPrefix(name, "gh:"); ok {
		return e.fetch(ctx, rest)
	}
	path, err := e.resolve(name)
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, &PluginError{"reading plugin file: Plugin not found: " + path}
	}
	e.mu.Lock()
	old := e.files[path]
	e.mu.Unlock()
	state := &fileState{}
	if info.IsDir() {
		if _, err := os.Stat(filepath.Join(path, "__init__.py")); err != nil {
			return nil, &PluginError{"reading plugin file: Multi-file plugin directory must contain __init__.py: " + path}
		}
		if state.stamp, err = directoryStamp(path); err != nil {
			return nil, &PluginError{"reading plugin file: " + err.Error()}
		}
		state.code = &code{sha: state.stamp, root: filepath.Dir(path), name: filepath.Base(path)}
	} else {
		state.stamp = stampOf(info)
		if old != nil && old.stamp == state.stamp {
			return old.code, nil
		}
		source, err := readBounded(path)
		if err != nil {
			if old != nil {
				return old.code, nil // it is being written
			}
			return nil, &PluginError{"reading plugin file: " + err.Error()}
		}
		state.code = codeOf(source)
	}
	e.mu.Lock()
	e.files[path] = state
	e.mu.Unlock()
	return state.code, nil
}

func readBounded(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readSource(f)
}

func readSource(r io.Reader) ([]byte, error) {
	source, err := io.ReadAll(io.LimitReader(r, maxSource+1))
	if err == nil && len(source) > maxSource {
		err = fmt.Errorf("a plugin may have %d bytes", maxSource)
	}
	return source, err
}

func stampOf(i fs.FileInfo) string {
	return fmt.Sprintf("%d %d %d", i.ModTime().UnixNano(), i.Size(), inode(i))
}

// directoryStamp changes with any Python file of a package.
func directoryStamp(path string) (string, error) {
	sum := sha256.New()
	n := 0
	err := filepath.WalkDir(path, func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && d.Name() == "__pycache__":
			return filepath.SkipDir
		case !strings.HasSuffix(p, ".py"):
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if n++; n > 1000 {
			return errors.New("a plugin may have 1000 files")
		}
		fmt.Fprintln(sum, p, stampOf(info))
		return nil
	})
	return hex.EncodeToString(sum.Sum(nil)), err
}

// fetch gets a plugin of a repository. The last good copy is kept for a gateway
// without an uplink.
func (e *Engine) fetch(ctx context.Context, path string) (*code, error) {
	if e.dir == "" {
		return nil, ErrNoDir
	}
	if e.opts.DirOnly {
		return nil, &PluginError{errDirOnly.Error()}
	}
	if !filepath.IsLocal(filepath.FromSlash(path)) {
		return nil, traversal("gh:" + path)
	}
	sum := sha256.Sum256([]byte(path))
	kept := filepath.Join(e.dir, ".gh", hex.EncodeToString(sum[:])+".py")
	source, err := e.download(ctx, strings.TrimSuffix(e.opts.Repository, "/")+"/"+path)
	var refused *PluginError
	switch {
	case err == nil:
		if err := os.MkdirAll(filepath.Dir(kept), 0o755); err == nil {
			_ = os.WriteFile(kept, source, 0o644) // only a copy
		}
	case errors.As(err, &refused):
		return nil, err
	default:
		old, readErr := readBounded(kept)
		if readErr != nil {
			return nil, &PluginError{"error getting plugin from repository"}
		}
		e.opts.Logger.Warn("the plugin repository cannot be reached; the copy of the last time is used", "plugin", "gh:"+path, "error", err)
		source = old
	}
	return codeOf(source), nil
}

func (e *Engine) download(ctx context.Context, url string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, &PluginError{"error fetching plugin from repository: " + resp.Status + " " + url}
	}
	return readSource(resp.Body)
}
