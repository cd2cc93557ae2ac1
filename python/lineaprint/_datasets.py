"""Datasets in the memory of a program: tables, named groups and datasets of items.

Tables are written as streams of Arrow, and lineaprint reads those as it reads files. Nothing is imported but what made the
object, and pyarrow for a frame of pandas.
"""

from __future__ import annotations

import os
import struct
import sys

from _lineaprint._errors import LineaprintError, argument
from _lineaprint._process import current

from . import _frames, _handing, _tensors
from ._text import text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, Iterator, List, Tuple

#: Records of a block, as everywhere in sequences.
_BLOCK = 65536

#: What the record of an item begins with: docs/format.md, "Sequences".
_ITEM = b"lineaprint/item/v1\n"


class Part:
    """A table, a sequence or an array, which can be written to a file."""

    def __init__(self, form: str, size: "int | None", write: Callable[[Any], Dict[str, Any]]) -> None:
        #: 'table', 'sequence' or 'array'.
        self.form = form
        #: About how many bytes it has; None if nobody knows.
        self.size = size
        #: Write it to a binary file, and return further fields of the message.
        self.write = write


def collect(source: Any) -> "List[Tuple[str | None, Part]] | None":
    """Return the parts of a dataset, with their names if it is a group; None if it is one array."""
    if isinstance(source, dict):
        return _group(source)
    part = _part(source)
    return None if part is None else [(None, part)]


def ask(parts: List[Tuple["str | None", Part]], fields: Dict[str, Any]) -> Any:
    """Send a message together with the parts of a dataset."""
    for anonymous in (True, False):
        places: List[_Place] = []
        try:
            found = []
            for name, part in parts:
                place = _Place(part, anonymous)
                places.append(place)
                found.append({"form": part.form, **({} if name is None else {"name": name}), **place.fields})
            try:
                return current.connection.ask({**fields, "parts": found})
            except LineaprintError as error:
                # In another container, the process id differs for lineaprint. A named file works there.
                if not any("descriptor" in each for each in found) or error.code != "ERR_LINEAPRINT_UNREADABLE":
                    raise
        finally:
            for place in places:
                place.close()
    return None


class _Place(_handing._Handed):
    """A file with a part."""

    def __init__(self, part: Part, anonymous: bool) -> None:
        super().__init__([], anonymous)
        # One of unknown size goes to the disk of the run.
        self.fields: Dict[str, Any] = self._open(sys.maxsize if part.size is None else part.size)
        try:
            with os.fdopen(os.dup(self._descriptor), "wb") as file:
                self.fields.update(part.write(file))
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        self.__exit__()


def _group(source: Dict[Any, Any]) -> List[Tuple["str | None", Part]]:
    if not source:
        raise argument("an empty dict is not a dataset")
    parts: List[Tuple["str | None", Part]] = []
    for name, value in source.items():
        if not isinstance(name, str):
            raise argument("the names of datasets must be text, and %.80r is not" % (name,))
        text("a name", name)
        if isinstance(value, dict):
            raise argument("%.80r: a group within a group is not a dataset; track each of them" % name)
        if isinstance(value, (str, os.PathLike)):
            raise argument("%.80r: a path within a group is not read; track each of them" % name)
        try:
            part = _part(value)
            found = _array(value, name) if part is None else part
        except LineaprintError as error:
            raise LineaprintError(error.code, "%.80r: %s" % (name, error)) from error
        parts.append((name, found))
    if len({part.form == "array" for _, part in parts}) > 1:
        forms = ", ".join(["%.40r: %s" % (name, part.form) for name, part in parts])
        raise argument("a group has only arrays, or only tables and sequences, and not both (%.200s); track each of them" % forms)
    return parts


def _array(value: Any, name: str) -> Part:
    tensor = _tensors.describe(value, name)

    def write(file: Any) -> Dict[str, Any]:
        before = file.tell()
        tensor.write(file.write)
        if file.tell() - before != tensor.size:
            raise argument("%s changed while it was read" % name)
        return {"dtype": tensor.dtype, "shape": list(tensor.shape)}

    return Part("array", tensor.size, write)


def _part(source: Any) -> "Part | None":
    refuse_one_pass(source)
    found = _frames.table_of(source)
    if found is not None:
        size, write = found
        return Part("table", size, write)
    if _is_array(source):
        return None
    if isinstance(source, (list, tuple)):
        if source and isinstance(source[0], dict):
            raise argument("a list of dicts does not say which types its columns have; make it a table, for example with pyarrow.Table.from_pylist")
        return _sequence(source)
    if _is_items(source):
        return _sequence(source)
    return None


def _is_array(source: Any) -> bool:
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(source, torch.Tensor):
        return True
    if _tensors.is_array(source) or hasattr(source, "__array__"):
        return True
    try:
        memoryview(source)
    except TypeError:
        return False
    return True


def _is_items(source: Any) -> bool:
    """Return whether a value gives its items by their numbers, as the datasets of PyTorch do."""
    kind = type(source)
    return not isinstance(source, type) and hasattr(kind, "__getitem__") and hasattr(kind, "__len__") and not hasattr(kind, "keys")


def refuse_one_pass(source: Any) -> None:
    """Raise for what gives its data once, or draws from a generator to give it: reading it would change the program."""
    kind = type(source)
    names = {base.__name__ for base in kind.__mro__}
    if hasattr(kind, "__next__") or names & {"DataLoader", "IterableDataset", "RecordBatchReader"}:
        raise argument(
            "%s %s is not read, because the program would get other data; track the files or arrays behind it, and wrap it in"
            " track_batches to record the order of its samples" % ("an" if kind.__name__[0] in "AEIOU" else "a", kind.__name__)
        )


def _sequence(source: Any) -> Part:
    def write(file: Any) -> Dict[str, Any]:
        with _Generators():
            return _write_items(source, file)

    return Part("sequence", None, write)


def _write_items(source: Any, file: Any) -> Dict[str, Any]:
    count = len(source)
    if count == 0:
        raise argument("an empty dataset does not say what it is")
    blocks: List[int] = []
    are_bytes = False
    for at in range(count):
        try:
            item = source[at]
        except Exception as error:
            raise LineaprintError("ERR_LINEAPRINT_UNREADABLE", "item %d: reading it has failed: %s: %.200s" % (at, type(error).__name__, error)) from error
        if at == 0:
            are_bytes = _is_bytes(item)
        if are_bytes and not _is_bytes(item):
            raise argument("item %d is not bytes, and those before are" % at)
        record = bytes(item) if are_bytes else b"".join(_record(item, at))
        if at % _BLOCK == 0:
            blocks.append(0)
        file.write(struct.pack("<Q", len(record)))
        file.write(record)
        blocks[-1] += 8 + len(record)
    if len(source) != count:
        raise argument("the dataset had %d items, and has %d now" % (count, len(source)))
    return {"records": count, "blocks": blocks, "areBytes": are_bytes}


def _is_bytes(item: Any) -> bool:
    return isinstance(item, (bytes, bytearray))


def _record(item: Any, at: int) -> Iterator[bytes]:
    from . import _batches

    parts: List[bytes] = [_ITEM]
    try:
        _batches.encode(item, lambda content: parts.append(bytes(content)))
    except LineaprintError as error:
        raise LineaprintError(error.code, "item %d: %s" % (at, str(error).replace("a batch", "it", 1))) from error
    except RecursionError as error:
        raise LineaprintError("ERR_LINEAPRINT_UNSUPPORTED", "item %d: it is nested too deep" % at) from error
    return iter(parts)


class _Generators:
    """Keeps the generators of numbers as they are, whatever is read meanwhile, and refuses items that draw from them."""

    def __enter__(self) -> None:
        self._before = [(name, get(), get, put) for name, get, put in _generators()]

    def __exit__(self, kind: Any, *_: Any) -> None:
        drawn = []
        for name, before, get, put in self._before:
            if not _equal(before, get()):
                drawn.append(name)
                put(before)
        if drawn and kind is None:
            raise LineaprintError(
                "ERR_LINEAPRINT_UNSUPPORTED",
                "the items draw from a generator of random numbers (%s), so that they are others each time; track the dataset"
                " without its random transforms" % ", ".join(drawn),
            )


def _generators() -> "Iterator[Tuple[str, Callable[[], Any], Callable[[Any], Any]]]":
    random = sys.modules.get("random")
    if random is not None:
        yield "random", random.getstate, random.setstate
    numpy = sys.modules.get("numpy.random")
    if numpy is not None:
        yield "numpy.random", numpy.get_state, numpy.set_state
    torch = sys.modules.get("torch")
    if torch is not None and hasattr(torch, "get_rng_state"):
        yield "torch", torch.get_rng_state, torch.set_rng_state
        if hasattr(torch, "cuda") and torch.cuda.is_available() and torch.cuda.is_initialized():
            yield "torch.cuda", torch.cuda.get_rng_state_all, torch.cuda.set_rng_state_all


def _equal(before: Any, after: Any) -> bool:
    if isinstance(before, (tuple, list)):
        return len(before) == len(after) and all(_equal(a, b) for a, b in zip(before, after))
    if hasattr(before, "tolist"):
        return bool(before.tolist() == after.tolist())
    return bool(before == after)
