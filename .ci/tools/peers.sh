#!/bin/sh
# Installs the databases that `make bench` compares Tarn with into DIR/bin:
# InfluxDB 1.6 and Prometheus 2.42 (Debian's packages, unpacked, never started as
# services) and VictoriaMetrics (built from source). Usage: peers.sh [--strict] [DIR]

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
tools_init "$@"

deb_tool influxdb influxd
deb_tool influxdb-client influx
deb_tool prometheus prometheus promtool
go_tool victoria-metrics github.com/VictoriaMetrics/VictoriaMetrics v1.136.0 \
	github.com/VictoriaMetrics/VictoriaMetrics/app/victoria-metrics -ldflags "-s -w"

tools_done
