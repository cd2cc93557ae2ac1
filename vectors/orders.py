"""The order of samples, as docs/format.md defines it, and what its vectors hash.

A value of a vector is JSON, with {"array": …} for an array, {"map": …} for a map, {"bytes": …} for bytes in base64 and
{"float": …} for a number that JSON cannot write.
"""

import base64
import hashlib
import struct

ABOUT = {
    "order": "Batches of one epoch. `order` is the digest after each batch, `content` that of the samples, or of whole batches if `separated` is false.",
}

SIZES = {"U8": 1, "I16": 2, "F32": 4, "I64": 8}


def sha(data):
    return hashlib.sha256(data).digest()


def u64(value):
    return value.to_bytes(8, "little")


def named(value, key):
    return isinstance(value, dict) and set(value) == {key}


def encoded(value):
    """The bytes of a value."""
    if value is None:
        return b"n"
    if value is True or value is False:
        return b"t" if value else b"f"
    if isinstance(value, str):
        return b"s" + u64(len(value.encode())) + value.encode()
    if isinstance(value, int):
        return b"i" + str(value).encode() + b";"
    if isinstance(value, float):
        if value == int(value) and struct.pack("<d", value) != struct.pack("<d", -0.0):
            return encoded(int(value))
        return b"d" + struct.pack("<d", value)
    if named(value, "float"):
        return b"d" + struct.pack("<d", float(value["float"]))
    if named(value, "bytes"):
        data = base64.b64decode(value["bytes"])
        return b"b" + u64(len(data)) + data
    if isinstance(value, list):
        return b"l" + u64(len(value)) + b"".join(encoded(item) for item in value)
    if named(value, "map"):
        entries = sorted(value["map"].items(), key=lambda entry: entry[0].encode())
        return b"m" + u64(len(entries)) + b"".join(encoded(key) + encoded(item) for key, item in entries)
    array = value["array"]
    dtype = array["dtype"].encode()
    head = b"a" + u64(len(dtype)) + dtype + u64(len(array["shape"])) + b"".join(map(u64, array["shape"]))
    return head + base64.b64decode(array["data"])


def is_scalar(value):
    if named(value, "array"):
        return value["array"]["shape"] == []
    return not isinstance(value, list) and not named(value, "map")


def form(value):
    if named(value, "array"):
        return ("array", value["array"]["dtype"], *value["array"]["shape"])
    if named(value, "map"):
        return ("map", *sorted(value["map"]))
    return ("list", len(value)) if isinstance(value, list) else ("scalar", type(value).__name__)


def rows(value, is_rows):
    """The samples of a batch; None if they cannot be told apart."""
    if named(value, "array"):
        dtype, shape, data = (value["array"][key] for key in ("dtype", "shape", "data"))
        if not shape:
            return None
        length = SIZES[dtype]
        for dimension in shape[1:]:
            length *= dimension
        data = base64.b64decode(data)
        cut = [base64.b64encode(data[at * length : (at + 1) * length]).decode() for at in range(shape[0])]
        return [{"array": {"dtype": dtype, "shape": shape[1:], "data": row}} for row in cut]
    if named(value, "map"):
        columns = {key: rows(item, is_rows) for key, item in value["map"].items()}
        counts = {None if column is None else len(column) for column in columns.values()}
        if len(counts) != 1 or None in counts:
            return None
        return [{"map": {key: column[at] for key, column in columns.items()}} for at in range(counts.pop())]
    if not isinstance(value, list) or value == []:
        return None
    if all(is_scalar(item) for item in value):
        return value
    forms = [form(item) for item in value]
    if not is_rows and (len(forms) == 1 or len(set(forms)) < len(forms)):
        return None
    columns = [rows(item, is_rows) for item in value]
    counts = {None if column is None else len(column) for column in columns}
    if len(counts) != 1 or None in counts:
        return None
    return [[column[at] for column in columns] for at in range(counts.pop())]


def order_vector(case):
    how = case.get("samples")
    chain, total, count, separated = sha(b"lineaprint/order/v1"), 0, 0, True
    order = []
    for batch in case["batches"]:
        samples = batch if how == "items" else rows(batch, how == "rows")
        separated = samples is not None
        digests = [sha(encoded(sample)) for sample in ([batch] if samples is None else samples)]
        count += len(digests)
        total += sum(int.from_bytes(digest, "little") for digest in digests)
        chain = sha(chain + sha(u64(len(digests)) + b"".join(digests)))
        order.append(chain.hex())
    content = sha(b"lineaprint/samples/v1" + u64(count) + (total % 2**256).to_bytes(32, "little"))
    return {**case, "order": order, "count": count, "separated": separated, "content": content.hex()}


def array(dtype, shape, letter, values):
    data = struct.pack("<%d%s" % (len(values), letter), *values)
    return {"array": {"dtype": dtype, "shape": shape, "data": base64.b64encode(data).decode()}}


def floats(*values):
    return array("F32", [len(values) // 2, 2], "f", values)


def labels(*values):
    return array("I64", [len(values)], "q", values)


def case(name, *batches, **more):
    return {"name": name, **more, "batches": list(batches)}


CASES = {
    "order": [
        case("no batches"),
        case("two batches of two columns", [floats(1, 2, 3, 4), labels(0, 1)], [floats(5, 6), labels(2)]),
        case("the batches in another order", [floats(5, 6), labels(2)], [floats(1, 2, 3, 4), labels(0, 1)]),
        case("the samples in other batches", [floats(1, 2), labels(0)], [floats(3, 4, 5, 6), labels(1, 2)]),
        case("other data", [floats(1, 2, 3, 4), labels(0, 1)], [floats(5, 6), labels(3)]),
        case("columns by name", {"map": {"y": labels(0, 1), "x": floats(1, 2, 3, 4), "é": ["a", "b"]}}),
        case("values in a list", ["a", "b", None, True, False, 1, 1.0, -0.0, 0.5, {"float": "nan"}, {"bytes": "AP8="}]),
        case("arrays of one form count as a whole", [floats(1, 2, 3, 4), floats(5, 6, 7, 8)]),
        case("the same as columns", [floats(1, 2, 3, 4), floats(5, 6, 7, 8)], samples="rows"),
        case("the same as samples", [floats(1, 2, 3, 4), floats(5, 6, 7, 8)], samples="items"),
        case("one array", floats(1, 2, 3, 4)),
        case("maps in a list", [{"map": {"a": 1}}, {"map": {"a": 2}}], samples="items"),
        case("an empty batch", floats()),
        case("a scalar", array("U8", [], "B", [7])),
    ]
}
