package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestPluginVerbs is a session of a person who tries, runs and replaces plugins;
// the server is killed in between.
func TestPluginVerbs(t *testing.T) {
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("no python3 on the PATH:", err)
	}
	data, plugins, here := t.TempDir(), t.TempDir(), t.TempDir()
	serve := []string{"--without-auth", "--plugin-dir", plugins}
	p := startProcess(t, data, serve...)
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
	save := func(dir, name, text string) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	double := func(times string) string {
		return "def process_writes(influxdb3_local, table_batches, args=None):\n" +
			"    for batch in table_batches:\n" +
			"        if batch['table_name'] == 'room':\n" +
			"            for row in batch['rows']:\n" +
			"                line = LineBuilder('copy').tag('who', args['who']).float64_field('temp', row['temp'] * " + times + ").time_ns(row['time'])\n" +
			"                influxdb3_local.write(line)\n" +
			"                influxdb3_local.info('seen', row)\n"
	}
	save(here, "double.py", double("2"))
	save(here, "answer/__init__.py", "from .words import WORD\n\ndef process_request(influxdb3_local, query, headers, body, args=None):\n    return {'word': WORD}\n")
	save(here, "answer/words.py", "WORD = 'first'\n")
	save(plugins, "tick.py", "def process_scheduled_call(influxdb3_local, call_time, args=None):\n"+
		"    influxdb3_local.write(LineBuilder('tick').int64_field('n', 1))\n")

	works("created", "create", "database", "home")
	fails("Plugin not found", "create", "trigger", "-d", "home", "--path", "double.py", "--trigger-spec", "table:room", "double")
	fails("--trigger-spec", "create", "trigger", "-d", "home", "--path", "double.py", "double")
	works(`Trigger "double" created`, "create", "trigger", "-d", "home", "--path", filepath.Join(here, "double.py"), "--upload",
		"--trigger-spec", "table:room", "--trigger-arguments", "who=me", "--error-behavior", "Log", "double")
	works(`Trigger "answer" created`, "create", "trigger", "-d", "home", "--path", filepath.Join(here, "answer"), "--upload", "--trigger-spec", "request:answer", "--run-asynchronous", "answer")
	works(`Trigger "tick" created`, "create", "trigger", "-d", "home", "--plugin-filename", "tick.py", "--trigger-spec", "every:50ms", "tick")
	fails("already exists", "create", "trigger", "-d", "home", "--path", "tick.py", "--trigger-spec", "every:1h", "tick")
	works("words.py", "show", "plugins")
	works(`copy,who=test temp=2.0 7`, "test", "wal_plugin", "-d", "home", "--lp", "room temp=1 7", "--input-arguments", "who=test", "double.py")
	fails("TypeError", "test", "wal_plugin", "-d", "home", "--lp", "room temp=1 7", "double.py")
	works(`tick n=1i`, "test", "schedule_plugin", "-d", "home", "--schedule", "0 0 6 * * mon-fri", "tick.py")
	fails("either --lp", "test", "wal_plugin", "-d", "home", "double.py")
	fails("name packages", "install", "package")

	until := func(what, query, want string) {
		t.Helper()
		var out string
		for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
			if out, _ = run(p, "query", "-d", "home", "--format", "csv", query); out == want {
				return
			}
		}
		t.Fatalf("%s: %s gives %q", what, query, out)
	}
	works("", "write", "-d", "home", "--precision", "ns", "room,name=kitchen temp=1.5 1")
	until("the write trigger", "SELECT who, temp FROM copy", "who,temp\nme,3.0\n")
	until("the schedule", "SELECT count(*) > 2 AS b FROM tick", "b\ntrue\n")
	works("disabled", "disable", "trigger", "-d", "home", "tick")
	fails("Cannot delete running plugin", "delete", "trigger", "-d", "home", "double")

	p.kill()
	p = startProcess(t, data, serve...)
	works("tick,true", "query", "-d", "home", "--format", "csv", "SELECT trigger_name, disabled FROM system.processing_engine_triggers ORDER BY 1")
	save(here, "double.py", double("10"))
	save(here, "answer/words.py", "WORD = 'the second'\n")
	works("updated", "update", "trigger", "-t", "double", "-p", filepath.Join(here, "double.py"))
	works("updated", "update", "trigger", "-t", "answer", "-p", filepath.Join(here, "answer"))
	works("", "write", "-d", "home", "--precision", "ns", "room,name=kitchen temp=1.5 2")
	until("the write trigger after a crash", "SELECT temp FROM copy WHERE time > to_timestamp_nanos(1)", "temp\n15.0\n")
	c := &client{host: p.url}
	if got, err := c.fetch(t.Context(), "GET", "/api/v3/engine/answer", nil, nil); err != nil || string(got) != `{"word": "the second"}` {
		t.Errorf("the request: %s, %v", got, err)
	}
	works("enabled", "enable", "trigger", "-d", "home", "tick")
	works("deleted", "delete", "trigger", "-d", "home", "tick", "--force")
	fails("not found", "delete", "trigger", "-d", "home", "tick")
	p.stop()
}

func TestPairs(t *testing.T) {
	for text, want := range map[string]string{
		"a=1":                             "map[a:1]",
		"a=1,b=x=y,c=":                    "map[a:1 b:x=y c:]",
		`w=[{"type":"sine"},{"v":7}],p=5`: `map[p:5 w:[{"type":"sine"},{"v":7}]]`,
		`n=temp:"snake, lower",v=2`:       `map[n:temp:"snake, lower" v:2]`,
		"c=a]b,d=1":                       "map[c:a]b d:1]",
		"a":                               `"a" is not KEY=VALUE`,
		"a=1,=2":                          `"=2" is not KEY=VALUE`,
	} {
		var m map[string]string
		got := ""
		if err := (pairs{&m}).Set(text); err != nil {
			got = err.Error()
		} else {
			got = fmt.Sprint(m)
		}
		if got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}
