package web_test

import (
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"regexp"
	"strings"
	"testing"

	"tarn/web"
)

// maxWeight is what the whole page may weigh, uncompressed.
const maxWeight = 150 << 10

// forbidden is what the page must not contain, whatever it looks like in a
// browser: the policy would block most of it, too late to notice.
var forbidden = map[string]*regexp.Regexp{
	"another host":           regexp.MustCompile(`(https?:)?//[a-z0-9.-]+\.[a-z]{2,}`),
	"an inline script":       regexp.MustCompile(`<script[^>]*>[^<]|\son[a-z]+="`),
	"an inline style":        regexp.MustCompile(`<style|\sstyle="`),
	"markup made of strings": regexp.MustCompile(`innerHTML|outerHTML|insertAdjacentHTML|document\.write`),
	"code made of strings":   regexp.MustCompile(`\beval\(|new Function\(`),
}

func TestFiles(t *testing.T) {
	weight := 0
	files := os.DirFS("static")
	err := fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		weight += len(data)
		text := strings.ReplaceAll(string(data), "http://www.w3.org/2000/svg", "")
		for what, pattern := range forbidden {
			if found := pattern.FindString(text); found != "" {
				t.Errorf("%s has %s: %s", name, what, found)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if weight > maxWeight {
		t.Errorf("the page weighs %d bytes, more than %d", weight, maxWeight)
	}
}

func serve(t *testing.T, name, up string, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	p, err := web.New()
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	p.Serve(w, r, name, up)
	return w
}

// TestLinks follows the links of the page and of its modules, wherever it is
// served.
func TestLinks(t *testing.T) {
	links := regexp.MustCompile(`(?:src|href)="([^#"][^"]*)"`)
	imports := regexp.MustCompile(`(?m)^import .* from "(.*)";$`)
	for _, c := range []struct{ folder, up string }{{"/", "dashboard/"}, {"/dashboard/", ""}, {"/dashboard/some/where", "../"}} {
		body := serve(t, "index.html", c.up).Body.String()
		found := links.FindAllStringSubmatch(body, -1)
		if len(found) < 3 {
			t.Fatalf("links of the page: %v", found)
		}
		for _, m := range found {
			full := path.Join(path.Dir(c.folder+"x"), m[1])
			name, ok := strings.CutPrefix(full, "/dashboard/")
			if _, err := os.Stat("static/" + name); !ok || err != nil {
				t.Errorf("from %s the link %s leads to %s", c.folder, m[1], full)
			}
		}
	}
	modules, err := fs.Glob(os.DirFS("static"), "*.js")
	if err != nil || len(modules) < 5 {
		t.Fatal(modules, err)
	}
	used := map[string]bool{"app.js": true}
	for _, name := range modules {
		data, err := os.ReadFile("static/" + name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range imports.FindAllStringSubmatch(string(data), -1) {
			used[path.Clean(m[1])] = true
			if _, err := os.Stat("static/" + m[1]); err != nil {
				t.Errorf("%s imports %s: %v", name, m[1], err)
			}
		}
	}
	for _, name := range modules {
		if !used[name] {
			t.Errorf("nobody uses %s", name)
		}
	}
}

func TestServe(t *testing.T) {
	for name, want := range map[string]string{
		"index.html": "text/html; charset=utf-8", "no/such": "text/html; charset=utf-8", "": "text/html; charset=utf-8",
		"app.js": "text/javascript; charset=utf-8", "style.css": "text/css; charset=utf-8", "icon.svg": "image/svg+xml",
	} {
		w := serve(t, name, "")
		h := w.Header()
		if w.Code != http.StatusOK || h.Get("Content-Type") != want || w.Body.Len() == 0 {
			t.Errorf("%q: %d, %s, %d bytes", name, w.Code, h.Get("Content-Type"), w.Body.Len())
		}
		policy := h.Get("Content-Security-Policy")
		for _, part := range []string{"default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'"} {
			if !strings.Contains(policy, part) {
				t.Errorf("%q: no %s in the policy", name, part)
			}
		}
		if strings.Contains(policy, "unsafe") || strings.Contains(policy, "*") {
			t.Errorf("the policy is loose: %s", policy)
		}
		if h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("%q: headers %v", name, h)
		}
		again := serve(t, name, "", "If-None-Match", h.Get("ETag"))
		if again.Code != http.StatusNotModified || again.Body.Len() != 0 {
			t.Errorf("%q asked for again: %d", name, again.Code)
		}
	}
	if a, b := serve(t, "", "").Header().Get("ETag"), serve(t, "", "dashboard/").Header().Get("ETag"); a == b {
		t.Error("the page in two folders has one ETag:", a)
	}
}

func ExamplePage_Serve() {
	p, err := web.New()
	if err != nil {
		panic(err)
	}
	w := httptest.NewRecorder()
	p.Serve(w, httptest.NewRequest(http.MethodHead, "/dashboard/icon.svg", nil), "icon.svg", "")
	fmt.Println(w.Code, w.Header().Get("Content-Type"))
	// Output: 200 image/svg+xml
}
