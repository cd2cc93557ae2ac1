"""Turn values of programs into values of JSON. Nothing is imported: a value of a library shows that it is loaded."""

from __future__ import annotations

import os
import sys

from _lineaprint._errors import argument
from _lineaprint._json import encodable, integer, is_dtype, is_finite, name_of, special
from _lineaprint._process import current

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Iterable, Iterator, List

_DEPTH = 100

#: Most elements of an array in metadata. Larger ones are data, which have a digest.
_ELEMENTS = 10_000


def is_strict() -> bool:
    """Return whether errors of tracking are raised."""
    return bool(current.strict) or os.environ.get("LINEAPRINT_STRICT", "").lower() in ("1", "true")


def refuse_or_warn(call: str, sentence: str) -> None:
    """Raise if errors of tracking are raised; otherwise make it a warning of the run."""
    if is_strict():
        raise argument(sentence)
    current.problem(call, argument(sentence))


def flat_tags(tags: object) -> Iterator[str]:
    """Return tags that are given one by one or in collections."""
    if isinstance(tags, str):
        if not tags:
            raise argument("a tag must be a non-empty string")
        if encodable(tags) != tags:
            raise argument("a tag is not Unicode: %.200r" % tags)
        yield tags
    elif isinstance(tags, (list, tuple, set, frozenset)):
        for tag in sorted(tags) if isinstance(tags, (set, frozenset)) else tags:
            yield from flat_tags(tag)
    else:
        raise argument("a tag must be a string, not %s" % type(tags).__name__)


def plain_values(values: object) -> Dict[str, Any]:
    """Return metadata as an object of JSON. What has no such form is recorded as the name of its type."""
    found = _plain(values, "metadata", 0)
    if not isinstance(found, dict):
        raise argument("pass metadata as a key and a value, a mapping, or keyword arguments")
    return found


def _plain(value: Any, place: str, depth: int) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if depth > _DEPTH:
        return _unknown(value, place, "it has more than %d levels, or contains itself" % _DEPTH)
    try:
        for kind, convert in _CONVERSIONS:
            if kind(value):
                return convert(value, place, depth)
    except Exception as error:
        if is_strict():
            raise
        return _unknown(value, place, type(error).__name__)
    return _unknown(value, place, "it has no form in JSON")


def _unknown(value: object, place: str, reason: str) -> str:
    name = name_of(type(value))
    refuse_or_warn("add_metadata", "%.200s: %s is recorded as the name of its type: %s" % (encodable(place), name, reason))
    return name


def _float(value: Any, place: str, depth: int) -> Any:
    number = float(value)
    return number if is_finite(number) else special(number)


def _list(value: Iterable[Any], place: str, depth: int) -> List[Any]:
    return [_plain(item, "%s[%d]" % (place, at), depth + 1) for at, item in enumerate(value)]


def _set(value: Iterable[Any], place: str, depth: int) -> List[Any]:
    # The order of a set differs from process to process.
    return sorted(_list(value, place, depth), key=repr)


def _mapping(value: Any, place: str, depth: int) -> Dict[str, Any]:
    found: Dict[str, Any] = {}
    for key, item in value.items():
        name = _key(key, place)
        if name in found:
            refuse_or_warn("add_metadata", "%.200s: two keys are written as %.80r; the last one is recorded" % (encodable(place), name))
        found[name] = _plain(item, "%s.%s" % (place, name), depth + 1)
    return found


def _key(key: Any, place: str) -> str:
    if isinstance(key, str) and not _is_enum(key):
        return encodable(key)
    written = _plain(key, place, _DEPTH - 1)
    return written if isinstance(written, str) else encodable(repr(key) if isinstance(key, (tuple, frozenset)) else str(written))


def _array(value: Any, place: str, depth: int) -> Any:
    size = 1
    for length in value.shape:
        size *= int(length)
    if size > _ELEMENTS:
        shape = "x".join(str(length) for length in value.shape)
        refuse_or_warn("add_metadata", "%.200s: an array of %d elements is data; use track_dataset" % (encodable(place), size))
        return "%s of %s, %s" % (name_of(type(value)), value.dtype, shape)
    return _plain(value.tolist(), place, depth + 1)


def _fields(value: Any, place: str, depth: int) -> Dict[str, Any]:
    return _mapping({name: getattr(value, name) for name in value.__dataclass_fields__}, place, depth)


def _omegaconf(value: Any, place: str, depth: int) -> Any:
    convert = sys.modules["omegaconf"].OmegaConf.to_container
    try:
        found = convert(value, resolve=True)
    except Exception:
        # A reference that leads nowhere is kept as it was written.
        found = convert(value, resolve=False)
    return _plain(found, place, depth + 1)


def _pydantic(value: Any, place: str, depth: int) -> Any:
    dump = value.model_dump if hasattr(value, "model_dump") else value.dict
    return _plain(dump(), place, depth + 1)


def _is_a(value: object, module: str, *names: str) -> bool:
    """Return whether a value is of a class of a module, if the module is loaded."""
    loaded = sys.modules.get(module)
    kinds = tuple(kind for kind in (getattr(loaded, name, None) for name in names) if isinstance(kind, type))
    return isinstance(value, kinds)


def _is_enum(value: object) -> bool:
    return _is_a(value, "enum", "Enum")


def _is_pydantic(value: Any) -> bool:
    kind = type(value)
    return (hasattr(kind, "model_fields") and hasattr(kind, "model_dump")) or (hasattr(kind, "__fields__") and hasattr(kind, "parse_obj"))


def _is_mapping(value: Any) -> bool:
    kind = type(value)
    return isinstance(value, dict) or all(hasattr(kind, name) for name in ("keys", "items", "__getitem__"))


#: What a value is, and how it is written; the first that fits counts.
_CONVERSIONS: Any = (
    # A class has the methods of its objects, but not their values.
    (lambda value: isinstance(value, type), lambda value, place, depth: name_of(value)),
    (_is_enum, lambda value, place, depth: _plain(value.value, place, depth + 1)),
    (lambda value: isinstance(value, str), lambda value, place, depth: encodable(str.__str__(value))),
    (lambda value: isinstance(value, int), lambda value, place, depth: integer(value)),
    (lambda value: isinstance(value, float), _float),
    (lambda value: _is_a(value, "omegaconf", "DictConfig", "ListConfig"), _omegaconf),
    (lambda value: hasattr(value, "_asdict") and isinstance(value, tuple), lambda value, place, depth: _mapping(value._asdict(), place, depth)),
    (lambda value: hasattr(type(value), "__dataclass_fields__"), _fields),
    (_is_pydantic, _pydantic),
    (lambda value: isinstance(value, (set, frozenset)), _set),
    (lambda value: isinstance(value, (list, tuple, range)) or _is_a(value, "collections", "deque"), _list),
    (lambda value: isinstance(value, os.PathLike), lambda value, place, depth: encodable(os.fsdecode(value))),
    (lambda value: hasattr(value, "shape") and hasattr(value, "dtype") and hasattr(value, "tolist"), _array),
    (_is_mapping, _mapping),
    (lambda value: _is_a(value, "datetime", "date", "time"), lambda value, place, depth: value.isoformat()),
    (
        lambda value: _is_a(value, "argparse", "Namespace") or _is_a(value, "types", "SimpleNamespace"),
        lambda value, place, depth: _mapping(vars(value), place, depth),
    ),
    (
        lambda value: _is_a(value, "datetime", "timedelta", "tzinfo")
        or _is_a(value, "decimal", "Decimal")
        or _is_a(value, "fractions", "Fraction")
        or _is_a(value, "uuid", "UUID")
        or _is_a(value, "torch", "device")
        or isinstance(value, complex)
        or is_dtype(value),
        lambda value, place, depth: encodable(str(value)),
    ),
)
