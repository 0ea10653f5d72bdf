#!/bin/sh
# Runs the portable tests under qemu's user-mode emulators of arm64 and armv7.
# Usage: emulated.sh PACKAGE...   Slow: an hour of patience is not needed, ten
# minutes are.

set -eu
here=$(cd "$(dirname "$0")" && pwd)
: "${TARN_TOOLS:=${HOME:?}/.cache/tarn-tools}"
sh "$here/qemu.sh" --strict "$TARN_TOOLS"
export CGO_ENABLED=0 GOOS=linux
GOARCH=arm64 go test -short -timeout 30m -exec "$TARN_TOOLS/bin/qemu-aarch64-static" "$@"
GOARCH=arm GOARM=7 go test -short -timeout 30m -exec "$TARN_TOOLS/bin/qemu-arm-static" "$@"
