"""Connect to lineaprint over a Unix-domain socket with framed JSON messages.

A frame is a length (4 bytes, big-endian) and that many bytes of JSON in UTF-8. lineaprint answers a message with an
`id` by one frame with the same `id`. It does not answer a message without an `id`.

This file is loaded at the start of every Python program of a run, so it imports only modules that Python has already
loaded or that are built in.
"""

import os
import sys
from _thread import RLock

from ._errors import LineaprintError

#: Version of the messages. lineaprint closes the connection if the version is unknown.
PROTOCOL = 1

#: Longest message, in bytes. lineaprint closes the connection on a longer one.
LIMIT = 4 * 1024 * 1024

#: Longest wait for the answer to a greeting.
_ANSWER_SECONDS = 5.0

# Without this flag, a write after lineaprint has ended would kill a program with the default action for SIGPIPE.
_NO_SIGNAL = 0x4000 if sys.platform.startswith("linux") else 0


class Connection:
    """The connection of one process. A forked child must not use the connection of its parent: see `after_fork`."""

    def __init__(self, path):
        self._path = path
        self._lock = RLock()
        self._socket = None
        self._identity = None
        self._number = 0
        self._greeting = None
        self.lost = False

    def greet(self, hello, claims=False):
        """Connect. `hello` is the first message of this connection and of every reconnection.

        With `claims`, return how many other processes have claimed the path of this one before; None without an answer.
        """
        with self._lock:
            self._greeting = hello[:-1] + ',"id":0}' if claims else hello
            self._connect()
            self._greeting = hello
            return self._claimed() if claims else None

    def _claimed(self):
        # A program starts without this answer as well, if it takes unusually long.
        self._socket.settimeout(_ANSWER_SECONDS)
        try:
            length = int.from_bytes(self._exactly(4), "big")
            text = self._exactly(length).decode("utf-8").rpartition(":")[2].rstrip("}")
            self._socket.settimeout(None)
            return int(text)
        except (OSError, ValueError):
            # A late answer would be taken for that of another message, so the next message connects again.
            self._close()
            return None

    def after_fork(self, hello):
        """Close the connection of the parent. The child connects when it sends its first message."""
        self._lock = RLock()
        self._greeting = hello
        self._close()

    def tell(self, message):
        """Send JSON text without waiting for an answer. Return whether it was sent."""
        with self._lock:
            return self._send(message)

    def ask(self, fields):
        """Send a message and wait for the answer. Return its `result`, or None if lineaprint has ended.

        Raise LineaprintError if lineaprint refused the message.
        """
        import json

        with self._lock:
            self._number += 1
            number = self._number
            sent = self._send(encode({"id": number, **fields}))
            answer = self._receive() if sent else None
            if answer is None:
                return None
            reply = json.loads(answer)
            if reply.get("id") != number:
                self._give_up()
                return None
        if "error" in reply:
            raise LineaprintError(reply["error"]["code"], reply["error"]["message"])
        return reply.get("result")

    def _connect(self):
        import _socket

        made = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
        try:
            made.connect(self._path)
        except BaseException:
            made.close()
            raise
        self._socket = made
        self._identity = _identity(made)
        self._write(self._greeting.encode("utf-8"))

    def _send(self, text):
        if self.lost:
            return False
        data = text.encode("utf-8")
        if len(data) > LIMIT:
            raise LineaprintError(
                "ERR_LINEAPRINT_ARGUMENT", "the message is too long: at most %d bytes" % LIMIT
            )
        try:
            if self._socket is not None and self._identity != _identity(self._socket):
                # The program closed this descriptor, as daemons do. Its number may now belong to a file of the program.
                self._socket.detach()
                self._socket = None
            if self._socket is None:
                self._connect()
            self._write(data)
            return True
        except OSError:
            self._give_up()
            return False
        except BaseException:
            # The interrupt came within a message, so later messages on this connection could not be parsed.
            self._close()
            raise

    def _write(self, data):
        self._socket.sendall(len(data).to_bytes(4, "big") + data, _NO_SIGNAL)

    def _receive(self):
        try:
            length = int.from_bytes(self._exactly(4), "big")
            return self._exactly(length)
        except OSError:
            self._give_up()
            return None
        except BaseException:
            self._close()
            raise

    def _exactly(self, length):
        parts = []
        while length > 0:
            part = self._socket.recv(min(length, 1 << 16))
            if not part:
                raise ConnectionError("lineaprint has ended")
            parts.append(part)
            length -= len(part)
        return b"".join(parts)

    def _close(self):
        made, self._socket = self._socket, None
        if made is None:
            return
        if self._identity == _identity(made):
            made.close()
        else:
            made.detach()

    def _give_up(self):
        """Close the connection and warn once. The program continues without a record."""
        self._close()
        if not self.lost:
            self.lost = True
            warn("the connection to lineaprint is lost; from here on nothing is recorded")


def _identity(made):
    try:
        info = os.fstat(made.fileno())
        return (info.st_dev, info.st_ino)
    except OSError:
        return None


def warn(sentence):
    """Write one line to stderr if the program has a stderr."""
    try:
        sys.stderr.write("lineaprint: %s\n" % sentence)
    except (AttributeError, OSError, ValueError):
        # The program may have closed or replaced its stderr, so the warning cannot be shown.
        pass


def encode(fields):
    """Return JSON text. The callers have already replaced NaN and infinities."""
    import json

    return json.dumps(fields, allow_nan=False, separators=(",", ":"))


def quote(text):
    """Return a string as JSON, without loading the module json."""
    try:
        from _json import encode_basestring_ascii
    except ImportError:
        from json import dumps as encode_basestring_ascii
    return encode_basestring_ascii(text)
