#!/bin/sh
# Builds Tarn and tarn-bench from this checkout and measures: the line-protocol
# parser beside VictoriaMetrics'; loading the benchmark data into Tarn and into
# whichever peers are installed; remote write and PromQL; how cost grows with
# hosts, columns and files; query times beside DuckDB's on the same files, and
# those of InfluxQL beside InfluxDB 1. It prints a table of each.
#
#   bench.sh [--fetch] [DIR] [-- TARN-BENCH-PEERS-FLAG...]
#
# --fetch installs the peers and generates the TSBS data into DIR first (minutes).
# Without it, what is missing is left out, and said to be. For example:
#
#   bench.sh --fetch
#   bench.sh -- -workers 2 -rounds 3 -settle 45s
#   bench.sh -- -only tarn

here=$(cd "$(dirname "$0")" && pwd)
checkout=$(cd "$here/../.." && pwd)

fetch=
dir=
while [ $# -gt 0 ]; do
	case $1 in
	--fetch) fetch=1 ;;
	--)
		shift
		break
		;;
	-*)
		echo "bench.sh: unknown option $1 (want [--fetch] [DIR] [-- FLAG...])" >&2
		exit 2
		;;
	*) dir=$1 ;;
	esac
	shift
done

set -eu
: "${dir:=${TARN_TOOLS:-${HOME:?}/.cache/tarn-tools}}"
mkdir -p "$dir/data" "$dir/scratch"
dir=$(cd "$dir" && pwd)

if [ -n "$fetch" ]; then
	"$here/peers.sh" "$dir"
	"$here/duckdb.sh" "$dir"
	"$here/tsbs.sh" "$dir"
	"$here/tsbs-data.sh" "$dir"
fi

work=$(mktemp -d "$dir/build.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

cd "$checkout"
CGO_ENABLED=0 go build -o "$work/tarn-bench" ./cmd/tarn-bench
tarn=
if CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o "$work/tarn" ./cmd/tarn; then
	tarn=$work/tarn
else
	echo "bench.sh: tarn does not build; measuring the peers alone" >&2
fi

queries=
# The mixed set takes half a second to make: always from this checkout's generator.
go run ./testdata/gen >"$work/telegraf-mix.lp"
mv "$work/telegraf-mix.lp" "$dir/data/telegraf-mix.lp"

set -- "$@" "$dir/data/telegraf-mix.lp"
if [ -f "$dir/data/cpu-only.lp" ]; then
	set -- "$@" "$dir/data/cpu-only.lp"
	queries=$dir/data/cpu-only.lp
else
	echo "bench.sh: left out: cpu-only.lp (run $here/tsbs.sh and tsbs-data.sh, or bench.sh --fetch)" >&2
fi

for set in "$checkout/testdata/telegraf.lp" "$dir/data/cpu-only.lp"; do
	if [ -f "$set" ]; then
		echo "the parsers alone, one core: ${set##*/}"
		(cd testdata/parsers && go test -run '^$' -bench . -lp "$set" . | grep -E '^Benchmark|FAIL') || echo "bench.sh: left out: the parsers" >&2
		echo
	fi
done

"$work/tarn-bench" peers -tools "$dir" -tarn "$tarn" -scratch "$dir/scratch" -json "$dir/bench.jsonl" "$@"
if [ -n "$tarn" ]; then
	echo
	"$work/tarn-bench" prometheus -tools "$dir" -tarn "$tarn" -scratch "$dir/scratch"
fi
if [ -n "$tarn" ]; then
	echo
	"$work/tarn-bench" growth -tarn "$tarn" -scratch "$dir/scratch"
fi
if [ -n "$tarn" ] && [ -n "$queries" ]; then
	echo
	TARN_TOOLS="$dir" "$work/tarn-bench" queries -tarn "$tarn" -scratch "$dir/scratch" -file "$queries"
	if [ -x "$dir/bin/influxd" ]; then
		echo
		"$work/tarn-bench" influxql -tarn "$tarn" -influxd "$dir/bin/influxd" -scratch "$dir/scratch" -file "$queries"
	else
		echo "bench.sh: left out: InfluxQL beside influxd (run $here/peers.sh)" >&2
	fi
fi
