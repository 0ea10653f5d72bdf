// Package web holds the page that the server shows to people: static files
// without a framework, without a build step and without any request to another
// host. The page talks to the HTTP API like every other client.
package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
	"time"
)

//go:embed static
var static embed.FS

// index is the page itself.
const index = "index.html"

// policy lets the page load its own files and talk to its own server, and
// nothing else: no inline scripts or styles, no frames, no forms, no eval, and
// no markup made from strings.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; manifest-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

// Page serves the files. It is safe for concurrent use.
type Page struct {
	files map[string]file
}

type file struct {
	content   []byte
	mediaType string
	etag      string
}

// New reads the embedded files.
func New() (*Page, error) {
	p := &Page{files: map[string]file{}}
	root, err := fs.Sub(static, "static")
	if err != nil {
		return nil, fmt.Errorf("embedded page: %w", err)
	}
	err = fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(content)
		p.files[name] = file{content, mediaType(name), `"` + hex.EncodeToString(sum[:8]) + `"`}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("embedded page: %w", err)
	}
	return p, nil
}

// mediaType does not ask the machine's own tables, which may be missing or
// wrong, for the types that a browser insists on.
func mediaType(name string) string {
	switch path.Ext(name) {
	case ".html":
		return "text/html; charset=utf-8"
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	}
	return mime.TypeByExtension(path.Ext(name))
}

// Serve answers with the file of a name below the page's folder, or with the
// page itself when there is none. up leads from the request's folder to the
// page's: "" for the page's own folder, "dashboard/" for its parent.
func (p *Page) Serve(w http.ResponseWriter, r *http.Request, name, up string) {
	f, ok := p.files[name]
	if !ok || name == index {
		f = p.files[index]
		if up != "" {
			// Links are relative, so that the page works behind a proxy that
			// serves it below some other path.
			f.content = bytes.ReplaceAll(f.content, []byte(`="./`), []byte(`="`+up))
			f.etag = strings.TrimSuffix(f.etag, `"`) + "-" + hex.EncodeToString([]byte(up)) + `"`
		}
	}
	h := w.Header()
	h.Set("Content-Type", f.mediaType)
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
	// A browser asks each time and is told "not modified": a new version of the
	// server brings its page along.
	h.Set("Cache-Control", "no-cache")
	h.Set("ETag", f.etag)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(f.content))
}
