"""Arrays of every type for the writers of vectors/models, and what is expected of them."""

import ml_dtypes
import numpy as np
from model_files import tensor

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

KINDS = [np.bool_, np.int8, np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.int64, np.uint64]
KINDS += [np.float16, np.float32, np.float64, np.complex64, np.complex128]

BFLOAT16 = ml_dtypes.bfloat16


def described(name, array):
    """The tensor that an array must become."""
    array = np.asarray(array)
    kind = NAMES[array.dtype.name]
    if array.dtype.byteorder == ">":
        array = array.astype(array.dtype.newbyteorder("<"))
    return tensor(name, kind, array.shape, array.tobytes("C"))


def sample(shape, dtype, seed=0):
    """An array of values that are neither equal nor all small."""
    values = np.random.default_rng(seed).integers(0, 251, size=shape)
    if dtype is np.bool_:
        return (values % 2).astype(np.bool_)
    whole = np.issubdtype(np.dtype(dtype), np.integer)
    return (values * (1 if whole else 0.37)).astype(dtype)
