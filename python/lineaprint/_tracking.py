"""Check the arguments of the recording functions, so that errors are raised at the call."""

import math
import os

from _lineaprint._connection import encode
from _lineaprint._errors import LineaprintError, argument
from _lineaprint._json import EXACT, encodable, special
from _lineaprint._process import current

from . import _datasets, _handing, _models, _tensors
from ._plain import flat_tags, is_strict, plain_values
from ._text import text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

#: Most names of metrics whose last values are kept.
_NAMES = 1000

#: The last value of each metric that this process logged, the newest last.
last_values: dict[str, object] = {}


def attempt(name: str, call: "Callable[[], Any]") -> "Any":
    """Call a function of tracking. Return its result; None if it fails, which is a warning of the run.

    With `strict`, raise instead.
    """
    try:
        result = call()
    except Exception as error:
        if not is_strict():
            current.problem(name, error)
            return None
        if isinstance(error, LineaprintError):
            raise
        raise LineaprintError("ERR_LINEAPRINT_INTERNAL", "%s: %s" % (name, type(error).__name__)) from error
    if is_strict() and current.connection is not None and current.connection.lost:
        raise LineaprintError("ERR_LINEAPRINT_STATE", "the connection to lineaprint is lost, so nothing is recorded")
    return result


def track(
    kind: str, source: "Any", name: str, base: "Any" = None, keep: "Any" = None, options: "dict[str, Any] | None" = None
) -> "Any":
    if not isinstance(name, str) or not name:
        raise argument("the name of a %s must be a non-empty string" % kind)
    text("the name", name)
    if isinstance(source, (str, bytes, os.PathLike)) and not (kind == "dataset" and isinstance(source, bytes)):
        path = os.path.abspath(os.fsdecode(source))
        fields = {"call": kind, "name": name, "path": text("the path", path), **_base_of(base), **_keep_of(keep)}
        fields.update({"options": options} if options else {})
        return current.connection.ask(fields)
    if base is not None:
        raise argument("a base belongs to an adapter in a folder, not to a model in memory")
    if kind == "output":
        raise argument("an output must be a path, not %s" % type(source).__name__)
    if kind == "dataset":
        parts = _datasets.collect(source)
        if parts is not None:
            return _datasets.ask(parts, {"call": kind, "name": name, **({"options": options} if options else {})})
        tensor = _tensors.describe(source, "the dataset")
        fields = {"call": kind, "name": name, "dtype": tensor.dtype, "shape": list(tensor.shape)}
        fields.update({"options": options} if options else {})
        return _handing.ask(_handing.Raw, [tensor], fields)
    found = _models.collect(source)
    fields = {"call": kind, "name": name, **found.fields()}
    return _handing.ask(_handing.Safetensors, list(found.tensors.values()), fields)


def dataset_options(table: "Any", **lists: "Any") -> "dict[str, Any]":
    """Return the fields of what a program says of a dataset. A text stands for a list of it."""
    options: "dict[str, Any]" = {}
    if table is not None:
        if not isinstance(table, str) or not table:
            raise argument("the name of the table must be a non-empty string, not %.80r" % (table,))
        options["table"] = text("the name of the table", table)
    for field, given in lists.items():
        if given is None:
            continue
        texts = [given] if isinstance(given, str) else list(given) if isinstance(given, (list, tuple)) else None
        if texts is None or not all(isinstance(each, str) and each.strip() for each in texts):
            raise argument("%s must be a text or a list of texts, not %.80r" % (field, given))
        options[field] = [text(field, each) for each in texts]
    return options


def _keep_of(keep: "Any") -> "dict[str, Any]":
    """Return the field of the wish for a copy."""
    if keep is None:
        return {}
    if not isinstance(keep, bool):
        raise argument("keep must be True or False, not %s" % type(keep).__name__)
    return {"keep": keep}


def _base_of(base: "Any") -> "dict[str, Any]":
    """Return the field of the base of an adapter: an absolute path, or False to look for none."""
    if base is None:
        return {}
    if base is False:
        return {"base": False}
    if not isinstance(base, (str, bytes, os.PathLike)):
        raise argument("the base must be a path or False, not %s" % type(base).__name__)
    return {"base": text("the path of the base", os.path.abspath(os.fsdecode(base)))}


def derive(name: str, from_: "Any", step: "Any", params: "Any", code: "Any") -> None:
    if not isinstance(from_, (str, list, tuple, set, frozenset)):
        raise argument("from_ must be a name or a list of names, not %s" % type(from_).__name__)
    names = [from_] if isinstance(from_, str) else list(from_)
    if not names:
        raise argument("from_ must have the name of at least one thing that %.80r was made from" % (name,))
    fields: "dict[str, Any]" = {
        "call": "derive",
        "name": _entry_name(name),
        "from": [_entry_name(each) for each in names],
    }
    if step is not None:
        if not isinstance(step, str) or not step:
            raise argument("step must be a non-empty string, not %s" % type(step).__name__)
        fields["step"] = text("step", step)
    if params is not None:
        fields["params"] = plain_values(params)
    if code is not None:
        parts = code if isinstance(code, (list, tuple, set, frozenset)) else (code,)
        fields["code"] = [_code_of(part) for part in parts]
    current.connection.ask(fields)


def _entry_name(name: "Any") -> "Any":
    if not isinstance(name, str) or not name:
        raise argument("a name in derive must be a non-empty string, not %.80r" % (name,))
    return text("a name", name)


def _code_of(part: "Any") -> "Any":
    """Return the absolute path of a file, or the source of a function, method or class."""
    if isinstance(part, (str, bytes, os.PathLike)):
        return text("the path", os.path.abspath(os.fsdecode(part)))
    # Few programs give a function, and the import takes longer than the rest of the call.
    import inspect

    try:
        source = inspect.getsource(part)
    except (TypeError, OSError) as error:
        raise argument("the source of %.80r cannot be read: %s; give the path of its file" % (part, error)) from error
    name = getattr(part, "__qualname__", None) or type(part).__name__
    return {"name": encodable(str(name))[:1024], "source": text("the source of %.80r" % name, source)}


def log_digest(name: str, value: "Any", step: "Any") -> "Any":
    tensor = _tensors.describe(value, metric_name(name))
    fields = {"call": "digest", "name": name, "dtype": tensor.dtype, "shape": list(tensor.shape), **step_of(step)}
    answer = _handing.ask(_handing.Raw, [tensor], fields)
    return None if answer is None else answer["digest"]


def log_metrics(values: "Any", step: "Any") -> None:
    entries = [[metric_name(name), number('metric "%s"' % name, value)] for name, value in values.items()]
    if entries:
        say({"call": "metrics", "values": entries, **step_of(step)})
        for name, value in entries:
            last_values.pop(name, None)
            if len(last_values) < _NAMES:
                last_values[name] = value["__float__"] if isinstance(value, dict) else value


def step_of(step: "Any") -> "Any":
    if step is None:
        return {}
    at = number("step", step)
    if isinstance(at, dict):
        raise argument("a step must be a finite number")
    return {"step": at}


def say(fields: "dict[str, Any]") -> None:
    if current.active:
        current.connection.tell(encode(fields))


def metric_name(name: str) -> "Any":
    if not isinstance(name, str) or not name:
        raise argument("the name of a metric or digest must be a non-empty string")
    return text("the name of a metric or digest", name)


def number(name: str, value: "Any") -> "Any":
    """Return a number for JSON. NaN and infinities become {"__float__": "NaN"} and so on."""
    if isinstance(value, (str, bytes, complex)) or not _is_number(value):
        raise argument("%s: not a number: %.80r" % (name, value))
    try:
        is_float = any(hasattr(type(value), name) for name in ("__float__", "__index__"))
        if callable(getattr(value, "item", None)) and (not is_float or getattr(value, "shape", ()) != ()):
            # An array of one element; `float` of it is deprecated in NumPy.
            value = value.item()
        if isinstance(value, int):
            # A larger integer is sent as the nearest double, like every metric.
            return int(value) if -EXACT < value < EXACT else float(value)
        found = float(value)
    except (TypeError, ValueError, OverflowError, RuntimeError) as error:
        # An array of several elements is a wrong argument. Any other error is one of the value itself.
        if isinstance(value, int) or getattr(value, "shape", ()) != ():
            raise argument("%s: not a number: %s" % (name, error)) from error
        raise
    return found if math.isfinite(found) else special(found)


def _is_number(value: "Any") -> bool:
    kind = type(value)
    return any(hasattr(kind, name) for name in ("__float__", "__index__", "item"))


def add_metadata(entry: "Any", entries: "Any") -> None:
    if len(entry) == 2 and isinstance(entry[0], str):
        values = {entry[0]: entry[1]}
    elif len(entry) == 1:
        values = entry[0]
    elif entry:
        raise argument("pass metadata as a key and a value, a mapping, or keyword arguments")
    else:
        values = {}
    found = {**plain_values(values), **plain_values(entries)}
    if found:
        say({"call": "metadata", "values": found})


def add_tags(tags: "Any") -> None:
    found = list(flat_tags(tags))
    if found:
        say({"call": "tags", "tags": found})


def expect(metrics: "list[str]", auto_outputs: bool) -> None:
    # What the program writes after this call is of the run, so the files are looked at before it returns.
    fields = {"call": "expect", "metricFiles": metrics, "autoOutputs": auto_outputs}
    current.connection.ask(fields, in_order=True)


def set_notes(notes: "Any") -> None:
    if not isinstance(notes, str):
        raise argument("notes must be a string, not %s" % type(notes).__name__)
    say({"call": "notes", "notes": text("the notes", notes)})
