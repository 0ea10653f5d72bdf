#!/bin/sh
# Builds the Time Series Benchmark Suite's generators and InfluxDB clients into
# DIR/bin. Usage: tsbs.sh [--strict] [DIR]

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
tools_init "$@"

version=v0.0.0-20230921131859-37fced794d56 # the newest commit; the last release is from 2020

# TSBS seeds the global generator of math/rand. Since Go 1.24 that call does
# nothing unless the main module says so, and --seed would be silently ignored.
go_mod_lines='godebug randseednop=0'

for name in tsbs_generate_data tsbs_generate_queries tsbs_load_influx tsbs_run_queries_influx; do
	go_tool "$name" github.com/timescale/tsbs "$version" "github.com/timescale/tsbs/cmd/$name" -ldflags "-s -w"
done

tools_done
