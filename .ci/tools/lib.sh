# shellcheck shell=sh
# Shared by the tool scripts beside this file. Sourced, never run.
#
# Every script here is optional equipment: real peers, clients and data for
# `make bench` and the end-to-end tests. None is needed to build or run Tarn.
#
#   SCRIPT.sh [--strict] [DIR]     DIR defaults to $TARN_TOOLS, then ~/.cache/tarn-tools
#
# Programs go to DIR/bin. A script says what it installed, what was there
# already, and what is unavailable and why; only with --strict does something
# unavailable make it fail. Running it again is cheap: DIR/installed holds one
# stamp file per tool with the version that is there.

set -eu

tools_strict=
tools_dir=
tools_missing=0
tools_script=$(basename "$0")

# tools_init ARGS... reads the command line and makes the target directory.
tools_init() {
	for arg in "$@"; do
		case $arg in
		--strict) tools_strict=1 ;;
		-h | --help)
			# The script's own header comment is its help text.
			sed -n '2,/^$/s/^#\{1,\} \{0,1\}//p' "$0"
			exit 0
			;;
		-*) die "unknown option $arg (want [--strict] [DIR])" ;;
		*) tools_dir=$arg ;;
		esac
	done
	: "${tools_dir:=${TARN_TOOLS:-${HOME:?}/.cache/tarn-tools}}"
	mkdir -p "$tools_dir/bin" "$tools_dir/installed"
	tools_dir=$(cd "$tools_dir" && pwd)
	tools_tmp=$(mktemp -d "$tools_dir/build.XXXXXX")
	trap 'rm -rf "$tools_tmp"' EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM
}

say() { printf '%s: %s\n' "$tools_script" "$*"; }

die() {
	say "$*" >&2
	exit 2
}

have() { command -v "$1" >/dev/null 2>&1; }

# unavailable NAME WHY records that a tool could not be had; the script goes on.
unavailable() {
	say "UNAVAILABLE $1: $2" >&2
	tools_missing=$((tools_missing + 1))
}

# reason LOGFILE prints the last line of a failed step, enough to know why.
reason() { grep -v '^[[:space:]]*$' "$1" | tail -n 1 | cut -c 1-300; }

# present NAME VERSION FILE... succeeds when that very version is installed whole.
present() {
	name=$1 version=$2
	shift 2
	[ -f "$tools_dir/installed/$name" ] || return 1
	[ "$(cat "$tools_dir/installed/$name")" = "$version" ] || return 1
	for file in "$@"; do
		[ -e "$tools_dir/$file" ] || return 1
	done
	say "present     $name $version"
}

# installed NAME VERSION FILE... stamps a tool as installed and reports its size.
installed() {
	name=$1 version=$2
	shift 2
	for file in "$@"; do
		say "installed   $name $version: $tools_dir/$file ($(wc -c <"$tools_dir/$file" | tr -d ' ') bytes)"
	done
	printf '%s\n' "$version" >"$tools_dir/installed/$name"
}

# tools_done ends a script: non-zero only when --strict was asked for.
tools_done() {
	if [ -n "$tools_strict" ] && [ "$tools_missing" -gt 0 ]; then
		say "$tools_missing unavailable, and --strict was asked for" >&2
		exit 1
	fi
	exit 0
}

# go_tool NAME MODULE VERSION PACKAGE [GO-BUILD-FLAG...] builds one program from
# source, without cgo, into bin/NAME. A throw-away module pins the version: some
# modules carry replace directives that `go install pkg@version` refuses, and
# some are served at exact versions only. $go_mod_lines, when set, joins its go.mod.
go_tool() {
	name=$1 module=$2 version=$3 package=$4
	shift 4
	present "$name" "$version" "bin/$name" && return 0
	if ! have go; then
		unavailable "$name" "no go command"
		return 0
	fi
	work=$tools_tmp/$name
	mkdir -p "$work"
	printf 'module throwaway\n\ngo 1.26\n\nrequire %s %s\n' "$module" "$version" >"$work/go.mod"
	printf '%s\n' "${go_mod_lines:-}" >>"$work/go.mod"
	say "building    $name $version (minutes, when nothing is cached)"
	if (cd "$work" && CGO_ENABLED=0 GOFLAGS='' GOWORK=off nice go build -mod=mod -buildvcs=false -trimpath \
		-o "$tools_dir/bin/$name" "$@" "$package") >"$work/log" 2>&1; then
		installed "$name" "$version" "bin/$name"
	else
		unavailable "$name" "go build of $package $version failed: $(reason "$work/log")"
	fi
}

# deb_unpack PACKAGE fetches a Debian package with apt and unpacks it under
# DIR/deb/PACKAGE, without installing it: no root, no service started. It prints
# nothing; on failure it returns 1 with the reason in $deb_reason.
deb_unpack() {
	deb_reason=
	if ! have apt-get || ! have dpkg; then
		deb_reason="no apt-get and dpkg here (not Debian)"
		return 1
	fi
	work=$tools_tmp/deb-$1
	mkdir -p "$work"
	if ! (cd "$work" && apt-get -q download "$1") >"$work/log" 2>&1; then
		# The package lists may be missing or old; refreshing them takes root.
		if ! { apt-get -q update && cd "$work" && apt-get -q download "$1"; } >"$work/log" 2>&1; then
			deb_reason="apt-get download $1 failed: $(reason "$work/log")"
			return 1
		fi
	fi
	rm -rf "$tools_dir/deb/$1"
	mkdir -p "$tools_dir/deb/$1"
	if ! dpkg -x "$work"/"$1"_*.deb "$tools_dir/deb/$1" >"$work/log" 2>&1; then
		deb_reason="dpkg -x $1 failed: $(reason "$work/log")"
		return 1
	fi
	deb_version=$(basename "$work"/"$1"_*.deb .deb | cut -d _ -f 2 | sed 's/%3a/:/')
}

# deb_tool PACKAGE PROGRAM... unpacks a package and links its programs into bin.
# Debian's archive keeps one version per release, so any version counts as present.
deb_tool() {
	package=$1
	shift
	if [ -f "$tools_dir/installed/$package" ]; then
		set_ok=1
		for program in "$@"; do [ -x "$tools_dir/bin/$program" ] || set_ok=; done
		if [ -n "$set_ok" ]; then
			say "present     $package $(cat "$tools_dir/installed/$package")"
			return 0
		fi
	fi
	if ! deb_unpack "$package"; then
		unavailable "$package" "$deb_reason"
		return 0
	fi
	for program in "$@"; do
		if ! [ -x "$tools_dir/deb/$package/usr/bin/$program" ]; then
			unavailable "$program" "package $package $deb_version has no usr/bin/$program"
			return 0
		fi
		# The programs are single files; the link keeps them beside what they shipped with.
		ln -sf "../deb/$package/usr/bin/$program" "$tools_dir/bin/$program"
		installed "$package" "$deb_version" "bin/$program"
	done
}
