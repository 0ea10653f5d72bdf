"""GreptimeDB's coprocessors: a function over the columns of a SQL query.

The worker runs this file when the first script comes. It gives run(), and the
module greptime for scripts to import.
"""

import ast
import builtins
import math
import random as _random
import re
import statistics
import struct
import sys
import threading
import types

RANGES = {"u8": (0, 8), "u16": (0, 16), "u32": (0, 32), "u64": (0, 64), "i8": (1, 8), "i16": (1, 16), "i32": (1, 32), "i64": (1, 64)}
TYPES = [*RANGES, "bool", "f32", "f64", "str", "_"]
# Prefix of the one column of a statement that has no rows; its value is the
# number of rows that the statement changed.
AFFECTED = "\0affected"

running = threading.local()


# -------------------------------------------------------------------- vectors


def lift(function, *args):
    """Applies a function to each element; what is no vector counts for all."""
    sizes = {len(a) for a in args if isinstance(a, Vector)}
    if not sizes:
        return None if any(a is None for a in args) else function(*args)
    if len(sizes) > 1:
        raise ValueError(f"vectors have different lengths: {sorted(sizes)}")
    size = sizes.pop()
    columns = [a.items if isinstance(a, Vector) else [a] * size for a in args]
    return Vector([None if any(v is None for v in row) else function(*row) for row in zip(*columns)])


def divide(a, b):
    a, b = float(a), float(b)
    if b == 0:
        return math.nan if a == 0 or math.isnan(a) else math.copysign(math.inf, a) * math.copysign(1, b)
    return a / b


class Vector:
    """A column of values; None is null."""

    def __init__(self, items):
        self.items = list(items)

    def __len__(self):
        return len(self.items)

    def __iter__(self):
        return iter(self.items)

    def __repr__(self):
        return f"vector({self.items!r})"

    def __getitem__(self, index):
        if isinstance(index, slice):
            return Vector(self.items[index])
        if isinstance(index, (Vector, list)):
            index = list(index)
            if index and all(isinstance(i, bool) or i is None for i in index):
                return self.filter(index)
            return Vector([self.items[i] for i in index])
        return self.items[index]

    def filter(self, mask):
        """Returns the elements whose mask is true."""
        mask = list(mask)
        if len(mask) != len(self.items):
            raise ValueError(f"a mask of {len(mask)} elements for a vector of {len(self.items)}")
        return Vector([v for v, keep in zip(self.items, mask) if keep])

    def concat(self, other):
        """Returns the elements of both."""
        return Vector(self.items + list(other))

    def __add__(self, other):
        return lift(lambda a, b: a + b, self, other)

    def __radd__(self, other):
        return lift(lambda a, b: b + a, self, other)

    def __sub__(self, other):
        return lift(lambda a, b: a - b, self, other)

    def __rsub__(self, other):
        return lift(lambda a, b: b - a, self, other)

    def __mul__(self, other):
        return lift(lambda a, b: a * b, self, other)

    __rmul__ = __mul__

    def __truediv__(self, other):
        return lift(divide, self, other)

    def __rtruediv__(self, other):
        return lift(lambda a, b: divide(b, a), self, other)

    def __floordiv__(self, other):
        return lift(lambda a, b: int(a // b), self, other)

    def __rfloordiv__(self, other):
        return lift(lambda a, b: int(b // a), self, other)

    def __mod__(self, other):
        return lift(lambda a, b: a % b, self, other)

    def __pow__(self, other):
        return lift(lambda a, b: a**b, self, other)

    def __neg__(self):
        return lift(lambda a: -a, self)

    def __and__(self, other):
        return lift(lambda a, b: a & b, self, other)

    __rand__ = __and__

    def __or__(self, other):
        return lift(lambda a, b: a | b, self, other)

    __ror__ = __or__

    def __invert__(self):
        return lift(lambda a: not a if isinstance(a, bool) else ~a, self)

    def __lt__(self, other):
        return lift(lambda a, b: a < b, self, other)

    def __le__(self, other):
        return lift(lambda a, b: a <= b, self, other)

    def __gt__(self, other):
        return lift(lambda a, b: a > b, self, other)

    def __ge__(self, other):
        return lift(lambda a, b: a >= b, self, other)

    def __eq__(self, other):
        return lift(lambda a, b: a == b, self, other)

    def __ne__(self, other):
        return lift(lambda a, b: a != b, self, other)

    __hash__ = None


class Batch:
    """The answer of a query: columns by position or name."""

    def __init__(self, names, columns):
        self.names, self.columns = names, columns

    def __len__(self):
        return len(self.columns)

    def __iter__(self):
        return iter(self.columns)

    def __getitem__(self, key):
        return self.columns[self.names.index(key) if isinstance(key, str) else key]


class Query:
    """What query() returns."""

    def sql(self, text):
        """Runs a statement: a batch of rows, or how many it changed."""
        return select(text)


def select(text):
    ask = getattr(running, "ask", None)
    if ask is None:
        raise RuntimeError("query() works in the thread that runs the script only")
    names, columns = None, []
    for part in ask({"op": "query", "sql": text, "params": {}, "db": None}):
        if "err" in part:
            raise Failure(part["err"])
        if names is None:
            names = part["c"]
            columns = [[] for _ in names]
        for row in part["d"]:
            for column, value in zip(columns, row):
                column.append(value)
    if names == [AFFECTED]:
        return columns[0][0]
    return Batch(names, [Vector(c) for c in columns])


# ------------------------------------------------------------------ functions


def numbers(values):
    """The values that are not null."""
    return [v for v in (values if isinstance(values, (Vector, list, tuple)) else [values]) if v is not None]


def domain(function):
    """A function of a number that is NaN or infinite where math raises."""

    def inner(*args):
        try:
            return function(*map(float, args))
        except ValueError:
            return math.nan
        except OverflowError:
            return math.inf

    return lambda *args: lift(inner, *args)


def logarithm(function):
    return domain(lambda x: -math.inf if x == 0 else function(x))


def half_away(x):
    """Rounds halves away from zero, as SQL does."""
    return math.copysign(math.floor(abs(x) + 0.5), x) if math.isfinite(x) else x


def mean(values):
    values = numbers(values)
    return sum(values) / len(values) if values else None


def spread(function, least):
    def inner(values):
        values = [float(v) for v in numbers(values)]
        return function(values) if len(values) >= least else None

    return inner


def correlation(a, b):
    pairs = [(x, y) for x, y in zip(a, b) if x is not None and y is not None]
    if len(pairs) < 2:
        return None
    try:
        return statistics.correlation([float(x) for x, _ in pairs], [float(y) for _, y in pairs])
    except statistics.StatisticsError:
        return math.nan


def percentile(values, p):
    """Interpolates between the two nearest values; p is from 0 to 100."""
    values = sorted(numbers(values))
    if not values:
        return None
    at = (len(values) - 1) * min(max(float(p), 0.0), 100.0) / 100
    low = math.floor(at)
    high = min(low + 1, len(values) - 1)
    return values[low] + (values[high] - values[low]) * (at - low)


def extreme(choose):
    def inner(values):
        best = None
        for i, v in enumerate(values):
            if v is not None and (best is None or choose(v, values[best])):
                best = i
        return best

    return inner


def shift(values, by):
    items = list(values)
    return Vector(([None] + items[:-1] if by > 0 else items[1:] + [None]) if items else [])


def diff(values):
    items = list(values)
    return Vector([None if a is None or b is None else b - a for a, b in zip(items, items[1:])])


def polyval(coefficients, x):
    total = 0.0
    for c in numbers(coefficients):
        total = total * x + c
    return total


def normal(values, x, density):
    values = [float(v) for v in numbers(values)]
    if len(values) < 2:
        return None
    spread_of = statistics.pstdev(values)
    if spread_of == 0:
        return math.nan
    n = statistics.NormalDist(statistics.fmean(values), spread_of)
    return n.pdf(x) if density else n.cdf(x)


def seconds_of(text):
    """Turns a duration such as 1d2h3m4s into seconds."""
    units = {"d": 86400, "h": 3600, "m": 60, "s": 1}
    if not re.fullmatch(r"(\d+[dhms])+", text):
        raise ValueError(f"{text!r} is not a duration such as 1d2h3m4s")
    return sum(int(n) * units[u] for n, u in re.findall(r"(\d+)([dhms])", text))


def interval(times, values, duration, function):
    """Applies a function to the values of each span of time."""
    groups = {}
    items = list(times)
    first = min(numbers(items), default=0)
    for t, v in zip(items, values):
        if t is not None:
            groups.setdefault((t - first) // duration, []).append(v)
    return Vector([function(Vector(groups[k])) for k in sorted(groups)])


def not_here(name):
    def inner(*_args, **_named):
        raise Failure(f"{name} is not supported: use query().sql(...)")

    return inner


def decorator(*_args, **_named):
    return lambda function: function


FUNCTIONS = {
    "vector": Vector,
    "query": lambda: Query(),
    "copr": decorator,
    "coprocessor": decorator,
    "sqrt": domain(math.sqrt),
    "sin": domain(math.sin),
    "cos": domain(math.cos),
    "tan": domain(math.tan),
    "asin": domain(math.asin),
    "acos": domain(math.acos),
    "atan": domain(math.atan),
    "floor": domain(lambda x: float(math.floor(x)) if math.isfinite(x) else x),
    "ceil": domain(lambda x: float(math.ceil(x)) if math.isfinite(x) else x),
    "trunc": domain(lambda x: float(math.trunc(x)) if math.isfinite(x) else x),
    "round": domain(half_away),
    "abs": lambda x: lift(builtins.abs, x),
    "signum": domain(lambda x: x if math.isnan(x) else float((x > 0) - (x < 0))),
    "exp": domain(math.exp),
    "ln": logarithm(math.log),
    "log": logarithm(math.log10),
    "log2": logarithm(math.log2),
    "log10": logarithm(math.log10),
    "pow": domain(math.pow),
    "clip": lambda x, low, high: lift(lambda v, a, b: min(max(v, a), b), x, low, high),
    "random": lambda n: Vector([_random.random() for _ in range(n)]),
    "diff": diff,
    "count": lambda v: len(numbers(v)),
    "sum": lambda v: builtins.sum(numbers(v)) if numbers(v) else None,
    "avg": mean,
    "mean": mean,
    "min": lambda v: builtins.min(numbers(v), default=None),
    "max": lambda v: builtins.max(numbers(v), default=None),
    "median": spread(statistics.median, 1),
    "stddev": spread(statistics.stdev, 2),
    "stddev_pop": spread(statistics.pstdev, 1),
    "variance": spread(statistics.variance, 2),
    "variance_pop": spread(statistics.pvariance, 1),
    "correlation": correlation,
    "approx_distinct": lambda v: len(set(numbers(v))),
    "approx_percentile_cont": lambda v, p: percentile(v, 100 * p),
    "percentile": percentile,
    "array_agg": lambda v: Vector(v),
    "argmax": extreme(lambda a, b: a > b),
    "argmin": extreme(lambda a, b: a < b),
    "polyval": polyval,
    "scipy_stats_norm_cdf": lambda v, x: normal(v, x, False),
    "scipy_stats_norm_pdf": lambda v, x: normal(v, x, True),
    "prev": lambda v: shift(v, 1),
    "next": lambda v: shift(v, -1),
    "first": lambda v: list(v)[0] if len(v) else None,
    "last": lambda v: list(v)[-1] if len(v) else None,
    "datetime": seconds_of,
    "interval": interval,
    "dataframe": not_here("dataframe()"),
    "col": not_here("col()"),
    "lit": not_here("lit()"),
    "PyDataFrame": not_here("PyDataFrame"),
}


# -------------------------------------------------------------------- scripts


class Script:
    """A script whose form has been checked."""

    def __init__(self, source):
        tree = ast.parse(source, "<script>")
        found = None
        for node in tree.body:
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
                continue  # a description
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                continue
            if not isinstance(node, ast.FunctionDef):
                raise Failure(f"line {node.lineno}: a script has imports and functions only")
            if node.decorator_list:
                if found is not None:
                    raise Failure(f"line {node.lineno}: a script has one coprocessor, and there is another")
                found = node
        if found is None:
            raise Failure("a script needs a function with @coprocessor or @copr")
        self.name = found.name
        self.arguments(found)
        self.result(found)
        parameters = found.args
        self.params = parameters.kwarg is not None
        count = len(parameters.args) + len(parameters.posonlyargs)
        if parameters.vararg or parameters.kwonlyargs or count != len(self.args):
            raise Failure(f"{self.name} has {count} parameters, and args has {len(self.args)} columns")
        if self.sql is None and self.args:
            raise Failure("args needs sql, whose columns they are")
        if self.sql is not None and not re.match(r"\s*(select|with)\b", self.sql, re.IGNORECASE):
            raise Failure(f"Unsupported sql in coprocessor: {self.sql}")
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef):
                node.returns = None
                for a in [*node.args.args, *node.args.posonlyargs, *node.args.kwonlyargs, node.args.vararg, node.args.kwarg]:
                    if a is not None:
                        a.annotation = None
        found.decorator_list = []
        self.code = compile(tree, "<script>", "exec", dont_inherit=True)

    def arguments(self, found):
        """Reads the decorator."""
        if len(found.decorator_list) != 1:
            raise Failure(f"{found.name} has more than one decorator")
        call = found.decorator_list[0]
        name = getattr(getattr(call, "func", call), "id", None)
        if name not in ("copr", "coprocessor"):
            raise Failure(f"the decorator of {found.name} must be @coprocessor or @copr")
        if not isinstance(call, ast.Call) or call.args:
            raise Failure(f"@{name} takes arguments with names: returns, args, sql, backend")
        given = {}
        for k in call.keywords:
            if k.arg not in ("returns", "args", "sql", "backend"):
                raise Failure(f"@{name} has no argument {k.arg}")
            try:
                given[k.arg] = ast.literal_eval(k.value)
            except ValueError:
                raise Failure(f"{k.arg} of @{name} must be a constant") from None
        for key in ("returns", "args"):
            value = given.setdefault(key, [])
            if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
                raise Failure(f"{key} of @{name} must be a list of names")
        if not given["returns"]:
            raise Failure(f"@{name} needs returns, the names of the columns that it makes")
        for key in ("sql", "backend"):
            if not isinstance(given.get(key, ""), str):
                raise Failure(f"{key} of @{name} must be a text")
        self.returns, self.args, self.sql = given["returns"], given["args"], given.get("sql")

    def result(self, found):
        """Reads the annotation of what is returned."""
        if found.returns is None:
            if self.sql is not None:
                raise Failure("return type not annotated, can't generate schema")
            self.types = ["_"] * len(self.returns)
            return
        parts = found.returns.elts if isinstance(found.returns, ast.Tuple) else [found.returns]
        self.types = [self.annotation(p) for p in parts]
        if len(self.types) != len(self.returns):
            raise Failure(f"{found.name} is annotated with {len(self.types)} columns, and returns has {len(self.returns)}")

    def annotation(self, node):
        def plain(node):  # T | None is T: every column may have nulls
            if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
                return node.left if isinstance(node.right, ast.Constant) else node.right
            return node

        node = plain(node)
        if isinstance(node, ast.Subscript) and getattr(node.value, "id", "") == "vector":
            node = plain(node.slice)
        kind = getattr(node, "id", None)
        if kind not in TYPES:
            raise Failure(f"line {node.lineno}: a column's type must be vector[T] with T of {', '.join(TYPES)}")
        return kind

    def run(self, params):
        """Runs the script and returns its columns."""
        args, size = [], None
        if self.sql is not None:
            batch = select(self.sql)
            if not isinstance(batch, Batch):
                raise Failure(f"Unsupported sql in coprocessor: {self.sql}")
            for name in self.args:
                if name not in batch.names:
                    raise Failure(f"the query of the script has no column {name}")
                args.append(batch[name])
            size = len(batch.columns[0].items) if batch.columns else 0
        scope = {"__builtins__": builtins, "__name__": "builtins"}
        for name in ("vector", "query", "copr", "coprocessor", "dataframe", "col", "lit", "PyDataFrame"):
            scope[name] = FUNCTIONS[name]
        exec(self.code, scope)
        out = scope[self.name](*args, **(params if self.params else {}))
        if len(self.returns) == 1 and not (isinstance(out, tuple) and len(out) == 1):
            out = (out,)
        if not isinstance(out, tuple) or len(out) != len(self.returns):
            raise Failure(f"{self.name} must return {len(self.returns)} columns")
        vectors = [list(v) if isinstance(v, (Vector, list)) else v for v in out]
        sizes = {len(v) for v in vectors if isinstance(v, list)}
        if len(sizes) > 1:
            raise Failure(f"the columns that {self.name} returns have different lengths: {sorted(sizes)}")
        if sizes:
            size = sizes.pop()
        elif size is None:
            size = 1
        columns = []
        for name, kind, values in zip(self.returns, self.types, vectors):
            values = values if isinstance(values, list) else [values] * size
            kind = kind if kind != "_" else inferred(values)
            columns.append({"name": name, "type": kind, "values": [text_of(v, kind, name) for v in values]})
        return {"columns": columns}


def inferred(values):
    kinds = {type(v) for v in values if v is not None}
    if kinds == {bool}:
        return "bool"
    if kinds == {int}:
        return "i64"
    if kinds and kinds <= {int, float}:
        return "f64"
    return "str"


def text_of(value, kind, name):
    """Casts a value, and turns it into a text that keeps it exact."""
    if value is None:
        return None
    try:
        if kind == "bool":
            if isinstance(value, (bool, int, float)):
                return "1" if value else "0"
        elif kind == "str":
            return value if isinstance(value, str) else str(value)
        elif kind in ("f64", "f32"):
            value = float(value)
            if kind == "f32" and math.isfinite(value):
                value = struct.unpack("f", struct.pack("f", value))[0]
            return repr(value)
        else:
            value = int(value)
            signed, bits = RANGES[kind]
            low, high = (-(1 << bits - 1), 1 << bits - 1) if signed else (0, 1 << bits)
            if low <= value < high:
                return str(value)
    except (TypeError, ValueError, OverflowError):
        pass
    raise Failure(f"column {name}: {value!r} cannot be {kind}")


def run(message, inv):
    """Checks or runs a script."""
    if "greptime" not in sys.modules:
        module = types.ModuleType("greptime", "What GreptimeDB gives to its scripts.")
        module.__dict__.update(FUNCTIONS)
        sys.modules["greptime"] = module
    script = Script(message["src"])
    if message.get("check"):
        return {"columns": []}
    running.ask = inv.ask
    try:
        return script.run(message["params"])
    finally:
        running.ask = None
