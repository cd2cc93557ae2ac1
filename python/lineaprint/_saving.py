"""Write tensors to a safetensors file, and digest them in the same pass."""

from __future__ import annotations

import os

from _lineaprint._errors import LineaprintError, argument

from . import _hashing, _manifests, _safetensors
from ._found import Found
from ._models import fill_with_buffers, refuse_none
from ._text import text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, List, Mapping

    from ._tensors import Tensor

#: Algorithms of digests.
_ALGORITHMS = ("blake3", "sha256")


def save(source: Any, target: Any, metadata: Mapping[str, str] | None, manifest: Any, algorithm: str) -> Dict[str, Any]:
    """Write the file, and its manifest if there is to be one. Return the report."""
    path = os.path.abspath(text("the path", os.fspath(target)))
    if algorithm not in _ALGORITHMS:
        raise argument("the algorithm is %.80r; expected blake3 or sha256" % (algorithm,))
    tensors = _tensors(source)
    head = _safetensors.header(tensors, _checked_metadata(metadata))
    place = None if manifest is None or manifest is False else _manifests.sibling(path) if manifest is True else os.path.abspath(os.fspath(manifest))
    if place is not None and os.path.abspath(place) == path:
        raise argument("the manifest cannot be the file itself: %s" % path)
    engine = _hashing.hasher(algorithm)
    try:
        engine.begin(tensors, head, place is not None)
        hashed = replace(path, lambda write: _write(write, head, tensors, engine))
    finally:
        engine.close()
    size = len(head) + sum(tensor.size for tensor in tensors)
    named = {tensor.name: digest for tensor, digest in zip(tensors, hashed.tensors)}
    report: Dict[str, Any] = {"path": path, "size": size, "weights": hashed.weights, "tensors": {name: named[name] for name in sorted(named)}}
    if place is not None and hashed.file is not None:
        name = os.path.basename(path)
        listed = [_manifests.Listed(one.name, one.dtype, one.shape, name, named[one.name]) for one in tensors]
        content = _manifests.form(name, size, hashed.file, hashed.weights, listed).encode("utf-8")
        replace(place, lambda write: write(memoryview(content)))
        report["file"] = hashed.file
        report["manifest"] = place
    return report


def _tensors(source: Any) -> List[Tensor]:
    found = Found()
    fill_with_buffers(source, found)
    refuse_none(found)
    if found.ignored:
        # A file that lacks a part of what it was given would be taken for the whole.
        raise argument("only arrays and tensors can be written, not %s" % ", ".join("%.80r" % name for name in found.ignored[:5]))
    if "__metadata__" in found.tensors:
        raise argument("the name __metadata__ is reserved")
    return _safetensors.ordered(found.tensors.values())


def _checked_metadata(metadata: Any) -> Dict[str, str] | None:
    if metadata is None:
        return None
    for key, value in metadata.items():
        if not isinstance(key, str) or not isinstance(value, str):
            raise argument("metadata has only texts, not %.80r: %.80r" % (key, value))
        text("the metadata", key + value)
    return dict(metadata)


def _write(write: Callable[[memoryview], None], head: bytes, tensors: List[Tensor], engine: Any) -> Any:
    write(memoryview(head))
    # What is hashed is what is written, also if another thread changes a tensor meanwhile.
    block = memoryview(bytearray(_hashing.SLOT))
    for tensor in tensors:
        done = 0

        def take(view: memoryview) -> None:
            nonlocal done
            for start in range(0, len(view), len(block)):
                part = view[start : start + len(block)]
                copied = block[: len(part)]
                copied[:] = part
                write(copied)
                engine.take(copied)
            done += len(view)

        tensor.write(take)
        if done != tensor.size:
            raise argument("%s changed while it was read" % tensor.name)
    # A file whose digests are not known does not replace the old one.
    return engine.finish()


def replace(path: str, fill: Callable[[Callable[[memoryview], None]], Any]) -> Any:
    """Replace a file by what a function writes: a temporary file in its folder, fsync, rename, fsync of the folder.

    Return what the function returns. If it fails, the old file is unchanged and no temporary file is left.
    """
    folder, name = os.path.split(path)
    temporary = os.path.join(folder, ".%s.%s.tmp" % (name, os.urandom(6).hex()))
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
    try:
        descriptor = os.open(temporary, flags, 0o666)
    except (OSError, ValueError) as error:
        raise _unwritten(path, error) from error

    def write(view: memoryview) -> None:
        while len(view) > 0:
            try:
                view = view[os.write(descriptor, view) :]
            except OSError as error:
                raise _unwritten(path, error) from error

    try:
        try:
            result = fill(write)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.replace(temporary, path)
    except BaseException as error:
        try:
            os.unlink(temporary)
        except OSError:
            # It was renamed or removed already; the first error says what is wrong.
            pass
        if isinstance(error, OSError) and not isinstance(error, LineaprintError):
            raise _unwritten(path, error) from error
        raise
    _sync_folder(folder)
    return result


def _sync_folder(folder: str) -> None:
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError:
        # Some network file systems have no fsync of a folder.
        pass
    finally:
        os.close(descriptor)


def _unwritten(path: str, error: Exception) -> LineaprintError:
    return LineaprintError("ERR_LINEAPRINT_STORE", "%s: it cannot be written: %s" % (path, error))
