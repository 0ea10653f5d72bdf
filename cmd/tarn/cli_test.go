package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
)

// run executes a client verb against a server, in this process.
func run(p *process, args ...string) (string, error) { return runWith(p, "", args...) }

func runWith(p *process, stdin string, args ...string) (string, error) {
	root := newRoot()
	var out bytes.Buffer
	root.SetOut(&out)
	root.SetErr(&out)
	root.SetIn(strings.NewReader(stdin))
	if p != nil {
		args = append(args, "--host", p.url)
	}
	root.SetArgs(args)
	err := root.Execute()
	return out.String(), err
}

// TestVerbs is a session of a person with a server that wants tokens.
func TestVerbs(t *testing.T) {
	p := startProcess(t, t.TempDir())
	fails := func(want string, args ...string) {
		t.Helper()
		if out, err := run(p, args...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %q, %v; want an error with %q", args, out, err, want)
		}
	}
	works := func(want string, args ...string) string {
		t.Helper()
		out, err := run(p, args...)
		if err != nil || !strings.Contains(out, want) {
			t.Fatalf("%q: got %q, %v; want %q", args, out, err, want)
		}
		return out
	}
	fails("tarn create token --admin", "show", "databases")
	out := works("Token: apiv3_", "create", "token", "--admin")
	fails("already exists", "create", "token", "--admin")
	_, token, _ := strings.Cut(out, "Token: ")
	token, _, _ = strings.Cut(token, "\n")
	t.Setenv("TARN_TOKEN", token)

	works(`Database "home" created successfully`, "create", "database", "home", "--retention-period", "3650d")
	fails("already exists", "create", "database", "home")
	works("created successfully", "create", "table", "-d", "home", "doors", "--tags", "floor", "--fields", "open:bool,weight:float64")
	works("success", "write", "-d", "home", "--precision", "s", "room,name=kitchen temp=21.5 "+nowSeconds())
	fails("line 2: ", "write", "-d", "home", "room,name=kitchen temp=21.5\nroom,name=kitchen temp=\n")
	fails("which database?", "query", "SELECT 1")
	works("21.5", "query", "-d", "home", "SELECT temp FROM room")
	works("name,temp\nkitchen,21.5\n", "query", "-d", "home", "--format", "csv", "SELECT name, temp FROM room LIMIT 1")
	file := filepath.Join(t.TempDir(), "out.parquet")
	works("", "query", "-d", "home", "--format", "parquet", "-o", file, "SELECT name, temp FROM room")
	if data, err := os.ReadFile(file); err != nil || !bytes.HasPrefix(data, []byte("PAR1")) {
		t.Errorf("the Parquet file: %v", err)
	}
	fails("no_such_column", "query", "-d", "home", "SELECT no_such_column FROM room")
	fails("--output", "query", "-d", "home", "--format", "parquet", "SELECT 1")
	works("home", "show", "databases")
	works("doors", "show", "tables", "-d", "home")
	works("_admin", "show", "tokens")
	works("Token: apiv3_", "create", "token", "--admin", "--name", "grafana", "--expiry", "90d")
	works("grafana", "show", "tokens")
	fails("not confirmed", "delete", "token", "--token-name", "grafana")
	works("deleted", "delete", "token", "--token-name", "grafana", "--yes")
	works("updated", "update", "database", "home", "--retention-period", "none")
	fails("which table?", "create", "last_cache", "-d", "home")
	works(`Last-value cache "doors_floor_last_cache" of table "home"."doors" created`, "create", "last_cache", "-d", "home", "-t", "doors")
	works(`"open" of table`, "create", "last_cache", "open", "-d", "home", "-t", "doors", "--key-columns", "floor,open", "--value-columns", "weight", "--count", "3", "--ttl", "2 hours")
	fails("invalid key column provided: nosuch", "create", "last_cache", "-d", "home", "-t", "doors", "--key-columns", "nosuch")
	fails("at least a second", "create", "last_cache", "-d", "home", "-t", "doors", "--ttl", "5ms")
	works(`"doors_floor_distinct_cache" of table`, "create", "distinct_cache", "-d", "home", "-t", "doors", "--columns", "floor", "--max-cardinality", "10", "--max-age", "1d12h")
	works("was there already", "create", "distinct_cache", "-d", "home", "-t", "doors", "--columns", "floor", "--max-cardinality", "10", "--max-age", "36h")
	fails("which columns?", "create", "distinct_cache", "-d", "home", "-t", "doors")
	works("", "write", "-d", "home", "doors,floor=1 open=true,weight=2 "+nowSeconds()+"000000000")
	works("floor,open,weight\n1,true,2.0\n", "query", "-d", "home", "--format", "csv", "SELECT floor, open, weight FROM last_cache('doors', 'open')")
	works("floor\n1\n", "query", "-d", "home", "--format", "csv", "SELECT * FROM distinct_cache('doors')")
	works("name,count,ttl\ndoors_floor_last_cache,1,14400\nopen,3,7200\n", "query", "-d", "home", "--format", "csv", "SELECT name, count, ttl FROM system.last_caches")
	works("name,max_cardinality,max_age_seconds\ndoors_floor_distinct_cache,10,129600\n", "query", "-d", "home", "--format", "csv", "SELECT name, max_cardinality, max_age_seconds FROM system.distinct_caches")
	fails("not confirmed", "delete", "last_cache", "open", "-d", "home", "-t", "doors")
	works("deleted", "delete", "last_cache", "open", "-d", "home", "-t", "doors", "--yes")
	fails("not found", "delete", "last_cache", "open", "-d", "home", "-t", "doors", "--yes")
	works("deleted", "delete", "distinct_cache", "doors_floor_distinct_cache", "-d", "home", "-t", "doors", "--yes")
	works("deleted", "delete", "table", "-d", "home", "doors", "--yes", "--hard-delete", "now")
	works("deleted", "delete", "database", "home", "--yes")
	fails("not found", "delete", "database", "home", "--yes")
	fails("unknown flag", "show", "databases", "--nonsense")
	p.stop()
	fails("is `tarn serve` running?", "ping")
}

func nowSeconds() string { return strconv.FormatInt(time.Now().Unix(), 10) }

// TestLongInput is cut into several requests, at ends of lines only.
func TestLongInput(t *testing.T) {
	p := startProcess(t, t.TempDir(), "--without-auth")
	var in strings.Builder
	in.WriteString("# a comment\n\n")
	rows := 0
	for in.Len() < 3*chunkBytes {
		in.WriteString("m,k=a s=\"line\nbreak " + strings.Repeat("x", 1000) + "\" ")
		fmt.Fprintf(&in, "%d\n", 1_767_225_600_000_000_000+int64(rows))
		rows++
	}
	in.WriteString("m,k=a bad\n")
	bad := strings.Count(in.String(), "\n")
	_, err := runWith(p, in.String(), "write", "-d", "d", "--precision", "ns")
	if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("line %d: ", bad)) {
		t.Fatalf("got %v, want line %d refused", err, bad)
	}
	if got := p.query("d", "SELECT count(*) AS n FROM m")[0]["n"]; got != float64(rows) {
		t.Fatalf("%v rows of %d", got, rows)
	}
}

// TestSettings checks which source of a setting wins.
func TestSettings(t *testing.T) {
	file := filepath.Join(t.TempDir(), "tarn.toml")
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var a, b, c, d string
	var limit int64
	flags := func() *pflag.FlagSet {
		f := pflag.NewFlagSet("t", pflag.ContinueOnError)
		f.StringVar(&a, "from-flag", "default", "")
		f.StringVar(&b, "from-env", "default", "")
		f.StringVar(&c, "from-file", "default", "")
		f.StringVar(&d, "from-nowhere", "default", "")
		f.Var(size{&limit}, "limit", "")
		return f
	}
	f := flags()
	if err := f.Parse([]string{"--from-flag", "flag"}); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TARN_FROM_FLAG", "env")
	t.Setenv("TARN_FROM_ENV", "env")
	write("from-flag = \"file\"\nfrom-env = \"file\"\nfrom-file = \"file\"\nlimit = \"64MiB\"\n")
	if err := fillFlags(f, file); err != nil {
		t.Fatal(err)
	}
	if a != "flag" || b != "env" || c != "file" || d != "default" || limit != 64<<20 {
		t.Errorf("got %s %s %s %s %d", a, b, c, d, limit)
	}
	for text, want := range map[string]string{
		"nonsense = 1":       `there is no setting "nonsense"`,
		"limit = \"plenty\"": "want a size such as 64MB",
		"limit = ":           "tarn.toml",
	} {
		write(text)
		if err := fillFlags(flags(), file); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
	}
}

// TestOfflineToken makes a token file and starts a server with it.
func TestOfflineToken(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "token.json")
	if out, err := run(nil, "create", "token", "--admin", "--offline", "--output-file", file); err != nil {
		t.Fatal(out, err)
	}
	if _, err := run(nil, "create", "token", "--admin", "--offline", "--output-file", file); err == nil {
		t.Error("the file was overwritten")
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	_, token, _ := strings.Cut(string(data), `"token": "`)
	token, _, _ = strings.Cut(token, `"`)
	p := startProcess(t, filepath.Join(dir, "data"), "--admin-token-file", file)
	if out, err := run(p, "show", "tokens", "--token", token); err != nil || !strings.Contains(out, "_admin") {
		t.Errorf("%q, %v", out, err)
	}
	p.stop()
}

// TestSecondServer is refused on a directory in use.
func TestSecondServer(t *testing.T) {
	dir := t.TempDir()
	p := startProcess(t, dir)
	if out, err := run(nil, "serve", "--data-dir", dir, "--http-bind", "127.0.0.1:0"); err == nil || !strings.Contains(err.Error(), "another process") {
		t.Errorf("%q, %v", out, err)
	}
	p.stop()
}
