package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

const triggerPath = configure + "/processing_engine_trigger"

func newEnable() *cobra.Command {
	return verb("enable", "Enable a trigger", switchTrigger("enable", "Let a trigger run its plugin again", "enabled"))
}

func newDisable() *cobra.Command {
	return verb("disable", "Disable a trigger", switchTrigger("disable", "Stop a trigger and keep it", "disabled"))
}

func newTest() *cobra.Command {
	return verb("test", "Try a plugin without writing anything", testWALPlugin(), testSchedulePlugin())
}

func newInstall() *cobra.Command {
	return verb("install", "Install Python packages for plugins", installPackage())
}

func createTrigger() *cobra.Command {
	c := &client{}
	var spec, path, onError string
	var arguments map[string]string
	var disabled, async, upload bool
	cmd := &cobra.Command{
		Use: "trigger NAME", Short: "Create a trigger, which runs a plugin", Args: one,
		Long: `Create a trigger: it runs a Python plugin on writes, on a schedule or on requests.

  tarn create trigger -d home --path watch.py --trigger-spec table:room watch
  tarn create trigger -d home --path report.py --trigger-spec "cron:0 0 6 * * mon-fri" report
  tarn create trigger -d home --path ./hook.py --upload --trigger-spec request:hook hook

The plugin is a file, or a directory with an __init__.py, in the server's --plugin-dir.`,
	}
	c.flags(cmd)
	c.databaseFlag(cmd)
	f := cmd.Flags()
	f.StringVarP(&path, "path", "p", "", "the plugin, relative to the plugin directory, gh:PATH, or with --upload a file or directory here")
	f.StringVar(&spec, "trigger-spec", "", "table:NAME, all_tables, every:DURATION, \"cron:SEC MIN HOUR DAY MONTH WEEKDAY\" or request:PATH")
	f.Var(pairs{&arguments}, "trigger-arguments", "arguments for the plugin, KEY=VALUE,...")
	f.StringVar(&onError, "error-behavior", "log", "what follows an error: log, retry or disable")
	f.BoolVar(&async, "run-asynchronous", false, "let runs overlap")
	f.BoolVar(&disabled, "disabled", false, "create it disabled")
	f.BoolVar(&upload, "upload", false, "send the plugin to the server first")
	// Older names of influxdb3.
	f.SetNormalizeFunc(func(_ *pflag.FlagSet, name string) pflag.NormalizedName {
		switch name {
		case "plugin-filename":
			name = "path"
		case "run-async":
			name = "run-asynchronous"
		}
		return pflag.NormalizedName(name)
	})
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := c.needDatabase(); err != nil {
			return err
		}
		if path == "" || spec == "" {
			return &usageError{errors.New("a trigger needs --path PLUGIN and --trigger-spec SPECIFICATION")}
		}
		if upload {
			name, files, err := localPlugin(path)
			if err != nil {
				return err
			}
			for _, p := range files {
				body := map[string]any{"plugin_name": p.Path, "content": p.Content}
				if err := c.call(cmd.Context(), http.MethodPost, "/api/v3/plugins/files", nil, body); err != nil {
					return err
				}
			}
			path = name
		}
		body := map[string]any{"db": c.database, "trigger_name": args[0], "plugin_filename": path, "trigger_specification": spec,
			"trigger_settings": map[string]any{"run_async": async, "error_behavior": onError}, "disabled": disabled}
		if arguments != nil {
			body["trigger_arguments"] = arguments
		}
		if err := c.call(cmd.Context(), http.MethodPost, triggerPath, nil, body); err != nil {
			return err
		}
		return say(cmd, "Trigger %q created successfully", args[0])
	}
	return cmd
}

// pairs is a flag of KEY=VALUE,... A comma within quotes, brackets or braces
// belongs to the value, which may be JSON.
type pairs struct{ to *map[string]string }

// Type is pflag.Value's.
func (p pairs) Type() string { return "KEY=VALUE,..." }

// String is pflag.Value's.
func (p pairs) String() string { return "" }

// Set is pflag.Value's.
func (p pairs) Set(text string) error {
	depth, quoted, from := 0, false, 0
	var parts []string
	for i, c := range text {
		switch {
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '[' || c == '{':
			depth++
		case (c == ']' || c == '}') && depth > 0:
			depth--
		case c == ',' && depth == 0:
			parts = append(parts, text[from:i])
			from = i + 1
		}
	}
	for _, part := range append(parts, text[from:]) {
		key, value, ok := strings.Cut(part, "=")
		if !ok || key == "" {
			return fmt.Errorf("%q is not KEY=VALUE", part)
		}
		if *p.to == nil {
			*p.to = map[string]string{}
		}
		(*p.to)[key] = value
	}
	return nil
}

// pluginFile is a file of a plugin as the API takes it; Path begins with the
// plugin's name.
type pluginFile struct {
	Path    string `json:"relative_path"`
	Content string `json:"content"`
}

// localPlugin reads a plugin from this machine: a file, or the Python files of a
// directory.
func localPlugin(path string) (name string, files []pluginFile, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", nil, err
	}
	if name, err = filepath.Abs(path); err != nil {
		return "", nil, err
	}
	name = filepath.Base(name)
	read := func(file, as string) error {
		text, err := os.ReadFile(file)
		files = append(files, pluginFile{as, string(text)})
		return err
	}
	if !info.IsDir() {
		return name, files, read(path, name)
	}
	err = filepath.WalkDir(path, func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && p != path && (d.Name() == "__pycache__" || strings.HasPrefix(d.Name(), ".")):
			return filepath.SkipDir
		case d.IsDir() || !strings.HasSuffix(p, ".py"):
			return nil
		}
		rel, err := filepath.Rel(path, p)
		if err != nil {
			return err
		}
		return read(p, name+"/"+filepath.ToSlash(rel))
	})
	if err == nil && len(files) == 0 {
		err = fmt.Errorf("%s: there are no Python files in it", path)
	}
	return name, files, err
}

func updateTrigger() *cobra.Command {
	c := &client{}
	var path, name string
	cmd := &cobra.Command{
		Use: "trigger", Short: "Replace the plugin of a trigger", Args: noArgs,
		Long: "Replace the file, or all files, of a trigger's plugin by one from this machine.\n\n  tarn update trigger -t watch -p ./watch.py",
	}
	c.flags(cmd)
	c.databaseFlag(cmd) // accepted as influxdb3 does; the trigger is found by its name
	cmd.Flags().StringVarP(&name, "trigger-name", "t", "", "trigger")
	cmd.Flags().StringVarP(&path, "path", "p", "", "file or directory here")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if name == "" || path == "" {
			return &usageError{errors.New("use --trigger-name NAME and --path PLUGIN")}
		}
		plugin, files, err := localPlugin(path)
		if err != nil {
			return err
		}
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			for i := range files {
				files[i].Path = strings.TrimPrefix(files[i].Path, plugin+"/")
			}
			err = c.call(cmd.Context(), http.MethodPut, "/api/v3/plugins/directory", nil, map[string]any{"plugin_name": name, "files": files})
			if err != nil {
				return err
			}
		} else if err := c.call(cmd.Context(), http.MethodPut, "/api/v3/plugins/files", nil, map[string]any{"plugin_name": name, "content": files[0].Content}); err != nil {
			return err
		}
		return say(cmd, "Trigger %q updated successfully", name)
	}
	return cmd
}

func deleteTrigger() *cobra.Command {
	c := &client{}
	var force bool
	cmd := &cobra.Command{Use: "trigger NAME", Short: "Delete a trigger", Args: one}
	c.flags(cmd)
	c.databaseFlag(cmd)
	cmd.Flags().BoolVar(&force, "force", false, "delete it although it is enabled")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := c.needDatabase(); err != nil {
			return err
		}
		q := url.Values{"db": {c.database}, "trigger_name": {args[0]}}
		if force {
			q.Set("force", "true")
		}
		if err := c.call(cmd.Context(), http.MethodDelete, triggerPath, q, nil); err != nil {
			return err
		}
		return say(cmd, "Trigger %q deleted successfully", args[0])
	}
	return cmd
}

// switchTrigger is the command that enables or disables.
func switchTrigger(act, short, done string) *cobra.Command {
	c := &client{}
	cmd := &cobra.Command{Use: "trigger NAME", Short: short, Args: one}
	c.flags(cmd)
	c.databaseFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := c.needDatabase(); err != nil {
			return err
		}
		q := url.Values{"db": {c.database}, "trigger_name": {args[0]}}
		if err := c.call(cmd.Context(), http.MethodPost, triggerPath+"/"+act, q, nil); err != nil {
			return err
		}
		return say(cmd, "Trigger %q %s successfully", args[0], done)
	}
	return cmd
}

func showPlugins() *cobra.Command {
	return showQuery("plugins", "List the files of the triggers' plugins",
		"SELECT plugin_name, file_name, file_path, size_bytes, last_modified FROM system.plugin_files ORDER BY plugin_name, file_name",
		func(c *client) error { c.database = "_internal"; return nil })
}

// trialVerb is what the test commands share.
type trialVerb struct {
	client
	cache     string
	arguments map[string]string
}

func (v *trialVerb) flags(cmd *cobra.Command) {
	v.client.flags(cmd)
	v.databaseFlag(cmd)
	f := cmd.Flags()
	f.Var(pairs{&v.arguments}, "input-arguments", "arguments for the plugin, KEY=VALUE,...")
	f.StringVar(&v.cache, "cache-name", "", "cache to use; test runs of one name share it")
}

// run tries a plugin and shows what it did. A plugin that fails is an error.
func (v *trialVerb) run(cmd *cobra.Command, path, plugin string, body map[string]any) error {
	if err := v.needDatabase(); err != nil {
		return err
	}
	body["filename"], body["database"] = plugin, v.database
	if v.cache != "" {
		body["cache_name"] = v.cache
	}
	if v.arguments != nil {
		body["input_arguments"] = v.arguments
	}
	answer, err := v.fetch(cmd.Context(), http.MethodPost, path, nil, body)
	if err != nil {
		return err
	}
	var shown bytes.Buffer
	if err := json.Indent(&shown, answer, "", "  "); err != nil {
		return fmt.Errorf("the server's answer: %w", err)
	}
	if err := say(cmd, "%s", shown.String()); err != nil {
		return err
	}
	var result struct {
		Errors []string `json:"errors"`
	}
	if err := json.Unmarshal(answer, &result); err != nil {
		return fmt.Errorf("the server's answer: %w", err)
	}
	if len(result.Errors) > 0 {
		return errors.New(strings.Join(result.Errors, "\n"))
	}
	return nil
}

func testWALPlugin() *cobra.Command {
	v := &trialVerb{}
	var lines, file string
	cmd := &cobra.Command{
		Use: "wal_plugin PLUGIN", Short: "Run a plugin on lines that are not written", Args: one,
		Long: `Run a plugin of the server's plugin directory on lines as if they were written. What it
logs and would write is shown; nothing is written.

  tarn test wal_plugin -d home --lp "room,name=kitchen temp=21.5" watch.py`,
	}
	v.flags(cmd)
	cmd.Flags().StringVar(&lines, "lp", "", "line protocol")
	cmd.Flags().StringVar(&file, "file", "", "file with line protocol")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if (lines == "") == (file == "") {
			return &usageError{errors.New("use either --lp LINES or --file FILE")}
		}
		if file != "" {
			text, err := os.ReadFile(file)
			if err != nil {
				return err
			}
			lines = string(text)
		}
		return v.run(cmd, "/api/v3/plugin_test/wal", args[0], map[string]any{"input_lp": lines})
	}
	return cmd
}

func testSchedulePlugin() *cobra.Command {
	v := &trialVerb{}
	var schedule string
	cmd := &cobra.Command{
		Use: "schedule_plugin PLUGIN", Short: "Run a scheduled plugin once, now", Args: one,
		Long: `Run a plugin of the server's plugin directory as if its time had come. What it logs and
would write is shown; nothing is written.

  tarn test schedule_plugin -d home --schedule "0 0 6 * * *" report.py`,
	}
	v.flags(cmd)
	cmd.Flags().StringVar(&schedule, "schedule", "", "schedule with seconds, whose next time the plugin gets (default every second)")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		body := map[string]any{}
		if schedule != "" {
			body["schedule"] = schedule
		}
		return v.run(cmd, "/api/v3/plugin_test/schedule", args[0], body)
	}
	return cmd
}

func installPackage() *cobra.Command {
	c := &client{}
	var requirements string
	cmd := &cobra.Command{
		Use: "package [PACKAGE...]", Short: "Install packages into the plugins' virtual environment",
		Long: `Install Python packages into the virtual environment of the server's plugins.

  tarn install package requests pint==0.24
  tarn install package -r requirements.txt     (a file in the server's plugin directory)`,
	}
	c.flags(cmd)
	cmd.Flags().StringVarP(&requirements, "requirements", "r", "", "requirements file on the server, relative to the plugin directory")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if (len(args) == 0) == (requirements == "") {
			return &usageError{errors.New("name packages, or a file with --requirements")}
		}
		path, body := "/install_packages", map[string]any{"packages": args}
		if requirements != "" {
			path, body = "/install_requirements", map[string]any{"requirements_location": requirements}
		}
		if err := c.call(cmd.Context(), http.MethodPost, configure+"/plugin_environment"+path, nil, body); err != nil {
			return err
		}
		return say(cmd, "Packages installed successfully")
	}
	return cmd
}
