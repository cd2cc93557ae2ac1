"""Pass tensors to lineaprint in a file that exists for the duration of a call.

The file is anonymous, so it disappears with the last process that has it open. It is in memory if there is room,
otherwise on the disk of the run. If the system supports neither, it is a named file that is removed after the call.
"""

import os
import sys

from _lineaprint._connection import above_standard
from _lineaprint._errors import LineaprintError, argument
from _lineaprint._process import current

from ._safetensors import header

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

#: Bytes per copy.
_SLICE = 16 * 1024 * 1024


def ask(made: "Any", tensors: "Any", fields: "dict[str, Any]") -> "Any":
    """Send a message together with tensors. `made` is one of the classes below."""
    for anonymous in (True, False):
        with made(tensors, anonymous) as place:
            try:
                return current.connection.ask({**fields, **place})
            except LineaprintError as error:
                # In another container, the process id differs for lineaprint. A named file works there.
                if "descriptor" not in place or error.code != "ERR_LINEAPRINT_UNREADABLE":
                    raise
    return None


class _Handed:
    """A file that exists while lineaprint reads it."""

    def __init__(self, tensors: "Any", anonymous: bool = True) -> None:
        self._tensors = tensors
        self._anonymous = anonymous
        self._descriptor: "Any" = None
        self._path: "str | None" = None

    def header(self) -> "Any":
        return b""

    def __enter__(self) -> "Any":
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

    def __exit__(self, *_: "Any") -> None:
        descriptor, self._descriptor = self._descriptor, None
        path, self._path = self._path, None
        if descriptor is not None:
            os.close(descriptor)
        if path is not None:
            os.unlink(path)

    def _open(self, total: int) -> "Any":
        if self._anonymous and sys.platform.startswith("linux"):
            self._descriptor = _anonymous(total)
            if self._descriptor is not None:
                info = os.fstat(self._descriptor)
                return {"descriptor": [self._descriptor, str(info.st_dev), str(info.st_ino)]}
        name = "tensors-" + os.urandom(8).hex()
        # The folder of the socket, which only this user can enter.
        path = os.path.join(os.path.dirname(current.connection.path), name)
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)
        self._descriptor = above_standard(os.open(path, flags, 0o600))
        self._path = path
        return {"file": name}

    def _write(self, view: memoryview) -> None:
        for start in range(0, len(view), _SLICE):
            part = view[start : start + _SLICE]
            while len(part) > 0:
                part = part[os.write(self._descriptor, part) :]


def _anonymous(total: int) -> "Any":
    if total < _memory_to_spare():
        try:
            return above_standard(os.memfd_create("lineaprint"))
        except (AttributeError, OSError):
            # The kernel is too old or forbids memfd_create.
            pass
    try:
        flags = os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC
        return above_standard(os.open(os.environ["LINEAPRINT_RUN_DIRECTORY"], flags, 0o600))
    except (AttributeError, OSError, KeyError):
        # Not every file system supports O_TMPFILE.
        return None


def _memory_to_spare() -> "Any":
    """Return a quarter of the available memory, in bytes."""
    try:
        with open("/proc/meminfo", "rb") as file:
            for line in file:
                if line.startswith(b"MemAvailable:"):
                    return int(line.split()[1]) * 1024 // 4
    except (OSError, ValueError, IndexError):
        pass
    return 0


class Raw(_Handed):
    """A file with only the elements."""


class Safetensors(_Handed):
    """A safetensors file."""

    def header(self) -> "Any":
        return header(self._tensors)
