"""Write the class and the parameters of an estimator as JSON."""

from _lineaprint._json import encodable, integer, is_dtype, is_finite, special

from ._found import class_of, join
from ._tensors import DTYPES, is_array
from ._text import text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ._found import Found

_DEPTH = 100

#: Libraries whose functions are known by their names.
_LIBRARIES = ("numpy", "scipy", "sklearn")

#: Most elements of an array that is written as a parameter. A larger one is a tensor.
_ELEMENTS = 1000

#: Parameters that change how a model is computed and what is printed, but not what it is; and the seed.
_LEFT_OUT = ("memory", "n_jobs", "nthread", "random_state", "seed", "verbose", "verbosity")


def has_parameters(value: object) -> bool:
    kind = type(value)
    return callable(getattr(kind, "get_params", None)) and callable(getattr(kind, "set_params", None))


def is_small(array: "Any") -> bool:
    """Return whether an array is written among the parameters."""
    size = 1
    for length in array.shape:
        size *= int(length)
    return size <= _ELEMENTS


def written(estimator: "Any", found: "Found", name: str = "", depth: int = 0) -> "dict[str, Any]":
    """Return the class and the parameters of an estimator. One that has no form in JSON is written as its class."""
    parameters = {}
    for key, value in sorted(estimator.get_params(deep=False).items()):
        place = join(name, key)
        if key in _LEFT_OUT:
            leave_out(place, found)
        else:
            parameters[key] = _json(value, place, found, depth + 1)
    return {"class": class_of(type(estimator)), "params": parameters}


def starred(name: str) -> str:
    """Return a name without the numbers of its parts, so that the trees of a forest share it."""
    return ".".join("*" if key.isdigit() else key for key in name.split("."))


def leave_out(place: str, found: "Found") -> None:
    if starred(place) not in found.left:
        found.left.append(starred(place))


def _json(value: "Any", place: str, found: "Found", depth: int) -> "Any":
    if depth > _DEPTH:
        return _by_class(value, place, found)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return text(place, str.__str__(value))
    if isinstance(value, int):
        return integer(value)
    if isinstance(value, float):
        return float(value) if is_finite(value) else special(value)
    if isinstance(value, type):
        return {"class": class_of(value)}
    if has_parameters(value):
        return written(value, found, place, depth)
    if isinstance(value, (list, tuple)):
        return [_json(item, "%s.%d" % (place, at), found, depth + 1) for at, item in enumerate(value)]
    if isinstance(value, (set, frozenset)):
        return sorted((_json(item, place, found, depth + 1) for item in value), key=repr)
    if isinstance(value, dict):
        return {text(place, str(key)): _json(item, join(place, key), found, depth + 1) for key, item in value.items()}
    if is_dtype(value):
        return {"dtype": str(value)}
    if isinstance(value, slice):
        return {"slice": [_json(item, place, found, depth + 1) for item in (value.start, value.stop, value.step)]}
    if is_array(value) and hasattr(value, "tolist"):
        return _array(value, place, found, depth)
    return _by_class(value, place, found)


def _array(value: "Any", place: str, found: "Found", depth: int) -> "Any":
    if not is_small(value):
        return {"tensor": place}
    if getattr(value.dtype, "hasobject", False) or str(value.dtype) in DTYPES or getattr(value.dtype, "kind", "") == "U":
        items = value.tolist()
        return _json(items, place, found, depth + 1) if value.shape == () else {"array": str(value.dtype), "items": _json(items, place, found, depth + 1)}
    return _by_class(value, place, found)


def _by_class(value: "Any", place: str, found: "Found") -> "dict[str, str]":
    """Return the name of a function or of the class of another object. What they do is not in it."""
    if isinstance(getattr(value, "__qualname__", None), str):
        entry = {"function": encodable("%s.%s" % (value.__module__, value.__qualname__))}
    else:
        entry = {"class": encodable(class_of(type(value)))}
    if isinstance(getattr(value, "__module__", None), str) and value.__module__.partition(".")[0] in _LIBRARIES:
        return entry
    sentence = "parameter %s is recorded by its name only: %s" % (encodable(place), *entry.values())
    if sentence not in found.warnings:
        found.warnings.append(sentence)
    return entry
