#!/usr/bin/env python3
"""Writes the files of vectors/models/flax with Flax, and what its reader finds in them.

    JAX_PLATFORMS=cpu python vectors/write_flax.py            write them again
    JAX_PLATFORMS=cpu python vectors/write_flax.py --into F   write them into another folder

Needs flax 0.12.8 and ml_dtypes 0.6.0 beside what reference.py needs.
"""

import flax.serialization
import ml_dtypes
import numpy as np
from model_arrays import BFLOAT16, KINDS, described, sample
from model_files import expected, main


def flat(tree, prefix=""):
    """The arrays of a nested dict or list by their joined keys, and the names of everything else."""
    tensors, others = [], []
    for key, value in enumerate(tree) if isinstance(tree, list) else tree.items():
        path = f"{prefix}{key}"
        if isinstance(value, (dict, list)):
            below = flat(value, f"{path}.")
            tensors += below[0]
            others += below[1]
        elif isinstance(value, (np.ndarray, np.generic)):
            tensors.append(described(path, value))
        else:
            others.append(path)
    return tensors, others


def save(path, tree, limit=None):
    """Write a file, cut into chunks of at most `limit` bytes, and read it back."""
    before = flax.serialization.MAX_CHUNK_SIZE
    flax.serialization.MAX_CHUNK_SIZE = limit or before
    data = flax.serialization.to_bytes(tree)
    flax.serialization.MAX_CHUNK_SIZE = before
    path.write_bytes(data)
    tensors, others = flat(flax.serialization.msgpack_restore(data))
    return expected(path.name, tensors, notRead=others)


def write(folder):
    dense = {"kernel": sample((3, 4), np.float32), "bias": sample((4,), np.float32, 1)}
    model = {"params": {"dense": dense, "norm": {"scale": sample((4,), BFLOAT16)}}}
    float8 = {kind.__name__: sample((5,), kind) for kind in (ml_dtypes.float8_e4m3fn, ml_dtypes.float8_e5m2)}
    scalars = {"scalar": np.float32(1.5), "rank0": np.array(7, np.int32), "empty": np.zeros((0, 3), np.float32)}
    rest = {"count": 3, "rate": 0.5, "name": "adam", "nothing": None, "complex": 1 + 2j, "negative": -(2**40)}
    nested = {"list": [sample((2,), np.int16), {"deep": sample((1,), np.int8)}]}
    chunked = {"a": {"table": sample((7, 5), np.float32)}, "b": sample((3,), np.int8)}
    int4 = {"a": np.array([1, 2], ml_dtypes.int4), "b": sample((2,), np.int8)}
    (folder / "int4.msgpack").write_bytes(flax.serialization.to_bytes(int4))
    return [
        save(folder / "model.msgpack", model),
        save(folder / "dtypes.msgpack", {np.dtype(kind).name: sample((2, 3), kind) for kind in KINDS}),
        save(folder / "mixed.msgpack", scalars | rest | nested),
        save(folder / "chunked.msgpack", chunked, 64),
        save(folder / "float8.msgpack", float8),
        expected("int4.msgpack", [described("b", int4["b"])], notRead=["a"], weights=None),
    ]


if __name__ == "__main__":
    main("flax", "What the tensors of the Flax files in this folder are. Written by vectors/write_flax.py.", write)
