#!/bin/sh
# Builds Tarn and tarn-bench from this checkout and shows, with figures, what a
# small machine relies on: --memory-limit 64MB in a control group of 64 MiB while
# TSBS data is written and large queries run; 100,000 and 1,000,000 series; a year
# of 10-second data. Half an hour on two cores, and 3 GB of disk.
# Usage: proofs.sh [TARN-BENCH-PROOFS-FLAG...]   e.g. proofs.sh -only memory

set -eu
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."
dir=${TARN_TOOLS:-${HOME:?}/.cache/tarn-tools}
mkdir -p "$dir/scratch"
work=$(mktemp -d "$dir/build.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
export CGO_ENABLED=0
go build -o "$work/tarn-bench" ./cmd/tarn-bench
go build -trimpath -ldflags '-s -w' -o "$work/tarn" ./cmd/tarn
file=$dir/data/cpu-only.lp
if [ ! -f "$file" ]; then
	echo "proofs.sh: cpu-only.lp is not there (run $here/tsbs.sh and tsbs-data.sh)" >&2
	file=
fi
"$work/tarn-bench" proofs -tarn "$work/tarn" -scratch "$dir/scratch" ${file:+-file "$file"} "$@"
