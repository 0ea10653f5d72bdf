#!/bin/sh
# Runs the portable tests, and every benchmark once, under qemu's user-mode emulators of arm64, armv7 (a
# Cortex-A7) and armv6 (the ARM1176 of the first Raspberry Pi).
# Usage: emulated.sh PACKAGE...   Slow: half an hour on two cores.

set -eu
here=$(cd "$(dirname "$0")" && pwd)
: "${TARN_TOOLS:=${HOME:?}/.cache/tarn-tools}"
sh "$here/qemu.sh" --strict "$TARN_TOOLS"
export CGO_ENABLED=0 GOOS=linux
GOARCH=arm64 go test -short -bench . -benchtime 1x -timeout 30m -exec "$TARN_TOOLS/bin/qemu-aarch64-static" "$@"
GOARCH=arm GOARM=7 go test -short -bench . -benchtime 1x -timeout 30m -exec "$TARN_TOOLS/bin/qemu-arm-static -cpu cortex-a7" "$@"
GOARCH=arm GOARM=6 go test -short -bench . -benchtime 1x -timeout 30m -exec "$TARN_TOOLS/bin/qemu-arm-static -cpu arm1176" "$@"
