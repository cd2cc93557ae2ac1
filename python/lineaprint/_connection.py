"""The connection to lineaprint: a Unix-domain socket, over which framed JSON goes.

A frame is the length of what follows as 4 bytes, highest first, and that many bytes of JSON in UTF-8. A message with
an `id` is answered by one frame with that `id`; one without is not answered.

This file is loaded at the start of every Python program of a run: it imports what Python has loaded anyway, or what
is built in.
"""

import os
import sys
from _thread import RLock

from ._errors import LineaprintError

#: Version of the messages; lineaprint answers an unknown one by closing the connection.
PROTOCOL = 1

#: Longest message, in bytes. lineaprint closes the connection on a longer one.
LIMIT = 4 * 1024 * 1024

# Without it, writing to a lineaprint that has ended would kill a program that has SIGPIPE at its default.
_NO_SIGNAL = 0x4000 if sys.platform.startswith("linux") else 0


class Connection:
    """One process's connection. A child that was forked must not use the parent's: see `after_fork`."""

    def __init__(self, path):
        self._path = path
        self._lock = RLock()
        self._socket = None
        self._identity = None
        self._number = 0
        self._greeting = None
        self.lost = False

    def greet(self, hello):
        """Connects. `hello` is the first message, also of a connection that is made again."""
        self._greeting = hello
        with self._lock:
            self._connect()

    def after_fork(self, hello):
        """Lets go of the parent's connection; the child gets its own once it says something."""
        self._lock = RLock()
        self._greeting = hello
        self._close()

    def tell(self, message):
        """Sends JSON text without waiting. Whether it could be sent."""
        with self._lock:
            return self._send(message)

    def ask(self, fields):
        """Sends a message and waits for the answer: its `result`, or None if lineaprint is gone.

        Raises LineaprintError for what lineaprint refused.
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
                "ERR_LINEAPRINT_ARGUMENT", "this is too long to be recorded: at most %d bytes" % LIMIT
            )
        try:
            if self._socket is not None and self._identity != _identity(self._socket):
                # The program closed our descriptor, as daemons do; its number may stand for a file of the program now.
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
            # An interrupt half-way through a message: what follows on this connection could not be read.
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
        """The program goes on without a record. It is told once."""
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
    """One line on stderr, where there is one."""
    try:
        sys.stderr.write("lineaprint: %s\n" % sentence)
    except (AttributeError, OSError, ValueError):
        # A program may have closed or replaced its stderr; there is nobody to tell then.
        pass


def encode(fields):
    """JSON text. What JSON does not have is refused before."""
    import json

    return json.dumps(fields, allow_nan=False, separators=(",", ":"))


def quote(text):
    """A text as JSON, without loading the module json."""
    try:
        from _json import encode_basestring_ascii
    except ImportError:
        from json import dumps as encode_basestring_ascii
    return encode_basestring_ascii(text)
