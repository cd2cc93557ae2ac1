#!/usr/bin/env python3
"""Writes the files of vectors/models/pytorch with PyTorch, and what PyTorch reads back from them.

    python vectors/write_pytorch.py            write them again
    python vectors/write_pytorch.py --into F   write them into another folder

Needs torch 2.15.0 and numpy beside what reference.py needs. Three kinds of files are not as PyTorch writes them:
deflated ones are written again by zipfile, big-endian ones are turned here (PyTorch reads both), and the tar, whose
writer is gone since 0.1.6, is made here and read back by PyTorch.
"""

import collections
import io
import pickle
import struct
import sys
import tarfile
import types
import warnings
import zipfile

import numpy as np
import torch
from model_files import expected, main, tensor

warnings.simplefilter("ignore")

DTYPES = {
    "float32": "F32", "float16": "F16", "bfloat16": "BF16", "float64": "F64", "int64": "I64", "int32": "I32",
    "int16": "I16", "int8": "I8", "uint8": "U8", "bool": "BOOL", "complex64": "C64", "complex128": "C128",
    "uint16": "U16", "uint32": "U32", "uint64": "U64", "float8_e5m2": "F8_E5M2", "float8_e4m3fn": "F8_E4M3",
    "float8_e5m2fnuz": "F8_E5M2FNUZ", "float8_e4m3fnuz": "F8_E4M3FNUZ", "float8_e8m0fnu": "F8_E8M0",
    "float4_e2m1fn_x2": "F4",
}  # fmt: skip
NAMES = {getattr(torch, name): dtype for name, dtype in DTYPES.items()}


def described(name, value):
    """A tensor of PyTorch as the list of expected ones has it."""
    dtype, shape = NAMES[value.dtype], list(value.shape)
    value = value.detach().resolve_conj().resolve_neg().contiguous()
    if dtype == "F4":
        shape[-1] *= 2
    data = value.reshape(-1).view(torch.uint8).numpy().tobytes() if value.numel() else b""
    return tensor(name, dtype, shape, data)


def flat(value, path=()):
    """The tensors of nested dictionaries, lists and tuples, with their names."""
    if isinstance(value, torch.Tensor):
        return [described(".".join(path), value)]
    if isinstance(value, dict):
        parts = [(str(key), part) for key, part in value.items() if type(key) in (str, int)]
    elif isinstance(value, list | tuple):
        parts = [(str(place), part) for place, part in enumerate(value)]
    else:
        return []
    return [found for key, part in parts for found in flat(part, (*path, key))]


def filled(shape, dtype, seed):
    """A tensor of bits that look random, of any dtype."""
    count = int(np.prod(shape)) * torch.empty(0, dtype=dtype).element_size()
    bits = np.random.default_rng(seed).integers(0, 256, count, dtype=np.uint8)
    if dtype is torch.bool:
        bits &= 1
    return torch.from_numpy(bits).view(dtype).reshape(shape)


def every_dtype():
    named = [getattr(torch, name) for name in DTYPES]
    return {str(dtype).removeprefix("torch."): filled((3, 4), dtype, seed) for seed, dtype in enumerate(named)}


def views():
    base = torch.arange(24, dtype=torch.float32).reshape(2, 3, 4)
    wide = torch.arange(-600, 600, dtype=torch.int16).reshape(20, 60)
    return {
        "whole": base,
        "transposed": base.transpose(0, 2),
        "permuted": base.permute(1, 2, 0),
        "row": base[1],
        "column": base[:, :, 1],
        "step": wide[::3, 5:50:7],
        "expanded": torch.tensor([1.5, 2.5, 3.5]).expand(4, 2, 3),
        "expanded.columns": torch.tensor([[1.0], [2.0], [3.0]]).expand(3, 5),
        "expanded.scalar": torch.tensor(7, dtype=torch.int8).expand(2, 3),
        "overlapping": torch.arange(11, dtype=torch.int64).as_strided((4, 4), (2, 1), 1),
        "diagonal": wide.diagonal(3),
        "scalar": torch.tensor(2.5, dtype=torch.float64),
        "scalar.of.view": base[1, 2, 3],
        "empty": torch.empty(0, 7),
        "one": base[:1, 1:2, 2:3],
        "tail": torch.arange(100, dtype=torch.uint8)[90:],
    }


def complex_bits():
    numbers = torch.tensor([[1 + 2j, -3 - 4j, 0j], [5j, -0.0 + 0j, 6 - 7j]], dtype=torch.complex64)
    double = numbers.to(torch.complex128)
    return {
        "plain": numbers,
        "conj": numbers.conj(),
        "conj.transposed": double.conj().t(),
        "neg": numbers.clone().conj().imag,
        "neg.double": double.clone().conj().imag,
        "real": numbers.clone().real,
        "both": torch._neg_view(numbers.conj()),
    }


def tied():
    weight = torch.arange(6, dtype=torch.float32).reshape(2, 3)
    model = collections.OrderedDict(embed=weight, head=weight, part=weight[1:], other=torch.ones(2))
    model._metadata = collections.OrderedDict(version=1)
    return model


def checkpoint():
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4), torch.nn.Linear(4, 2))
    optimiser = torch.optim.Adam(model.parameters(), lr=0.01)
    model(torch.ones(5, 3)).sum().backward()
    optimiser.step()
    return {
        "model": model.state_dict(),
        "optimiser": optimiser.state_dict(),
        "parameters": [torch.nn.Parameter(torch.ones(2)), torch.nn.Parameter(torch.zeros(1), requires_grad=False)],
        "pair": (torch.arange(3), "text"),
        "size": torch.Size([2, 3]),
        "array": np.arange(3),
        "number": np.float32(1.5),
        "epoch": 3,
        "loss": 0.25,
        "large": 1 << 80,
        "nothing": None,
        "set": {1, 2},
        1.5: torch.zeros(1),
    }


def not_dense():
    dense = torch.tensor([[0.0, 1.0], [2.0, 0.0]])
    return {
        "dense": dense,
        "quantised": torch.quantize_per_tensor(dense, 0.1, 3, torch.qint8),
        "coo": dense.to_sparse(),
        "csr": dense.to_sparse_csr(),
        "meta": torch.empty(2, 2, device="meta"),
        "nested": torch.nested.nested_tensor([torch.ones(2), torch.ones(3)]),
        "half.complex": torch.zeros(2, dtype=torch.complex32),
    }


class Inner(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = torch.nn.Linear(2, 2)
        self.register_buffer("kept", torch.arange(3))
        self.register_buffer("passing", torch.arange(4), persistent=False)
        self.register_parameter("none", None)


def module():
    torch.manual_seed(1)
    return torch.nn.ModuleDict({"a": Inner(), "b": torch.nn.ParameterList([torch.ones(2)])})


def put_module():
    """The module's class needs a module that can be imported by name, wherever this file lies."""
    place = types.ModuleType("somewhere")
    place.Inner = Inner
    Inner.__module__ = "somewhere"
    sys.modules["somewhere"] = place


def deflate(source, target):
    with zipfile.ZipFile(source) as read, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as write:
        for item in read.infolist():
            write.writestr(zipfile.ZipInfo(item.filename), read.read(item), zipfile.ZIP_DEFLATED)


def turn(source, target):
    """Write a file again as a big-endian machine would have: each storage's elements reversed."""
    widths = {}

    class Reader(pickle.Unpickler):
        def persistent_load(self, identifier):
            _, kind, key, _, numel = identifier
            dtype = torch.uint8 if kind is torch.UntypedStorage else kind.dtype
            width = torch.empty(0, dtype=dtype).element_size()
            widths[key] = width // 2 if dtype.is_complex else width
            storage = torch.UntypedStorage(numel * torch.empty(0, dtype=dtype).element_size())
            return torch.storage.TypedStorage(wrap_storage=storage, dtype=dtype, _internal=True)

        def find_class(self, module, name):
            if name.endswith("Storage") and name != "UntypedStorage":
                return torch.serialization.StorageType(name)
            return super().find_class(module, name)

    with zipfile.ZipFile(source) as read, zipfile.ZipFile(target, "w") as write:
        root = read.namelist()[0].split("/")[0]
        Reader(io.BytesIO(read.read(f"{root}/data.pkl"))).load()
        for item in read.infolist():
            data, name = read.read(item), item.filename.removeprefix(f"{root}/")
            if name == "byteorder":
                data = b"big"
            elif name.startswith("data/"):
                width = widths[name.removeprefix("data/")]
                data = np.frombuffer(data, np.uint8).reshape(-1, width)[:, ::-1].tobytes()
            write.writestr(zipfile.ZipInfo(item.filename), data)


def old_tar(path):
    """A tar as PyTorch 0.1 wrote it, after `save` of that version."""
    storages, tensors = io.BytesIO(), io.BytesIO()
    first, second = np.arange(12, dtype="<f4"), np.arange(5, dtype="<i8") - 2

    def put(file, value):
        pickle.dump(value, file, protocol=2)

    put(storages, 2)
    for key, kind, data in ((10, torch.FloatStorage, first), (11, torch.LongStorage, second)):
        put(storages, (key, "cpu", kind))
        storages.write(struct.pack("<q", data.size) + data.tobytes())
    put(storages, [(12, 10, 6, 6)])
    put(tensors, 3)
    listed = ((20, 10, (3, 4), (4, 1), 0), (21, 11, (5,), (1,), 0), (22, 12, (2, 3), (1, 2), 0))
    for key, storage, shape, strides, offset in listed:
        put(tensors, (key, storage, torch.FloatTensor))
        numbers = (*shape, *strides, offset)
        tensors.write(struct.pack(f"<ii{len(numbers)}q", len(shape), 0, *numbers))

    class Key:
        def __init__(self, key):
            self.key = key

    class Writer(pickle.Pickler):
        def persistent_id(self, value):
            return str(value.key) if isinstance(value, Key) else None

    content = io.BytesIO()
    named = [("w", 20), ("n", 21), ("again", 20), ("t", 22)]
    Writer(content, protocol=2).dump(collections.OrderedDict((name, Key(key)) for name, key in named))
    facts = io.BytesIO()
    put(facts, {"protocol_version": 1000, "little_endian": True})
    with tarfile.open(path, "w:", format=tarfile.PAX_FORMAT) as tar:
        for name, file in (("sys_info", facts), ("pickle", content), ("tensors", tensors), ("storages", storages)):
            info = tarfile.TarInfo(name)
            info.size, info.mtime = len(file.getvalue()), 1480000000.5
            tar.addfile(info, io.BytesIO(file.getvalue()))


# What is no tensor, in the order in which it is found.
LISTED = {
    "checkpoint": [
        *(f"optimiser.param_groups.0.{key}" for key in (
            "lr", "betas.0", "betas.1", "eps", "weight_decay", "amsgrad", "maximize", "foreach", "capturable",
            "differentiable", "fused", "decoupled_weight_decay", *(f"params.{place}" for place in range(6)),
        )),
        "pair.1", "size", "array", "number", "epoch", "loss", "large", "nothing", "set", "",
    ],
}  # fmt: skip


def write(folder):
    put_module()
    listed = []

    def add(file, value=None, **more):
        if value is None:
            value = torch.load(folder / file, weights_only=False)
        listed.append(expected(file, flat(value), **more))

    def save(file, value, **options):
        torch.serialization.set_crc32_options(True)
        torch.save(value, folder / file, **options)

    for name, make in (("dtypes", every_dtype), ("views", views), ("complex", complex_bits), ("tied", tied)):
        save(f"{name}.pt", make())
        add(f"{name}.pt")
        deflate(folder / f"{name}.pt", folder / f"{name}.deflated.pt")
        add(f"{name}.deflated.pt")
    for name, make in (("views", views), ("complex", complex_bits), ("tied", tied)):
        save(f"{name}.legacy.pt", make(), _use_new_zipfile_serialization=False)
        add(f"{name}.legacy.pt")
        turn(folder / f"{name}.pt", folder / f"{name}.big.pt")
        add(f"{name}.big.pt")
    for protocol in (1, 3, 4, 5):
        save(f"tied.protocol-{protocol}.pt", tied(), pickle_protocol=protocol)
        add(f"tied.protocol-{protocol}.pt")
        save(f"tied.legacy.protocol-{protocol}.pt", tied(), pickle_protocol=protocol, _use_new_zipfile_serialization=False)
        add(f"tied.legacy.protocol-{protocol}.pt")
    save("checkpoint.pt", checkpoint())
    add("checkpoint.pt", notRead=LISTED["checkpoint"])
    save("not-dense.pt", not_dense())
    dense = {"dense": not_dense()["dense"]}
    left = ["quantised", "coo", "csr", "meta", "nested", "half.complex"]
    add("not-dense.pt", dense, notRead=left, weights=None)
    save("tensor.pt", torch.arange(4))
    add("tensor.pt")
    save("module.pt", module())
    add("module.pt", module().state_dict())
    save("module.legacy.pt", module(), _use_new_zipfile_serialization=False)
    add("module.legacy.pt", module().state_dict())
    script(folder, add)
    old_tar(folder / "old.tar.pt")
    add("old.tar.pt")
    return listed


def script(folder, add):
    class Program(torch.nn.Module):
        def __init__(self):
            super().__init__()
            torch.manual_seed(2)
            self.linear = torch.nn.Linear(2, 3)
            self.register_buffer("count", torch.arange(3))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.linear(x) + self.count

    program = Program().eval()
    traced = torch.jit.trace(program, torch.ones(1, 2))
    traced.save(folder / "script.pt")
    flags = ["training", "_is_full_backward_hook", "linear.training", "linear._is_full_backward_hook"]
    inputs = ["script/traced_inputs/0", "script/traced_inputs.pkl"]
    add("script.pt", program.state_dict(), notRead=["code", *inputs, *flags])
    torch.jit.freeze(traced).save(folder / "frozen.pt")
    constants = [f"constants.pkl/{place}" for place in range(3)]
    add("frozen.pt", {}, notRead=[*constants, "code"], weights=None)


if __name__ == "__main__":
    main("pytorch", "What the tensors of the PyTorch files in this folder are. Written by vectors/write_pytorch.py.", write)
