"""Read the named tensors of a model in memory. Nothing is imported: a model shows that its library is loaded."""

import sys

from _lineaprint._errors import argument

from . import _boosters, _estimators, _keras
from ._found import Found, join
from ._tensors import is_array

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_DEPTH = 100

#: What `track_model` takes, in its error.
_EXPECTED = (
    "a path, a module with a state_dict, a model of Keras, an estimator of scikit-learn, a booster of XGBoost or LightGBM, "
    "or a dict or list of tensors"
)


def collect(source: "Any") -> Found:
    """Return what a model holds: its tensors, and the names of what is not among them."""
    found = Found()
    fill(source, found)
    return refuse_none(found)


def refuse_none(found: Found) -> Found:
    if not found.tensors:
        raise argument("the model contains no tensors%s" % found.left_out())
    return found


def fill(source: "Any", found: Found) -> None:
    """Take the tensors of a model, and the names of what is not among them."""
    if _keras.is_keras(source):
        _keras.collect(source, found)
    elif _boosters.is_booster(source):
        _boosters.collect(source, found)
    elif _estimators.is_estimator(source):
        _estimators.collect(source, found)
    elif is_array(source) or not walk(source, "", found):
        raise argument("a model must be %s, not %s" % (_EXPECTED, type(source).__name__))


def fill_with_buffers(source: "Any", found: Found) -> None:
    """Take the tensors of a model, and in a dict also buffers with a shape: `memoryview` and `array.array`."""
    if type(source) is not dict:
        return fill(source, found)
    rest = {}
    for key, value in source.items():
        if isinstance(key, str) and (isinstance(value, memoryview) or type(value).__module__ == "array"):
            found.take(value, join("", key))
        else:
            rest[key] = value
    return fill(rest, found)


def walk(value: "Any", name: str, found: Found, depth: int = 0) -> bool:
    """Take the tensors of nested containers. Return whether the value was one of them, or a tensor."""
    if depth > _DEPTH:
        raise argument("the model has more than %d levels, or contains itself" % _DEPTH)
    value = _unwrapped(value)
    children = _children(value)
    if children is None:
        if not is_array(value) or _is_key(value):
            return False
        found.take(value, name)
        return True
    for key, item in children:
        if not isinstance(key, (str, int)):
            raise argument("the model has a key that is not a string or an integer: %.80r" % (key,))
        place = join(name, key)
        if not walk(item, place, found, depth + 1):
            found.ignored.append(place)
    return True


def _children(value: "Any") -> "Any":
    """Return the keys and items of a container; None if it is none."""
    if callable(getattr(value, "state_dict", None)) and (not hasattr(value, "items") or hasattr(value, "named_parameters")):
        return value.state_dict().items()
    if hasattr(value, "items") and not is_array(value):
        return value.items()
    fields = getattr(value, "_fields", None)
    if isinstance(value, tuple) and fields is not None:
        return [(key, getattr(value, key)) for key in fields]
    if isinstance(value, (list, tuple)):
        return enumerate(value)
    if is_array(value):
        return None
    if _is_of(value, "tensorflow", "Module"):
        return [(variable.name, variable) for variable in value.variables]
    return _parts_in_jax(value)


def _unwrapped(value: "Any") -> "Any":
    """Return the state of a module of Flax NNX, and the array of one of its variables."""
    if _is_of(value, "flax", "Variable"):
        return value.get_value() if hasattr(value, "get_value") else value.value
    nnx = sys.modules.get("flax.nnx")
    if nnx is not None and _is_of(value, "flax", "Module") and isinstance(value, nnx.Module):
        return nnx.state(value)
    return value


def _parts_in_jax(value: "Any") -> "Any":
    """Return the parts of an object of a class that JAX knows as a container, with the names that it has for them."""
    jax = sys.modules.get("jax")
    if jax is None or value is None or isinstance(value, (str, bytes, bool, int, float, complex)):
        return None
    paths, _ = jax.tree_util.tree_flatten_with_path(value, is_leaf=lambda item: item is not value)
    if len(paths) == 1 and paths[0][0] == ():
        return None
    return [(".".join(_key_of(key) for key in path), item) for path, item in paths]


def _key_of(key: "Any") -> str:
    for name in ("key", "idx", "name"):
        if hasattr(key, name):
            return str(getattr(key, name))
    return str(key)


def _is_key(value: "Any") -> bool:
    """Return whether an array is one of keys of JAX: the state of a generator and no weights."""
    return str(value.dtype).startswith("key<")


def _is_of(value: "Any", package: str, name: str) -> bool:
    """Return whether the class of a value, or one that it is derived from, has this name in this package."""
    return any(kind.__name__ == name and kind.__module__.partition(".")[0] == package for kind in type(value).__mro__)
