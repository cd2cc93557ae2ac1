"""Tables that give themselves by the Arrow C stream, written as streams of Arrow without pyarrow.

The structures are those of "The Arrow C stream interface". Their buffers are written as they are: only bits and offsets that do
not begin at their first row are moved.
"""

from __future__ import annotations

import ctypes
import struct

from _lineaprint._errors import LineaprintError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, Iterator, List, Tuple

#: Bytes that the buffers of a message are aligned to.
_ALIGNMENT = 64

#: Levels of types in each other, as in every table.
_DEPTH = 64

#: Rows of a batch at most.
_ROWS = 65536


class _Schema(ctypes.Structure):
    pass


class _Array(ctypes.Structure):
    pass


class _Stream(ctypes.Structure):
    pass


_Schema._fields_ = [
    ("format", ctypes.c_char_p),
    ("name", ctypes.c_char_p),
    ("metadata", ctypes.c_void_p),
    ("flags", ctypes.c_int64),
    ("n_children", ctypes.c_int64),
    ("children", ctypes.POINTER(ctypes.POINTER(_Schema))),
    ("dictionary", ctypes.POINTER(_Schema)),
    ("release", ctypes.CFUNCTYPE(None, ctypes.POINTER(_Schema))),
    ("private_data", ctypes.c_void_p),
]
_Array._fields_ = [
    ("length", ctypes.c_int64),
    ("null_count", ctypes.c_int64),
    ("offset", ctypes.c_int64),
    ("n_buffers", ctypes.c_int64),
    ("n_children", ctypes.c_int64),
    ("buffers", ctypes.POINTER(ctypes.c_void_p)),
    ("children", ctypes.POINTER(ctypes.POINTER(_Array))),
    ("dictionary", ctypes.POINTER(_Array)),
    ("release", ctypes.CFUNCTYPE(None, ctypes.POINTER(_Array))),
    ("private_data", ctypes.c_void_p),
]
_Stream._fields_ = [
    ("get_schema", ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(_Stream), ctypes.POINTER(_Schema))),
    ("get_next", ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(_Stream), ctypes.POINTER(_Array))),
    ("get_last_error", ctypes.CFUNCTYPE(ctypes.c_char_p, ctypes.POINTER(_Stream))),
    ("release", ctypes.CFUNCTYPE(None, ctypes.POINTER(_Stream))),
    ("private_data", ctypes.c_void_p),
]


def write(source: Any, file: Any) -> Dict[str, Any]:
    """Write the table of an object with `__arrow_c_stream__` to a binary file."""
    capsule = source.__arrow_c_stream__()
    pointer = ctypes.pythonapi.PyCapsule_GetPointer
    pointer.restype, pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    # The capsule releases the stream, which must outlive its batches here.
    stream = ctypes.cast(pointer(capsule, b"arrow_array_stream"), ctypes.POINTER(_Stream))
    schema = _Schema()
    _call(stream, stream.contents.get_schema(stream, ctypes.byref(schema)))
    try:
        if schema.format != b"+s":
            raise _unsupported("the stream gives no table")
        ids = iter(range(1 << 30))
        fields = [_Field(schema.children[at].contents, ids, 0) for at in range(schema.n_children)]
        _message(file, 1, [_scalar("h", 0), _Tables([field.table() for field in fields])], [])
        while True:
            array = _Array()
            _call(stream, stream.contents.get_next(stream, ctypes.byref(array)))
            if not array.release:
                break
            try:
                _write_rows(file, fields, array)
            finally:
                array.release(ctypes.byref(array))
        file.write(b"\xff\xff\xff\xff\0\0\0\0")
    finally:
        schema.release(ctypes.byref(schema))
    return {}


def _call(stream: Any, code: int) -> None:
    if code != 0:
        message = stream.contents.get_last_error(stream)
        reason = "error %d" % code if message is None else message.decode("utf-8", "replace")
        raise LineaprintError("ERR_LINEAPRINT_UNREADABLE", "the Arrow stream has failed: %.300s" % reason)


def _unsupported(message: str) -> LineaprintError:
    return LineaprintError("ERR_LINEAPRINT_UNSUPPORTED", message)


def _write_rows(file: Any, fields: List[_Field], array: Any) -> None:
    if array.null_count > 0:
        raise _unsupported("a batch of the stream has rows that are null")
    if array.n_children != len(fields):
        raise _unsupported("a batch of the stream has other columns than the stream")
    for start in range(0, array.length, _ROWS):
        count = min(_ROWS, array.length - start)
        columns = [field.range(array.children[at].contents, array.offset + start, count) for at, field in enumerate(fields)]
        for column in columns:
            _write_dictionaries(file, column)
        table, buffers = _batch(count, columns)
        _message(file, 3, table, buffers)


class _Column:
    """Rows of a column as buffers of Arrow."""

    def __init__(self, length: int, nulls: int, buffers: List[Any], children: "List[_Column]", variadic: "int | None" = None) -> None:
        self.length, self.nulls, self.buffers, self.children, self.variadic = length, nulls, buffers, children, variadic
        self.id = -1
        self.dictionary: "_Column | None" = None


def _write_dictionaries(file: Any, column: _Column) -> None:
    if column.dictionary is not None:
        _write_dictionaries(file, column.dictionary)
        table, buffers = _batch(column.dictionary.length, [column.dictionary])
        _message(file, 2, [_scalar("q", column.id), table], buffers)
    for child in column.children:
        _write_dictionaries(file, child)


#: The numbers of types in the union of types, the fields of their tables, and the bytes of a value, by their formats.
_TYPES: "Dict[str, Tuple[int, List[Any], int]]" = {
    "n": (1, [], 0),
    "b": (6, [], 0),
    "u": (5, [], 4),
    "U": (20, [], 8),
    "z": (4, [], 4),
    "Z": (19, [], 8),
    "vu": (24, [], 16),
    "vz": (23, [], 16),
    "e": (3, [("h", 0)], 2),
    "f": (3, [("h", 1)], 4),
    "g": (3, [("h", 2)], 8),
    "tdD": (8, [("h", 0)], 4),
    "tdm": (8, [("h", 1)], 8),
    "tts": (9, [("h", 0), ("i", 32)], 4),
    "ttm": (9, [("h", 1), ("i", 32)], 4),
    "ttu": (9, [("h", 2), ("i", 64)], 8),
    "ttn": (9, [("h", 3), ("i", 64)], 8),
    "tiM": (11, [("h", 0)], 4),
    "tiD": (11, [("h", 1)], 8),
    "tin": (11, [("h", 2)], 16),
}
for _at, _letter in enumerate("csilCSIL"):
    _width = 1 << _at % 4
    _TYPES[_letter] = (2, [("i", 8 * _width), ("B", 1 if _at < 4 else 0)], _width)
for _at, _letter in enumerate("smun"):
    _TYPES["tD" + _letter] = (18, [("h", _at)], 8)


class _Field:
    """A column or a member of one, and how its buffers lie."""

    def __init__(self, schema: Any, ids: Iterator[int], depth: int) -> None:
        if depth > _DEPTH:
            raise _unsupported("types nested more than %d deep have no digest" % _DEPTH)
        self.name = (schema.name or b"").decode("utf-8")
        self.is_nullable = bool(schema.flags & 2)
        self.format = schema.format.decode("utf-8")
        self.children = [_Field(schema.children[at].contents, ids, depth + 1) for at in range(schema.n_children)]
        self.values = _Field(schema.dictionary.contents, ids, depth + 1) if schema.dictionary else None
        self.id = next(ids) if self.values is not None else -1
        self.kind, self.fields, self.width = self._type()

    def _type(self) -> "Tuple[int, List[Any], int]":
        known = _TYPES.get(self.format)
        if known is not None:
            return known[0], [_scalar(*each) for each in known[1]], known[2]
        head, _, tail = self.format.partition(":")
        if head.startswith("ts") and head[2:] in ("s", "m", "u", "n"):
            return 10, [_scalar("h", "smun".index(head[2:])), tail or None], 8
        if head == "w":
            return 15, [_scalar("i", int(tail))], int(tail)
        if head == "d":
            precision, scale, bits = [int(each) for each in (tail + ",128").split(",")[:3]]
            return 7, [_scalar("i", precision), _scalar("i", scale), _scalar("i", bits)], bits // 8
        if head == "+w":
            return 16, [_scalar("i", int(tail))], int(tail)
        kinds = {"+l": (12, 4), "+L": (21, 8), "+s": (13, 0), "+m": (17, 4)}
        if head not in kinds:
            raise _unsupported("the column %.80r has a type that is not read without pyarrow: %.80r" % (self.name, self.format))
        kind, width = kinds[head]
        return kind, [_scalar("B", 0)] if kind == 17 else [], width

    def table(self) -> List[Any]:
        of = self if self.values is None else self.values
        encoding = None if self.values is None else [_scalar("q", self.id), list(self.fields), _scalar("B", 0)]
        children = _Tables([child.table() for child in of.children])
        return [self.name, _scalar("B", 1 if self.is_nullable else 0), _scalar("B", of.kind), list(of.fields), encoding, children]

    def range(self, array: Any, start: int, count: int) -> _Column:
        """Return rows of an array. They are counted from its own offset."""
        if start < 0 or start + count > array.length or array.n_children != len(self.children):
            raise _unsupported("the column %.80r has fewer rows than it states" % self.name)
        if self.kind == 1:
            return _Column(count, count, [], [])
        first = array.offset + start
        validity = _bits(array.buffers[0], first, count) if array.null_count != 0 and array.buffers[0] else b""
        nulls = count - bin(int.from_bytes(validity, "little")).count("1") if validity else 0
        head: List[Any] = [validity if nulls > 0 else b""]
        if self.kind == 6:
            return _Column(count, nulls, [*head, _bits(array.buffers[1], first, count)], [])
        if self.kind in (5, 20, 4, 19, 12, 21, 17):
            offsets, begin, end = _offsets(array.buffers[1], first, count, self.width)
            if not self.children:
                return _Column(count, nulls, [*head, offsets, _bytes(array.buffers[2], begin, end)], [])
            return _Column(count, nulls, [*head, offsets], [self.children[0].range(array.children[0].contents, begin, end - begin)])
        if self.kind == 13:
            children = [child.range(array.children[at].contents, first, count) for at, child in enumerate(self.children)]
            return _Column(count, nulls, head, children)
        if self.kind == 16:
            child = self.children[0].range(array.children[0].contents, first * self.width, count * self.width)
            return _Column(count, nulls, head, [child])
        values = _bytes(array.buffers[1], first * self.width, (first + count) * self.width)
        if self.kind in (23, 24):
            # The last buffer has the lengths of those between.
            number = array.n_buffers - 3
            sizes = struct.unpack("<%dq" % number, _bytes(array.buffers[array.n_buffers - 1], 0, 8 * number)) if number > 0 else ()
            parts = [_bytes(array.buffers[2 + at], 0, size) for at, size in enumerate(sizes)]
            return _Column(count, nulls, [*head, values, *parts], [], len(parts))
        column = _Column(count, nulls, [*head, values], [])
        if self.values is not None:
            column.id, column.dictionary = self.id, self.values.range(array.dictionary.contents, 0, array.dictionary.contents.length)
        return column


def _bytes(address: "int | None", begin: int, end: int) -> memoryview:
    if end <= begin or not address:
        return memoryview(b"")
    return memoryview((ctypes.c_char * (end - begin)).from_address(address + begin)).cast("B")


def _bits(address: "int | None", first: int, count: int) -> bytes:
    """Return bits from a position on, with zeros after the last."""
    whole = int.from_bytes(_bytes(address, first // 8, (first + count + 7) // 8), "little") >> first % 8
    return (whole & (1 << count) - 1).to_bytes((count + 7) // 8, "little")


def _offsets(address: "int | None", first: int, count: int, width: int) -> "Tuple[bytes, int, int]":
    """Return offsets that begin at zero, and the range of the values."""
    if count == 0 or not address:
        return bytes(width), 0, 0
    import array

    # A type of four or eight bytes, on every system.
    offsets = array.array("i" if width == 4 else "q", bytes(_bytes(address, first * width, (first + count + 1) * width)))
    begin, end = offsets[0], offsets[-1]
    if begin < 0 or any(a > b for a, b in zip(offsets, offsets[1:])):
        raise _unsupported("the offsets of a column do not ascend")
    if begin != 0:
        offsets = array.array(offsets.typecode, [offset - begin for offset in offsets])
    return offsets.tobytes(), begin, end


def _batch(rows: int, columns: List[_Column]) -> "Tuple[List[Any], List[Any]]":
    nodes: List[int] = []
    buffers: List[Any] = []
    variadic: List[int] = []

    def add(column: _Column) -> None:
        nodes.extend((column.length, column.nulls))
        buffers.extend(column.buffers)
        if column.variadic is not None:
            variadic.append(column.variadic)
        for child in column.children:
            add(child)

    for column in columns:
        add(column)
    ranges: List[int] = []
    position = 0
    for buffer in buffers:
        ranges.extend((position, len(buffer)))
        position += _padded(len(buffer), _ALIGNMENT)
    return [_scalar("q", rows), _Structs(2, nodes), _Structs(2, ranges), None, _Structs(1, variadic) if variadic else None], buffers


def _message(file: Any, kind: int, header: Any, buffers: List[Any]) -> None:
    length = sum(_padded(len(buffer), _ALIGNMENT) for buffer in buffers)
    head = _serialise([_scalar("h", 4), _scalar("B", kind), header, _scalar("q", length)])
    size = _padded(len(head), 8)
    file.write(struct.pack("<ii", -1, size) + head + bytes(size - len(head)))
    for buffer in buffers:
        file.write(buffer)
        file.write(bytes(_padded(len(buffer), _ALIGNMENT) - len(buffer)))


def _padded(length: int, alignment: int) -> int:
    return (length + alignment - 1) // alignment * alignment


class _Scalar:
    """A number in a table of FlatBuffers, with its format of the module struct."""

    def __init__(self, form: str, value: int) -> None:
        self.form, self.value = form, value
        self.width = struct.calcsize("<" + form)


class _Structs:
    """A vector of structures of numbers of eight bytes."""

    def __init__(self, each: int, numbers: List[int]) -> None:
        self.rows, self.numbers = len(numbers) // each, numbers


def _scalar(form: str, value: int) -> _Scalar:
    return _Scalar(form, value)


def _serialise(root: List[Any]) -> bytes:
    """Return a table of FlatBuffers, whose fields a list holds."""
    out = bytearray(4)

    def align(width: int) -> None:
        out.extend(bytes(-len(out) % width))

    def refer(at: int, target: int) -> None:
        struct.pack_into("<I", out, at, target - at)

    def table(fields: List[Any]) -> int:
        slots: "Dict[int, int]" = {}
        size = 4
        for at, field in enumerate(fields):
            if field is not None:
                width = field.width if isinstance(field, _Scalar) else 4
                size = _padded(size, width)
                slots[at] = size
                size += width
        align(8)
        vtable = len(out)
        out.extend(bytes(4 + 2 * len(fields)))
        align(8)
        start = len(out)
        out.extend(bytes(size))
        struct.pack_into("<HH", out, vtable, 4 + 2 * len(fields), size)
        struct.pack_into("<i", out, start, start - vtable)
        for at, slot in slots.items():
            struct.pack_into("<H", out, vtable + 4 + 2 * at, slot)
            field = fields[at]
            if isinstance(field, _Scalar):
                struct.pack_into("<" + field.form, out, start + slot, field.value)
        for at, slot in slots.items():
            if not isinstance(fields[at], _Scalar):
                refer(start + slot, part(fields[at]))
        return start

    def part(value: Any) -> int:
        if isinstance(value, str):
            content = value.encode("utf-8")
            align(4)
            start = len(out)
            out.extend(struct.pack("<I", len(content)) + content + b"\0")
            return start
        if isinstance(value, _Structs):
            align(8)
            out.extend(bytes(4))
            start = len(out)
            out.extend(struct.pack("<I%dq" % len(value.numbers), value.rows, *value.numbers))
            return start
        if isinstance(value, _Tables):
            align(4)
            start = len(out)
            out.extend(struct.pack("<I", len(value.tables)) + bytes(4 * len(value.tables)))
            for number, each in enumerate(value.tables):
                refer(start + 4 + 4 * number, table(each))
            return start
        return table(value)

    refer(0, table(root))
    return bytes(out)


class _Tables:
    """A vector of tables."""

    def __init__(self, tables: List[List[Any]]) -> None:
        self.tables = tables
