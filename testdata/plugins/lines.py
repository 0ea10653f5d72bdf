"""Builds lines in all ways that LineBuilder has, the wrong ones too."""


def process_scheduled_call(influxdb3_local, call_time, args=None):
    def show(build):
        try:
            influxdb3_local.info(build())
        except Exception as e:
            influxdb3_local.info(f"{type(e).__name__}: {e}")

    def line(name="m"):
        return LineBuilder(name)

    show(lambda: line("a b").build())
    show(lambda: line("a,b").int64_field("f", 1).build())
    show(lambda: line().tag("t", "a, b=c\\").tag("u", "").tag("v", None).int64_field("f", 1.5).build())
    for key in ("", "a b", "a,b", "a=b"):
        show(lambda: line().tag(key, "x"))
        show(lambda: line().int64_field(key, 1))
    show(lambda: line().uint64_field("u", -1))
    show(lambda: line().uint64_field("u", 1 << 63).build())
    for value in (2, 2.0, -0.0, True, 1e22, 1e-7, 0.1, float("nan"), float("inf"), "2"):
        show(lambda: line().float64_field("f", value).build())
    show(lambda: line().string_field("s", 'say "x" \\ and\nmore').build())
    show(lambda: line().string_field("s", 5))
    show(lambda: line().bool_field("b", []).bool_field("c", "x").build())
    show(lambda: line().int64_field("a\\b", 1).time_ns(-5).build())
    show(lambda: line().int64_field("f", 1).time_ns(5).time_ns(None).build())
    show(lambda: line().tag("t", "x").build())
    b = line().int64_field("a", 1).int64_field("b", 2).tag("t", 1).tag("t", 2)
    show(lambda: b.bool_field("a", True).build())
    influxdb3_local.info(b.measurement, dict(b.tags), dict(b.fields), b._timestamp_ns)
    for bad in (lambda: influxdb3_local.write(line()), lambda: influxdb3_local.query("SELECT", {"a": []}),
                lambda: influxdb3_local.query("SELECT nosuch FROM nosuch"), lambda: influxdb3_local.query("SELECT 1", database="bad db"),
                lambda: influxdb3_local.query("SELECT INTERVAL '1 day' AS i"), lambda: influxdb3_local.query("SELECT $i AS i", {"i": 1 << 64}),
                lambda: influxdb3_local.cache.put(1, 2)):
        show(bad)

    try:
        influxdb3_local.write_sync(b)
    except TypeError:
        influxdb3_local.info("no_sync is required")

    class Batch:
        def build(self):
            return "x f=1 1\nx f=2 2"

    influxdb3_local.write(Batch())
    influxdb3_local.write_sync_to_db("bad db", Batch(), no_sync=True)
