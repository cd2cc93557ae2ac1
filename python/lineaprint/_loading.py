"""Load safetensors files, and check every tensor while it loads."""

from __future__ import annotations

import ctypes
import os

from _lineaprint._errors import LineaprintError, TensorMismatch, argument

from . import _hashing, _manifests, _safetensors
from ._checking import typed
from ._tensors import DTYPES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, List, Tuple

_INDEX = "model.safetensors.index.json"
_SINGLE = "model.safetensors"

#: Most bytes of an index.
_INDEX_LIMIT = 1 << 28

#: Names of dtypes in NumPy and PyTorch, by those of safetensors.
_NAMES = {name: library for library, name in DTYPES.items()}


def load(source: Any, manifest: Any, framework: str, device: Any) -> Dict[str, Any]:
    """Return the tensors of a file or folder by their names. Raise TensorMismatch unless all are those of the manifest."""
    make = _framework(framework, device)
    path = os.path.abspath(os.fsdecode(source))
    listed = _manifests.read(manifest, path)
    files = _files(path)
    expected = listed.tensors
    one_of_several = listed.of_folder and files == [path]
    if one_of_several:
        name = os.path.basename(path)
        expected = {key: tensor for key, tensor in expected.items() if tensor.file == name}
        if not expected:
            raise LineaprintError("ERR_LINEAPRINT_NOT_FOUND", "%s: the manifest lists no tensors of a file of this name" % path)
    engine = _hashing.hasher(listed.algorithm)
    descriptors: List[int] = []
    try:
        entries: List[Tuple[int, Any]] = []
        for file in files:
            descriptors.append(_safetensors.open_regular(file))
            entries += [(descriptors[-1], entry) for entry in _safetensors.entries(descriptors[-1], file)]
        _compare(path, expected, _by_name(path, [entry for _, entry in entries]), typed)
        engine.begin([entry for _, entry in entries])
        loaded = {entry.name: _read(descriptor, entry, make, engine, path) for descriptor, entry in entries}
        hashed = engine.finish()
    finally:
        engine.close()
        for descriptor in descriptors:
            os.close(descriptor)
    digests = {entry.name: digest for (_, entry), digest in zip(entries, hashed.tensors)}
    _compare(path, {name: tensor.digest for name, tensor in expected.items()}, digests, str)
    if not one_of_several:
        listed.check_weights(hashed.weights)
    return {name: loaded[name].finished() for name in sorted(loaded)}


def _compare(path: str, expected: Dict[str, Any], received: Dict[str, Any], shown: Callable[[Any], str]) -> None:
    wrong: List[Tuple[str, str, str]] = []
    for name in sorted({*expected, *received}):
        sides = [shown(side[name]) if name in side else "no such tensor" for side in (expected, received)]
        if sides[0] != sides[1]:
            wrong.append((name, sides[0], sides[1]))
    if wrong:
        raise TensorMismatch(path, wrong)


def _by_name(path: str, entries: List[Any]) -> Dict[str, Any]:
    found: Dict[str, Any] = {}
    for entry in entries:
        if entry.name in found:
            raise LineaprintError("ERR_LINEAPRINT_FORMAT", "%s: the tensor %.200r is in two files" % (path, entry.name))
        found[entry.name] = entry
    return found


def _files(path: str) -> List[str]:
    """Return the weights files of a file, a folder or a shard index."""
    if os.path.isdir(path):
        index = os.path.join(path, _INDEX)
        return _shards(index) if os.path.lexists(index) else [os.path.join(path, _SINGLE)]
    return _shards(path) if path.endswith(".index.json") else [path]


def _shards(index: str) -> List[str]:
    """Return the paths of the files that a shard index names, all of them in its folder."""

    def fail(sentence: str) -> LineaprintError:
        return LineaprintError("ERR_LINEAPRINT_FORMAT", "%s: this is no sound shard index: %s" % (index, sentence))

    descriptor = _safetensors.open_regular(index)
    try:
        size = os.fstat(descriptor).st_size
        if size > _INDEX_LIMIT:
            raise fail("it has %d bytes; expected at most %d" % (size, _INDEX_LIMIT))
        content = bytearray(size)
        if not _safetensors.read_into(descriptor, memoryview(content), 0):
            raise fail("it was truncated while it was read")
    finally:
        os.close(descriptor)
    names = _safetensors.parse_object(bytes(content), fail).get("weight_map")
    if not isinstance(names, dict) or not names:
        raise fail("it has no weight_map")
    for name in names.values():
        if not _safetensors.is_text(name) or name in ("", ".", "..") or any(letter in name for letter in "/\\\0:"):
            raise fail("%.200r is no name of a file in its folder" % (name,))
    return [os.path.join(os.path.dirname(index), name) for name in sorted(set(names.values()))]


class _Loaded:
    """A tensor that was made, the memory of its elements, and how it is handed out."""

    def __init__(self, value: Any, view: memoryview, finish: Callable[[Any], Any] | None = None) -> None:
        self.value = value
        self.view = view
        self._finish = finish

    def finished(self) -> Any:
        return self.value if self._finish is None else self._finish(self.value)


def _read(descriptor: int, entry: Any, make: Callable[[Any], _Loaded], engine: Any, path: str) -> _Loaded:
    """Make a tensor, and fill it with its elements while they are hashed."""
    loaded = make(entry)
    view = loaded.view
    if len(view) != entry.size:
        raise LineaprintError("ERR_LINEAPRINT_INTERNAL", "%.200r was made with %d bytes, not %d" % (entry.name, len(view), entry.size))

    def fill(part: memoryview, position: int) -> memoryview:
        if not _safetensors.read_into(descriptor, part, position):
            raise LineaprintError("ERR_LINEAPRINT_CHANGED", "%s: it was truncated while it was read" % path)
        return part

    if entry.size == 0:
        return loaded
    if hasattr(engine, "take_whole") and hasattr(os, "preadv"):
        engine.take_whole(lambda: fill(view, entry.start))
        return loaded
    for start in range(0, entry.size, _hashing.SLOT):
        engine.take(fill(view[start : start + _hashing.SLOT], entry.start + start))
    return loaded


def _framework(name: str, device: Any) -> Callable[[Any], _Loaded]:
    if name == "torch":
        return _torch(device)
    if name != "numpy":
        raise argument("the framework is %.80r; expected torch or numpy" % (name,))
    if device is not None:
        raise argument("arrays of NumPy have no device; leave it out")
    return _numpy()


def _torch(device: Any) -> Callable[[Any], _Loaded]:
    try:
        import torch  # type: ignore[import-not-found,unused-ignore]  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise _missing("torch", 'install it, or pass framework="numpy"', error) from error

    def move(tensor: Any) -> Any:
        return tensor if device is None else tensor.to(device)

    def make(entry: Any) -> _Loaded:
        dtype = getattr(torch, _NAMES[entry.dtype], None)
        if dtype is None:
            raise _unsupported(entry, "this version of PyTorch")
        # A program may have set another default device.
        tensor = torch.empty(entry.shape, dtype=dtype, device="cpu")
        memory = (ctypes.c_char * entry.size).from_address(tensor.data_ptr()) if entry.size > 0 else b""
        return _Loaded(tensor, memoryview(memory).cast("B"), move)

    return make


def _numpy() -> Callable[[Any], _Loaded]:
    try:
        import numpy  # type: ignore[import-not-found,unused-ignore]  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise _missing("numpy", "install it", error) from error

    def make(entry: Any) -> _Loaded:
        name = _NAMES[entry.dtype]
        try:
            dtype = numpy.dtype(name)
        except TypeError:
            dtype = _further(numpy, name, entry)
        array = numpy.empty(entry.shape, dtype)
        view = memoryview(array.reshape(-1).view(numpy.uint8)) if entry.size > 0 else memoryview(b"")
        return _Loaded(array, view)

    return make


def _further(numpy: Any, name: str, entry: Any) -> Any:
    """Return a dtype that the package ml_dtypes adds to NumPy."""
    try:
        import ml_dtypes  # type: ignore[import-not-found,unused-ignore]  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise _unsupported(entry, "NumPy without the package ml_dtypes") from error
    kind = getattr(ml_dtypes, name, None)
    if kind is None:
        raise _unsupported(entry, "this version of ml_dtypes")
    return numpy.dtype(kind)


def _unsupported(entry: Any, library: str) -> LineaprintError:
    return LineaprintError("ERR_LINEAPRINT_UNSUPPORTED", "%.200r has the dtype %s, which %s does not have" % (entry.name, entry.dtype, library))


def _missing(name: str, remedy: str, error: ImportError) -> LineaprintError:
    return LineaprintError("ERR_LINEAPRINT_ARGUMENT", "the package %s cannot be imported: %s; %s" % (name, error, remedy))
