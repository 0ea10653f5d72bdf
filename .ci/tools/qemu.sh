#!/bin/sh
# Unpacks Debian's static qemu user-mode emulators and links those that run our
# arm test binaries into DIR/bin. Usage: qemu.sh [--strict] [DIR]
#
#   GOARCH=arm64 CGO_ENABLED=0 go test -exec DIR/bin/qemu-aarch64-static ./lp/
#   GOARCH=arm GOARM=7 CGO_ENABLED=0 go test -exec DIR/bin/qemu-arm-static ./lp/

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
tools_init "$@"

deb_tool qemu-user-static qemu-aarch64-static qemu-arm-static

tools_done
