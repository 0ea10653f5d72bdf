"""Takes its time with every batch: what a plugin must not do."""
import time


def process_writes(influxdb3_local, table_batches, args=None):
    for _ in range(int(args["seconds"]) * 100):
        influxdb3_local.cache.get("x")
        time.sleep(0.01)
