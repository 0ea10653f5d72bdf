#!/bin/sh
# Counts the instructions that hot paths take per value, line, row or byte: the
# Go benchmarks run a fixed number of times, twice, and the difference of the two
# counts is what the additional runs took. Unlike times, counts do not depend on
# who else uses the machine.
#
#   instructions.sh [--functions] [DIR] [PATTERN]     PATTERN chooses paths (grep -E)
#
#   asm       valgrind's callgrind, amd64 (GOAMD64=v1) as built by default
#   scalar    the same without the assembly of the libraries; that of Go's
#             runtime (bytes.IndexByte, memmove, CRC-32) has no switch and stays
#   arm64     qemu with a plugin that counts (instructions.c, needs a C
#   armv6     compiler), the builds as shipped
#   A53, 1176 nanoseconds at one instruction a cycle: a Cortex-A53 of 1.2 GHz
#             (Raspberry Pi 3), an ARM1176 of 1 GHz (Pi Zero). An estimate: such
#             cores reach that in tight loops, and fall behind it on cache misses
#
# Garbage collection is off, so its cost is left out. --functions lists what
# each path spends its instructions on, on the last machine of those present.
# Takes about ten minutes.

case ${1-} in --functions) functions=1 && shift ;; *) functions= ;; esac
pattern=${2-.}
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."
tools_init ${1+"$1"}

# What to measure: path | package | benchmark | runs, few and many | unit
paths='
parse line protocol, TSBS|lp|Decoder/tsbs/fields/bytes|1 5|byte
parse line protocol, Telegraf|lp|Decoder/telegraf/fields/bytes|1 5|byte
ingest to batches, 10 fields a line|edge/ingest|WriteLines/series=100/fields=10|2 6|line
log: encode TSBS|store/points|Encode/tsbs|2 10|value
log: encode Telegraf|store/points|Encode/telegraf|10 110|value
log: decode TSBS|store/points|Decode/tsbs|2 10|value
log: append 4 KiB (CRC, copy)|store/wal|Append|50 550|byte
buffer: append rows|store/buffer|AppendToHead|2 12|value
buffer: seal integers|store/buffer|Seal/tsbs|2 12|value
buffer: seal hundredths|store/buffer|Seal/telegraf|2 12|value
buffer: seal full floats|store/buffer|Seal/full_floats|2 12|value
buffer: read integers|store/buffer|ReadBlock/tsbs|2 22|value
buffer: read hundredths|store/buffer|ReadBlock/telegraf|2 22|value
write Parquet: times and tag|store/segment|WriteColumn/times|1 6|value
write Parquet: integers, walk|store/segment|WriteColumn/ints/walk|1 6|value
write Parquet: counter|store/segment|WriteColumn/ints/counter|1 6|value
write Parquet: tenths|store/segment|WriteColumn/floats/tenths|1 6|value
write Parquet: full floats|store/segment|WriteColumn/floats/full|1 6|value
write Parquet: text, 4 values|store/segment|WriteColumn/text/few|1 6|value
write Parquet: text, log lines|store/segment|WriteColumn/text/lines|1 6|value
write Parquet: bools|store/segment|WriteColumn/bools|1 6|value
read Parquet: times|store/segment|ReadColumn/times|1 11|value
read Parquet: integers, walk|store/segment|ReadColumn/ints/walk|1 11|value
read Parquet: counter|store/segment|ReadColumn/ints/counter|1 11|value
read Parquet: tenths|store/segment|ReadColumn/floats/tenths|1 6|value
read Parquet: full floats|store/segment|ReadColumn/floats/full|1 6|value
read Parquet: text, 4 values|store/segment|ReadColumn/text/few|1 6|value
read Parquet: text, log lines|store/segment|ReadColumn/text/lines|1 6|value
read Parquet: bools|store/segment|ReadColumn/bools|1 11|value
merge four sources|store/merge|Merge/late=false|1 3|row
merge four sources, late rows|store/merge|Merge/late=true|1 2|row
checkpoint, integers|store|Flush|1 4|value
compaction of 8 files, integers|store|Compact|1 4|value
filter: float > constant|edge/query/expr|Eval/float_greater_constant|10 110|row
filter: two AND|edge/query/expr|Eval/and|10 110|row
filter: LIKE %99%|edge/query/expr|Eval/LIKE_contains|10 60|row
query: avg|edge/query|Query/avg|1 4|row
query: avg by hour and tag|edge/query|Query/avg_by_bin_and_tag|1 4|row
query: max by tag|edge/query|Query/max_by_tag|1 4|row
query: filter and count|edge/query|Query/filter|1 4|row
query: count(DISTINCT)|edge/query|Query/count_distinct|1 4|row
query: ten largest|edge/query|Query/top_by_field|1 4|row
JSON, 4 columns|edge/query|Format/application/json|2 8|row
CSV, 4 columns|edge/query|Format/text/csv|2 8|row
'

have valgrind || {
	echo "left out: counting instructions (no valgrind here)"
	exit 0
}

# The counting emulators need shared libraries that nothing else here does.
arm=1
for package in qemu-user libcapstone4 liburing2; do
	[ -d "$tools_dir/deb/$package" ] || deb_unpack "$package" || {
		unavailable "counts of arm" "$deb_reason"
		arm=
		break
	}
done
plugin=$tools_tmp/instructions.so
if [ -n "$arm" ] && ! "${CC:-cc}" -O2 -shared -fPIC -o "$plugin" "$here/instructions.c"; then
	unavailable "counts of arm" "no C compiler for the plugin"
	arm=
fi
libraries=$(find "$tools_dir/deb/libcapstone4" "$tools_dir/deb/liburing2" -name '*.so.*' -exec dirname {} \; 2>/dev/null | sort -u | tr '\n' ':')
machines="asm scalar"
[ -z "$arm" ] || machines="asm scalar arm64 armv6"

# build MACHINE PACKAGE makes the package's test binary, once.
build() {
	binary=$tools_tmp/$1-$(echo "$2" | tr / -).test
	[ -f "$binary" ] && return
	case $1 in
	asm) GOARCH=amd64 GOAMD64=v1 CGO_ENABLED=0 go test -c -o "$binary" "./$2" ;;
	scalar) GOARCH=amd64 GOAMD64=v1 CGO_ENABLED=0 go test -c -tags purego,noasm,nounsafe -o "$binary" "./$2" ;;
	arm64) GOARCH=arm64 CGO_ENABLED=0 go test -c -o "$binary" "./$2" ;;
	armv6) GOARCH=arm GOARM=6 CGO_ENABLED=0 go test -c -o "$binary" "./$2" ;;
	esac
}

# count MACHINE BENCHMARK RUNS prints the instructions of a run of the binary,
# and leaves the benchmark's own line in $tools_tmp/line.
count() {
	export GOGC=off GOMAXPROCS=1 GODEBUG=asyncpreemptoff=1
	set -- "$1" "^Benchmark$(echo "$2" | sed 's,/,$/^,g')\$" "$3"
	rm -f "$tools_tmp/counts"
	for _ in 1 2 3; do # very rarely, valgrind loses a thread of Go
		case $1 in
		asm | scalar)
			(cd "$dir" && valgrind --tool=callgrind --callgrind-out-file=/dev/null "$binary" -test.run='^$' -test.bench="$2" -test.benchtime="$3x") \
				>"$tools_tmp/out" 2>"$tools_tmp/log" || continue
			sed -n 's/.*Collected : //p' "$tools_tmp/log" | sed 's/$/ all/' >"$tools_tmp/counts"
			;;
		arm64)
			(cd "$dir" && LD_LIBRARY_PATH=$libraries "$tools_dir/deb/qemu-user/usr/bin/qemu-aarch64" -cpu cortex-a53 -plugin "$plugin,out=$tools_tmp/counts" \
				"$binary" -test.run='^$' -test.bench="$2" -test.benchtime="$3x") >"$tools_tmp/out" 2>"$tools_tmp/log" || continue
			;;
		armv6)
			(cd "$dir" && LD_LIBRARY_PATH=$libraries "$tools_dir/deb/qemu-user/usr/bin/qemu-arm" -cpu arm1176 -plugin "$plugin,out=$tools_tmp/counts" \
				"$binary" -test.run='^$' -test.bench="$2" -test.benchtime="$3x") >"$tools_tmp/out" 2>"$tools_tmp/log" || continue
			;;
		esac
		grep -a '^Benchmark.*ns/op' "$tools_tmp/out" >"$tools_tmp/line" || continue
		awk '{ n += $1 } END { if (n == 0) exit 1; printf "%.0f\n", n }' "$tools_tmp/counts" && return
	done
	die "$2 on $1: $(reason "$tools_tmp/log") $(reason "$tools_tmp/out")"
}

# units prints how many units one run of the benchmark has, by its own metrics.
units() {
	awk -v unit="$1" '{
		for (i = 3; i < NF; i += 2) m[$(i + 1)] = $i
		if (unit == "op") print 1
		else if (unit == "byte") printf "%.0f\n", m["MB/s"] * 1e6 * m["ns/op"] / 1e9
		else if (unit == "line" && m["lines/s"] > 0) printf "%.0f\n", m["lines/s"] * m["ns/op"] / 1e9
		else printf "%.0f\n", m["ns/op"] / m["ns/" unit]
	}' "$tools_tmp/line"
}

echo "| instructions | for each | $(echo "$machines" | sed 's/ / | /g')${arm:+ | A53, ns | 1176, ns} |"
echo "| --- | --- | $(echo "$machines" | sed 's/[a-z0-9]\{1,\}/---/g; s/ / | /g')${arm:+ | --- | ---} |"
echo "$paths" | grep -E "$pattern" | while IFS='|' read -r path package benchmark runs unit; do
	[ -n "$path" ] || continue
	few=${runs% *} many=${runs#* } dir=$package row="| $path | $unit |"
	counts=
	for machine in $machines; do
		build "$machine" "$package"
		a=$(count "$machine" "$benchmark" "$few")
		cp "$tools_tmp/counts" "$tools_tmp/few"
		b=$(count "$machine" "$benchmark" "$many")
		# The natively built run tells the units best: its times have most digits.
		[ "$machine" != asm ] || each=$(units "$unit")
		n=$(awk -v a="$a" -v b="$b" -v runs=$((many - few)) -v each="$each" 'BEGIN { n = (b - a) / runs / each; printf n < 100 ? "%.3g\n" : "%.0f\n", n }')
		row="$row $n |" counts="$counts $n"
	done
	[ -z "$arm" ] || row="$row $(echo "$counts" | awk '{ printf $3 < 120 ? "%.2g |" : "%.0f |", $3 / 1.2; printf $4 < 100 ? " %.2g |" : " %.0f |", $4 }')"
	echo "$row"
	[ -z "$functions" ] || awk -v runs=$((many - few)) -v each="$each" 'NR == FNR { n = $1; $1 = ""; few[$0] = n; next }
		{ n = $1; $1 = ""; d = (n - few[$0]) / runs / each; if (d > 0) printf "    %8.2f %s\n", d, $0 }' "$tools_tmp/few" "$tools_tmp/counts" |
		sort -rn | head -12
done
tools_done
