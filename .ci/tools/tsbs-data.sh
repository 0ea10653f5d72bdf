#!/bin/sh
# Generates the benchmark data into DIR/data, with the tsbs_generate_data that
# tsbs.sh built. Usage: tsbs-data.sh [--strict] [DIR]
#
#   cpu-only.lp        100 hosts, 24 h, 10 s: 864,000 lines, 8.64 M values, 298 MB
#   cpu-only-small.lp   10 hosts,  1 h, 10 s:   3,600 lines, for tests
#
# The seed is fixed, so the sums below hold on every machine.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
tools_init "$@"

# generate FILE SCALE END SHA256-PREFIX
generate() {
	if [ -f "$tools_dir/data/$1" ]; then
		say "present     $1"
		return 0
	fi
	if ! "$tools_dir/bin/tsbs_generate_data" --use-case=cpu-only --seed=123 --scale="$2" \
		--timestamp-start=2026-01-01T00:00:00Z --timestamp-end="$3" \
		--log-interval=10s --format=influx --file="$tools_tmp/$1" >"$tools_tmp/log" 2>&1; then
		unavailable "$1" "$(reason "$tools_tmp/log")"
		return 0
	fi
	sum=$(sha256sum "$tools_tmp/$1" | cut -d ' ' -f 1)
	case $sum in
	"$4"*) ;;
	*)
		unavailable "$1" "sha256 is $sum, want $4..."
		return 0
		;;
	esac
	# Renamed into place whole: a stopped run leaves no half a file behind.
	mv "$tools_tmp/$1" "$tools_dir/data/$1"
	say "generated   $1: $(wc -l <"$tools_dir/data/$1") lines, $(wc -c <"$tools_dir/data/$1") bytes, sha256 $sum"
}

mkdir -p "$tools_dir/data"
if [ -x "$tools_dir/bin/tsbs_generate_data" ]; then
	generate cpu-only.lp 100 2026-01-02T00:00:00Z 08d27b1d1cee8990
	generate cpu-only-small.lp 10 2026-01-01T01:00:00Z 2c29ff6d372c9be3
else
	unavailable cpu-only.lp "no tsbs_generate_data in $tools_dir/bin: run tsbs.sh first"
fi

tools_done
