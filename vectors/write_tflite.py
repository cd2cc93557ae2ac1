#!/usr/bin/env python3
"""Writes the files of vectors/models/tflite with the schema of LiteRT, and what its reader finds in them.

    python vectors/write_tflite.py            write them again
    python vectors/write_tflite.py --into F   write them into another folder

Needs ai-edge-litert 2.3.0 and flatbuffers 25.12.19 beside what reference.py needs.
"""

import struct

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter
from model_files import expected, main, tensor

TYPES = {
    "FLOAT32": "F32", "FLOAT16": "F16", "INT32": "I32", "UINT8": "U8", "INT64": "I64", "BOOL": "BOOL", "INT16": "I16",
    "COMPLEX64": "C64", "INT8": "I8", "FLOAT64": "F64", "COMPLEX128": "C128", "UINT64": "U64", "UINT32": "U32",
    "UINT16": "U16", "INT4": "I4", "BFLOAT16": "BF16", "INT2": "I2", "UINT4": "U4", "FLOAT8_E4M3FN": "F8_E4M3",
    "FLOAT8_E5M2": "F8_E5M2",
}  # fmt: skip
DTYPES = {getattr(schema.TensorType, name): dtype for name, dtype in TYPES.items()}
BITS = {
    "F32": 32, "F16": 16, "I32": 32, "U8": 8, "I64": 64, "BOOL": 8, "I16": 16, "C64": 64, "I8": 8, "F64": 64,
    "C128": 128, "U64": 64, "U32": 32, "U16": 16, "I4": 4, "BF16": 16, "I2": 2, "U4": 4, "F8_E4M3": 8, "F8_E5M2": 8,
}  # fmt: skip


class Model:
    """A model under construction; buffer 0 is empty, as the schema demands."""

    def __init__(self):
        self.model = schema.ModelT(version=3, description="fixture", buffers=[schema.BufferT()], subgraphs=[])
        self.model.operatorCodes = []

    def graph(self, name="main"):
        graph = schema.SubGraphT(name=name, tensors=[], inputs=[], outputs=[], operators=[])
        self.model.subgraphs.append(graph)
        return graph

    def buffer(self, data):
        self.model.buffers.append(schema.BufferT(data=np.frombuffer(data, np.uint8)))
        return len(self.model.buffers) - 1

    def tensor(self, graph, name, kind, shape, buffer, **more):
        kind = getattr(schema.TensorType, kind)
        graph.tensors.append(schema.TensorT(shape=shape, type=kind, buffer=buffer, name=name, hasRank=True, **more))

    def write(self, path):
        builder = flatbuffers.Builder(1024)
        builder.Finish(self.model.Pack(builder), b"TFL3")
        path.write_bytes(bytes(builder.Output()))


def scale_shape(quantisation, shape):
    count, axis = len(quantisation.scale), quantisation.quantizedDimension
    if count == 1:
        return []
    return [count if place == axis else 1 for place in range(len(shape))] if shape[axis] == count else [count]


def clear_padding(data, bits):
    return data[:-1] + bytes([data[-1] & ((1 << bits % 8) - 1)]) if bits % 8 else data


def read(path, **more):
    """The tensors with data that the reader of the schema finds."""
    content = path.read_bytes()
    model, tensors = schema.ModelT.InitFromPackedBuf(content), []
    for number, graph in enumerate(model.subgraphs):
        seen = set()
        for place, found in enumerate(graph.tensors):
            buffer = model.buffers[found.buffer]
            data = content[buffer.offset : buffer.offset + buffer.size] if buffer.offset > 1 else bytes([] if buffer.data is None else buffer.data)
            if not data:
                continue
            name = (found.name or b"").decode()
            spelled = f"{number}:{name}" if number else name
            spelled = f"{spelled}#{place}" if not name or spelled in seen else spelled
            seen.add(spelled)
            if found.type not in DTYPES:
                continue
            shape = [] if found.shape is None else list(found.shape)
            dtype = DTYPES[found.type]
            tensors.append(tensor(spelled, dtype, shape, clear_padding(data, int(np.prod(shape)) * BITS[dtype])))
            quantisation = found.quantization
            if quantisation is not None and quantisation.scale is not None and len(quantisation.scale):
                of = scale_shape(quantisation, shape)
                scale = np.asarray(quantisation.scale, "<f4").tobytes()
                points = np.asarray(quantisation.zeroPoint, "<i8").tobytes()
                tensors.append(tensor(f"{spelled}#scale", "F32", of, scale))
                tensors.append(tensor(f"{spelled}#zero_point", "I64", of, points))
    return expected(path.name, tensors, **more)


def painted(length):
    return bytes(i % 251 for i in range(length))


def every_type(path):
    made = Model()
    graph = made.graph()
    for name, dtype in TYPES.items():
        bits = 10 * BITS[dtype]
        data = bytes(i % 2 for i in range(10)) if name == "BOOL" else painted(-(-bits // 8))
        made.tensor(graph, f"every/{name}", name, [2, 5], made.buffer(data))
    # Three elements of 4 bits: the upper half of the second byte belongs to none.
    made.tensor(graph, "padded", "INT4", [3], made.buffer(b"\x21\xf3"))
    made.tensor(graph, "scalar", "FLOAT32", None, made.buffer(np.float32(2.5).tobytes()))
    made.tensor(graph, "activation", "FLOAT32", [1, 4], 0)
    made.write(path)


def names(path):
    """Tensors without names, of one name, in several graphs, and of one buffer."""
    made = Model()
    weight = made.buffer(np.arange(4, dtype="<f4").tobytes())
    other = made.buffer(np.arange(4, 8, dtype="<f4").tobytes())
    main_graph, second = made.graph(), made.graph("second")
    made.tensor(main_graph, "w", "FLOAT32", [4], weight)
    made.tensor(main_graph, None, "FLOAT32", [4], other)
    made.tensor(main_graph, "w", "FLOAT32", [2, 2], other)
    made.tensor(second, "w", "FLOAT32", [4], weight)
    made.tensor(second, None, "FLOAT32", [4], other)
    text = struct.pack("<iii", 1, 12, 13) + b"a"
    made.tensor(second, "words", "STRING", [1], made.buffer(text))
    made.write(path)


def quantised(path):
    made = Model()
    graph = made.graph()
    one = schema.QuantizationParametersT(scale=[0.5], zeroPoint=[-3])
    many = schema.QuantizationParametersT(scale=[0.5, 0.25, 1.0], zeroPoint=[0, 0, 0], quantizedDimension=1)
    made.tensor(graph, "one", "INT8", [2, 3], made.buffer(painted(6)), quantization=one)
    made.tensor(graph, "many", "INT8", [2, 3], made.buffer(painted(6)), quantization=many)
    made.write(path)


def behind(path):
    """Data behind the FlatBuffer, as in models of more than 2 GiB."""
    made, data = Model(), [np.arange(6, dtype="<f4").tobytes(), painted(5)]
    graph = made.graph()
    for place, content in enumerate(data):
        made.model.buffers.append(schema.BufferT(offset=1 << 40, size=len(content)))
        made.tensor(graph, f"w{place}", ["FLOAT32", "UINT8"][place], [[2, 3], [5]][place], place + 1)
    made.write(path)
    at = -(-path.stat().st_size // 16) * 16
    for buffer, content in zip(made.model.buffers[1:], data):
        buffer.offset, at = at, at + 32
    made.write(path)
    content = path.read_bytes()
    for buffer, part in zip(made.model.buffers[1:], data):
        content += bytes(buffer.offset - len(content)) + part
    path.write_bytes(content)


def sparse(path):
    made = Model()
    sparsity = schema.SparsityParametersT(traversalOrder=[0], dimMetadata=[])
    made.tensor(made.graph(), "s", "FLOAT32", [4], made.buffer(np.float32(1).tobytes()), sparsity=sparsity)
    made.write(path)


def check_with_interpreter(path, name, values):
    """The interpreter finds the same numbers."""
    interpreter = Interpreter(str(path))
    interpreter.allocate_tensors()
    index = next(part["index"] for part in interpreter.get_tensor_details() if part["name"] == name)
    assert np.array_equal(interpreter.get_tensor(index), values), (path, name)


def write(folder):
    every_type(folder / "every-type.tflite")
    names(folder / "names.tflite")
    quantised(folder / "quantised.tflite")
    behind(folder / "behind.tflite")
    sparse(folder / "sparse.tflite")
    check_with_interpreter(folder / "behind.tflite", "w0", np.arange(6, dtype=np.float32).reshape(2, 3))
    check_with_interpreter(folder / "quantised.tflite", "many", np.arange(6, dtype=np.int8).reshape(2, 3))
    return [
        read(folder / "every-type.tflite"),
        read(folder / "names.tflite", notRead=["1:words"]),
        read(folder / "quantised.tflite"),
        read(folder / "behind.tflite"),
        expected("sparse.tflite", [], weights=None, notRead=["s"]),
    ]


if __name__ == "__main__":
    main("tflite", "What the tensors of the TFLite files in this folder are. Written by vectors/write_tflite.py.", write)
