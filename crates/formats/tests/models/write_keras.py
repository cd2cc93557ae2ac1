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
    files = []
    for name, tensors in sorted(expected.items()):
        lines = [f"  {json.dumps(tensor)}: {json.dumps(tensors[tensor])}" for tensor in sorted(tensors)]
        files.append(f" {json.dumps(name)}: {{\n" + ",\n".join(lines) + "\n }")
    (HERE / folder / "expected.json").write_text("{\n" + ",\n".join(files) + "\n}\n")


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


def datasets(path: Path) -> dict[str, Any]:
    """Returns the datasets of an HDF5 file by their paths, as h5py reads them."""
    import h5py

    found: dict[str, Any] = {}

    def below(group: Any, prefix: str) -> None:
        for name in group:
            if isinstance(group.get(name, getlink=True), h5py.SoftLink) and name.startswith("dangling"):
                continue
            item = group[name]
            if isinstance(item, h5py.Group):
                below(item, f"{prefix}{name}/")
            elif isinstance(item, h5py.Datatype):
                continue
            elif item.dtype.kind == "V" and item.dtype.fields is None and "dtype" in item.attrs:
                found[f"{prefix}{name}"] = described(item[()].view(ml_dtypes.bfloat16))
            elif item.dtype.kind in "biufc" and item.shape is not None:
                found[f"{prefix}{name}"] = described(item[()])

    with h5py.File(path, "r") as file:
        below(file, "")
    return found


def plain(file: Any) -> None:
    """Fills a file with datasets of every kind that is not chunked."""
    import h5py

    kinds = [np.bool_, np.int8, np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.int64, np.uint64]
    kinds += [np.float16, np.float32, np.float64, np.complex64, np.complex128]
    for kind in kinds:
        array = sample((2, 3), kind)
        file[f"little/{array.dtype.name}"] = array
        file[f"big/{array.dtype.name}"] = array.astype(array.dtype.newbyteorder(">"))
    file["scalar"] = np.float32(1.5)
    file["empty"] = np.zeros((0, 3), np.float32)
    file.create_dataset("bfloat16", data=sample((4,), ml_dtypes.bfloat16)).attrs["dtype"] = "bfloat16"
    file["float8_e5m2"] = sample((4,), np.float32)
    file.create_dataset("unwritten", (3, 5), "<f4")
    file.create_dataset("filled", (3, 5), ">i2", fillvalue=258)
    compact = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    compact.set_layout(h5py.h5d.COMPACT)
    space = h5py.h5s.create_simple((3,))
    made = h5py.h5d.create(file.id, b"compact", h5py.h5t.IEEE_F32BE, space, compact)
    made.write(h5py.h5s.ALL, h5py.h5s.ALL, sample((3,), np.float32))
    file["text"] = "a text"
    file["texts"] = np.array([b"ab", b"c"])
    file["nothing"] = h5py.Empty("f4")
    file["structure"] = np.zeros(2, dtype=[("a", "<i4"), ("b", "<f4")])
    file["named type"] = np.dtype("<f8")
    file.create_dataset("of named type", data=sample((2,), np.float64), dtype=file["named type"])
    file.attrs["model_config"] = '{"class_name": "Sequential"}'
    file.attrs["fixed"] = np.bytes_(b"fixed text")
    file.attrs["layer_names"] = [f"layer {index}" for index in range(3)]
    file.attrs["number"] = 7


def linked(file: Any) -> None:
    """Fills a file with links."""
    import h5py

    file["a/weights"] = sample((3,), np.int16)
    file["b/again"] = file["a/weights"]
    file["a/soft"] = h5py.SoftLink("weights")
    file["softer"] = h5py.SoftLink("/a/soft")
    file["dangling"] = h5py.SoftLink("/nowhere")


def chunked(file: Any) -> None:
    """Fills a file with chunked datasets of every index and filter."""
    import h5py

    array = sample((9, 7, 5), np.float32)
    file.create_dataset("fixed", data=array, chunks=(4, 3, 2))
    file.create_dataset("single", data=array, chunks=array.shape)
    file.create_dataset("single filtered", data=array, chunks=array.shape, compression="gzip")
    file.create_dataset("extensible", data=array, chunks=(4, 3, 2), maxshape=(None, 9, 5))
    file.create_dataset("extensible last", data=array, chunks=(4, 3, 2), maxshape=(9, 8, None), compression="gzip")
    file.create_dataset("tree", data=array, chunks=(4, 3, 2), maxshape=(None, None, 5))
    file.create_dataset("tree filtered", data=array, chunks=(4, 3, 2), maxshape=(None, None, 5), compression="gzip")
    every: dict[str, Any] = {"compression": "gzip", "shuffle": True, "fletcher32": True}
    file.create_dataset("every filter", data=array, chunks=(4, 3, 2), **every)
    file.create_dataset("checksum", data=sample((33,), np.uint8), chunks=(11,), fletcher32=True)
    file.create_dataset("lzf", data=np.repeat(array, 3, 0), chunks=(9, 3, 2), compression="lzf", shuffle=True)
    file.create_dataset("big", data=array.astype(">f4"), chunks=(4, 3, 2), compression="gzip")
    file.create_dataset("bool", data=sample((9,), np.bool_), chunks=(2,))
    file.create_dataset("complex", data=sample((9,), np.complex64).astype(">c8"), chunks=(2,))
    file.create_dataset("grown", data=array, chunks=(4, 3, 2), maxshape=(20, 20, None)).resize((13, 11, 6))
    file.create_dataset("shrunk", data=array, chunks=(4, 3, 2), maxshape=(20, 20, 20)).resize((3, 7, 5))
    holes = file.create_dataset("holes", (9, 7), ">i2", chunks=(2, 2), fillvalue=258)
    holes[3, 3] = 7
    file.create_dataset("unwritten", (9, 7), "<f8", chunks=(2, 2), fillvalue=0.5)
    file.create_dataset("implicit", data=array[0], chunks=(4, 3), dcpl=early())
    file.create_dataset("plain edges", data=sample((9, 7), np.float32), dcpl=plain_edges(), chunks=(4, 3), compression="gzip")


def early() -> Any:
    import h5py

    made = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    made.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    return made


def plain_edges() -> Any:
    import h5py

    made = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    if hasattr(made, "set_chunk_opts"):
        made.set_chunk_opts(2)
    return made


def pages(file: Any) -> None:
    """Fills a file with so many chunks that their indexes have pages and several levels."""
    array = np.arange(5000, dtype="<i2")
    file.create_dataset("fixed", data=array[:2500], chunks=(1,))
    file.create_dataset("extensible", data=array, chunks=(1,), maxshape=(None,))
    file.create_dataset("tree", data=array[:600].reshape(20, 30), chunks=(1, 1), maxshape=(None, None))


def many(file: Any) -> None:
    """Fills a file with a group of so many members that its table of links has several levels."""
    file["one"] = np.int32(1)
    for index in range(300):
        file[f"many/{index:05}"] = file["one"]


def write_hdf5() -> None:
    import h5py

    folder = HERE / "hdf5"
    folder.mkdir(exist_ok=True)
    expected = {}

    def write(name: str, fill: Any, **options: Any) -> None:
        with h5py.File(folder / name, "w", **options) as file:
            fill(file)
        expected[name] = datasets(folder / name)

    for libver in ("earliest", "latest"):
        write(f"plain-{libver}.h5", plain, libver=libver)
        write(f"linked-{libver}.h5", linked, libver=libver)
        write(f"attributes-{libver}.h5", attributes, libver=libver)
        write(f"chunked-{libver}.h5", chunked, libver=libver)
        with h5py.File(folder / f"many-{libver}.h5", "w", libver=libver) as file:
            many(file)
    write("pages-latest.h5", pages, libver="latest")
    write("user-block.h5", lambda file: file.create_dataset("a", data=sample((3,), np.int16)), userblock_size=1024)
    cycle(folder / "cycle.h5")
    keep("hdf5", expected)


def attributes(file: Any) -> None:
    """Fills a file with so many attributes that they lie in a heap of their own, once libver allows it."""
    for index in range(40):
        file.attrs[f"name {index}"] = f"value {index} " + "x" * index
    file["a"] = sample((2,), np.float32)


def cycle(path: Path) -> None:
    import h5py

    with h5py.File(path, "w") as file:
        file["a/b/weights"] = sample((3,), np.int16)
        file["a/b/back"] = file["a"]
        file["a/root"] = file["/"]


WRITERS = {"flax": write_flax, "hdf5": write_hdf5}

if __name__ == "__main__":
    for chosen in sys.argv[1:] or WRITERS:
        WRITERS[chosen]()
