#!/usr/bin/env python3
"""Writes the files of vectors/models/gguf with the Python package gguf, and what its reader finds in them.

    python vectors/write_gguf.py            write them again
    python vectors/write_gguf.py --into F   write them into another folder

Needs gguf 0.19.0 beside what reference.py needs. Three kinds of files are put together here by hand, because the
package neither writes nor reads them: version 1, types that it does not know (Q2_0) or of which it states another size
than ggml (Q8_1), and a type that nobody knows.
"""

import struct

import gguf
import numpy as np
from gguf import GGMLQuantizationType as Type
from gguf import GGUFEndian, GGUFReader, GGUFWriter
from gguf.quants import quantize
from model_files import expected, main, tensor

PLAIN = {"F32": "F32", "F16": "F16", "F64": "F64", "BF16": "BF16", "I8": "I8", "I16": "I16", "I32": "I32", "I64": "I64"}


def painted(length):
    return bytes(i % 251 for i in range(length))


def dtype_of(kind):
    return PLAIN.get(kind.name, f"GGML_{kind.name}")


def read(path, **more):
    """What the reader of the package finds."""
    reader, tensors = GGUFReader(path), []
    for found in reader.tensors:
        data = np.ascontiguousarray(found.data)
        if found.tensor_type.name == "BF16" and reader.endianess == GGUFEndian.BIG:
            # The package shows BF16 as bytes.
            data = data.view(np.uint16).byteswap()
        tensors.append(
            tensor(
                found.name,
                dtype_of(found.tensor_type),
                [int(length) for length in reversed(found.shape)],
                data.astype(data.dtype.newbyteorder("<")).tobytes(),
            )
        )
    return expected(path.name, tensors, **more)


def fill(writer):
    """Key-value pairs of every type, and tensors of the plain types."""
    writer.add_architecture()
    writer.add_name("fixture")
    writer.add_uint8("a.uint8", 200)
    writer.add_int8("a.int8", -3)
    writer.add_uint16("a.uint16", 60000)
    writer.add_int16("a.int16", -30000)
    writer.add_uint32("a.uint32", 4_000_000_000)
    writer.add_int32("a.int32", -7)
    writer.add_uint64("a.uint64", 1 << 63)
    writer.add_int64("a.int64", -(1 << 62))
    writer.add_float32("a.float32", 0.5)
    writer.add_float64("a.float64", 1e300)
    writer.add_bool("a.bool", True)
    writer.add_string("a.text", "Grüße\n")
    writer.add_array("a.few", [1, 2, 3])
    writer.add_array("a.texts", ["a", "b"])
    writer.add_array("tokenizer.ggml.tokens", [f"token {number}" for number in range(300)])
    writer.add_array("tokenizer.ggml.scores", [float(number) for number in range(300)])
    writer.add_tensor("blk.0.weight", np.arange(12, dtype=np.float32).reshape(3, 4))
    writer.add_tensor("half", np.arange(6, dtype=np.float16).reshape(1, 2, 3))
    writer.add_tensor("double", np.linspace(0, 1, 5))
    for width in (8, 16, 32, 64):
        writer.add_tensor(f"int{width}", np.arange(-3, 4).astype(f"int{width}"))
    bits = np.arange(16, dtype=np.uint16).reshape(2, 8)
    writer.add_tensor("brain", bits, raw_dtype=Type.BF16)


def close(writer):
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def plain(path, endian):
    writer = GGUFWriter(path, "fixture", endianess=endian)
    fill(writer)
    close(writer)


def aligned(path):
    """An alignment of its own, and the names and shapes that are unusual."""
    writer = GGUFWriter(path, "fixture")
    writer.add_custom_alignment(256)
    writer.add_tensor("Ünïcode/weight:0", np.ones(3, np.float32))
    writer.add_tensor("scalar", np.array(2.5, np.float32))
    writer.add_tensor("empty", np.zeros((0, 4), np.float32))
    writer.add_tensor("last", np.arange(5, dtype=np.int8))
    close(writer)


def quantised(path):
    """Every type of blocks that the package knows: quantised where it can do so, and otherwise painted blocks."""
    writer = GGUFWriter(path, "fixture")
    values = np.linspace(-1, 1, 1024, dtype=np.float32).reshape(2, 512)
    for kind, (elements, size) in gguf.GGML_QUANT_SIZES.items():
        # The package states 40 bytes for a block of Q8_1; ggml has 36.
        if elements == 1 or kind == Type.Q8_1:
            continue
        try:
            blocks = quantize(values, kind)
        except NotImplementedError:
            blocks = np.frombuffer(painted(2 * 512 // elements * size), np.uint8).reshape(2, 512 // elements * size)
        writer.add_tensor(f"{kind.name.lower()}.weight", blocks, raw_dtype=kind)
    close(writer)


def split(path):
    writer = GGUFWriter(path, "fixture", split_max_tensors=2)
    for number in range(5):
        writer.add_tensor(f"blk.{number}.weight", np.full((2, 4), number, np.float32))
    close(writer)
    return sorted(path.parent.glob(f"{path.stem}-*.gguf"))


def by_hand(path, version, entries, length="Q"):
    """A file without alignment of its own: entries are name, dimensions innermost first, type and data."""

    def text(value):
        return struct.pack(f"<{length}", len(value)) + value

    head = b"GGUF" + struct.pack(f"<I{2 * length}", version, len(entries), 1)
    head += text(b"general.architecture") + struct.pack("<I", 8) + text(b"fixture")
    data = b""
    for name, dimensions, kind, content in entries:
        shape = struct.pack(f"<I{len(dimensions)}{length}", len(dimensions), *dimensions)
        head += text(name.encode()) + shape + struct.pack("<IQ", kind, len(data))
        data += content + bytes(-len(content) % 32)
    path.write_bytes(head + bytes(-len(head) % 32) + data)


def write(folder):
    files = []
    little, big = folder / "plain.gguf", folder / "big-endian.gguf"
    plain(little, GGUFEndian.LITTLE)
    plain(big, GGUFEndian.BIG)
    files += [read(little), read(big)]

    second = folder / "version-2.gguf"
    second.write_bytes(b"GGUF" + struct.pack("<I", 2) + little.read_bytes()[8:])
    files.append(read(second))

    for name, make in (("aligned.gguf", aligned), ("quantised.gguf", quantised)):
        make(folder / name)
        files.append(read(folder / name))

    files += [read(path) for path in split(folder / "split.gguf")]

    floats, blocks = np.arange(6, dtype="<f4").tobytes(), painted(2 * 18)
    entries = [("a.weight", (3, 2), 0, floats), ("b.weight", (32, 2), 2, blocks)]
    by_hand(folder / "version-1.gguf", 1, entries, "I")
    values = [tensor("a.weight", "F32", (2, 3), floats), tensor("b.weight", "GGML_Q4_0", (2, 32), blocks)]
    files.append(expected("version-1.gguf", values))

    entries = [("q8_1", (32, 3), 9, painted(3 * 36)), ("q2_0", (128,), 42, painted(2 * 18))]
    by_hand(folder / "newest.gguf", 3, entries)
    values = [tensor("q8_1", "GGML_Q8_1", (3, 32), painted(108)), tensor("q2_0", "GGML_Q2_0", (128,), painted(36))]
    files.append(expected("newest.gguf", values))

    entries = [("known", (2,), 0, floats[:8]), ("new", (64,), 999, painted(40)), ("old", (64,), 31, painted(36))]
    by_hand(folder / "unknown-type.gguf", 3, entries + [("after", (1,), 0, floats[4:8])])
    values = [tensor("known", "F32", (2,), floats[:8]), tensor("after", "F32", (1,), floats[4:8])]
    return files + [expected("unknown-type.gguf", values, weights=None, notRead=["new", "old"])]


if __name__ == "__main__":
    main("gguf", "What the tensors of the GGUF files in this folder are. Written by vectors/write_gguf.py.", write)
