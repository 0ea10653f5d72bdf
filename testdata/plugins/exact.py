"""Reads back values of every type, which must not change on their way."""


def process_scheduled_call(influxdb3_local, call_time, args=None):
    rows = influxdb3_local.query("SELECT i, u, f, b, s, t FROM exact ORDER BY time")
    for row in rows:
        influxdb3_local.info(", ".join(f"{k}={v!r}" for k, v in sorted(row.items())))
    big = influxdb3_local.query("SELECT $i AS i, $u AS u, $f AS f, $n AS n, $b AS b", {"i": -(1 << 63), "u": (1 << 64) - 1, "f": 2.0, "n": None, "b": True})
    influxdb3_local.info(big)
    names = [n for n in dir(influxdb3_local) if not n.startswith("_")]
    influxdb3_local.info(sorted(names))
    influxdb3_local.warn("args", args, call_time.tzinfo, call_time.microsecond)
    influxdb3_local.write_sync(LineBuilder("copy").uint64_field("u", (1 << 64) - 1).int64_field("i", -(1 << 63)).float64_field("f", 1e22), no_sync=False)
    influxdb3_local.write_to_db("other", LineBuilder("copy").string_field("s", 'a "b" \\').bool_field("b", True))
