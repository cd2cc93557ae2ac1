"""How lineaprint gets to read tensors: they are put into a file for as long as a call takes.

It is an anonymous file, which is gone with the last process that has it open: in memory where there is room, else on
the disk of the run. Where the system has neither, it is a file with a name, which is removed when the call ends.
"""

import os
import sys

from ._errors import LineaprintError, argument
from ._process import current

#: Bytes that are copied at a time.
_SLICE = 16 * 1024 * 1024


def ask(made, tensors, fields):
    """Hands tensors over with a message. `made` is one of the classes below."""
    for anonymous in (True, False):
        with made(tensors, anonymous) as place:
            try:
                return current.connection.ask({**fields, **place})
            except LineaprintError as error:
                # In another container, a process has another number for lineaprint: a file is found by its name.
                if "descriptor" not in place or error.code != "ERR_LINEAPRINT_UNREADABLE":
                    raise
    return None


class _Handed:
    """A file that is there while lineaprint reads it."""

    def __init__(self, tensors, anonymous=True):
        self._tensors = tensors
        self._anonymous = anonymous
        self._descriptor = None
        self._path = None

    def header(self):
        return b""

    def __enter__(self):
        head = self.header()
        total = len(head) + sum(tensor.size for tensor in self._tensors)
        try:
            place = self._open(total)
            self._write(memoryview(head))
            for tensor in self._tensors:
                before = os.lseek(self._descriptor, 0, os.SEEK_CUR)
                tensor.write(self._write)
                if os.lseek(self._descriptor, 0, os.SEEK_CUR) - before != tensor.size:
                    raise argument("%s changed while it was read" % tensor.name)
            return place
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *_):
        if self._path is not None:
            path, self._path = self._path, None
            os.unlink(path)
        if self._descriptor is not None:
            descriptor, self._descriptor = self._descriptor, None
            os.close(descriptor)

    def _open(self, total):
        if self._anonymous and sys.platform.startswith("linux"):
            self._descriptor = _anonymous(total)
            if self._descriptor is not None:
                info = os.fstat(self._descriptor)
                return {"descriptor": [self._descriptor, str(info.st_dev), str(info.st_ino)]}
        import tempfile

        folder = os.environ["LINEAPRINT_SCRATCH"]
        self._descriptor, self._path = tempfile.mkstemp(prefix="tensors-", dir=folder)
        return {"file": os.path.basename(self._path)}

    def _write(self, view):
        for start in range(0, len(view), _SLICE):
            part = view[start : start + _SLICE]
            while len(part) > 0:
                part = part[os.write(self._descriptor, part) :]


def _anonymous(total):
    if total < _memory_to_spare():
        try:
            return os.memfd_create("lineaprint")
        except (AttributeError, OSError):
            # An old kernel, or one that forbids it.
            pass
    try:
        return os.open(os.environ["LINEAPRINT_RUN_DIRECTORY"], os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except (AttributeError, OSError, KeyError):
        # File systems need not have unnamed files.
        return None


def _memory_to_spare():
    """A quarter of the memory that the system could give."""
    try:
        with open("/proc/meminfo", "rb") as file:
            for line in file:
                if line.startswith(b"MemAvailable:"):
                    return int(line.split()[1]) * 1024 // 4
    except (OSError, ValueError, IndexError):
        pass
    return 0


class Raw(_Handed):
    """The elements alone."""


class Safetensors(_Handed):
    """A file of the format safetensors."""

    def header(self):
        import json

        entries, offset = {}, 0
        for tensor in self._tensors:
            end = offset + tensor.size
            entries[tensor.name] = {
                "dtype": tensor.dtype,
                "shape": list(tensor.shape),
                "data_offsets": [offset, end],
            }
            offset = end
        content = json.dumps(entries, separators=(",", ":")).encode("utf-8")
        content += b" " * (-len(content) % 8)
        return len(content).to_bytes(8, "little") + content
