#!/bin/sh
# Makes what is released, in dist/: for each machine a stripped binary, a tarball,
# a .deb and an .rpm; checksums of all. Usage: build.sh [ARCH...], each amd64,
# arm64, armv7 or armv6; all of them when none is named.
#
# The armhf package holds the armv6 binary: the first Raspberry Pis and the Zero
# are armhf too on Raspberry Pi OS.
#
# Environment: VERSION (of the packages; else from cmd/tarn/main.go), OUT (else
# dist), BINARY (an existing one for the only ARCH, instead of a new build), NFPM
# (an existing nfpm).

set -eu
cd "$(dirname "$0")/.."
out=${OUT:-dist}
version=${VERSION:-$(sed -n 's/^const version = ".*-tarn\.\(.*\)"$/\1/p' cmd/tarn/main.go)}
[ -n "$version" ] || { echo "cmd/tarn/main.go has no version" >&2; exit 1; }
revision=$(git rev-parse --short=12 HEAD 2>/dev/null || echo unknown)
# Files of the packages carry the time of the commit: the same commit gives the
# same packages.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || date +%s)}
export SOURCE_DATE_EPOCH CGO_ENABLED=0
mkdir -p "$out/stage"
out=$(cd "$out" && pwd)

nfpm=${NFPM:-$out/stage/nfpm}
if [ -z "${NFPM:-}" ]; then
	(cd packaging/tools && go build -o "$nfpm" github.com/goreleaser/nfpm/v2/cmd/nfpm)
fi
go test -count=1 -run '^TestManual$' ./cmd/tarn -manual "$out/stage" >/dev/null

# Policy wants a change log; ours is the repository's history.
printf 'tarn (%s-1) stable; urgency=medium\n\n  * Revision %s.\n\n -- The Tarn maintainers <maintainers@tarn.invalid>  %s\n' \
	"$version" "$revision" "$(LC_ALL=C date -u -R -d "@$SOURCE_DATE_EPOCH")" | gzip -9n >"$out/stage/changelog.Debian.gz"

PACKAGE_VERSION=$version
PACKAGE_STAGE=$out/stage
export PACKAGE_VERSION PACKAGE_STAGE PACKAGE_ARCH PACKAGE_BINARY
[ $# -gt 0 ] || set -- amd64 arm64 armv7 armv6
for machine in "$@"; do
	[ "$machine" != arm ] || machine=armv6 # what Go calls both
	name=tarn-$version-linux-$machine
	case "$machine" in
	amd64 | arm64) goarch=$machine goarm= deb=$machine rpm=$machine ;;
	armv7) goarch=arm goarm=7 deb= rpm=arm7 ;;
	armv6) goarch=arm goarm=6 deb=arm6 rpm= ;;
	*) echo "no such machine: $machine" >&2; exit 2 ;;
	esac
	PACKAGE_BINARY=$out/tarn-linux-$machine
	if [ -n "${BINARY:-}" ]; then
		cp "$BINARY" "$PACKAGE_BINARY"
	else
		GOOS=linux GOARCH=$goarch GOARM=$goarm go build -trimpath -ldflags "-s -w -X main.revision=$revision" -o "$PACKAGE_BINARY" ./cmd/tarn
	fi
	rm -rf "$out/stage/$name"
	mkdir -p "$out/stage/$name"
	cp "$PACKAGE_BINARY" "$out/stage/$name/tarn"
	cp -R README.md LICENSE packaging/tarn.toml systemd/tarn.service packaging/telegraf.conf packaging/grafana "$out/stage/man" "$out/stage/$name/"
	tar -C "$out/stage" --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$SOURCE_DATE_EPOCH" -cf - "$name" | gzip -9n >"$out/$name.tar.gz"
	for format in deb rpm; do
		eval "PACKAGE_ARCH=\$$format"
		[ -n "$PACKAGE_ARCH" ] || continue
		"$nfpm" package --config packaging/nfpm.yaml --packager $format --target "$out/"
	done
done
(cd "$out" && find . -maxdepth 1 -type f ! -name SHA256SUMS -printf '%f\n' | LC_ALL=C sort | xargs sha256sum >SHA256SUMS)
ls -l "$out" | awk '$5 > 0 && NF > 8 {printf "%9.1f MB  %s\n", $5 / 1e6, $9}'
