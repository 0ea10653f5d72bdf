"""The worker of Tarn's processing engine: runs plugins for the server.

The server starts it with `python3 -c` and talks to it over the pipes that are
its standard input and output (frames: see frame.go). Catalog, schedules,
queues, retries, SQL and writes are the server's; here are only the plugins'
code and what lives as long as the process: imported modules and caches.
"""

import builtins
import collections
import datetime
import importlib
import io
import json
import math
import os
import queue
import signal
import struct
import sys
import threading
import time
import traceback

PROTOCOL = 1
# Of one frame, of the writes that a call may queue, and of one line of log.
MAX_FRAME = 16 << 20
MAX_QUEUED = 8 << 20
MAX_TEXT = 16 << 10
# What plugins may print: a line's length, and lines a second.
MAX_LINE = 8 << 10
MAX_LINES = 200

CANCELLED = "influxdb3 is shutting down; aborting plugin execution"

SIGNATURES = {
    "process_writes": "process_writes(influxdb3_local, table_batches, args=None)",
    "process_scheduled_call": "process_scheduled_call(influxdb3_local, call_time, args=None)",
    "process_request": "process_request(influxdb3_local, query_parameters, request_headers, request_body, args=None)"
    " -> Tuple[str, Optional[Dict[str, str]]]",
}


class Failure(Exception):
    """An error whose text is shown as it is, without its type."""


class QueryError(Exception):
    """What influxdb3_local.query raises."""


# ---------------------------------------------------------------- LineBuilder


class InfluxDBError(Exception):
    """Base of LineBuilder's errors."""


class InvalidMeasurementError(InfluxDBError):
    """A measurement that cannot be written."""


class InvalidKeyError(InfluxDBError):
    """A tag or field key that cannot be written."""


class InvalidLineError(InfluxDBError):
    """A line that cannot be written."""


class LineBuilder:
    """Builds one line of line protocol."""

    def __init__(self, measurement):
        if " " in measurement:
            raise InvalidMeasurementError("Measurement name cannot contain spaces")
        self.measurement = measurement
        self.tags = collections.OrderedDict()
        self.fields = collections.OrderedDict()
        self._timestamp_ns = None

    @staticmethod
    def _check_key(key, kind):
        if not key:
            raise InvalidKeyError(f"{kind} key cannot be empty")
        for char, name in ((" ", "spaces"), (",", "commas"), ("=", "equals signs")):
            if char in key:
                raise InvalidKeyError(f"{kind} key '{key}' cannot contain {name}")

    def tag(self, key, value):
        """Sets a tag."""
        self._check_key(key, "tag")
        text = str(value).replace("\\", "\\\\")
        for char in (",", "=", " "):
            text = text.replace(char, "\\" + char)
        self.tags[key] = text
        return self

    def int64_field(self, key, value):
        """Sets an integer field."""
        self._check_key(key, "field")
        self.fields[key] = f"{value}i"
        return self

    def uint64_field(self, key, value):
        """Sets an unsigned integer field."""
        self._check_key(key, "field")
        if value < 0:
            raise ValueError(f"uint64 field '{key}' cannot be negative")
        self.fields[key] = f"{value}u"
        return self

    def float64_field(self, key, value):
        """Sets a float field."""
        self._check_key(key, "field")
        self.fields[key] = f"{int(value)}.0" if value % 1 == 0 else str(value)
        return self

    def string_field(self, key, value):
        """Sets a string field."""
        self._check_key(key, "field")
        text = value.replace("\\", "\\\\").replace('"', '\\"')
        self.fields[key] = f'"{text}"'
        return self

    def bool_field(self, key, value):
        """Sets a boolean field."""
        self._check_key(key, "field")
        self.fields[key] = "t" if value else "f"
        return self

    def time_ns(self, timestamp_ns):
        """Sets the time in ns."""
        self._timestamp_ns = timestamp_ns
        return self

    def build(self):
        """Returns the line."""
        line = self.measurement.replace(",", "\\,")
        if self.tags:
            line += "," + ",".join(f"{k}={v}" for k, v in self.tags.items())
        if not self.fields:
            raise InvalidLineError(f"At least one field is required: {line}")
        line += " " + ",".join(k.replace("\\", "\\\\") + "=" + v for k, v in self.fields.items())
        if self._timestamp_ns is not None:
            line += f" {self._timestamp_ns}"
        return line


builtins.LineBuilder = LineBuilder

# -------------------------------------------------------------------- channel


class Channel:
    """Frames to and from the server."""

    def __init__(self):
        # Private descriptors, which children do not inherit; what plugins and
        # their children print goes to standard error instead.
        self.incoming = open(os.dup(0), "rb", buffering=1 << 16)
        self.outgoing = os.dup(1)
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        os.close(null)
        os.dup2(2, 1)
        self.lock = threading.Lock()

    def receive(self):
        """Returns the next message and its blob, or None at the end."""
        head = self.incoming.read(9)
        if len(head) < 9:
            return None
        size, _codec, text = struct.unpack(">IBI", head)
        body = self.incoming.read(size - 5)
        if len(body) < size - 5:
            return None
        return json.loads(body[:text]), body[text:]

    def send(self, message, blob=b""):
        """Sends a message."""
        text = json.dumps(message, separators=(",", ":")).encode("ascii")
        size = 5 + len(text) + len(blob)
        if size > MAX_FRAME:
            raise ValueError(f"{size} bytes are more than the {MAX_FRAME} that may be sent to the server at once")
        frame = memoryview(struct.pack(">IBI", size, 0, len(text)) + text + blob)
        with self.lock:
            try:
                while frame:
                    frame = frame[os.write(self.outgoing, frame) :]
            except OSError:
                os._exit(0)  # the server is gone


# ---------------------------------------------------------------------- cache


class Namespace:
    """The cached values of one trigger, or those that all share."""

    def __init__(self, ttl=None):
        self.ttl = ttl
        self.items = {}
        self.lock = threading.Lock()
        self.swept = time.monotonic()

    def sweep(self):
        """Drops what has expired, not more often than every 10 s."""
        now = time.monotonic()
        if now - self.swept < 10:
            return
        self.swept = now
        with self.lock:
            for key in [k for k, (_, end) in self.items.items() if end is not None and end <= now]:
                del self.items[key]


class Cache:
    """influxdb3_local.cache: it holds the very objects that were put."""

    def __init__(self, local, shared):
        self.__local = local
        self.__shared = shared

    def __dir__(self):
        return ["put", "get", "delete"]

    def __space(self, key, use_global):
        if not isinstance(key, str):
            raise TypeError(f"a cache key must be a str, not {type(key).__name__}")
        return self.__shared if use_global else self.__local

    def put(self, key, value, ttl=None, use_global=None):
        """Keeps a value, for ttl seconds if given."""
        space = self.__space(key, use_global)
        end = None
        if ttl is None:
            ttl = space.ttl
        if ttl is not None:
            ttl = float(ttl)
            if math.isnan(ttl) or ttl < 0 or ttl > 1e12:
                raise ValueError(f"a ttl must be a number of seconds from 0, not {ttl}")
            end = time.monotonic() + ttl
        with space.lock:
            space.items[key] = (value, end)

    def get(self, key, default=None, use_global=None):
        """Returns a value, or default."""
        space = self.__space(key, use_global)
        with space.lock:
            value, end = space.items.get(key, (default, None))
            if end is not None and end <= time.monotonic():
                del space.items[key]
                return default
            return value

    def delete(self, key, use_global=None):
        """Drops a value, and says whether there was one."""
        space = self.__space(key, use_global)
        with space.lock:
            _, end = space.items.pop(key, (None, -1))
            return end is None or end > time.monotonic()


# ------------------------------------------------------------------ the calls


class Invocation:
    """One running call of a plugin."""

    def __init__(self, host, message):
        self.host = host
        self.id = message["inv"]
        self.thread = None
        self.cancelled = False
        self.finished = False
        self.writes = []
        self.queued = 0
        self.waiting = {}
        self.lock = threading.Lock()

    def check(self):
        """Raises when the call was cancelled."""
        if self.cancelled:
            raise KeyboardInterrupt(CANCELLED)

    def ask(self, message):
        """Sends a request to the server and returns all parts of its answer."""
        self.check()
        if self.finished:
            raise RuntimeError("the plugin's call has ended: it can no longer query and write")
        slot = queue.SimpleQueue()
        number = self.host.number()
        with self.lock:
            self.waiting[number] = slot
        self.host.slots[number] = slot
        try:
            message["inv"], message["id"] = self.id, number
            self.host.channel.send(message)
            parts = []
            while True:
                part = slot.get()
                self.check()
                parts.append(part)
                if not part.get("more"):
                    return parts
        finally:
            self.host.slots.pop(number, None)
            with self.lock:
                self.waiting.pop(number, None)

    def cancel(self):
        """Makes the calls of the API fail from now on."""
        self.cancelled = True
        with self.lock:
            for slot in self.waiting.values():
                slot.put({})

    def interrupt(self):
        """Raises KeyboardInterrupt in the call's thread."""
        if self.finished or self.thread is None:
            return
        try:
            import ctypes

            ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(self.thread.ident), ctypes.py_object(KeyboardInterrupt))
        except Exception as e:  # a service that may not map executable memory may lack ctypes
            print(f"the plugin's thread cannot be interrupted: {describe(e)}", file=sys.stderr)


def parameter(value):
    """Returns a query parameter as type and text, which keeps every value exact."""
    if value is None:
        return ["n", ""]
    if isinstance(value, bool):
        return ["b", "1" if value else "0"]
    if isinstance(value, int):
        if not -(1 << 63) <= value < 1 << 64:
            raise ValueError(f"the integer {value} does not fit in 64 bits")
        return ["i", str(value)]
    if isinstance(value, float):
        return ["f", repr(value)]
    if isinstance(value, str):
        return ["s", value]
    raise TypeError(f"a query parameter must be a str, int, float, bool or None, not {type(value).__name__}")


PUBLIC = ["info", "warn", "error", "query", "write", "write_to_db", "write_sync", "write_sync_to_db", "cache"]


class PluginCallApi:
    """influxdb3_local: what a plugin may ask of the server."""

    def __init__(self, invocation, local, shared):
        self.__inv = invocation
        self.__local = local
        self.__shared = shared
        self.__cache = Cache(local, shared)

    def __dir__(self):
        return PUBLIC

    def __log(self, level, args):
        self.__inv.check()
        text = " ".join(str(a) for a in args)
        if len(text) > MAX_TEXT:
            text = text[:MAX_TEXT] + "..."
        self.__inv.host.channel.send({"op": "log", "inv": self.__inv.id, "level": level, "text": text})

    def info(self, *args):
        """Logs at level INFO."""
        self.__log("INFO", args)

    def warn(self, *args):
        """Logs at level WARN."""
        self.__log("WARN", args)

    def error(self, *args):
        """Logs at level ERROR."""
        self.__log("ERROR", args)

    def query(self, query, args=None, database=None):
        """Runs a SQL query and returns its rows as dicts."""
        params = {}
        for name, value in (args or {}).items():
            if not isinstance(name, str):
                raise TypeError(f"a parameter's name must be a str, not {type(name).__name__}")
            params[name] = parameter(value)
        parts = self.__inv.ask({"op": "query", "sql": query, "params": params, "db": database})
        rows = []
        for part in parts:
            if "err" in part:
                raise (ValueError if part.get("kind") == "value" else QueryError)(part["err"])
            names = part["c"]
            rows += [dict(zip(names, row)) for row in part["d"]]
        return rows

    def __queue(self, database, line_builder):
        line = line_builder.build()
        self.__inv.check()
        if self.__inv.finished:
            raise RuntimeError("the plugin's call has ended: it can no longer query and write")
        self.__inv.queued += len(line)
        if self.__inv.queued > MAX_QUEUED:
            raise ValueError(f"a call can queue {MAX_QUEUED} characters of writes; use write_sync for more")
        self.__inv.writes.append([database, line])

    def write(self, line_builder):
        """Queues a write to the trigger's database, for when the call succeeds."""
        self.__queue(None, line_builder)

    def write_to_db(self, db_name, line_builder):
        """Queues a write to another database."""
        self.__queue(db_name, line_builder)

    def __write_now(self, database, line_builder, no_sync):
        line = line_builder.build()
        part = self.__inv.ask({"op": "write", "db": database, "lp": line, "no_sync": bool(no_sync)})[0]
        if "err" in part:
            raise Exception(part["err"])

    def write_sync(self, line_builder, no_sync):
        """Writes to the trigger's database before it returns."""
        self.__write_now(None, line_builder, no_sync)

    def write_sync_to_db(self, db_name, line_builder, no_sync):
        """Writes to another database before it returns."""
        self.__write_now(db_name, line_builder, no_sync)

    @property
    def cache(self):
        """The cache of the trigger, and the one that all triggers share."""
        self.__local.sweep()
        self.__shared.sweep()
        return self.__cache


# ----------------------------------------------------------------------- code

importing = threading.Lock()


class Source:
    """A plugin of one file: its code runs anew for every call."""

    def __init__(self, message):
        self.text = message["src"]
        self.code = None

    def entry(self, name):
        """Runs the file and returns its function."""
        if self.code is None:
            self.code = compile(self.text, "<string>", "exec", dont_inherit=True)
            self.text = None
        scope = {"__builtins__": builtins}
        exec(self.code, scope)
        return scope.get(name)


class Package:
    """A plugin that is a directory: imported once, and again after a change."""

    loaded = {}  # name -> (root, stamp)

    def __init__(self, message):
        self.root, self.name, self.stamp = message["root"], message["name"], message["stamp"]

    def entry(self, name):
        """Imports the package if need be and returns its function."""
        with importing:
            module = self.load()
        return getattr(module, name, None)

    def load(self):
        if self.loaded.get(self.name) == (self.root, self.stamp) and self.name in sys.modules:
            return sys.modules[self.name]
        found = sys.modules.get(self.name)
        if found is not None and self.name not in self.loaded:
            raise Failure(f"the plugin's directory has the name of the Python module '{self.name}'; rename it")
        for other in [m for m in sys.modules if m == self.name or m.startswith(self.name + ".")]:
            del sys.modules[other]
        importlib.invalidate_caches()
        sys.path.insert(0, self.root)
        try:
            try:
                module = importlib.import_module(self.name)
            except ModuleNotFoundError as e:
                if e.name != self.name:
                    raise
                importlib.invalidate_caches()
                module = importlib.import_module(self.name)
        except Exception as e:
            raise Failure(
                f"Failed to import plugin module '{self.name}': {describe(e)}\n"
                "Hint: Check for syntax errors or missing dependencies in Python files."
            ) from e
        finally:
            sys.path.remove(self.root)
        self.loaded[self.name] = (self.root, self.stamp)
        return module


def describe(error):
    """Returns an exception in one line."""
    if isinstance(error, Failure):
        return str(error)
    try:
        text = str(error)
    except Exception:
        text = "<the exception has no text>"
    return f"{type(error).__qualname__}: {text}"


# ------------------------------------------------------------------ responses


def headers_of(value):
    if not isinstance(value, dict):
        raise Failure("expected a dictionary in header item")
    return {str(k): str(v) for k, v in value.items()}


def response(value):
    """Turns what process_request returned into status, headers and body."""
    flask = getattr(value, "__flask_response__", None)
    if callable(flask) and flask() is True:
        return value.status_code, headers_of(value.headers), value.get_data().encode("utf-8", "surrogatepass")
    status, headers = 200, {}
    if isinstance(value, tuple) and 1 <= len(value) <= 3:
        for item in value[1:2]:
            if isinstance(item, bool):
                continue
            if isinstance(item, int):
                status = item
            elif isinstance(item, dict):
                headers = headers_of(item)
        for item in value[2:]:
            headers.update(headers_of(item))
        kind, body = rendered(value[0])
        if kind is None:
            kind, body = "text/plain", str(value[0])
    else:
        kind, body = rendered(value)
        if kind is None:
            if not hasattr(value, "__iter__"):
                raise Failure("Unsupported return type from Python function")
            kind, parts = "text/html", []
            for item in value:
                if isinstance(item, bytes):
                    item = item.decode("utf-8")
                if isinstance(item, str):
                    parts.append(item)
            body = "".join(parts)
    if not 100 <= status <= 999:
        raise Failure(f"{status} is no HTTP status")
    if not any(name.lower() == "content-type" for name in headers):
        headers["content-type"] = kind
    return status, headers, body.encode("utf-8", "backslashreplace")


def rendered(value):
    if isinstance(value, str):
        return "text/html", value
    if isinstance(value, (dict, list)):
        return "application/json", json.dumps(value)
    return None, ""


# ----------------------------------------------------------------------- host


class Printed(io.TextIOBase):
    """sys.stdout and sys.stderr: lines go to the log of the call that prints."""

    def __init__(self, host, stream, inner):
        super().__init__()
        self.host, self.stream, self.inner = host, stream, inner
        self.parts = {}

    @property
    def buffer(self):
        return self.inner.buffer

    @property
    def encoding(self):
        return "utf-8"

    def writable(self):
        return True

    def fileno(self):
        return self.inner.fileno()

    def write(self, text):
        ident = threading.get_ident()
        *lines, rest = (self.parts.pop(ident, "") + text).split("\n")
        if len(rest) > MAX_LINE:
            lines.append(rest)
            rest = ""
        if rest:
            self.parts[ident] = rest
        for line in lines:
            self.emit(ident, line)
        return len(text)

    def end(self, ident):
        """Sends the last line of a call, which has no end."""
        rest = self.parts.pop(ident, "")
        if rest:
            self.emit(ident, rest)

    def emit(self, ident, line):
        inv = self.host.threads.get(ident)
        if self.host.may_print():
            self.host.channel.send({"op": "out", "inv": inv.id if inv else 0, "stream": self.stream, "text": line[:MAX_LINE]})


class Host:
    """Dispatches the server's messages."""

    def __init__(self):
        self.channel = Channel()
        self.codes = {}
        self.calls = {}
        self.slots = {}
        self.threads = {}
        self.spaces = {}
        self.shared = Namespace()
        self.last = 0
        self.lock = threading.Lock()
        self.second, self.printed, self.dropped = 0, 0, 0
        self.support = None

    def number(self):
        with self.lock:
            self.last += 1
            return self.last

    def may_print(self):
        """Says whether a line may still be sent in this second."""
        with self.lock:
            now = int(time.monotonic())
            if now != self.second:
                dropped, self.dropped = self.dropped, 0
                self.second, self.printed = now, 0
            else:
                dropped = 0
            self.printed += 1
            ok = self.printed <= MAX_LINES
            if not ok:
                self.dropped += 1
        if dropped:
            self.channel.send({"op": "out", "inv": 0, "stream": "stderr", "text": f"{dropped} printed lines were dropped: a plugin may print {MAX_LINES} a second"})
        return ok

    def run(self):
        hello = {"op": "hello", "proto": PROTOCOL, "pid": os.getpid(), "python": list(sys.version_info[:3]), "prefix": sys.prefix}
        hello["executable"] = sys.executable
        hello["cookie"] = os.environ.pop("TARN_WORKER_COOKIE", "")
        self.channel.send(hello)
        sys.stdout, sys.stderr = Printed(self, "stdout", sys.stdout), Printed(self, "stderr", sys.stderr)
        while True:
            received = self.channel.receive()
            if received is None:
                os._exit(0)
            message, blob = received
            getattr(self, "on_" + message["op"])(message, blob)

    def on_init(self, message, _blob):
        restrict(message)

    def on_ping(self, _message, _blob):
        self.channel.send({"op": "pong"})

    def on_code(self, message, _blob):
        self.codes[message["sha"]] = Package(message) if "root" in message else Source(message)

    def on_forget(self, message, _blob):
        self.codes.pop(message["sha"], None)

    def on_support(self, message, _blob):
        self.support = message["src"]

    def on_packages(self, _message, _blob):
        importlib.invalidate_caches()

    def on_drop_cache(self, message, _blob):
        self.spaces.pop(message["key"], None)

    def on_reply(self, message, _blob):
        slot = self.slots.get(message["id"])
        if slot is not None:
            slot.put(message)

    def on_cancel(self, message, _blob):
        inv = self.calls.get(message["inv"])
        if inv is not None:
            inv.cancel()
            if message.get("interrupt"):
                inv.interrupt()

    def on_exec(self, message, blob):
        inv = Invocation(self, message)
        self.calls[inv.id] = inv
        code = self.codes.get(message.get("code"))
        inv.thread = threading.Thread(target=self.execute, args=(inv, message, blob, code), daemon=True)
        try:
            inv.thread.start()
        except RuntimeError as e:  # no memory, or no more threads
            self.finish(inv, {"err": describe(e)})

    def space(self, key, test):
        with self.lock:
            found = self.spaces.get(key)
            if found is None:
                found = self.spaces[key] = Namespace(1800 if test else None)
            return found

    def execute(self, inv, message, blob, code):
        ident = threading.get_ident()
        self.threads[ident] = inv
        done = {}
        body = b""
        try:
            key, test = message["key"], message.get("test", False)
            shared = self.space("global\0" + key, True) if test else self.shared
            api = PluginCallApi(inv, self.space(key, test), shared)
            kind = message["kind"]
            if kind == "script":
                done["script"] = self.script(message["script"], inv)
            else:
                body = self.call(message, blob, code, api, done)
        except BaseException as e:
            done["err"] = describe(e)
            done["tb"] = traceback.format_exc(limit=30)[-MAX_TEXT:]
        # An interrupt that comes this late must not keep the answer back.
        for _ in range(3):
            try:
                inv.finished = True
                for stream in (sys.stdout, sys.stderr):
                    if isinstance(stream, Printed):
                        stream.end(ident)
                self.threads.pop(ident, None)
                if "err" not in done:
                    done["writes"] = inv.writes
                self.finish(inv, done, body)
                return
            except KeyboardInterrupt:
                continue

    def call(self, message, blob, code, api, done):
        name, args = message["fn"], message["args"]
        function = code.entry(name)
        if function is None:
            raise Failure(f"the {name} function is not present in the plugin. Should be defined as: {SIGNATURES[name]}")
        kind = message["kind"]
        if kind == "wal":
            positional = (tables_of(message["tables"]), args)
        elif kind == "schedule":
            positional = (datetime.datetime.fromtimestamp(message["time"]), args)
        else:
            positional = (message["query"], message["headers"], blob, args)
        try:
            result = function(api, *positional)
        except BaseException:
            done["raised"] = True
            raise
        if kind != "request":
            return b""
        done["status"], done["headers"], body = response(result)
        return body

    def script(self, message, inv):
        if isinstance(self.support, str):
            scope = {"__name__": "tarn_scripts", "__builtins__": builtins, "Failure": Failure, "describe": describe}
            exec(compile(self.support, "<scripts>", "exec", dont_inherit=True), scope)
            self.support = scope["run"]
        return self.support(message, inv)

    def finish(self, inv, done, body=b""):
        done["op"], done["inv"] = "done", inv.id
        self.calls.pop(inv.id, None)
        try:
            self.channel.send(done, body)
        except (ValueError, TypeError) as e:
            self.channel.send({"op": "done", "inv": inv.id, "err": describe(e)})


def tables_of(tables):
    """Builds table_batches: a column that a row does not have is absent."""
    out = {}
    for table in tables:
        names = table["c"]
        if table.get("full"):
            rows = [dict(zip(names, row)) for row in table["d"]]
        else:
            rows = [{k: v for k, v in zip(names, row) if v is not None} for row in table["d"]]
        entry = out.setdefault(table["n"], {"table_name": table["n"], "rows": []})
        entry["rows"] += rows
    return list(out.values())


def restrict(limits):
    """Bounds what the process can take from the machine, as far as it lets us."""
    threading.stack_size(2 << 20)
    try:
        os.nice(5)
    except OSError:
        pass
    try:
        # The kernel is to end the worker before the database.
        with open("/proc/self/oom_score_adj", "w") as f:
            f.write("500")
    except OSError:
        pass
    try:
        import ctypes

        ctypes.CDLL(None).prctl(38, 1, 0, 0, 0)  # PR_SET_NO_NEW_PRIVS
    except Exception:  # old versions of libffi need memory that a hardened service may not map
        pass
    try:
        import resource
    except ImportError:
        return
    bounds = [("RLIMIT_CORE", 0)]
    if limits.get("memory"):
        bounds.append(("RLIMIT_AS", limits["memory"]))
    if limits.get("processes"):
        bounds.append(("RLIMIT_NPROC", limits["processes"] + tasks()))
    for name, value in bounds:
        try:
            which = getattr(resource, name)
            hard = resource.getrlimit(which)[1]
            if hard != resource.RLIM_INFINITY:
                value = min(value, hard)
            resource.setrlimit(which, (value, value))
        except (AttributeError, ValueError, OSError):
            pass


def tasks():
    """Counts the threads of this user: the kernel's limit counts them all."""
    count = 0
    for entry in os.listdir("/proc") if os.path.isdir("/proc") else []:
        if entry.isdigit():
            try:
                if os.stat("/proc/" + entry).st_uid == os.getuid():
                    count += len(os.listdir(f"/proc/{entry}/task"))
            except OSError:
                pass
    return count


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.path[:] = [p for p in sys.path if p]  # not the working directory
    Host().run()
