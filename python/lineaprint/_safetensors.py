"""The header of safetensors files: writing it as the reference does, and reading it strictly."""

from __future__ import annotations

import json
import os
import stat

from _lineaprint._errors import LineaprintError
from _lineaprint._json import EXACT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Iterable, List, Mapping, Tuple

    from ._tensors import Tensor

#: Bytes of one element of each dtype, in the order of the reference, which writes the last ones first.
SIZES = {
    "BOOL": 1,
    "U8": 1,
    "I8": 1,
    "F8_E5M2": 1,
    "F8_E4M3": 1,
    "F8_E8M0": 1,
    "F8_E4M3FNUZ": 1,
    "F8_E5M2FNUZ": 1,
    "I16": 2,
    "U16": 2,
    "F16": 2,
    "BF16": 2,
    "I32": 4,
    "U32": 4,
    "F32": 4,
    "C64": 8,
    "F64": 8,
    "I64": 8,
    "U64": 8,
}

_RANKS = {name: rank for rank, name in enumerate(SIZES)}

#: Most bytes of a header, as in the reference.
_LIMIT = 100_000_000

_METADATA = "__metadata__"


def ordered(tensors: Iterable[Tensor]) -> List[Tensor]:
    """Return tensors as the reference sorts them: by dtype, wide ones first, and then by name."""
    return sorted(tensors, key=lambda tensor: (-_RANKS[tensor.dtype], tensor.name))


def header(tensors: Iterable[Tensor], metadata: Mapping[str, str] | None = None) -> bytes:
    """Return the length of the header, and the header, of tensors that follow in this order."""
    entries: Dict[str, Any] = {}
    if metadata is not None:
        entries[_METADATA] = {key: metadata[key] for key in sorted(metadata)}
    offset = 0
    for tensor in tensors:
        end = offset + tensor.size
        entries[tensor.name] = {"dtype": tensor.dtype, "shape": list(tensor.shape), "data_offsets": [offset, end]}
        offset = end
    content = json.dumps(entries, separators=(",", ":"), ensure_ascii=False).encode("utf-8")
    content += b" " * (-len(content) % 8)
    if len(content) > _LIMIT:
        raise LineaprintError(
            "ERR_LINEAPRINT_UNSUPPORTED",
            "the header of the file would have %d bytes; readers accept at most %d" % (len(content), _LIMIT),
        )
    return len(content).to_bytes(8, "little") + content


class Entry:
    """A tensor of a file: where its elements lie."""

    def __init__(self, name: str, dtype: str, shape: Tuple[int, ...], start: int, size: int) -> None:
        self.name = name
        self.dtype = dtype
        self.shape = shape
        #: Position in the file, in bytes.
        self.start = start
        self.size = size


def open_regular(path: str) -> int:
    """Open a regular file for reading, and return its descriptor. A FIFO is not waited for."""
    flags = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)
    try:
        descriptor = os.open(path, flags)
    except FileNotFoundError as error:
        raise LineaprintError("ERR_LINEAPRINT_NOT_FOUND", "%s: there is no such file" % path) from error
    except (OSError, ValueError) as error:
        raise LineaprintError("ERR_LINEAPRINT_UNREADABLE", "%s: cannot open it: %s" % (path, error)) from error
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    raise LineaprintError("ERR_LINEAPRINT_NOT_REGULAR", "%s: it is not a regular file" % path)


def read_into(descriptor: int, view: memoryview, position: int) -> bool:
    """Fill a buffer from a position of a file. Return False if the file ends before."""
    while len(view) > 0:
        if hasattr(os, "preadv"):
            count = os.preadv(descriptor, [view], position)
        else:
            os.lseek(descriptor, position, os.SEEK_SET)
            part = os.read(descriptor, min(len(view), 1 << 24))
            count = len(part)
            view[:count] = part
        if count == 0:
            return False
        view = view[count:]
        position += count
    return True


def entries(descriptor: int, path: str) -> List[Entry]:
    """Return the tensors of a file in the order of their elements. Raise ERR_LINEAPRINT_FORMAT if it breaks a rule.

    No number of the header is used before it is known to fit the length of the file.
    """

    def fail(sentence: str) -> LineaprintError:
        return LineaprintError("ERR_LINEAPRINT_FORMAT", "%s: this is no sound safetensors file: %s" % (path, sentence))

    total = os.fstat(descriptor).st_size
    prefix = bytearray(8)
    if total < 8 or not read_into(descriptor, memoryview(prefix), 0):
        raise fail("it has %d bytes, fewer than the length of a header" % total)
    length = int.from_bytes(prefix, "little")
    if length > min(total - 8, _LIMIT):
        raise fail("the header would have %d bytes; expected at most %d" % (length, min(total - 8, _LIMIT)))
    content = bytearray(length)
    if not read_into(descriptor, memoryview(content), 8):
        raise fail("it was truncated while it was read")
    members = parse_object(bytes(content), fail)
    if content[:1] != b"{":
        raise fail("the header does not begin with a brace")
    found = [_entry(name, value, total - 8 - length, fail) for name, value in members.items() if name != _METADATA]
    metadata = members.get(_METADATA, {})
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise fail("%s has values that are no texts" % _METADATA)
    # Tensors without elements stand before the one that begins where they do.
    found.sort(key=lambda entry: (entry.start, entry.size))
    end = 0
    for entry in found:
        if entry.start != end:
            raise fail("the elements of %.200r begin at %d; expected %d" % (entry.name, entry.start, end))
        end += entry.size
        entry.start += 8 + length
    if end != total - 8 - length:
        raise fail("the tensors have %d bytes, and %d follow the header" % (end, total - 8 - length))
    return found


def parse_object(content: bytes, fail: Any) -> Dict[str, Any]:
    """Return the members of an object in JSON. A name that stands twice, and numbers that JSON does not have, are refused."""

    def unique(pairs: List[Tuple[str, Any]]) -> Dict[str, Any]:
        members: Dict[str, Any] = {}
        for name, item in pairs:
            if name in members:
                raise fail("the name %.200r stands twice" % name)
            members[name] = item
        return members

    def refuse(text: str) -> Any:
        raise fail("%s is no number of JSON" % text)

    try:
        value = json.loads(content.decode("utf-8"), object_pairs_hook=unique, parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        raise fail("the JSON cannot be read: %.200s" % error) from error
    if not isinstance(value, dict):
        raise fail("the JSON is no object")
    return value


def _entry(name: str, value: Any, data: int, fail: Any) -> Entry:
    if not is_text(name):
        raise fail("the name %.200r is not Unicode" % name)
    if not isinstance(value, dict) or set(value) != {"dtype", "shape", "data_offsets"}:
        raise fail("%.200r has other members than dtype, shape and data_offsets" % name)
    dtype, shape, offsets = value["dtype"], value["shape"], value["data_offsets"]
    if not isinstance(dtype, str) or not is_counts(shape) or not is_counts(offsets) or len(offsets) != 2:
        raise fail("%.200r has a dtype, shape or data_offsets of another form" % name)
    start, end = offsets
    if not start <= end <= data:
        raise fail("the elements of %.200r lie at [%.40s, %.40s]; %d bytes follow the header" % (name, start, end, data))
    if dtype not in SIZES:
        raise LineaprintError("ERR_LINEAPRINT_UNSUPPORTED", "%.200r is of the dtype %.40r, which has no form in memory" % (name, dtype))
    size = _bytes_of(shape, SIZES[dtype], data)
    if size != end - start:
        raise fail("the elements of %.200r have %d bytes, which do not fit %s and its shape" % (name, end - start, dtype))
    return Entry(name, dtype, tuple(shape), start, size)


def is_text(value: Any) -> bool:
    """Return whether a value is text that can be encoded."""
    try:
        return isinstance(value, str) and value.encode("utf-8") is not None
    except UnicodeEncodeError:
        return False


def is_counts(value: Any) -> bool:
    """Return whether a value of JSON is a list of whole numbers that every reader holds exactly."""
    return isinstance(value, list) and all(type(item) is int and 0 <= item < EXACT for item in value)


def _bytes_of(shape: List[int], element: int, most: int) -> int:
    """Return the bytes of a tensor; -1 if they are more than the file has. The product of many dimensions takes no time."""
    empty = 0 in shape
    size = element
    for length in shape:
        size *= length or 1
        # Libraries take no larger product, even of no elements.
        if size > (EXACT if empty else most):
            return -1
    return 0 if empty else size
