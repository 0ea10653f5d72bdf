"""Keeps live objects in both caches."""


def process_scheduled_call(influxdb3_local, call_time, args=None):
    cache = influxdb3_local.cache
    mine = cache.get("list", default=[])
    mine.append(len(mine))
    cache.put("list", mine)
    assert cache.get("list") is mine
    cache.put("gone", 1, ttl=0)
    cache.put("shared", "yes", use_global=True)
    influxdb3_local.info(mine, cache.get("gone", "expired"), cache.get("shared"), cache.get("shared", use_global=True))
    influxdb3_local.info(cache.delete("list") if len(mine) > 2 else "kept", cache.delete("absent"))
    for bad in ({"ttl": -1}, {"ttl": float("nan")}):
        try:
            cache.put("x", 1, **bad)
        except ValueError:
            influxdb3_local.info("refused")
