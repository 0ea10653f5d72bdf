package main

import (
	"github.com/spf13/pflag"

	"tarn/edge"
)

// pluginFlags are the settings of the processing engine.
func pluginFlags(f *pflag.FlagSet, c *edge.Config) {
	f.StringVar(&c.PluginDir, "plugin-dir", "", "directory of Python plugins; without one the processing engine is off")
	f.StringVar(&c.Python, "python", "", "Python interpreter, also to make the virtual environment with; that of one that is there comes first (default python3 on the PATH)")
	f.StringVar(&c.VirtualEnv, "virtual-env-location", "", "virtual environment of the plugins (default .venv in --plugin-dir)")
	f.StringVar(&c.PluginRepo, "plugin-repo", c.PluginRepo, "where gh: plugins come from")
	f.Var(span{&c.PluginTimeout}, "plugin-timeout", "longest time for a call of a plugin")
	f.Var(size{&c.PluginMemory}, "plugin-memory-limit", "address space of the Python worker, 0 for no limit")
	f.IntVar(&c.PluginConcurrency, "async-trigger-concurrency-limit", c.PluginConcurrency, "calls of one asynchronous trigger at the same time")
	f.StringSliceVar(&c.PluginKinds, "restrict-plugin-triggers-to", nil, "kinds of triggers that may run: wal, schedule, request (default all)")
	f.StringSliceVar(&c.PluginEnv, "plugin-env", nil, "environment variables of the server that plugins get, beside PATH, HOME and the like")
	f.BoolVar(&c.PluginDirOnly, "plugin-dir-only", false, "run only plugins that are in --plugin-dir: no uploads, no gh:")
	f.StringVar(&c.PackageManager, "package-manager", c.PackageManager, "discover, pip or uv, which all mean pip; disabled refuses to install packages when asked")
	f.BoolVar(&c.NoPackages, "disable-package-management", false, "install no Python packages, and leave the virtual environment as it is")
	f.StringVar(&c.PluginWheels, "plugin-wheel-dir", "", "directory of Python packages to install from")
	f.BoolVar(&c.PluginOffline, "plugin-offline", false, "ask no package index")
}
