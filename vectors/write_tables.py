#!/usr/bin/env python3
"""Writes the files of vectors/tables with pyarrow, from the values in table_cases.py.

    .peers/tables/bin/python vectors/write_tables.py            write them again
    .peers/tables/bin/python vectors/write_tables.py --into F   write them into another folder

The suffix says how: parquet is as pyarrow writes it; small.parquet has row groups of two rows, pages of a few bytes
and no dictionaries; v2.parquet has data pages of version 2, Zstandard and dictionaries; painted.parquet has row groups
that end elsewhere than blocks; arrow is an IPC file of two batches with dictionaries for text; arrows is a stream
with LZ4 and large types.
"""

import argparse
import struct
from pathlib import Path

import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq
from table_cases import CASES
from tables import parse_type, values_of

HERE = Path(__file__).resolve().parent

PLAIN = {name: getattr(pa, name)() for name in ("null", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32")}
PLAIN |= {"uint64": pa.uint64(), "float16": pa.float16(), "float32": pa.float32(), "float64": pa.float64()}
PLAIN |= {"bool": pa.bool_(), "utf8": pa.string(), "binary": pa.binary(), "date32": pa.date32(), "date64": pa.date64()}


def names_of(spelling):
    """The names of the fields of a structure, in their order."""
    names, depth, place = [], 0, len("struct<")
    start = place
    while place < len(spelling):
        character = spelling[place]
        if character == '"':
            end = place + 1
            while spelling[end] != '"':
                end += 2 if spelling[end] == "\\" else 1
            place = end
        elif character in "<(":
            depth += 1
        elif character in ">)":
            depth -= 1
        elif character == ":" and depth == 0:
            name = spelling[start:place]
            quoted = name.startswith('"')
            names.append(name[1:-1].replace('\\"', '"').replace("\\\\", "\\") if quoted else name)
        if character == "," and depth == 0:
            start = place + 1
        place += 1
    return names


def arrow_type(spelling):
    name, arguments = parse_type(spelling)
    if name in PLAIN:
        return PLAIN[name]
    if name == "fixed_binary":
        return pa.binary(int(arguments[0]))
    if name == "decimal":
        precision, scale = map(int, arguments)
        return pa.decimal128(precision, scale) if precision <= 38 else pa.decimal256(precision, scale)
    if name in ("time32", "time64", "duration"):
        return getattr(pa, name)(arguments[0])
    if name == "timestamp":
        return pa.timestamp(arguments[0], arguments[1].strip('"') if len(arguments) > 1 else None)
    inner = spelling[spelling.index("<") + 1 : -1]
    if name == "list":
        return pa.list_(arrow_type(inner))
    if name == "fixed_list":
        return pa.list_(arrow_type(inner.split(",", 1)[1]), arguments[0])
    if name == "map":
        key, value = inner.split(",", 1)
        return pa.map_(arrow_type(key), arrow_type(value))
    fields, parts = [], split(inner)
    for label, part in zip(names_of(spelling), parts):
        fields.append(pa.field(label, arrow_type(part)))
    return pa.struct(fields)


def split(inner):
    """The spellings of the types of a structure's fields."""
    parts, depth, quoted, start = [], 0, False, 0
    for place, character in enumerate(inner + ","):
        if character == '"' and inner[place - 1] != "\\" or character == '"' and inner[place - 2 : place] == "\\\\":
            quoted = not quoted
        elif quoted:
            continue
        elif character in "<(":
            depth += 1
        elif character in ">)":
            depth -= 1
        elif character == ":" and depth == 0:
            start = place + 1
        elif character == "," and depth == 0:
            parts.append(inner[start:place])
    return parts


def fixed_bytes(kind, value):
    """A value of a type of a fixed width as pyarrow's buffers have it."""
    name = kind[0]
    if name.startswith("float"):
        return int(value, 16).to_bytes({"float16": 2, "float32": 4, "float64": 8}[name], "little")
    width = 16 if name == "decimal" and int(kind[1][0]) <= 38 else 32
    return int(value).to_bytes(width, "little", signed=True)


def array(spelling, values):
    """An array, made of buffers where Python has no values that keep every bit."""
    kind = parse_type(spelling)
    name, arguments = kind
    made = arrow_type(spelling)
    if name.startswith("float") or name == "decimal":
        width = made.bit_width // 8
        data = b"".join(bytes(width) if value is None else fixed_bytes(kind, value) for value in values)
        return pa.Array.from_buffers(made, len(values), [bits(values), pa.py_buffer(data)])
    if name in ("binary", "fixed_binary"):
        return pa.array([None if value is None else bytes.fromhex(value) for value in values], made)
    if name == "fixed_list":
        inner = spelling[spelling.index(",") + 1 : -1]
        flat = sum(([None] * arguments[0] if value is None else value for value in values), [])
        mask = pa.array([value is None for value in values])
        return pa.FixedSizeListArray.from_arrays(array(inner, flat), type=made, mask=mask)
    if name in ("time32", "time64", "timestamp", "duration") or name.startswith(("int", "uint", "date")):
        width = made.bit_width
        sign = "u" if name.startswith("uint") else ""
        plain = pa.array([None if value is None else int(value) for value in values], getattr(pa, f"{sign}int{width}")())
        return pa.Array.from_buffers(made, len(values), plain.buffers())
    return pa.array([named(made, value) for value in values], made)


def named(made, value):
    """Structures as Python has them: by the names of their fields."""
    if value is None:
        return None
    if pa.types.is_struct(made):
        return {made.field(place).name: named(made.field(place).type, inner) for place, inner in enumerate(value)}
    if pa.types.is_map(made):
        return [(named(made.key_type, key), named(made.item_type, inner)) for key, inner in value]
    if pa.types.is_list(made):
        return [named(made.value_type, inner) for inner in value]
    return value


def bits(values):
    mask = sum(1 << place for place, value in enumerate(values) if value is not None)
    return pa.py_buffer(mask.to_bytes((len(values) + 7) // 8 + 1, "little"))


def make(case):
    arrays = [array(column["type"], values_of(column, case["rows"])) for column in case["columns"]]
    return pa.Table.from_arrays(arrays, names=[column["name"] for column in case["columns"]])


def write(table, path, suffix):
    if suffix == "parquet":
        pq.write_table(table, path)
    elif suffix == "small.parquet":
        pq.write_table(table, path, row_group_size=2, data_page_size=8, use_dictionary=False, compression="gzip")
    elif suffix == "v2.parquet":
        pq.write_table(table, path, data_page_version="2.0", compression="zstd", use_dictionary=True)
    elif suffix == "painted.parquet":
        pq.write_table(table, path, row_group_size=50_000, compression="lz4", data_page_size=4096)
    elif suffix == "arrow":
        halves = [table.slice(0, table.num_rows // 2), table.slice(table.num_rows // 2)]
        encoded = pa.concat_tables([dictionaries(half) for half in halves]).unify_dictionaries()
        with pa.ipc.new_file(path, encoded.schema) as writer:
            for batch in encoded.to_batches():
                writer.write_batch(batch)
    elif suffix == "arrows":
        large = table.cast(pa.schema([field.with_type(widened(field.type)) for field in table.schema]))
        options = pa.ipc.IpcWriteOptions(compression="lz4")
        with pa.ipc.new_stream(path, large.schema, options=options) as writer:
            writer.write_table(large)
    else:
        raise ValueError(suffix)


def dictionaries(table):
    """Text as dictionaries, which do not count."""
    arrays = [one.dictionary_encode() if pa.types.is_string(one.type) else one for one in table.columns]
    return pa.Table.from_arrays(arrays, names=table.column_names)


def widened(kind):
    if pa.types.is_string(kind):
        return pa.large_string()
    return pa.large_binary() if pa.types.is_binary(kind) else kind


def main():
    parser = argparse.ArgumentParser(description="writes the files of vectors/tables")
    parser.add_argument("--into", type=Path, default=HERE / "tables")
    into = parser.parse_args().into
    into.mkdir(parents=True, exist_ok=True)
    for index, case in enumerate(CASES["table"]):
        for suffix in case.get("files", []):
            write(make(case), into / f"{index:02}.{suffix}", suffix)


if __name__ == "__main__":
    main()
