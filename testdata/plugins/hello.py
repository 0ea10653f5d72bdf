"""Answers requests in the ways that there are."""
import json


def process_request(influxdb3_local, query_parameters, request_headers, request_body, args=None):
    mode = query_parameters.get("mode", "dict")
    if mode == "dict":
        return {"query": query_parameters, "agent": request_headers.get("user-agent"), "auth": "authorization" in request_headers, "body": request_body.decode(), "args": args}
    if mode == "text":
        return "<p>hello</p>"
    if mode == "tuple":
        return json.dumps({"made": True}), 201, {"Content-Type": "application/json", "X-Plugin": "hello"}
    if mode == "none":
        return None
    if mode == "raise":
        raise ValueError("boom")
    if mode == "print":
        print("printed")
        return "ok"
    if mode == "exit":
        import os

        os._exit(3)
    if mode == "loop":
        while True:
            pass
    if mode == "flood":
        for _ in range(50000):
            print("x" * 100)
        return "flooded"
    if mode == "memory":
        return str(len(bytearray(4 << 30)))
    if mode == "write":
        influxdb3_local.write(LineBuilder("hello").float64_field("f", 2.0).time_ns(5))
        return "written"
    if mode == "read":
        return influxdb3_local.query("SELECT f, time FROM hello WHERE f > $min", {"min": 1})
    if mode == "env":
        import os

        return sorted(os.environ)
    if mode == "pid":
        import os

        return str(os.getpid())
    if mode == "import":
        import tarn_wheel

        return tarn_wheel.VERSION
    if mode == "nested":
        from urllib.request import urlopen

        with urlopen(query_parameters["url"], timeout=30) as answer:
            return answer.read().decode()
    if mode == "nap":
        import time

        time.sleep(float(query_parameters["s"]))
        return "rested"
    return mode, 200
