"""Blocks, columns and rows of tables, recomputed from docs/format.md alone; reference.py adds what they become.

A value stands in JSON as: null; true or false; a number for integers and what counts units (dates, times), as text
beyond 53 bits; the bits of a float in hex, most significant first; text; the bytes of a binary in hex; the digits of a
decimal without its point, as text; a list for lists and structures; a list of pairs for maps.
"""

import re
import struct

BLOCK_ROWS = 65536

# --- Types ----------------------------------------------------------------------------------------------

WIDTHS = {"int8": 1, "int16": 2, "int32": 4, "int64": 8, "uint8": 1, "uint16": 2, "uint32": 4, "uint64": 8}
WIDTHS |= {"float16": 2, "float32": 4, "float64": 8, "date32": 4, "date64": 8}
WIDTHS |= {"time32": 4, "time64": 8, "timestamp": 8, "duration": 8}


def parse_type(spelling):
    """A type as (name, arguments): `list<int8>` is ("list", [("int8", [])])."""
    made, rest = parse(spelling)
    assert not rest, spelling
    return made


def parse(text):
    name = re.match(r"[a-z0-9_]+", text)[0]
    text = text[len(name) :]
    if name == "list":
        inner, text = parse(text[1:])
        return (name, [inner]), text[1:]
    if name == "fixed_list":
        count = re.match(r"<(\d+),", text)
        inner, text = parse(text[len(count[0]) :])
        return (name, [int(count[1]), inner]), text[1:]
    if name == "map":
        key, text = parse(text[1:])
        value, text = parse(text[1:])
        return (name, [key, value]), text[1:]
    if name == "struct":
        fields, text = [], text[1:]
        while text[0] != ">":
            # The name does not count for the bytes of a block: in quotes or without, it is passed over.
            label = re.match(r',?("(?:\\.|[^"\\])*"|[^":]*):', text)
            inner, text = parse(text[len(label[0]) :])
            fields.append(inner)
        return (name, fields), text[1:]
    arguments = re.match(r"\((.*?)\)(?=[,>]|$)", text)
    if arguments:
        return (name, arguments[1].split(",")), text[len(arguments[0]) :]
    return (name, []), text


# --- Blocks -----------------------------------------------------------------------------------------------


def number(value):
    return struct.pack("<Q", value)


def block(kind, values):
    """The bytes of a block of a column."""
    bits = sum(1 << place for place, value in enumerate(values) if value is not None)
    head = number(len(values)) + bits.to_bytes((len(values) + 7) // 8, "little")
    return head + content(kind, values, [value for value in values if value is not None])


def content(kind, values, valid):
    name, arguments = kind
    if name == "null":
        assert not valid
        return b""
    if name == "bool":
        return bytes(valid)
    if name == "utf8":
        return variable([value.encode() for value in valid])
    if name == "binary":
        return variable([bytes.fromhex(value) for value in valid])
    if name == "fixed_binary":
        assert all(len(value) == 2 * int(arguments[0]) for value in valid)
        return b"".join(bytes.fromhex(value) for value in valid)
    if name == "decimal":
        width = 16 if int(arguments[0]) <= 38 else 32
        return b"".join(int(value).to_bytes(width, "little", signed=True) for value in valid)
    if name.startswith("float"):
        return b"".join(int(value, 16).to_bytes(WIDTHS[name], "little") for value in valid)
    if name == "list":
        return b"".join(number(len(value)) for value in valid) + block(arguments[0], sum(valid, []))
    if name == "fixed_list":
        assert all(len(value) == arguments[0] for value in valid)
        return content(("list", arguments[1:]), values, valid)
    if name == "map":
        entries = ("struct", arguments)
        return b"".join(number(len(value)) for value in valid) + block(entries, sum(valid, []))
    if name == "struct":
        children = [[None if value is None else value[place] for value in values] for place in range(len(arguments))]
        return b"".join(block(child, inner) for child, inner in zip(arguments, children))
    signed = not name.startswith("uint")
    return b"".join(int(value).to_bytes(WIDTHS[name], "little", signed=signed) for value in valid)


def variable(values):
    return b"".join(number(len(value)) for value in values) + b"".join(values)


# --- Tables -------------------------------------------------------------------------------------------------


def values_of(column, rows):
    """The values of a column; a painted one has row i modulo 251, and null in every row that `nulls` divides."""
    if "values" in column:
        assert len(column["values"]) == rows
        return column["values"]
    nulls = column["painted"]["nulls"]
    numbers = (None if nulls and row % nulls == 0 else row % 251 for row in range(rows))
    if column["type"] == "utf8":
        return [None if value is None else "x" * (value % 17) for value in numbers]
    return list(numbers)


def table_items(case, plain):
    """What the description of a table says behind the tag."""
    columns = []
    for column in case["columns"]:
        kind, values = parse_type(column["type"]), values_of(column, case["rows"])
        cuts = range(0, len(values), BLOCK_ROWS)
        blocks = [plain(block(kind, values[start : start + BLOCK_ROWS])) for start in cuts]
        columns.append([column["name"], column["type"], blocks])
    return [case["rows"], columns]


def unordered_items(case, plain):
    """The same of a table whose rows may be in any order."""
    columns = [(parse_type(column["type"]), values_of(column, case["rows"])) for column in case["columns"]]
    rows = [
        plain(b"".join(block(kind, [values[row]]) for kind, values in columns)) for row in range(case["rows"])
    ]
    return [case["rows"], [[column["name"], column["type"]] for column in case["columns"]], sorted(rows)]
