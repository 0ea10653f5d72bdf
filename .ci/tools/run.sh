#!/bin/sh
# Starts a Tarn on 127.0.0.1:8181 with a data directory under the checkout, loads
# testdata/telegraf.lp, shows a query's result and what to try next, and keeps
# serving until Ctrl-C. Loading again changes nothing: rows with the same series
# and time merge. Usage: run.sh BINARY

set -eu
tarn=$1
here=$(cd "$(dirname "$0")/../.." && pwd)
bind=${TARN_RUN_BIND:-127.0.0.1:8181}
export TARN_HOST="http://$bind"

"$tarn" serve --data-dir "$here/.data" --http-bind "$bind" --without-auth &
server=$!
trap 'kill "$server" 2>/dev/null; wait "$server"; exit 0' INT TERM
trap 'kill "$server" 2>/dev/null || true' EXIT

# "tarn ping" waits for the server; a server that could not start ends the wait.
while ! "$tarn" ping >/dev/null 2>&1; do
	if ! kill -0 "$server" 2>/dev/null; then
		wait "$server"
		exit 1
	fi
	sleep 0.1
done

"$tarn" write --database telegraf --file "$here/testdata/telegraf.lp"
query="SELECT date_bin(INTERVAL '1 minute', time) AS minute, round(avg(usage_user), 1) AS user, round(avg(usage_system), 1) AS system, count(*) AS samples FROM cpu WHERE cpu = 'cpu-total' GROUP BY 1 ORDER BY 1"
echo "> $query"
"$tarn" query --database telegraf "$query"
cat <<EOF

Tarn serves on http://$bind (data in .data, no authentication). Try, in another terminal:

  bin/tarn query -d telegraf "SHOW TABLES"
  bin/tarn query -d telegraf "SELECT * FROM mem ORDER BY time DESC LIMIT 3"
  bin/tarn query -d telegraf --format csv "SELECT selector_max(load1, time)['value'] AS peak FROM system"
  bin/tarn write -d home 'home,room=kitchen temp=21.5'
  curl -s http://$bind/api/v3/query_sql -d '{"db":"home","q":"SELECT * FROM home","format":"jsonl"}'

Ctrl-C stops it.
EOF
wait "$server"
