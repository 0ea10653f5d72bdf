package main

import (
	"bytes"
	"compress/gzip"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
	"github.com/spf13/pflag"
)

var (
	update    = flag.Bool("update", false, "write packaging/tarn.toml anew")
	manualDir = flag.String("manual", "", "directory to write manual pages and completions to")
)

const settingsFile = "../../packaging/tarn.toml"

// active are the settings that the packages make.
var active = map[string]string{"admin-token-file": `"/etc/tarn/admin-token.json"`}

// examples stand for settings whose default is nothing that can be written.
var examples = map[string]string{
	"memory-limit": `"256MB"`, "max-disk-bytes": `"8GB"`, "sync-bandwidth": `"1MB"`,
	"admin-token-recovery-http-bind": `"127.0.0.1:8182"`,
	"tls-cert":                       `"/etc/tarn/tls.crt"`, "tls-key": `"/etc/tarn/tls.key"`,
	"disable-authz": `["health", "ping", "metrics"]`, "plugin-dir": `"/var/lib/tarn/plugins"`,
	"sync-target": `["s3://BUCKET/PREFIX?endpoint=https://HOST:PORT&credentials-file=/etc/tarn/s3"]`,
}

// settings writes the file of all settings of serve, with what they do.
func settings(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	b.WriteString(`# Settings of the Tarn server. Each is also a flag of "tarn serve" (--http-bind)
# and an environment variable (TARN_HTTP_BIND); flags win over variables, and
# those over this file. A line that begins with # shows a setting's default, or an
# example where there is none. After a change: systemctl restart tarn

`)
	flags := newServe().Flags()
	flags.SortFlags = false
	used := 0
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Name == "config" || f.Name == "help" {
			return
		}
		value, is := active[f.Name]
		comment := ""
		if is {
			used++
		} else {
			comment = "#"
			if value, is = examples[f.Name]; is {
				used++
			} else {
				value = tomlDefault(f)
			}
		}
		if _, is := examples[f.Name]; is && f.DefValue != "" && f.DefValue != "[]" {
			t.Errorf("%s has the default %s and needs no example", f.Name, f.DefValue)
		}
		fmt.Fprintf(&b, "# %s\n%s%s = %s\n\n", f.Usage, comment, f.Name, value)
	})
	if used != len(active)+len(examples) {
		t.Errorf("%d of %d settings with a value of their own are there", used, len(active)+len(examples))
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// tomlDefault is a flag's default as TOML.
func tomlDefault(f *pflag.Flag) string {
	switch f.Value.Type() {
	case "bool", "int", "float64":
		return f.DefValue
	case "stringSlice", "stringArray":
		return f.DefValue // [] is what both write
	}
	return fmt.Sprintf("%q", f.DefValue)
}

// TestSettingsFile: the file in the packages has every setting with its default,
// and every line of it, with or without its #, is one that serve takes.
func TestSettingsFile(t *testing.T) {
	want := settings(t)
	if *update {
		if err := os.WriteFile(settingsFile, want, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(settingsFile)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("packaging/tarn.toml is not what the flags of serve say; write it anew: go test -run TestSettingsFile ./cmd/tarn -update")
	}
	read := func(name string, lines []string) *pflag.FlagSet {
		t.Helper()
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")), 0o600); err != nil {
			t.Fatal(err)
		}
		flags := newServe().Flags()
		if err := fillFlags(flags, path); err != nil {
			t.Error(err)
		}
		return flags
	}
	var as, all []string
	for line := range strings.Lines(string(got)) {
		line = strings.TrimSpace(line)
		as = append(as, line)
		if strings.HasPrefix(line, "#") && !strings.HasPrefix(line, "# ") {
			line = line[1:]
		}
		all = append(all, line)
	}
	read("as it is", as).VisitAll(func(f *pflag.Flag) {
		if _, ours := active[f.Name]; f.Value.String() != f.DefValue && !ours {
			t.Errorf("as it is, %s is %s, not the default %s", f.Name, f.Value, f.DefValue)
		}
	})
	read("all of it", all).VisitAll(func(f *pflag.Flag) {
		_, example := examples[f.Name]
		_, ours := active[f.Name]
		if f.Value.String() != f.DefValue && !example && !ours {
			t.Errorf("the shown %s is %s, not the default %s", f.Name, f.Value, f.DefValue)
		}
		if (example || ours) && f.Name != "config" && f.Name != "sync-target" && f.Value.String() == f.DefValue {
			t.Errorf("the value of %s is the default", f.Name)
		}
	})
}

// TestManual: every command has a manual page and the shells their completions.
// With -manual DIR they are kept there: the packages are made of them.
func TestManual(t *testing.T) {
	dir := *manualDir
	if dir == "" {
		dir = t.TempDir()
	}
	root := newRoot()
	root.DisableAutoGenTag = true
	root.InitDefaultCompletionCmd()
	pages := filepath.Join(dir, "man")
	if err := os.MkdirAll(pages, 0o755); err != nil {
		t.Fatal(err)
	}
	made := time.Now()
	// The same sources are to make the same packages.
	if epoch, err := strconv.ParseInt(os.Getenv("SOURCE_DATE_EPOCH"), 10, 64); err == nil {
		made = time.Unix(epoch, 0)
	}
	if err := doc.GenManTree(root, &doc.GenManHeader{Section: "1", Source: "tarn " + version, Manual: "Tarn", Date: &made}, pages); err != nil {
		t.Fatal(err)
	}
	serve, err := os.ReadFile(filepath.Join(pages, "tarn-serve.1"))
	if err != nil {
		t.Fatal(err)
	}
	newServe().Flags().VisitAll(func(f *pflag.Flag) {
		if !bytes.Contains(serve, []byte(`\fB--`+f.Name+`\fP`)) {
			t.Errorf("tarn-serve(1) lacks --%s", f.Name)
		}
	})
	list, err := filepath.Glob(filepath.Join(pages, "*.1"))
	if err != nil || len(list) < 20 {
		t.Fatalf("%d manual pages, %v", len(list), err)
	}
	for _, path := range list {
		packed(t, path)
	}
	for name, write := range map[string]func(string) error{
		"tarn.bash": func(p string) error { return root.GenBashCompletionFileV2(p, true) },
		"_tarn":     root.GenZshCompletionFile,
		"tarn.fish": func(p string) error { return root.GenFishCompletionFile(p, true) },
	} {
		if err := write(filepath.Join(dir, name)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	var check func(*cobra.Command)
	check = func(c *cobra.Command) {
		if c.Short == "" {
			t.Errorf("%s has no short description", c.CommandPath())
		}
		for _, sub := range c.Commands() {
			check(sub)
		}
	}
	check(root)
}

// packed replaces a file by its gzipped form, as policy wants manual pages.
func packed(t *testing.T, path string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := z.Write(text); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path+".gz", b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}
