"""Load a model with the library of its format, and hash its tensors: once for each line on stdin.

hash-tensors.py LIBRARY WHAT PATH

LIBRARY is safetensors, torch, gguf, numpy, h5py or ztensor; WHAT is `hash`, `load` for the loading alone, or with ztensor
`list` for the names, shapes and places in all files of a folder that are no JSON. Each answer is one line: the SHA-256 of
the SHA-256 digests of the tensors in the order of their names, or their number, or the sums of their elements and bytes
joined by a comma; the seconds of processor time; and the most memory so far in MiB. The library is imported before the
first line is awaited.
"""

from __future__ import annotations

import hashlib
import math
import pathlib
import resource
import sys
import time
from typing import Callable, Dict

import numpy

Arrays = Dict[str, "numpy.ndarray"]


def reader(library: str) -> Callable[[str], Arrays]:
    """Return the function that loads every tensor of a file into memory."""
    if library == "safetensors":
        from safetensors.numpy import load_file

        return load_file
    if library == "torch":
        import torch

        def load_torch(path: str) -> Arrays:
            state = torch.load(path, map_location="cpu", weights_only=True)
            return {name: tensor.numpy() for name, tensor in state.items()}

        return load_torch
    if library == "gguf":
        from gguf import GGUFReader

        return lambda path: {tensor.name: tensor.data for tensor in GGUFReader(path).tensors}
    if library == "numpy":

        def load_numpy(path: str) -> Arrays:
            loaded = numpy.load(path, allow_pickle=False)
            if isinstance(loaded, numpy.ndarray):
                return {"": loaded}
            return {name: loaded[name] for name in loaded.files}

        return load_numpy
    if library == "h5py":
        import h5py

        def load_hdf5(path: str) -> Arrays:
            with h5py.File(path, "r") as file:
                return {name: file[name][()] for name in file}

        return load_hdf5
    if library == "ztensor":
        import ztensor

        def load_ztensor(path: str) -> Arrays:
            # What is compressed has no bytes in the file that could be mapped.
            with ztensor.open(path) as source:
                return {
                    tensor.name: numpy.frombuffer(
                        tensor if tensor.caps.map else tensor.tobytes(), numpy.uint8
                    )
                    for tensor in source
                }

        return load_ztensor
    raise SystemExit(f"unknown library {library}")


def sums(folder: str) -> str:
    """List the tensors of the files of a folder; sum their elements and bytes."""
    import ztensor

    elements = size = 0
    for path in sorted(pathlib.Path(folder).iterdir()):
        if path.suffix == ".json":
            continue
        for tensor in ztensor.index(str(path)):
            elements += math.prod(tensor.shape)
            size += tensor.location.nbytes
    return f"{elements},{size}"


def digest(arrays: Arrays) -> str:
    """Hash every array, and the digests in the order of the names."""
    whole = hashlib.sha256()
    for name in sorted(arrays):
        elements = numpy.ascontiguousarray(arrays[name])
        whole.update(hashlib.sha256(elements.reshape(-1).view(numpy.uint8)).digest())
    return whole.hexdigest()


def main() -> None:
    """Answer each line."""
    library, what, path = sys.argv[1:]
    load = reader(library) if what != "list" else None
    print("ready", flush=True)
    for _ in sys.stdin:
        start = time.process_time()
        if load is None:
            answer = sums(path)
        else:
            arrays = load(path)
            answer = digest(arrays) if what == "hash" else str(len(arrays))
            del arrays
        seconds = time.process_time() - start
        print(answer, seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10, flush=True)


main()
