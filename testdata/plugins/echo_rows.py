"""Logs every row of every table with the types of its values."""


def process_writes(influxdb3_local, table_batches, args=None):
    for batch in table_batches:
        for row in batch["rows"]:
            values = ", ".join(f"{k}={v!r}:{type(v).__name__}" for k, v in row.items())
            influxdb3_local.info(batch["table_name"], values, f"args={args}")
