#!/usr/bin/env python3
"""Writes the files of vectors/models/hdf5 with h5py, and what it reads from them.

    python vectors/write_hdf5.py            write them again
    python vectors/write_hdf5.py --into F   write them into another folder

Needs h5py 3.16.0 and ml_dtypes 0.6.0 beside what reference.py needs. `earliest` files have the structures that every
version of HDF5 reads, `latest` ones the newest.
"""

import zlib

import h5py
import numpy as np
from model_arrays import BFLOAT16, KINDS, described, sample
from model_files import expected, main, tensor


def plain(file):
    """Fills a file with datasets of every kind that is not chunked."""
    for kind in KINDS:
        array = sample((2, 3), kind)
        file[f"little/{array.dtype.name}"] = array
        file[f"big/{array.dtype.name}"] = array.astype(array.dtype.newbyteorder(">"))
    file["scalar"] = np.float32(1.5)
    file["empty"] = np.zeros((0, 3), np.float32)
    file.create_dataset("bfloat16", data=sample((4,), BFLOAT16)).attrs["dtype"] = "bfloat16"
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


def linked(file):
    """Fills a file with links."""
    file["a/weights"] = sample((3,), np.int16)
    file["b/again"] = file["a/weights"]
    file["a/soft"] = h5py.SoftLink("weights")
    file["softer"] = h5py.SoftLink("/a/soft")
    file["dangling"] = h5py.SoftLink("/nowhere")


def chunked(file):
    """Fills a file with chunked datasets of every index and filter."""
    array = sample((9, 7, 5), np.float32)
    file.create_dataset("fixed", data=array, chunks=(4, 3, 2))
    file.create_dataset("single", data=array, chunks=array.shape)
    file.create_dataset("single filtered", data=array, chunks=array.shape, compression="gzip")
    file.create_dataset("extensible", data=array, chunks=(4, 3, 2), maxshape=(None, 9, 5))
    file.create_dataset("extensible last", data=array, chunks=(4, 3, 2), maxshape=(9, 8, None), compression="gzip")
    file.create_dataset("tree", data=array, chunks=(4, 3, 2), maxshape=(None, None, 5))
    file.create_dataset("tree filtered", data=array, chunks=(4, 3, 2), maxshape=(None, None, 5), compression="gzip")
    every = {"compression": "gzip", "shuffle": True, "fletcher32": True}
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


def early():
    made = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    made.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    return made


def plain_edges():
    made = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    if hasattr(made, "set_chunk_opts"):
        made.set_chunk_opts(2)
    return made


def pages(file):
    """Fills a file with so many chunks that their indexes have pages and several levels."""
    array = np.arange(5000, dtype="<i2")
    file.create_dataset("fixed", data=array[:2500], chunks=(1,))
    file.create_dataset("extensible", data=array, chunks=(1,), maxshape=(None,))
    file.create_dataset("tree", data=array[:600].reshape(20, 30), chunks=(1, 1), maxshape=(None, None))


def many(file):
    """Fills a file with a group of so many members that its table of links has several levels."""
    file["one"] = np.int32(1)
    for index in range(300):
        file[f"many/{index:05}"] = file["one"]


def attributes(file):
    """Fills a file with so many attributes that they lie in a heap of their own, once libver allows it."""
    for index in range(40):
        file.attrs[f"name {index}"] = f"value {index} " + "x" * index
    file["a"] = sample((2,), np.float32)


def cycle(file):
    file["a/b/weights"] = sample((3,), np.int16)
    file["a/b/back"] = file["a"]
    file["a/root"] = file["/"]


def block(file):
    file["a"] = sample((3,), np.int16)


def found(group, prefix="", above=()):
    """The arrays of a group by their paths, as h5py reads them, and the names of everything else."""
    tensors, others = [], []
    for name in sorted(group):
        path = f"{prefix}{name}"
        if path == "dangling":
            others.append(path)
            continue
        item = group[name]
        if isinstance(item, h5py.Group):
            if item.id in above:
                others.append(path)
                continue
            below = found(item, f"{path}/", (*above, item.id))
            tensors += below[0]
            others += below[1]
        elif not isinstance(item, h5py.Dataset) or item.shape is None or item.dtype.kind not in "biufcV":
            others.append(path)
        elif "dtype" in item.attrs:
            tensors.append(described(path, item[()].view(BFLOAT16)))
        elif item.dtype.fields is not None:
            others.append(path)
        elif item.dtype.kind == "V":
            tensors.append(tensor(path, f"OPAQUE{item.dtype.itemsize}", item.shape, item[()].tobytes()))
        else:
            tensors.append(described(path, item[()]))
    return tensors, others


def save(path, fill, **options):
    with h5py.File(path, "w", **options) as file:
        fill(file)
    with h5py.File(path, "r") as file:
        tensors, others = found(file, above=(file["/"].id,))
    return expected(path.name, tensors, notRead=others)


def hostile(folder):
    """Files whose elements lie in other files: no reader may follow them."""
    with h5py.File(folder / "external-storage.h5", "w") as file:
        file.create_dataset("a", (4,), "u1", external=[("/etc/passwd", 0, 4)])
    with h5py.File(folder / "external-link.h5", "w") as file:
        file["a"] = h5py.ExternalLink("other.h5", "/a")
    with h5py.File(folder / "virtual.h5", "w", libver="latest") as file:
        layout = h5py.VirtualLayout(shape=(4,), dtype="u1")
        layout[:] = h5py.VirtualSource("other.h5", "a", shape=(4,))
        file.create_virtual_dataset("a", layout)
    with h5py.File(folder / "deep.h5", "w", libver="latest") as file:
        file["/".join("a" * 100)] = np.int8(1)
    with h5py.File(folder / "exponential.h5", "w", libver="latest") as file:
        group = file.create_group("0")
        for level in range(1, 40):
            below = group.create_group("a")
            group["b"] = below
            group = below
        group["weights"] = np.int8(1)
    for name, content in {"long": bytes(10_000_000), "short": bytes(99)}.items():
        with h5py.File(folder / f"chunk-too-{name}.h5", "w") as file:
            dataset = file.create_dataset("a", (100,), "u1", chunks=(100,), compression="gzip")
            dataset.id.write_direct_chunk((0,), zlib.compress(content))
    with h5py.File(folder / "checksum.h5", "w") as file:
        dataset = file.create_dataset("a", (100,), "u1", chunks=(100,), fletcher32=True)
        dataset.id.write_direct_chunk((0,), bytes(103) + b"\x01")
    with h5py.File(folder / "never-written.h5", "w") as file:
        file.create_dataset("a", (2**50,), "f4")
    with h5py.File(folder / "huge-chunk.h5", "w") as file:
        file.create_dataset("a", (2**30,), "f4", chunks=(2**29,))


def write(folder):
    listed = []
    for libver in ("earliest", "latest"):
        with h5py.File(folder / f"many-{libver}.h5", "w", libver=libver) as file:
            many(file)
        for fill in (plain, linked, attributes, chunked):
            listed.append(save(folder / f"{fill.__name__}-{libver}.h5", fill, libver=libver))
    listed.append(save(folder / "pages-latest.h5", pages, libver="latest"))
    listed.append(save(folder / "user-block.h5", block, userblock_size=1024))
    listed.append(save(folder / "cycle.h5", cycle))
    hostile(folder)
    return listed


if __name__ == "__main__":
    main("hdf5", "What the datasets of the HDF5 files in this folder are. Written by vectors/write_hdf5.py.", write)
