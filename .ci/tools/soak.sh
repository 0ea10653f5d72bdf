#!/bin/sh
# Runs the model tests of the store with new seeds, and kill -9 loops against the
# real binary, in turn, until the time is over or something fails.
# Usage: soak.sh DURATION    such as 90s, 30m or 8h
# A seed that failed: TARN_SEEDS=1234 go test -run TestCrashes ./store

set -eu
case ${1:-} in
*[0-9]s) limit=${1%s} ;;
*[0-9]m) limit=$((${1%m} * 60)) ;;
*[0-9]h) limit=$((${1%h} * 3600)) ;;
*)
	echo "soak.sh: want a duration such as 30m or 8h, not '${1:-}'" >&2
	exit 2
	;;
esac
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
export CGO_ENABLED=0
go test -c -o "$work/store.test" ./store
go test -c -o "$work/tarn.test" ./cmd/tarn
go build -trimpath -o "$work/tarn" ./cmd/tarn
seed=$(date +%s)
end=$((seed + limit))
runs=0
while [ "$(date +%s)" -lt "$end" ]; do
	(cd store && TARN_SEEDS=$seed+10 "$work/store.test" -test.run '^(TestCrashes|TestCompaction|TestCacheModel)$' -test.timeout 30m)
	(cd cmd/tarn && TARN_TEST_BINARY=$work/tarn TARN_KILL_ROUNDS=8 "$work/tarn.test" -test.run '^TestKillLosesNothingAcknowledged$' -test.timeout 30m)
	seed=$((seed + 10))
	runs=$((runs + 1))
	echo "soak.sh: $runs passes, seeds to $seed"
done
