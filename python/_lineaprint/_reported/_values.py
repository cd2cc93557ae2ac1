"""Turn what programs report into values of JSON. Nothing is imported, and nothing here warns or raises on purpose."""

import os
from collections.abc import Mapping

from .._json import EXACT, encodable, integer, is_dtype, is_finite, name_of, special

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Iterator

#: Longest text of a parameter, and most elements of a list, that are recorded as they are.
_TEXT_LIMIT = 10_000
_LIST_LIMIT = 1_000

_DEPTH = 20


def number(value: "Any") -> "Any":
    """Return one number for JSON; None for what is none. NaN and infinities become {"__float__": "NaN"} and so on."""
    if isinstance(value, (str, bytes, complex)) or value is None:
        return None
    if not isinstance(value, (int, float)):
        value = _element(value)
        if value is None:
            return None
    if isinstance(value, int) and -EXACT < value < EXACT:
        return int(value)
    found = float(value)
    return found if is_finite(found) else special(found)


def _element(value: "Any") -> "Any":
    """Return the element of an array or a tensor of one element, or the number that an object stands for."""
    shape = getattr(value, "shape", None)
    if shape is not None:
        size = 1
        for length in shape:
            size *= int(length)
        if size != 1:
            return None
        if callable(getattr(value, "item", None)):
            found = value.item()
            return found if isinstance(found, (int, float)) else None
    kind = type(value)
    return float(value) if hasattr(kind, "__float__") or hasattr(kind, "__index__") else None


def flat(values: "Any", prefix: str = "", depth: int = 0) -> "Iterator[tuple[str, Any]]":
    """Yield the entries of a mapping, and of the mappings in it, under names joined by dots."""
    for key, value in list(values.items()):
        name = prefix + encodable(key if isinstance(key, str) else str(key))
        value = _opened(value)
        if is_mapping(value) and len(value) > 0 and depth < _DEPTH:
            yield from flat(value, name + ".", depth + 1)
        elif name:
            yield name, plain(value, depth)


def is_mapping(value: "Any") -> bool:
    # A table has the methods of a mapping, and can have millions of entries.
    return isinstance(value, (dict, Mapping))


def plain(value: "Any", depth: int = 0) -> "Any":
    """Return a value of JSON. What has no such form is the name of its type."""
    try:
        return _plain(_opened(value), depth)
    except Exception:
        # A value of the program that cannot be read.
        return _type_of(value)


def _opened(value: "Any") -> "Any":
    """Return the fields of settings and the value of an enum; anything else as it is."""
    kind = type(value)
    if isinstance(value, type):
        return value
    if hasattr(kind, "__dataclass_fields__"):
        return {name: getattr(value, name, None) for name in kind.__dataclass_fields__}
    if kind.__name__ in ("Namespace", "SimpleNamespace") and hasattr(value, "__dict__"):
        return vars(value)
    if hasattr(kind, "__members__") and hasattr(value, "value"):
        return value.value
    return value


def _plain(value: "Any", depth: int) -> "Any":
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        found = encodable(str.__str__(value))
        return found if len(found) <= _TEXT_LIMIT else "a text of %d characters" % len(found)
    if isinstance(value, int):
        return integer(value)
    if isinstance(value, float):
        return number(value)
    if isinstance(value, os.PathLike):
        return encodable(os.fsdecode(value))
    if depth > _DEPTH:
        return _type_of(value)
    if is_mapping(value):
        return {encodable(str(key)): plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)) or type(value).__name__ == "ListConfig":
        if len(value) > _LIST_LIMIT:
            return "%s of %d elements" % (type(value).__name__, len(value))
        items = [plain(item, depth + 1) for item in value]
        # The order of a set differs from process to process.
        return sorted(items, key=repr) if isinstance(value, (set, frozenset)) else items
    if is_dtype(value) or any(kind.__name__ == "device" for kind in type(value).__mro__):
        return encodable(str(value))
    one = number(value)
    return _type_of(value) if one is None else one


def _type_of(value: "Any") -> str:
    return name_of(value if isinstance(value, type) else type(value))
