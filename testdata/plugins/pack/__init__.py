"""A plugin of several files."""
from .part import answer


def process_request(influxdb3_local, query_parameters, request_headers, request_body, args=None):
    return {"answer": answer()}
