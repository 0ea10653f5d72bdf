#!/bin/sh
# Builds a real Telegraf, with the plugins our captures and end-to-end tests use,
# into DIR/bin/telegraf. Usage: telegraf.sh [--strict] [DIR]

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
tools_init "$@"

version=v1.37.2

# The whole of Telegraf is 250 MB and ten minutes; a custom build is 33 MB and two.
tags=custom
for plugin in cpu disk diskio exec file internal kernel mem net processes swap system; do
	tags=$tags,inputs.$plugin
done
for plugin in file http influxdb influxdb_v2 loki opentelemetry opentsdb; do
	tags=$tags,outputs.$plugin
done
tags=$tags,serializers.influx,serializers.prometheusremotewrite,parsers.influx

go_tool telegraf github.com/influxdata/telegraf $version github.com/influxdata/telegraf/cmd/telegraf \
	-tags "$tags" \
	-ldflags "-s -w -X github.com/influxdata/telegraf/internal.Version=${version#v}"

tools_done
