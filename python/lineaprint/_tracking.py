"""Check the arguments of the recording functions, so that errors are raised at the call."""

import math
import os

from _lineaprint._connection import encode
from _lineaprint._errors import argument
from _lineaprint._process import current

from . import _handing, _tensors
from ._text import text

#: From here on, a double (the number type of JSON) cannot represent every integer.
_EXACT = 1 << 53

_DEPTH = 100


def track(kind, source, name):
    if not isinstance(name, str) or not name:
        raise argument("the name of a %s must be a non-empty string" % kind)
    text("the name", name)
    if isinstance(source, (str, bytes, os.PathLike)) and not (kind == "dataset" and isinstance(source, bytes)):
        path = os.path.abspath(os.fsdecode(source))
        return current.connection.ask({"call": kind, "name": name, "path": text("the path", path)})
    if kind == "output":
        raise argument("an output must be a path, not %s" % type(source).__name__)
    if kind == "dataset":
        tensor = _tensors.describe(source, "the dataset")
        fields = {"call": kind, "name": name, "dtype": tensor.dtype, "shape": list(tensor.shape)}
        return _handing.ask(_handing.Raw, [tensor], fields)
    tensors, ignored = _tensors.collect(source)
    fields = {"call": kind, "name": name, "ignored": ignored[:100], "ignoredCount": len(ignored)}
    return _handing.ask(_handing.Safetensors, tensors, fields)


def log_digest(name, value, step):
    tensor = _tensors.describe(value, metric_name(name))
    fields = {"call": "digest", "name": name, "dtype": tensor.dtype, "shape": list(tensor.shape), **step_of(step)}
    answer = _handing.ask(_handing.Raw, [tensor], fields)
    return None if answer is None else answer["digest"]


def log_metrics(values, step):
    entries = [[metric_name(name), number('metric "%s"' % name, value)] for name, value in values.items()]
    if entries:
        say({"call": "metrics", "values": entries, **step_of(step)})


def step_of(step):
    if step is None:
        return {}
    at = number("step", step)
    if isinstance(at, dict):
        raise argument("a step must be a finite number")
    return {"step": at}


def say(fields):
    if current.active:
        current.connection.tell(encode(fields))


def metric_name(name):
    if not isinstance(name, str) or not name:
        raise argument("the name of a metric or digest must be a non-empty string")
    return text("the name of a metric or digest", name)


def number(name, value):
    """Return a number for JSON. NaN and infinities become {"__float__": "NaN"} and so on."""
    kind = type(value)
    is_number = hasattr(kind, "__float__") or hasattr(kind, "__index__")
    if not is_number or isinstance(value, (bool, str, bytes)):
        raise argument("%s: not a number: %.80r" % (name, value))
    try:
        if isinstance(value, int):
            # A larger integer is sent as the nearest double, like every metric.
            return value if -_EXACT < value < _EXACT else float(value)
        found = float(value)
    except (TypeError, ValueError, OverflowError, RuntimeError) as error:
        # An array of several elements is a wrong argument. Any other error is one of the value itself.
        if isinstance(value, int) or getattr(value, "shape", ()) != ():
            raise argument("%s: not a number: %s" % (name, error)) from error
        raise
    return found if math.isfinite(found) else special(found)


def special(value):
    return {"__float__": "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"}


def add_metadata(entry, entries):
    if len(entry) == 2 and isinstance(entry[0], str):
        values = {entry[0]: entry[1]}
    elif len(entry) == 1 and isinstance(entry[0], dict):
        values = dict(entry[0])
    elif entry:
        raise argument("pass metadata as a key and a value, a dict, or keyword arguments")
    else:
        values = {}
    values.update(entries)
    if values:
        say({"call": "metadata", "values": plain(values, "metadata", 0)})


def add_tags(tags):
    for tag in tags:
        if not isinstance(tag, str) or not tag:
            raise argument("a tag must be a non-empty string")
        text("a tag", tag)
    if tags:
        say({"call": "tags", "tags": list(tags)})


def plain(value, place, depth):
    """Return a copy that can be written as JSON. Refuse values that JSON cannot represent exactly."""
    if depth > _DEPTH:
        raise argument("%s has more than %d levels, or contains itself" % (place, _DEPTH))
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return text(place, value)
    if isinstance(value, int):
        if not -_EXACT < value < _EXACT:
            raise argument("%s: the integer %d is out of the range in which a double represents every integer; pass it as a string" % (place, value))
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else special(value)
    if isinstance(value, dict):
        for key in value:
            if not isinstance(key, str):
                raise argument("%s has a key that is not a string: %.80r" % (place, key))
        return {text(place, key): plain(item, "%s.%s" % (place, key), depth + 1) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item, "%s[%d]" % (place, at), depth + 1) for at, item in enumerate(value)]
    if isinstance(value, os.PathLike):
        return text(place, os.fsdecode(value))
    if getattr(value, "shape", None) == () and hasattr(value, "item"):
        # A NumPy scalar, or a tensor with one element.
        return plain(value.item(), place, depth + 1)
    raise argument("%s cannot be written as JSON: %s" % (place, type(value).__name__))
