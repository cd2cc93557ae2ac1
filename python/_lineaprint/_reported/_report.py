"""Send what a library was told to the run."""

import os
from _thread import _local
from itertools import count

from .._json import encodable
from .._process import current, json_text
from . import _values

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Iterable

#: Variable with what is recorded, if it is not both: `metrics`, `parameters` or `none`.
VARIABLE = "LINEAPRINT_OBSERVE"

#: Longest name.
_NAME_LIMIT = 1024

#: Entries in one message, and parameters of one report.
_BATCH = 1_000
_PARAMETER_LIMIT = 10_000

#: Longest text of one parameter as JSON.
_VALUE_LIMIT = 100_000

#: What reports, per library: the number of each, from 1. Without a lock, which a forked child could find held.
_named: "dict[str, dict[str, int]]" = {}
_objects: "dict[str, Any]" = {}
_counters: "dict[str, Any]" = {}

#: Per thread, names under which the metrics of a library are passed on, and its own.
_thread = _local()


def records(kind: str) -> bool:
    """Return whether `metrics` or `parameters` are recorded."""
    return os.environ.get(VARIABLE) in (None, "", kind)


def instance_of(source: str, key: "Any") -> int:
    """Return the number of what reports: two writers of one library can use a name for different values.

    `key` is a text that names it, or the object itself.
    """
    if isinstance(key, str):
        known: "Any" = _named.setdefault(source, {})
    else:
        import weakref

        known = _objects.setdefault(source, weakref.WeakKeyDictionary())
    if key not in known:
        known.setdefault(key, next_instance(source))
    number: int = known[key]
    return number


def next_instance(source: str) -> int:
    """Return the next number of a library."""
    counter = _counters.setdefault(source, count(1))
    number: int = next(counter)
    return number


def renamed(names: "dict[str, str] | None") -> None:
    """Set the names that the loggers of a library use in this thread; None if it does not pass values on any more."""
    _thread.names = names


def metrics(source: str, instance: int, values: "Iterable[tuple[Any, Any]]", step: "Any") -> None:
    """Report values at a step. A step, and a value, that is no number is left out."""
    at = _step(step)
    send(source, instance, ((name, value, at) for name, value in values))


def send(source: str, instance: int, values: "Iterable[tuple[Any, Any, Any]]") -> None:
    """Report names, values and steps."""
    if not records("metrics"):
        return
    names = getattr(_thread, "names", None) or {}
    entries = []
    for name, value, step in values:
        found = _values.number(value)
        if found is None or not isinstance(name, str) or not name:
            continue
        name = encodable(names.get(name, name))[:_NAME_LIMIT]
        entries.append([name, found] if step is None else [name, found, step])
    for start in range(0, len(entries), _BATCH):
        current.tell("reported", source=source, instance=instance, values=entries[start : start + _BATCH])


def _step(value: "Any") -> "Any":
    found = _values.number(value)
    return None if isinstance(found, dict) else found


def step_of(value: "Any") -> "Any":
    """Return a step as a number; None if it is none."""
    return _step(value)


def parameters(source: str, instance: int, values: "Any") -> None:
    """Report the entries of a mapping. Those of mappings in it have names with dots."""
    if not records("parameters"):
        return
    entries: "list[Any]" = []
    size = 0
    for number, (name, value) in enumerate(_values.flat(values)):
        if number >= _PARAMETER_LIMIT:
            raise ValueError("%s has more than %d parameters; the rest is not recorded" % (source, _PARAMETER_LIMIT))
        length = len(json_text(value))
        if length > _VALUE_LIMIT:
            value = "a value of %d characters" % length
        if entries and (len(entries) >= _BATCH or size + length > 1_000_000):
            _send_parameters(source, instance, entries)
            entries, size = [], 0
        entries.append([name[:_NAME_LIMIT], value])
        size += length
    _send_parameters(source, instance, entries)


def _send_parameters(source: str, instance: int, entries: "list[Any]") -> None:
    if entries:
        current.tell("parameters", source=source, instance=instance, values=entries)
