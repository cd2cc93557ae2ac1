#!/usr/bin/env python3
"""Writes the files of tests/models/{flax,hdf5,keras,tfjs} with the writers of those formats.

    pip install h5py==3.16.0 keras==3.15.1 flax==0.12.8 ml_dtypes==0.6.0
    KERAS_BACKEND=jax python crates/formats/tests/models/write_keras.py [flax|hdf5|keras|tfjs ...]

Beside the files it writes `expected.json`: for each file and tensor the dtype, the shape and the SHA-256 of the elements
(C order, little-endian), from what the reader of the format itself reads back.
"""

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np

HERE = Path(__file__).resolve().parent

NAMES = {
    "bool": "BOOL",
    "int8": "I8",
    "uint8": "U8",
    "int16": "I16",
    "uint16": "U16",
    "int32": "I32",
    "uint32": "U32",
    "int64": "I64",
    "uint64": "U64",
    "float16": "F16",
    "float32": "F32",
    "float64": "F64",
    "bfloat16": "BF16",
    "complex64": "C64",
    "complex128": "C128",
    "float8_e4m3fn": "F8_E4M3",
    "float8_e5m2": "F8_E5M2",
}


def described(array: Any) -> dict[str, Any]:
    """Returns what lineaprint must say of an array."""
    array = np.asarray(array)
    name = NAMES[array.dtype.name]
    if array.dtype.byteorder == ">":
        array = array.astype(array.dtype.newbyteorder("<"))
    return {
        "dtype": name,
        "shape": list(array.shape),
        "sha256": hashlib.sha256(array.tobytes("C")).hexdigest(),
    }


def flat(tree: Any, prefix: str = "") -> dict[str, Any]:
    """Returns the arrays of a nested dict or list by their joined keys."""
    items = enumerate(tree) if isinstance(tree, list) else tree.items()
    found: dict[str, Any] = {}
    for key, value in items:
        path = f"{prefix}{key}"
        if isinstance(value, (dict, list)):
            found |= flat(value, f"{path}.")
        elif isinstance(value, (np.ndarray, np.generic)):
            found[path] = described(value)
    return found


def sample(shape: tuple[int, ...], dtype: Any, seed: int = 0) -> Any:
    """Returns an array of values that are neither equal nor all small."""
    values = np.random.default_rng(seed).integers(0, 251, size=shape)
    if dtype is np.bool_:
        return (values % 2).astype(np.bool_)
    return (values * (1 if np.issubdtype(np.dtype(dtype), np.integer) else 0.37)).astype(dtype)


def keep(folder: str, expected: dict[str, Any]) -> None:
    """Writes what is expected of the files of a folder."""
    text = json.dumps(expected, indent=1, sort_keys=True)
    (HERE / folder / "expected.json").write_text(text + "\n")


def write_flax() -> None:
    import flax.serialization

    folder = HERE / "flax"
    folder.mkdir(exist_ok=True)
    expected = {}

    def write(name: str, tree: Any) -> None:
        data = flax.serialization.to_bytes(tree) if isinstance(tree, dict) else tree
        (folder / name).write_bytes(data)
        expected[name] = flat(flax.serialization.msgpack_restore(data))

    dense = {"kernel": sample((3, 4), np.float32), "bias": sample((4,), np.float32, 1)}
    write("model.msgpack", {"params": {"dense": dense, "norm": {"scale": sample((4,), ml_dtypes.bfloat16)}}})
    kinds = [np.bool_, np.int8, np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.int64, np.uint64]
    kinds += [np.float16, np.float32, np.float64, np.complex64, np.complex128]
    write("dtypes.msgpack", {np.dtype(kind).name: sample((2, 3), kind) for kind in kinds})
    scalars = {"scalar": np.float32(1.5), "rank0": np.array(7, np.int32), "empty": np.zeros((0, 3), np.float32)}
    rest = {"count": 3, "rate": 0.5, "name": "adam", "nothing": None, "complex": 1 + 2j, "negative": -(2**40)}
    write("mixed.msgpack", scalars | rest | {"list": [sample((2,), np.int16), {"deep": sample((1,), np.int8)}]})
    limit = flax.serialization.MAX_CHUNK_SIZE
    flax.serialization.MAX_CHUNK_SIZE = 64
    write("chunked.msgpack", {"a": {"table": sample((7, 5), np.float32)}, "b": sample((3,), np.int8)})
    flax.serialization.MAX_CHUNK_SIZE = limit
    write("float8.msgpack", float8())
    (folder / "int4.msgpack").write_bytes(
        flax.serialization.to_bytes({"a": np.array([1, 2], ml_dtypes.int4), "b": sample((2,), np.int8)})
    )
    keep("flax", expected)


def float8() -> bytes:
    import flax.serialization

    arrays = {"e4m3fn": sample((5,), ml_dtypes.float8_e4m3fn), "e5m2": sample((5,), ml_dtypes.float8_e5m2)}
    return flax.serialization.to_bytes(arrays)


WRITERS = {"flax": write_flax}

if __name__ == "__main__":
    for chosen in sys.argv[1:] or WRITERS:
        WRITERS[chosen]()
