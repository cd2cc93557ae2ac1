#!/usr/bin/env python3
"""Writes the files of vectors/models/onnx with the Python package onnx, and what its reader finds in them.

    python vectors/write_onnx.py            write them again
    python vectors/write_onnx.py --into F   write them into another folder

Needs onnx 1.23.2 and ml_dtypes beside what reference.py needs.
"""

import numpy as np
import onnx
from model_files import expected, main, tensor
from onnx import TensorProto, external_data_helper, helper, numpy_helper

DTYPES = {
    "FLOAT": "F32", "UINT8": "U8", "INT8": "I8", "UINT16": "U16", "INT16": "I16", "INT32": "I32", "INT64": "I64",
    "BOOL": "BOOL", "FLOAT16": "F16", "DOUBLE": "F64", "UINT32": "U32", "UINT64": "U64", "COMPLEX64": "C64",
    "COMPLEX128": "C128", "BFLOAT16": "BF16", "FLOAT8E4M3FN": "F8_E4M3", "FLOAT8E4M3FNUZ": "F8_E4M3FNUZ",
    "FLOAT8E5M2": "F8_E5M2", "FLOAT8E5M2FNUZ": "F8_E5M2FNUZ", "UINT4": "U4", "INT4": "I4", "FLOAT4E2M1": "F4",
    "FLOAT8E8M0": "F8_E8M0", "UINT2": "U2", "INT2": "I2",
}  # fmt: skip
BITS = {"U4": 4, "I4": 4, "F4": 4, "U2": 2, "I2": 2}

VALUES = {
    "BOOL": [True, False, True, True, False],
    "UINT8": [0, 1, 127, 128, 255],
    "INT8": [-128, -1, 0, 1, 127],
    "UINT16": [0, 1, 255, 256, 65535],
    "INT16": [-32768, -1, 0, 1, 32767],
    "INT32": [-(2**31), -1, 0, 1, 2**31 - 1],
    "INT64": [-(2**63), -1, 0, 1, 2**63 - 1],
    "UINT32": [0, 1, 2**31, 2**32 - 2, 2**32 - 1],
    "UINT64": [0, 1, 2**63, 2**64 - 2, 2**64 - 1],
    "COMPLEX64": [1 + 2j, -1j, 0, 3, -0.5 + 0.25j],
    "COMPLEX128": [1 + 2j, -1j, 0, 3, -0.5 + 0.25j],
    "UINT4": [0, 1, 7, 8, 15],
    "INT4": [-8, -1, 0, 1, 7],
    "UINT2": [0, 1, 2, 3, 1],
    "INT2": [-2, -1, 0, 1, -1],
    "FLOAT8E8M0": [0.25, 0.5, 1.0, 2.0, 4.0],
}
FLOATS = [-2.0, -0.5, 0.0, 1.0, 1.5]


def bits_of(proto):
    """The elements of a tensor as its reader returns them, packed lowest bits first."""
    array, dtype = numpy_helper.to_array(proto), DTYPES[TensorProto.DataType.Name(proto.data_type)]
    if dtype not in BITS:
        return array.astype(array.dtype.newbyteorder("<")).tobytes() if array.dtype.kind in "iufc" else array.tobytes()
    bits, codes = BITS[dtype], np.ascontiguousarray(array).view(np.uint8).ravel()
    packed = bytearray((len(codes) * bits + 7) // 8)
    for place, code in enumerate(codes):
        packed[place * bits // 8] |= (int(code) & ((1 << bits) - 1)) << (place * bits % 8)
    return bytes(packed)


def typed_tensors():
    """A tensor of every type, with its elements in typed fields, and unusual shapes."""
    protos = []
    for name in DTYPES:
        values = VALUES.get(name, FLOATS)
        protos.append(helper.make_tensor(f"every/{name}", getattr(TensorProto, name), [1, 5], values))
    protos.append(helper.make_tensor("scalar", TensorProto.FLOAT, [], [2.5]))
    protos.append(helper.make_tensor("empty", TensorProto.FLOAT, [0, 3], []))
    return protos


def raw_tensor(proto):
    made = TensorProto(name=proto.name, data_type=proto.data_type, dims=proto.dims, raw_data=bits_of(proto))
    return made


def model(initialisers, **more):
    """A graph that adds two numbers, with these initialisers."""
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        [helper.make_node("Add", ["x", "scalar"], ["y"], name="sum")],
        "fixture",
        [value("x", TensorProto.FLOAT, ["n"])],
        [value("y", TensorProto.FLOAT, ["n"])],
        initialisers,
    )
    imports = [helper.make_opsetid("", 25), helper.make_opsetid("example", 1)]
    return helper.make_model(graph, opset_imports=imports, ir_version=13, producer_name="lineaprint", **more)


def found(path):
    """The initialisers that the reader of the package finds, external ones included."""
    protos = [proto for proto in onnx.load(path).graph.initializer if proto.data_type != TensorProto.STRING]
    return [
        tensor(proto.name, DTYPES[TensorProto.DataType.Name(proto.data_type)], proto.dims, bits_of(proto))
        for proto in protos
    ]


def external(path, protos):
    """All data in one file beside the model, each at its own offset, by the helper of the package."""
    made = model([raw_tensor(proto) for proto in protos])
    # The package appends to a file that is there.
    (path.parent / f"{path.name}.data").unlink(missing_ok=True)
    external_data_helper.convert_model_to_external_data(made, True, f"{path.name}.data", 0)
    onnx.save(made, path)


def in_folder(path):
    """Data in a subfolder, without offset and length."""
    made = TensorProto(name="scalar", data_type=TensorProto.FLOAT, data_location=TensorProto.EXTERNAL)
    made.external_data.add(key="location", value="data/scalar.bin")
    (path.parent / "data").mkdir(exist_ok=True)
    (path.parent / "data/scalar.bin").write_bytes(np.float32(2.5).tobytes())
    path.write_bytes(model([made]).SerializeToString())


def long_typed(path):
    """More elements than a reader may want to keep, in typed fields of one byte for each."""
    numbers = [number % 100 for number in range(20_000)]
    protos = [
        helper.make_tensor("scalar", TensorProto.FLOAT, [], [2.5]),
        helper.make_tensor("long", TensorProto.INT64, [200, 100], numbers),
        helper.make_tensor("long/4", TensorProto.UINT4, [201, 101], [number % 16 for number in range(201 * 101)]),
    ]
    path.write_bytes(model(protos).SerializeToString())


def varint(number):
    number &= 2**64 - 1
    made = bytearray()
    while number > 0x7F:
        made.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes(made) + bytes([number])


def unpacked(proto):
    """The message of a tensor with every number of a list in a field of its own, as protocol buffers allow."""
    made = TensorProto(name=proto.name, data_type=proto.data_type).SerializeToString()
    made += b"".join(b"\x08" + varint(length) for length in proto.dims)
    made += b"".join(b"\x25" + np.float32(value).tobytes() for value in proto.float_data)
    made += b"".join(b"\x28" + varint(value) for value in proto.int32_data)
    made += b"".join(b"\x38" + varint(value) for value in proto.int64_data)
    made += b"".join(b"\x51" + np.float64(value).tobytes() for value in proto.double_data)
    return made + b"".join(b"\x58" + varint(value) for value in proto.uint64_data)


def unpacked_model(protos):
    """The model again, its initialisers put in by hand."""
    made = model([])
    graph = made.graph.SerializeToString()
    for proto in protos:
        message = unpacked(proto)
        graph += b"\x2a" + varint(len(message)) + message
    made.ClearField("graph")
    return made.SerializeToString() + b"\x3a" + varint(len(graph)) + graph


def other_parts(path):
    """Initialisers of a graph in a node, texts, constants, a function and training information."""
    value = helper.make_tensor_value_info
    inner = [helper.make_tensor("inner", TensorProto.FLOAT, [1], [3.0])]
    branch = helper.make_graph(
        [helper.make_node("Identity", ["inner"], ["z"])], "branch", [], [value("z", TensorProto.FLOAT, [1])], inner
    )
    nodes = [
        helper.make_node("Constant", [], ["c"], value=helper.make_tensor("", TensorProto.BOOL, [], [True])),
        helper.make_node("If", ["c"], ["y"], then_branch=branch, else_branch=branch),
    ]
    outer = [
        helper.make_tensor("w", TensorProto.FLOAT, [2], [1.0, 2.0]),
        helper.make_tensor("words", TensorProto.STRING, [2], [b"a", b"b"]),
    ]
    graph = helper.make_graph(nodes, "fixture", [], [value("y", TensorProto.FLOAT, [1])], outer)
    constant = helper.make_node("Constant", [], ["k"], value_float=1.0)
    sum_of = helper.make_node("Add", ["a", "k"], ["b"])
    function = helper.make_function("example", "Next", ["a"], ["b"], [constant, sum_of], [helper.make_opsetid("", 25)])
    made = helper.make_model(graph, functions=[function], ir_version=13, opset_imports=[helper.make_opsetid("", 25)])
    made.training_info.add()
    helper.set_model_props(made, {"author": "somebody"})
    path.write_bytes(made.SerializeToString())


def sparse(path):
    """Sparse tensors with indices of both kinds, without elements, and one whose elements lie in another file."""
    made = model([helper.make_tensor("scalar", TensorProto.FLOAT, [], [2.5])])

    def add(name, kind, values, indices, shape, dense_shape):
        values = helper.make_tensor(name, kind, [len(values)], values)
        indices = helper.make_tensor("", TensorProto.INT64, shape, indices)
        made.graph.sparse_initializer.append(helper.make_sparse_tensor(values, indices, dense_shape))

    add("linear", TensorProto.FLOAT, [1.0, 2.0], [1, 4], [2], [2, 3])
    add("by axis", TensorProto.INT16, [7, -7, 9], [0, 0, 0, 2, 1, 1], [3, 2], [2, 3])
    add("zeros", TensorProto.DOUBLE, [], [], [0], [300, 300])
    path.write_bytes(made.SerializeToString())
    dense = [
        tensor("scalar", "F32", [], np.float32(2.5).tobytes()),
        tensor("linear", "F32", [2, 3], np.array([[0, 1, 0], [0, 2, 0]], "<f4").tobytes()),
        tensor("by axis", "I16", [2, 3], np.array([[7, 0, -7], [0, 9, 0]], "<i2").tobytes()),
        tensor("zeros", "F64", [300, 300], np.zeros((300, 300), "<f8").tobytes()),
    ]
    return expected(path.name, dense)


def sparse_elsewhere(path):
    made = model([helper.make_tensor("scalar", TensorProto.FLOAT, [], [2.5])])
    values = TensorProto(name="s", data_type=TensorProto.FLOAT, dims=[1], data_location=TensorProto.EXTERNAL)
    values.external_data.add(key="location", value="data/scalar.bin")
    indices = helper.make_tensor("", TensorProto.INT64, [1], [1])
    made.graph.sparse_initializer.append(helper.make_sparse_tensor(values, indices, [2, 3]))
    path.write_bytes(made.SerializeToString())
    scalar = tensor("scalar", "F32", [], np.float32(2.5).tobytes())
    return expected(path.name, [scalar], weights=None, notRead=["s"])


def write(folder):
    typed = typed_tensors()
    (folder / "typed.onnx").write_bytes(model(typed).SerializeToString())
    (folder / "raw.onnx").write_bytes(model([raw_tensor(proto) for proto in typed]).SerializeToString())
    (folder / "unpacked.onnx").write_bytes(unpacked_model(typed))
    external(folder / "external.onnx", typed)
    in_folder(folder / "in-folder.onnx")
    long_typed(folder / "long.onnx")
    names = ("typed.onnx", "raw.onnx", "unpacked.onnx", "external.onnx", "in-folder.onnx", "long.onnx")
    files = [expected(name, found(folder / name)) for name in names]
    other_parts(folder / "other-parts.onnx")
    not_read = ["training_info", "inner", "inner", "words"]
    files.append(expected("other-parts.onnx", found(folder / "other-parts.onnx"), notRead=not_read))
    files.append(sparse(folder / "sparse.onnx"))
    files.append(sparse_elsewhere(folder / "sparse-elsewhere.onnx"))
    return files


if __name__ == "__main__":
    main("onnx", "What the tensors of the ONNX files in this folder are. Written by vectors/write_onnx.py.", write)
