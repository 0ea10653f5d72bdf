"""Counts rows for each table into table row_count, and keeps a total in the cache."""


def process_writes(influxdb3_local, table_batches, args=None):
    for batch in table_batches:
        name = batch["table_name"]
        if name == "row_count":
            continue
        total = influxdb3_local.cache.get(name, 0) + len(batch["rows"])
        influxdb3_local.cache.put(name, total)
        line = LineBuilder("row_count").tag("table", name).int64_field("rows", len(batch["rows"])).int64_field("total", total)
        influxdb3_local.write(line.time_ns(total))
