#!/bin/sh
# Installs versitygw, an S3 server over a directory, in DIR/bin: what the tests of
# upstream sync use where it is there. Usage: versitygw.sh [--strict] [DIR]

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
tools_init "$@"

go_tool versitygw github.com/versity/versitygw v1.8.0 github.com/versity/versitygw/cmd/versitygw -ldflags "-s -w"

tools_done
