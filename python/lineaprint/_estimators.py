"""Read estimators of scikit-learn and of libraries like it: what they learned, their classes and their parameters."""

from _lineaprint._errors import LineaprintError, argument
from _lineaprint._json import is_dtype

from . import _boosters, _parameters
from ._found import class_of, join, package_of, version_of
from ._tensors import describe, is_array, numbers
from ._text import text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ._found import Found

_DEPTH = 100

#: The arrays of sparse matrices of SciPy, by their format.
_SPARSE = {
    "csr": ("data", "indices", "indptr"),
    "csc": ("data", "indices", "indptr"),
    "bsr": ("data", "indices", "indptr"),
    "coo": ("data", "row", "col"),
    "dia": ("data", "offsets"),
}

#: Most texts of a list.
_TEXTS = 1000

#: Trees that count their queries beside their arrays.
_COUNTING = ("KDTree", "BallTree")


def is_estimator(value: object) -> bool:
    return _parameters.has_parameters(value) and callable(getattr(type(value), "fit", None))


def collect(estimator: "Any", found: "Found") -> None:
    """Take what an estimator learned. Its class and parameters are its architecture."""
    walk = _Walk(found, package_of(estimator))
    walk.estimator(estimator, "", 0)
    found.config = _parameters.written(estimator, found)
    found.title = "parameters of %s" % class_of(type(estimator))
    if walk.texts:
        found.config["fitted"] = walk.texts
    if walk.parts:
        found.config["parts"] = walk.parts
    found.remarks.append("the attributes are those of %s" % version_of(package_of(estimator)))
    if found.ignored:
        names = ", ".join(found.ignored[:5])
        more = " and %d more" % (len(found.ignored) - 5) if len(found.ignored) > 5 else ""
        found.warnings.append("no digest covers what could not be read: %s%s" % (names, more))


class _Walk:
    """A walk over the attributes of estimators."""

    def __init__(self, found: "Found", package: str) -> None:
        self.found = found
        self.packages = {package, "sklearn", "scipy"}
        #: Texts that were learned, by name.
        self.texts: "dict[str, Any]" = {}
        #: Objects that were read; they may know each other.
        self.read: "set[int]" = set()
        #: Classes and parameters of parts that were made while fitting, by name. Equal neighbours stand once.
        self.parts: "dict[str, Any]" = {}

    def estimator(self, value: "Any", name: str, depth: int) -> None:
        self._deeper(depth)
        given = value.get_params(deep=False)
        for key in sorted(given):
            self._parameter(given[key], join(name, key), depth + 1)
        learned = getattr(value, "__dict__", {})
        for key in sorted(learned):
            if key not in given:
                self.value(learned[key], join(name, key), depth + 1)

    def _deeper(self, depth: int) -> None:
        if depth > _DEPTH:
            raise argument("the model has more than %d levels, or contains itself" % _DEPTH)

    def _parameter(self, value: "Any", name: str, depth: int) -> None:
        """Take what estimators among the parameters learned, as the steps of a pipeline do, and large arrays."""
        self._deeper(depth)
        if _parameters.has_parameters(value):
            self.estimator(value, name, depth)
        elif isinstance(value, dict):
            for key in value:
                self._parameter(value[key], join(name, key), depth + 1)
        elif isinstance(value, (list, tuple)):
            for key, item in _named(value):
                self._parameter(item, join(name, key), depth + 1)
        elif _is_sparse(value) or (is_array(value) and not _parameters.is_small(value)):
            self.value(value, name, depth)

    def value(self, value: "Any", name: str, depth: int) -> None:
        """Take a value that was learned, or list its name."""
        self._deeper(depth)
        if value is None:
            return
        if name.endswith(("_time", "_time_")):
            # How long something took is no part of what it is.
            self.found.ignored.append(name)
        elif isinstance(value, str):
            self.texts[name] = text(name, str.__str__(value))
        elif _boosters.is_booster(value):
            prefix = name[: -len("_Booster")].rstrip(".") if name.split(".")[-1] == "_Booster" else name
            self._part(_boosters.take(value, prefix, self.found), name)
        elif _parameters.has_parameters(value):
            self._part(_parameters.written(value, self.found, name), name)
            self.estimator(value, name, depth)
        elif _is_sparse(value):
            for part in _SPARSE[value.format]:
                self.value(getattr(value, part), join(name, part), depth + 1)
            self._numbers([int(length) for length in value.shape], (len(value.shape),), join(name, "shape"))
        elif is_array(value):
            self._array(value, name, depth)
        elif isinstance(value, (bool, int, float)):
            self._numbers([value], (), name)
        else:
            self._part_of(value, name, depth)

    def _part_of(self, value: "Any", name: str, depth: int) -> None:
        """Take a container or an object of the library, or list its name."""
        if isinstance(value, (list, tuple)):
            self._list(value, name, depth)
        elif isinstance(value, dict):
            self._dict(value, name, depth)
        elif is_dtype(value):
            self.texts[name] = str(value)
        elif _is_generator(value):
            # As the parameter random_state.
            _parameters.leave_out(name, self.found)
        elif _is_module(value):
            for key, tensor in value.state_dict().items():
                self.value(tensor, join(name, key), depth + 1)
        elif package_of(value) in self.packages and not isinstance(value, type) and not hasattr(value, "__qualname__"):
            self._object(value, name, depth)
        else:
            self.found.ignored.append(name)

    def _numbers(self, values: "Any", shape: "Any", name: str) -> bool:
        tensor = numbers(name, [item.item() if is_array(item) and item.shape == () else item for item in values], shape)
        if tensor is not None:
            self.found.add(tensor)
        elif shape == ():
            self.found.ignored.append(name)
        return tensor is not None

    def _part(self, written: "Any", name: str) -> None:
        parts = self.parts.setdefault(_parameters.starred(name), [])
        if not parts or parts[-1] != written:
            parts.append(written)

    def _array(self, value: "Any", name: str, depth: int) -> None:
        names = getattr(value.dtype, "names", None)
        if names is not None:
            # Without the padding between the fields, whose bytes are not defined.
            for key in names:
                self.value(value[key], join(name, key), depth + 1)
        elif getattr(value.dtype, "hasobject", False):
            items = value.tolist()
            if isinstance(items, list) and (_are_texts(items) or _holds_parts(items, depth)):
                self._list(items, name, depth)
            else:
                self.found.ignored.append(name)
        elif getattr(value.dtype, "kind", "") == "U" and value.ndim == 1:
            self._list(value.tolist(), name, depth)
        else:
            try:
                tensor = describe(value, name)
            except LineaprintError as error:
                if error.code != "ERR_LINEAPRINT_UNSUPPORTED":
                    raise
                self.found.ignored.append(name)
            else:
                self.found.add(tensor)

    def _list(self, value: "Any", name: str, depth: int) -> None:
        if not value or self._numbers(value, (len(value),), name):
            return
        if _are_texts(value):
            if len(value) > _TEXTS:
                self.found.ignored.append(name)
            else:
                self.texts[name] = [text(name, str.__str__(item)) for item in value]
            return
        for key, item in _named(value):
            self.value(item, join(name, key), depth + 1)

    def _dict(self, value: "Any", name: str, depth: int) -> None:
        """Take a dict of texts, estimators and arrays. Others, such as a vocabulary, are listed."""
        keys = {_key(key): item for key, item in value.items()}
        known = [item is None or isinstance(item, str) or _is_part(item) for item in value.values()]
        if None in keys or len(keys) != len(value) or (not all(known) and not any(_is_part(item) for item in value.values())):
            self.found.ignored.append(name)
            return
        for key in sorted(keys):
            self.value(keys[key], join(name, key), depth + 1)

    def _object(self, value: "Any", name: str, depth: int) -> None:
        """Take an object of the library as pickle would: by what it is made from, and its state."""
        kind = type(value)
        if id(value) in self.read:
            return
        self.read.add(id(value))
        if depth > _DEPTH - 10:
            self.found.ignored.append(name)
            return
        try:
            reduced = value.__reduce_ex__(2)
        except Exception:
            reduced = None
        if not isinstance(reduced, tuple):
            self.found.ignored.append(name)
            return
        self._part({"class": class_of(kind)}, name)
        given, state = reduced[1], reduced[2] if len(reduced) > 2 else None
        for key, item in enumerate(given):
            if not isinstance(item, type):
                self.value(item, join(name, "given.%d" % key), depth + 1)
        counting = kind.__name__.startswith(_COUNTING)
        for key, item in _state(state):
            if not counting or is_array(item):
                self.value(item, join(name, key), depth + 1)


def _state(state: "Any") -> "Any":
    """Return the names and values of a state for pickle."""
    if isinstance(state, dict):
        return sorted((str(key), item) for key, item in state.items()) if _are_names(state) else []
    if isinstance(state, tuple) and len(state) == 2 and (state[0] is None or isinstance(state[0], dict)) and isinstance(state[1], dict):
        # The attributes, and those in slots.
        return [*_state(state[0] or {}), *_state(state[1])]
    if isinstance(state, (tuple, list)):
        return list(enumerate(state))
    return [] if state is None else [("state", state)]


def _are_names(state: "Any") -> bool:
    if all(isinstance(key, str) for key in state):
        return True
    raise argument("the state of a part of the model has keys that are not text")


def _named(value: "Any") -> "Any":
    """Return the items of a list with their places; an item such as (name, estimator) has its name instead."""
    used = set()
    for at, item in enumerate(value):
        if isinstance(item, tuple) and len(item) > 1 and isinstance(item[0], str) and item[0] not in used:
            used.add(item[0])
            yield item[0], item[1]
            for rest, other in enumerate(item[2:], 2):
                yield "%s.%d" % (item[0], rest), other
        else:
            yield at, item


def _holds_parts(items: "Any", depth: int) -> bool:
    """Return whether nested lists hold estimators and arrays only."""
    return depth < _DEPTH and all(_holds_parts(item, depth + 1) if isinstance(item, list) else _is_part(item) for item in items)


def _is_part(value: object) -> bool:
    return _parameters.has_parameters(value) or is_array(value)


def _are_texts(items: "Any") -> bool:
    return all(isinstance(item, str) for item in items)


def _key(key: "Any") -> "Any":
    """Return the key of a dict as text; None if it is neither text nor an integer."""
    if isinstance(key, str) or (isinstance(key, int) and not isinstance(key, bool)):
        return str(key)
    return str(key) if getattr(getattr(key, "dtype", None), "kind", "") in ("i", "u") else None


def _is_generator(value: object) -> bool:
    return package_of(value) == "numpy" and type(value).__name__ in ("RandomState", "Generator")


def _is_sparse(value: object) -> bool:
    return package_of(value) == "scipy" and getattr(value, "format", None) in _SPARSE


def _is_module(value: object) -> bool:
    return callable(getattr(type(value), "state_dict", None)) and callable(getattr(type(value), "named_parameters", None))
