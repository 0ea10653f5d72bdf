#!/bin/sh
# Installs DuckDB's Node client under DIR/duckdb/node_modules, for
# testdata/duckdb: tests and query benches. Usage: duckdb.sh [--strict] [DIR]

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
tools_init "$@"

version=1.5.6-r.1

if present duckdb "$version" duckdb/node_modules/@duckdb/node-api/package.json; then
	tools_done
fi
if ! have node || ! have npm; then
	unavailable duckdb "no node and npm here"
	tools_done
fi
mkdir -p "$tools_dir/duckdb"
if npm install --prefix "$tools_dir/duckdb" --no-audit --no-fund --no-save \
	"@duckdb/node-api@$version" >"$tools_tmp/log" 2>&1; then
	installed duckdb "$version" duckdb/node_modules/@duckdb/node-api/package.json
else
	unavailable duckdb "npm install failed: $(reason "$tools_tmp/log")"
fi

tools_done
