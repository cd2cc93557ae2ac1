"""Read tables with pyarrow, for the round `tables`: for each line {"path", "format"} on stdin, a line on stdout.

Answers {"columns": [[name, type, [SHA-256 of each block]]]} with the blocks of docs/format.md, {"refused": reason},
or {"unsure": reason} where pyarrow holds no opinion.
"""

import hashlib
import json
import sys
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "vectors"))

from tables import BLOCK_ROWS, block, parse_type  # noqa: E402


class Unsure(Exception):
    """A type or a value that this script does not compare."""


PLAIN = {pa.null(): "null", pa.bool_(): "bool", pa.float16(): "float16", pa.float32(): "float32", pa.float64(): "float64"}
PLAIN |= {getattr(pa, f"{sign}int{bits}")(): f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)}
PLAIN |= {pa.date32(): "date32", pa.date64(): "date64", pa.string(): "utf8", pa.large_string(): "utf8"}
PLAIN |= {pa.string_view(): "utf8", pa.binary(): "binary", pa.large_binary(): "binary", pa.binary_view(): "binary"}
SAFE = set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-+/.")


def quoted(name):
    if name and set(name) <= SAFE:
        return name
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


def spelled(kind):
    if kind in PLAIN:
        return PLAIN[kind]
    if pa.types.is_dictionary(kind):
        return spelled(kind.value_type)
    if pa.types.is_fixed_size_binary(kind):
        return f"fixed_binary({kind.byte_width})"
    if pa.types.is_decimal(kind):
        return f"decimal({kind.precision},{kind.scale})"
    if pa.types.is_timestamp(kind):
        return f"timestamp({kind.unit})" if kind.tz is None else f"timestamp({kind.unit},{quoted(kind.tz)})"
    if pa.types.is_time32(kind) or pa.types.is_time64(kind) or pa.types.is_duration(kind):
        name = "duration" if pa.types.is_duration(kind) else f"time{kind.bit_width}"
        return f"{name}({kind.unit})"
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return f"list<{spelled(kind.value_type)}>"
    if pa.types.is_fixed_size_list(kind):
        return f"fixed_list<{kind.list_size},{spelled(kind.value_type)}>"
    if pa.types.is_map(kind):
        return f"map<{spelled(kind.key_type)},{spelled(kind.item_type)}>"
    if pa.types.is_struct(kind):
        fields = [kind.field(index) for index in range(kind.num_fields)]
        return f"struct<{','.join(f'{quoted(field.name)}:{spelled(field.type)}' for field in fields)}>"
    raise Unsure(str(kind))


def values(array):
    """The values of an array as vectors/tables.py has them."""
    kind = array.type
    if pa.types.is_dictionary(kind):
        return values(array.dictionary_decode())
    if pa.types.is_floating(kind):
        width = kind.bit_width
        whole = array.view(getattr(pa, f"int{width}")()).to_pylist()
        return [None if one is None else f"{one & (1 << width) - 1:x}" for one in whole]
    if pa.types.is_temporal(kind):
        return array.view(getattr(pa, f"int{kind.bit_width}")()).to_pylist()
    if pa.types.is_decimal(kind):
        width = kind.bit_width // 8
        data = array.view(pa.binary(width)).to_pylist()
        return [None if one is None else int.from_bytes(one, "little", signed=True) for one in data]
    if PLAIN.get(kind) == "binary" or pa.types.is_fixed_size_binary(kind):
        return [None if one is None else one.hex() for one in array.to_pylist()]
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return cut(values(array.flatten()), array.value_lengths().to_pylist())
    if pa.types.is_fixed_size_list(kind):
        valid = array.is_valid().to_pylist()
        return cut(values(array.flatten()), [kind.list_size if one else None for one in valid])
    if pa.types.is_map(kind):
        valid, ends = array.is_valid().to_pylist(), array.offsets.to_pylist()
        pairs = [list(pair) for pair in zip(values(array.keys), values(array.items))]
        first = ends[0]
        return [pairs[start - first : end - first] if one else None for one, start, end in zip(valid, ends, ends[1:])]
    if pa.types.is_struct(kind):
        valid = array.is_valid().to_pylist()
        children = [values(child) for child in array.flatten()]
        return [[child[row] for child in children] if one else None for row, one in enumerate(valid)]
    return array.to_pylist()


def cut(elements, lengths):
    lists, start = [], 0
    for length in lengths:
        lists.append(None if length is None else elements[start : start + length])
        start += length or 0
    return lists


def read(path, kind):
    if kind == "parquet":
        return pq.ParquetFile(path).read()
    with open(path, "rb") as file:
        start = file.read(6)
    with pa.OSFile(path) as source:
        reader = pa.ipc.open_file(source) if start == b"ARROW1" else pa.ipc.open_stream(source)
        return reader.read_all()


def described(path, kind):
    table = read(path, kind)
    table.validate(full=True)
    columns = []
    for field, column in zip(table.schema, table.columns):
        spelling = spelled(field.type)
        found = sum((values(chunk) for chunk in column.chunks), [])
        if len(found) != table.num_rows:
            raise pa.ArrowInvalid("a column of another length")
        parsed = parse_type(spelling)
        starts = range(0, len(found), BLOCK_ROWS)
        blocks = [hashlib.sha256(block(parsed, found[start : start + BLOCK_ROWS])).hexdigest() for start in starts]
        columns.append([field.name, spelling, blocks])
    return columns


def polars_refuses(path, kind):
    """Whether Polars refuses as well, which has fewer types."""
    try:
        if kind == "parquet":
            pl.read_parquet(path)
        else:
            with open(path, "rb") as file:
                is_file = file.read(6) == b"ARROW1"
            pl.read_ipc(path, memory_map=False) if is_file else pl.read_ipc_stream(path)
    except BaseException as error:  # noqa: BLE001  a panic of Polars is no Exception
        return "not supported" not in str(error) and "not implemented" not in str(error)
    return False


# Parts of the metadata that hold nothing of the table, such as statistics, are not read by lineaprint. A time beyond a
# day and a date within one are kept by their bits; pyarrow reads them too, and complains when it validates.
TOLERATED = ("deserialize thrift", "Verification of flatbuffer", "acceptable range", "whole number of days", "does not represent a whole")


def answer(path, kind):
    try:
        return {"columns": described(path, kind)}
    except (Unsure, NotImplementedError, UnicodeDecodeError, MemoryError, RecursionError, OverflowError) as error:
        return {"unsure": repr(error)}
    except (pa.ArrowException, OSError, ValueError) as error:
        refused = not any(words in str(error) for words in TOLERATED) and polars_refuses(path, kind)
        return {"refused" if refused else "unsure": f"{type(error).__name__}: {error}"}


for line in sys.stdin:
    request = json.loads(line)
    print(json.dumps(answer(request["path"], request["format"])), flush=True)
