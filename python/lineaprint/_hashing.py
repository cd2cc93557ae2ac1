"""Digest tensors as their bytes go by.

SHA-256 is in the standard library of Python. BLAKE3 is not: the command `lineaprint` computes it, on all cores, from a
small file in memory that both processes have open. Blocks of tensors are copied into it in turn, so that no model is held
twice.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from time import monotonic

from _lineaprint._connection import above_standard, stopped
from _lineaprint._errors import LineaprintError

from ._command import find_command

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import IO, Any, Dict, List, Protocol, Sequence

    class Named(Protocol):
        """A tensor without its elements."""

        name: str
        dtype: str
        shape: Any
        size: int


#: Bytes that are handed over at a time, and how many of them may wait.
SLOT = 1 << 22
_SLOTS = 4

#: A tensor is cut at multiples of this many bytes, so that the command hashes its parts on all cores.
_CUT = 1024

#: Version of the messages.
_PROTOCOL = 1

#: Longest silence of a command that works, in seconds.
_SILENCE_SECONDS = 60.0

#: Time between two looks whether the command was stopped, in seconds.
_LOOK_SECONDS = 1.0


class Hashed:
    """The digests of tensors in written form."""

    def __init__(self, weights: str, tensors: List[str], file: str | None) -> None:
        self.weights = weights
        #: In the order of the tensors.
        self.tensors = tensors
        #: That of all bytes, if it was asked for.
        self.file = file


def hasher(algorithm: str) -> Standard | Command:
    """Return what computes an algorithm. Raise ERR_LINEAPRINT_COMMAND if it needs the command, and there is none."""
    if algorithm == "sha256":
        return Standard()
    try:
        return Command(algorithm)
    except LineaprintError as error:
        if error.code != "ERR_LINEAPRINT_COMMAND":
            raise
        raise LineaprintError(error.code, "BLAKE3 needs the command; digests of SHA-256 do not: %s" % error) from error


class Standard:
    """SHA-256 of the standard library. Tensors that stay in memory are hashed by several threads."""

    def __init__(self) -> None:
        import hashlib

        self._sha256 = hashlib.sha256
        self._tensors: Sequence[Named] = ()
        self._digests: "List[Any]" = []
        self._file: Any = None
        self._current: Any = None
        self._left = 0
        self._pool: Any = None

    def begin(self, tensors: Sequence[Named], head: bytes = b"", whole: bool = False) -> None:
        self._tensors = tensors
        self._file = self._sha256(head) if whole else None

    def take(self, view: memoryview) -> None:
        """Take the next bytes of the tensors, in their order. They are not used after the call."""
        if self._file is not None:
            self._file.update(view)
        if self._current is None:
            self._skip_empty()
            self._current, self._left = self._sha256(), self._tensors[len(self._digests)].size
        self._current.update(view)
        self._left -= len(view)
        if self._left == 0:
            self._digests.append(self._current.digest())
            self._current = None

    def take_whole(self, read: Any) -> None:
        """Take the next tensor: the view that a function returns, in one of several threads. It must stay as it is."""
        if self._pool is None:
            from concurrent.futures import ThreadPoolExecutor

            self._pool = ThreadPoolExecutor(min(8, os.cpu_count() or 1))
        self._skip_empty()
        self._digests.append(self._pool.submit(lambda: self._sha256(read()).digest()))

    def finish(self) -> Hashed:
        self._skip_empty()
        digests = [digest if isinstance(digest, bytes) else digest.result() for digest in self._digests]
        if len(digests) != len(self._tensors) or self._current is not None:
            raise LineaprintError("ERR_LINEAPRINT_INTERNAL", "the tensors are not complete")
        rows = sorted(zip(self._tensors, digests), key=lambda row: row[0].name)
        items = [[tensor.name, tensor.dtype, list(tensor.shape), digest] for tensor, digest in rows]
        weights = self._sha256(_cbor(["lineaprint/weights/v1", items])).hexdigest()
        return Hashed(
            "weights.v1.sha256:" + weights,
            ["sha256:" + digest.hex() for digest in digests],
            None if self._file is None else "sha256:" + self._file.hexdigest(),
        )

    def close(self) -> None:
        if self._pool is not None:
            # Reads that were not begun are not made. The others use descriptors that are closed next.
            self._pool.shutdown(wait=True, cancel_futures=True)

    def _skip_empty(self) -> None:
        while len(self._digests) < len(self._tensors) and self._tensors[len(self._digests)].size == 0:
            self._digests.append(self._sha256().digest())


def _cbor(value: Any) -> bytes:
    """Return the deterministic CBOR of lists, texts, bytes and whole numbers (RFC 8949, 4.2.1)."""
    if isinstance(value, int):
        return _cbor_head(0, value)
    if isinstance(value, bytes):
        return _cbor_head(2, len(value)) + value
    if isinstance(value, str):
        content = value.encode("utf-8")
        return _cbor_head(3, len(content)) + content
    return _cbor_head(4, len(value)) + b"".join([_cbor(item) for item in value])


def _cbor_head(major: int, number: int) -> bytes:
    if number < 24:
        return bytes([major << 5 | number])
    width = next(width for width in (1, 2, 4, 8) if number < 1 << 8 * width)
    return bytes([major << 5 | 23 + width.bit_length()]) + number.to_bytes(width, "big")


class Command:
    """The command `lineaprint hash-tensors`, and the window through which it sees the tensors."""

    def __init__(self, algorithm: str) -> None:
        if os.name != "posix":
            raise LineaprintError(
                "ERR_LINEAPRINT_UNSUPPORTED",
                "BLAKE3 of tensors in memory is not computed on this system; make the manifest with --algorithm sha256",
            )
        import socket

        self._algorithm = algorithm
        self._received = b""
        self._written = 0
        self._answered = 0
        self._used = 0
        self._errors: IO[bytes] = tempfile.TemporaryFile()
        self._window = -1
        # Not a pipe: one whose reader has ended can end the program.
        self._socket, theirs = socket.socketpair()
        try:
            self._window = _anonymous_file()
            os.ftruncate(self._window, SLOT * _SLOTS)
            self._process = subprocess.Popen(
                [*find_command(), "hash-tensors"],
                stdin=theirs.fileno(),
                stdout=theirs.fileno(),
                stderr=self._errors,
                pass_fds=[self._window],
            )
        except BaseException:
            self._socket.close()
            self._errors.close()
            if self._window >= 0:
                os.close(self._window)
            raise
        finally:
            theirs.close()

    def begin(self, tensors: Sequence[Named], head: bytes = b"", whole: bool = False) -> None:
        """Name the tensors whose bytes follow. `head` comes before them in a file; with `whole` all is digested, too."""
        request = {
            "protocol": _PROTOCOL,
            "algorithm": self._algorithm,
            "descriptor": self._window,
            "slot": SLOT,
            "slots": _SLOTS,
            "head": len(head),
            "file": whole,
            "tensors": [
                {"name": tensor.name, "dtype": tensor.dtype, "shape": list(tensor.shape), "size": tensor.size}
                for tensor in tensors
            ],
        }
        self._send(json.dumps(request, separators=(",", ":")).encode("ascii") + b"\n")
        view = memoryview(head)
        for start in range(0, len(view), SLOT):
            self._flush()
            self._put(view[start : start + SLOT])

    def take(self, view: memoryview) -> None:
        """Take the next bytes of the tensors, in their order. All parts of a tensor but the last are multiples of 1024."""
        while len(view) > 0:
            room = SLOT - self._used
            count = len(view) if len(view) <= room else room - room % _CUT
            if count > 0:
                self._put(view[:count])
                view = view[count:]
            if len(view) > 0:
                self._flush()

    def finish(self) -> Hashed:
        """Return the digests. Raise LineaprintError if the command has failed."""
        self._flush()
        while b"\n" not in self._received:
            self._receive()
        found = self._message()
        return Hashed(found["weights"], found["tensors"], found.get("file"))

    def close(self) -> None:
        """End the command, whether it is done or not."""
        self._socket.close()
        os.close(self._window)
        if self._process.poll() is None:
            try:
                self._process.wait(timeout=1.0 if b"\n" in self._received else 0.0)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._errors.close()

    def _put(self, view: memoryview) -> None:
        position = self._written % _SLOTS * SLOT + self._used
        self._used += len(view)
        while len(view) > 0:
            count = os.pwrite(self._window, view, position)
            view = view[count:]
            position += count

    def _flush(self) -> None:
        """Hand over the slot, and wait until the next one is free."""
        if self._used == 0:
            return
        self._send(b"%d\n" % self._used)
        self._written += 1
        self._used = 0
        while self._written - self._answered >= _SLOTS:
            self._receive()

    def _receive(self) -> None:
        end = monotonic() + _SILENCE_SECONDS
        self._socket.settimeout(_LOOK_SECONDS)
        while True:
            try:
                part = self._socket.recv(1 << 20)
                break
            except TimeoutError as error:
                self._refuse_silence(end, error)
            except OSError as error:
                # Before Python 3.10, the error of a timeout is a class of its own.
                if type(error).__name__ != "timeout":
                    raise self._lost("it has ended") from error
                self._refuse_silence(end, error)
        if not part:
            raise self._lost("it has ended")
        # Dots come before the line of JSON.
        dots = len(part) - len(part.lstrip(b".")) if not self._received else 0
        self._answered += dots
        self._received += part[dots:]
        if self._received[:1] == b"{" and b"\n" in self._received and b'"error"' in self._received[:10]:
            self._message()

    def _refuse_silence(self, end: float, error: Exception) -> None:
        if stopped(self._process.pid):
            raise self._lost("it was stopped") from error
        if monotonic() > end:
            raise self._lost("it does not answer") from error

    def _send(self, line: bytes) -> None:
        import socket

        view = memoryview(line)
        self._socket.settimeout(_SILENCE_SECONDS)
        try:
            while len(view) > 0:
                view = view[self._socket.send(view, getattr(socket, "MSG_NOSIGNAL", 0)) :]
        except OSError as error:
            raise self._lost("it does not take what it is sent: %s" % error) from error

    def _message(self) -> Dict[str, Any]:
        try:
            message = json.loads(self._received.partition(b"\n")[0])
        except ValueError as error:
            raise self._lost("it answered with something else than JSON") from error
        if "error" in message:
            raise LineaprintError(message["error"]["code"], message["error"]["message"])
        found: Dict[str, Any] = message["hashed"]
        return found

    def _lost(self, what: str) -> LineaprintError:
        self._errors.seek(0)
        lines = self._errors.read(1 << 16).decode("utf-8", "replace").split("\n")
        told = ["".join([letter for letter in line if letter.isprintable()]) for line in lines if line.strip()]
        return LineaprintError("ERR_LINEAPRINT_COMMAND", "the command lineaprint hash-tensors failed: %s%s" % (what, ": %.500s" % told[0] if told else ""))


def _anonymous_file() -> int:
    """Return the descriptor of a file without a name, in memory where the system can."""
    if sys.platform.startswith("linux") and hasattr(os, "memfd_create"):
        try:
            return above_standard(os.memfd_create("lineaprint"))
        except OSError:
            # The kernel forbids it.
            pass
    descriptor, path = tempfile.mkstemp(prefix="lineaprint-")
    os.unlink(path)
    return above_standard(descriptor)
