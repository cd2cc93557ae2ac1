"""Connect to lineaprint over Unix-domain sockets with framed JSON messages.

A frame is a length (4 bytes, big-endian) and that many bytes of JSON in UTF-8. lineaprint answers a message with an
`id` by one frame with the same `id`; while it works on a long call, it sends frames with `pending` before. It does not
answer a message without an `id`.

Messages without an answer wait in a queue for the one thread that sends. So no call waits for another thread, and a
signal handler that interrupts the sender only adds to the queue. A long call has a socket of its own.

No wait is unlimited: if lineaprint is silent for too long, it counts as ended.
"""

import errno
import os
import sys
from _thread import allocate_lock, get_ident
from time import monotonic, sleep

from ._errors import LineaprintError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

try:
    import _socket
except ImportError:
    # A Python without sockets is not recorded.
    _socket = None  # type: ignore[assignment]

#: Version of the messages. lineaprint closes the connection if the version is unknown.
PROTOCOL = 1

#: Longest message, in bytes. lineaprint closes the connection on a longer one.
LIMIT = 4 * 1024 * 1024

#: Longest answer, in bytes.
_ANSWER_LIMIT = 64 * 1024 * 1024

#: Longest wait to connect, and for the answer to a greeting, in seconds.
_GREETING_SECONDS = 5.0

#: Longest silence of lineaprint, in seconds. It sends a sign of life every two seconds while it works on a call.
_SILENCE_SECONDS = 15.0

#: Longest time that a call without an answer waits for lineaprint to read, in seconds.
_TELL_SECONDS = 0.03

#: Time between two looks whether lineaprint was stopped, in seconds.
_LOOK_SECONDS = 0.02

#: Longest time between taking the lock and naming the thread that has it, in seconds.
_LOCK_SECONDS = 0.1

#: Messages that can be queued before each call waits a moment.
_QUEUE = 1000

#: Messages that can be queued before the newest is dropped, while lineaprint does not read.
_QUEUE_LIMIT = 100_000

#: Errors of a shortage that may pass. The message stays in the queue.
_SHORTAGES = (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS)

# Without these, a write after lineaprint has ended would kill a program with the default action for SIGPIPE.
_NO_SIGNAL = 0x4000 if sys.platform.startswith("linux") else 0
_SO_NOSIGPIPE = 0x1022
#: The process that listens: its id is the first number. Linux only.
_SO_PEERCRED = 17

_TIMEOUT = OSError if _socket is None else _socket.timeout


def above_standard(descriptor: int) -> int:
    """Return a descriptor above 2 for the same file, and close the given one if it is not.

    In a program with a closed standard stream, a new file takes its number, and what the program prints would go there.
    """
    taken: "list[int]" = []
    try:
        while descriptor <= 2:
            taken.append(descriptor)
            descriptor = os.dup(descriptor)
        return descriptor
    finally:
        for number in taken:
            os.close(number)


class _Channel:
    """One socket. Only one call uses it at a time."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._socket: "Any" = None
        self._identity: "Any" = None
        #: Bytes of the last message that were sent.
        self.sent = 0
        #: The end of a message whose beginning was sent. It belongs to this connection.
        self.rest = b""
        self._peer = 0

    def open(self, greeting: str) -> None:
        """Connect unless there is a connection. The greeting is the first message."""
        if self._socket is not None and self._identity != _identity(self._socket):
            # The program closed this descriptor, as daemons do. Its number may now belong to a file of the program.
            self._socket.detach()
            self._socket = None
        if self._socket is not None:
            return
        if _socket is None:
            raise OSError(errno.ENOSYS, "this Python has no sockets")
        made = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
        try:
            made = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM, 0, above_standard(made.detach()))
            made.settimeout(_GREETING_SECONDS)
            if sys.platform == "darwin":
                made.setsockopt(_socket.SOL_SOCKET, _SO_NOSIGPIPE, 1)
            self._connect(made)
            made.settimeout(_LOOK_SECONDS)
            self._peer, self.rest = _listener(made), b""
            self._send(made, _frame(greeting), _GREETING_SECONDS)
            self._identity = _identity(made)
        except BaseException:
            made.close()
            raise
        # Only now, so that no exception of a signal handler leaves a connection without its greeting.
        self._socket = made

    def _connect(self, made: "Any") -> "Any":
        end = monotonic() + _GREETING_SECONDS
        while True:
            try:
                return made.connect(self._path)
            except BlockingIOError:
                # Many processes connect at once.
                if monotonic() > end:
                    raise
                sleep(0.01)

    def write(self, data: bytes, seconds: float = _SILENCE_SECONDS) -> None:
        """Send all bytes. `sent` tells how many it were, also if a signal handler raised.

        If lineaprint does not read for some seconds, raise a timeout; what was not sent is the `rest`.
        """
        self.rest = b""
        try:
            self._send(self._socket, data, seconds)
        except _TIMEOUT:
            self.rest = bytes(data[self.sent :])
            raise
        except BaseException:
            if self.sent < len(data):
                # The rest of this message would be taken for the next one.
                self.close()
            raise

    def _send(self, made: "Any", data: bytes, seconds: float) -> None:
        self.sent = 0
        view = memoryview(data)
        end = monotonic() + seconds
        while self.sent < len(data):
            try:
                self.sent += made.send(view[self.sent :], _NO_SIGNAL)
                end = monotonic() + seconds
            except _TIMEOUT:
                self._check(end)

    def _check(self, end: float) -> None:
        """Raise unless lineaprint may still read or answer."""
        if stopped(self._peer):
            raise ConnectionError("lineaprint was stopped")
        if monotonic() >= end:
            raise

    def read(self, seconds: float = _SILENCE_SECONDS) -> "Any":
        """Return the next frame."""
        try:
            length = int.from_bytes(self._exactly(4, seconds), "big")
            if length > _ANSWER_LIMIT:
                raise ConnectionError("an answer is too long")
            return self._exactly(length, seconds)
        except BaseException:
            # A late answer would be taken for that of another message, so the next message connects again.
            self.close()
            raise

    def _exactly(self, length: int, seconds: float) -> "Any":
        parts = []
        end = monotonic() + seconds
        while length > 0:
            try:
                part = self._socket.recv(min(length, 1 << 16))
            except _TIMEOUT:
                self._check(end)
                continue
            if not part:
                raise ConnectionError("lineaprint has ended")
            parts.append(part)
            length -= len(part)
            end = monotonic() + seconds
        return b"".join(parts)

    def close(self) -> None:
        made, self._socket = self._socket, None
        self.rest = b""
        if made is None:
            return
        if self._identity == _identity(made):
            made.close()
        else:
            made.detach()


class Connection:
    """The connection of one process. A forked child must not use that of its parent: see `after_fork`."""

    def __init__(self, path: str) -> None:
        self.path = path
        #: The first message of each channel; None until a forked child has its own.
        self.greeting: "Any" = None
        self._number = 0
        self.lost = False
        self._reset()

    def _reset(self) -> None:
        #: Held by the thread that sends the queue.
        self._lock = allocate_lock()
        self._sender: "int | None" = None
        #: How often a thread became the sender.
        self._entries = 0
        self._queue: "list[bytes]" = []
        self._dropped = 0
        #: When lineaprint was last seen not to read; None while it reads.
        self._stalled: "float | None" = None
        self._main = _Channel(self.path)
        #: Channels of long calls, and those of them that no call uses.
        self._channels: "list[_Channel]" = []
        self._idle: "list[_Channel]" = []

    def greet(self, hello: str, claims: bool = False) -> "Any":
        """Connect. `hello` is the first message of this connection and of every reconnection.

        With `claims`, return how many other processes have claimed the path of this one before; None without an answer.
        """
        self.greeting = hello
        self._main.open(hello[:-1] + ',"id":0}' if claims else hello)
        if not claims:
            return None
        try:
            # A program starts without this answer as well, if it takes unusually long.
            return int(self._main.read(_GREETING_SECONDS).decode("utf-8").rpartition(":")[2].rstrip("}"))
        except (OSError, ValueError):
            self._main.close()
            return None

    def after_fork(self) -> None:
        """Close the connection of the parent. With its own greeting, the child connects for its first message.

        Other threads of the parent do not exist here, so the locks that they hold are replaced.
        """
        channels = [self._main, *self._channels]
        self._reset()
        self.greeting = None
        for channel in channels:
            channel.close()

    def tell(self, message: str) -> bool:
        """Send JSON text without waiting for an answer. Return whether it was sent, or is going to be sent."""
        if self.lost or self.greeting is None:
            return False
        self._queue.append(_frame(message))
        self._send_queue()
        return not self.lost

    def ask(self, fields: "dict[str, Any]", in_order: bool = False) -> "Any":
        """Send a message and wait for the answer. Return its `result`, or None if lineaprint has ended.

        With `in_order`, lineaprint handles it after all earlier messages of this process. Only short calls may do this,
        because later messages wait for them. Raise LineaprintError if lineaprint refused the message.
        """
        if self.lost or self.greeting is None:
            return None
        self._number += 1
        number = self._number
        data = _frame(encode({"id": number, **fields}))
        lock = self._enter(_SILENCE_SECONDS) if in_order else None
        if lock is None:
            reply = self._ask_apart(data, number)
        else:
            reply = self._ask_in_order(lock, data, number)
        if reply is None:
            return None
        if "error" in reply:
            raise LineaprintError(reply["error"]["code"], reply["error"]["message"])
        return reply.get("result")

    def settle(self) -> None:
        """Send everything that is queued, at the end of the program."""
        waiting = self._queue or self._main.rest
        lock = self._enter(_GREETING_SECONDS) if waiting and not self.lost else None
        if lock is not None:
            try:
                self._empty(self._main, _GREETING_SECONDS)
            finally:
                self._leave(lock)

    def close(self) -> None:
        """Send what is queued and close. Nothing is recorded from here on."""
        self.settle()
        self.lost = True
        for channel in (self._main, *self._idle):
            channel.close()

    def _ask_in_order(self, lock: "Any", data: bytes, number: int) -> "Any":
        try:
            return self._exchange(self._main, data, number) if self._empty(self._main) else None
        finally:
            self._leave(lock)
            # Other threads have queued messages meanwhile.
            self._send_queue()

    def _ask_apart(self, data: bytes, number: int) -> "Any":
        try:
            channel = self._idle.pop()
        except IndexError:
            channel = _Channel(self.path)
            self._channels.append(channel)
        try:
            channel.open(self.greeting)
        except OSError as error:
            self._channels.remove(channel)
            if error.errno not in _SHORTAGES:
                self._give_up()
                return None
            # The socket that exists already can be used, unless a signal handler has interrupted its user.
            lock = self._enter(_SILENCE_SECONDS)
            return None if lock is None else self._ask_in_order(lock, data, number)
        try:
            # Here the handler of a signal asks, and the queue cannot be sent by the call that it interrupted.
            return self._exchange(channel, data, number) if not self._interrupts() or self._empty(channel) else None
        finally:
            self._idle.append(channel)

    def _exchange(self, channel: "Any", data: bytes, number: int) -> "Any":
        import json

        try:
            channel.open(self.greeting)
            channel.write(data)
            while True:
                reply = json.loads(channel.read())
                if reply["id"] != number:
                    raise ValueError("the answer to another message")
                if "pending" not in reply:
                    return _checked(reply)
        except (OSError, ValueError, TypeError, KeyError) as error:
            channel.close()
            if getattr(error, "errno", None) in _SHORTAGES:
                self._dropped += 1
            else:
                self._give_up()
            return None
        except BaseException:
            # The answer would be taken for that of another message.
            channel.close()
            raise

    def _send_queue(self) -> None:
        while self._queue and not self.lost:
            full = len(self._queue) > _QUEUE
            if full and (self._interrupts() or not self._wait_for_sender()):
                # A signal handler cannot wait for the call that it interrupted, and no call waits for long.
                self._limit()
                return
            lock = self._enter(0)
            if lock is None:
                # The sender finds this message in the queue.
                return
            try:
                # A queue that is full waits a moment in each call: lineaprint may only be slow.
                seconds = _TELL_SECONDS if full or self._stalled is None else 0
                if not self._empty(self._main, seconds):
                    return
            finally:
                self._leave(lock)

    def _wait_for_sender(self) -> bool:
        """Wait a moment until no other thread sends. Return whether none does."""
        lock = self._lock
        if not lock.acquire(True, _TELL_SECONDS):
            return False
        lock.release()
        return True

    def _empty(self, channel: "Any", seconds: float = _SILENCE_SECONDS) -> bool:
        """Send the queue over a channel. Return whether it is empty."""
        while self._queue or channel.rest:
            data = rest = b""
            channel.sent = 0
            try:
                channel.open(self.greeting)
                rest = channel.rest
                data = rest or self._queue.pop(0)
                if self._dropped and not rest:
                    data = self._dropped_frame() + data
                channel.write(data, seconds)
                self._stalled = None
            except _TIMEOUT:
                # What was sent so far is kept by the channel.
                self._stall(channel)
                return False
            except OSError as error:
                if error.errno in _SHORTAGES:
                    if data and not rest:
                        self._queue.insert(0, data)
                    while len(self._queue) > _QUEUE:
                        self._drop()
                else:
                    self._give_up()
                return False
            except IndexError:
                # The connection was opened anew, so that its rest is gone, and the queue is empty.
                return True
            except BaseException:
                # The exception of a signal handler. lineaprint ignores a part of a message.
                if channel.sent != len(data):
                    if rest:
                        self._dropped += 1
                    elif data:
                        self._queue.insert(0, data)
                raise
        return True

    def _stall(self, channel: "Any") -> None:
        """Note that lineaprint does not read. If it has not for long, nothing more is recorded."""
        now = monotonic()
        if self._stalled is None or channel.sent > 0:
            self._stalled = now
        if now - self._stalled > _SILENCE_SECONDS:
            self._give_up()
        else:
            self._limit()

    def _dropped_frame(self) -> "Any":
        count, self._dropped = self._dropped, 0
        text = "%d messages were not recorded, because the connection was busy or out of descriptors" % count
        return _frame('{"call":"problem","message":%s}' % quote(text))

    def _limit(self) -> None:
        while len(self._queue) > _QUEUE_LIMIT:
            self._drop()

    def _drop(self) -> None:
        try:
            self._queue.pop()
            self._dropped += 1
        except IndexError:
            # The sender was faster.
            pass

    def _enter(self, seconds: float) -> "Any":
        """Become the thread that sends. Return the lock, or None if another call sends."""
        lock = self._lock
        while not lock.acquire(False):
            entries, sender = self._entries, self._sender
            if self._interrupts() or (seconds <= 0 and sender not in (None, get_ident())):
                return None
            # Without another sender, the exception of a signal handler came right after the lock was taken.
            wait = 0 if sender == get_ident() else _LOCK_SECONDS if sender is None else seconds
            if lock.acquire(True, wait):
                break
            if sender is None and self._entries != entries:
                # The thread that had just taken the lock was named meanwhile, and sends.
                lock = self._lock
                continue
            self._lock = lock = allocate_lock()
            lock.acquire()
            self._main.close()
            break
        self._sender = get_ident()
        self._entries += 1
        return lock

    def _leave(self, lock: "Any") -> None:
        if lock is self._lock:
            self._sender = None
        lock.release()

    def _interrupts(self) -> bool:
        """Return whether this call comes from a signal handler that interrupted the sender."""
        if self._sender != get_ident():
            return False
        frame: "Any" = sys._getframe(1)
        while frame is not None:
            if frame.f_code in _SENDING:
                return True
            frame = frame.f_back
        return False

    def _give_up(self) -> None:
        """Close the connection and warn once. The program continues without a record."""
        first, self.lost = not self.lost, True
        self._queue.clear()
        for channel in (self._main, *self._idle):
            channel.close()
        if first:
            warn("the connection to lineaprint is lost; from here on nothing is recorded")


def _listener(made: "Any") -> int:
    """Return the id of the process at the other end; 0 where the system does not tell."""
    if _socket is None or not sys.platform.startswith("linux"):
        return 0
    try:
        # In another container, the id is 0.
        return int.from_bytes(made.getsockopt(_socket.SOL_SOCKET, _SO_PEERCRED, 12)[:4], sys.byteorder)
    except OSError:
        return 0


def stopped(pid: int) -> bool:
    """Return whether a process is stopped, as by SIGSTOP. It does not answer before it is continued."""
    if pid <= 0:
        return False
    try:
        descriptor = os.open("/proc/%d/stat" % pid, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        # No such system, no descriptor left, or no such process; the socket tells of the last.
        return False
    try:
        text = os.read(descriptor, 4096)
    except OSError:
        return False
    finally:
        os.close(descriptor)
    # The name of the program may contain any character; the state follows it.
    return text[text.rfind(b")") + 2 :][:1] == b"T"


#: Functions that run while the lock is held.
_SENDING = frozenset({Connection._empty.__code__, Connection._exchange.__code__})


def _identity(made: "Any") -> "Any":
    try:
        info = os.fstat(made.fileno())
        return (info.st_dev, info.st_ino)
    except OSError:
        return None


def _frame(text: str) -> "Any":
    data = text.encode("utf-8")
    if len(data) > LIMIT:
        raise LineaprintError("ERR_LINEAPRINT_ARGUMENT", "the message is too long: at most %d bytes" % LIMIT)
    return len(data).to_bytes(4, "big") + data


def _checked(reply: "Any") -> "Any":
    """Return an answer if its fields are those of one."""
    if "error" in reply and not all(isinstance(reply["error"][key], str) for key in ("code", "message")):
        raise ValueError("an error without a code")
    return reply


def warn(sentence: str) -> None:
    """Write one line to stderr if the program has a stderr."""
    try:
        sys.stderr.write("lineaprint: %s\n" % sentence)
    except Exception:
        # The program may have closed or replaced its stderr, or a signal handler interrupts its use.
        pass


def quote(text: str) -> str:
    """Return a string as JSON. Loading the module json would delay the start of a program."""
    if _is_plain(text):
        return '"%s"' % text
    return '"%s"' % "".join([part if _is_plain(part) else _escaped(ord(part)) for part in text])


def _is_plain(text: str) -> "Any":
    return text.isascii() and text.isprintable() and '"' not in text and "\\" not in text


def _escaped(code: "Any") -> str:
    if code < 0x10000:
        return "\\u%04x" % code
    return "\\u%04x\\u%04x" % (0xD800 | (code - 0x10000) >> 10, 0xDC00 | code & 0x3FF)


def encode(fields: "dict[str, Any]") -> "Any":
    """Return JSON text. The callers have already replaced NaN and infinities."""
    import json

    return json.dumps(fields, allow_nan=False, separators=(",", ":"))
