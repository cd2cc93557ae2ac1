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

try:
    import _socket
except ImportError:
    # A Python without sockets is not recorded.
    _socket = None

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

#: Longest time between taking the lock and naming the thread that has it, in seconds.
_LOCK_SECONDS = 0.1

#: Messages that can be queued before a thread waits for the one that sends.
_QUEUE = 1000

#: Errors of a shortage that may pass. The message stays in the queue.
_SHORTAGES = (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS)

# Without these, a write after lineaprint has ended would kill a program with the default action for SIGPIPE.
_NO_SIGNAL = 0x4000 if sys.platform.startswith("linux") else 0
_SO_NOSIGPIPE = 0x1022


def above_standard(descriptor):
    """Return a descriptor above 2 for the same file, and close the given one if it is not.

    In a program with a closed standard stream, a new file takes its number, and what the program prints would go there.
    """
    taken = []
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

    def __init__(self, path):
        self._path = path
        self._socket = None
        self._identity = None
        #: Bytes of the last message that were sent.
        self.sent = 0

    def open(self, greeting):
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
            made.settimeout(_SILENCE_SECONDS)
            self._send(made, _frame(greeting))
            self._identity = _identity(made)
        except BaseException:
            made.close()
            raise
        # Only now, so that no exception of a signal handler leaves a connection without its greeting.
        self._socket = made

    def _connect(self, made):
        end = monotonic() + _GREETING_SECONDS
        while True:
            try:
                return made.connect(self._path)
            except BlockingIOError:
                # Many processes connect at once.
                if monotonic() > end:
                    raise
                sleep(0.01)

    def write(self, data):
        """Send all bytes. `sent` tells how many it were, also if a signal handler raised."""
        try:
            self._send(self._socket, data)
        except BaseException:
            if self.sent < len(data):
                # The rest of this message would be taken for the next one.
                self.close()
            raise

    def _send(self, made, data):
        self.sent = 0
        view = memoryview(data)
        while self.sent < len(data):
            self.sent += made.send(view[self.sent :], _NO_SIGNAL)

    def read(self, seconds=None):
        """Return the next frame."""
        try:
            if seconds is not None:
                self._socket.settimeout(seconds)
            length = int.from_bytes(self._exactly(4), "big")
            if length > _ANSWER_LIMIT:
                raise ConnectionError("an answer is too long")
            data = self._exactly(length)
            if seconds is not None:
                self._socket.settimeout(_SILENCE_SECONDS)
            return data
        except BaseException:
            # A late answer would be taken for that of another message, so the next message connects again.
            self.close()
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

    def close(self):
        made, self._socket = self._socket, None
        if made is None:
            return
        if self._identity == _identity(made):
            made.close()
        else:
            made.detach()


class Connection:
    """The connection of one process. A forked child must not use that of its parent: see `after_fork`."""

    def __init__(self, path):
        self.path = path
        #: The first message of each channel; None until a forked child has its own.
        self.greeting = None
        self._number = 0
        self.lost = False
        self._reset()

    def _reset(self):
        #: Held by the thread that sends the queue.
        self._lock = allocate_lock()
        self._sender = None
        self._queue = []
        self._dropped = 0
        self._main = _Channel(self.path)
        #: Channels of long calls, and those of them that no call uses.
        self._channels = []
        self._idle = []

    def greet(self, hello, claims=False):
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

    def after_fork(self):
        """Close the connection of the parent. With its own greeting, the child connects for its first message.

        Other threads of the parent do not exist here, so the locks that they hold are replaced.
        """
        channels = [self._main, *self._channels]
        self._reset()
        self.greeting = None
        for channel in channels:
            channel.close()

    def tell(self, message):
        """Send JSON text without waiting for an answer. Return whether it was sent, or is going to be sent."""
        if self.lost or self.greeting is None:
            return False
        self._queue.append(_frame(message))
        self._send_queue()
        return not self.lost

    def ask(self, fields, in_order=False):
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

    def settle(self):
        """Send everything that is queued, at the end of the program."""
        lock = self._enter(_GREETING_SECONDS) if self._queue and not self.lost else None
        if lock is not None:
            try:
                self._empty(self._main)
            finally:
                self._leave(lock)

    def close(self):
        """Send what is queued and close. Nothing is recorded from here on."""
        self.settle()
        self.lost = True
        for channel in (self._main, *self._idle):
            channel.close()

    def _ask_in_order(self, lock, data, number):
        try:
            return self._exchange(self._main, data, number) if self._empty(self._main) else None
        finally:
            self._leave(lock)
            # Other threads have queued messages meanwhile.
            self._send_queue()

    def _ask_apart(self, data, number):
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

    def _exchange(self, channel, data, number):
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

    def _send_queue(self):
        while self._queue and not self.lost:
            full = len(self._queue) > _QUEUE
            if full and self._interrupts():
                # A signal handler cannot wait for the call that it interrupted.
                self._drop()
                return
            lock = self._enter(_SILENCE_SECONDS if full else 0)
            if lock is None:
                # The sender finds this message in the queue.
                return
            try:
                if not self._empty(self._main):
                    return
            finally:
                self._leave(lock)

    def _empty(self, channel):
        """Send the queue over a channel. Return whether it is empty."""
        while self._queue:
            data = self._queue.pop(0)
            channel.sent = 0
            try:
                channel.open(self.greeting)
                if self._dropped:
                    data = self._dropped_frame() + data
                channel.write(data)
            except OSError as error:
                if error.errno in _SHORTAGES:
                    self._queue.insert(0, data)
                    while len(self._queue) > _QUEUE:
                        self._drop()
                else:
                    self._give_up()
                return False
            except BaseException:
                # The exception of a signal handler. lineaprint ignores a part of a message.
                if channel.sent != len(data):
                    self._queue.insert(0, data)
                raise
        return True

    def _dropped_frame(self):
        count, self._dropped = self._dropped, 0
        text = "%d messages were not recorded, because the connection was busy or out of descriptors" % count
        return _frame('{"call":"problem","message":%s}' % quote(text))

    def _drop(self):
        try:
            self._queue.pop()
            self._dropped += 1
        except IndexError:
            # The sender was faster.
            pass

    def _enter(self, seconds):
        """Become the thread that sends. Return the lock, or None if another call sends."""
        lock = self._lock
        if not lock.acquire(False):
            sender = self._sender
            if self._interrupts() or (seconds <= 0 and sender not in (None, get_ident())):
                return None
            # Without another sender, the exception of a signal handler came right after the lock was taken.
            wait = 0 if sender == get_ident() else _LOCK_SECONDS if sender is None else seconds
            if not lock.acquire(True, wait):
                self._lock = lock = allocate_lock()
                lock.acquire()
                self._main.close()
        self._sender = get_ident()
        return lock

    def _leave(self, lock):
        if lock is self._lock:
            self._sender = None
        lock.release()

    def _interrupts(self):
        """Return whether this call comes from a signal handler that interrupted the sender."""
        if self._sender != get_ident():
            return False
        frame = sys._getframe(1)
        while frame is not None:
            if frame.f_code in _SENDING:
                return True
            frame = frame.f_back
        return False

    def _give_up(self):
        """Close the connection and warn once. The program continues without a record."""
        first, self.lost = not self.lost, True
        self._queue.clear()
        for channel in (self._main, *self._idle):
            channel.close()
        if first:
            warn("the connection to lineaprint is lost; from here on nothing is recorded")


#: Functions that run while the lock is held.
_SENDING = frozenset({Connection._empty.__code__, Connection._exchange.__code__})


def _identity(made):
    try:
        info = os.fstat(made.fileno())
        return (info.st_dev, info.st_ino)
    except OSError:
        return None


def _frame(text):
    data = text.encode("utf-8")
    if len(data) > LIMIT:
        raise LineaprintError("ERR_LINEAPRINT_ARGUMENT", "the message is too long: at most %d bytes" % LIMIT)
    return len(data).to_bytes(4, "big") + data


def _checked(reply):
    """Return an answer if its fields are those of one."""
    if "error" in reply and not all(isinstance(reply["error"][key], str) for key in ("code", "message")):
        raise ValueError("an error without a code")
    return reply


def warn(sentence):
    """Write one line to stderr if the program has a stderr."""
    try:
        sys.stderr.write("lineaprint: %s\n" % sentence)
    except Exception:
        # The program may have closed or replaced its stderr, or a signal handler interrupts its use.
        pass


def quote(text):
    """Return a string as JSON. Loading the module json would delay the start of a program."""
    if _is_plain(text):
        return '"%s"' % text
    return '"%s"' % "".join([part if _is_plain(part) else _escaped(ord(part)) for part in text])


def _is_plain(text):
    return text.isascii() and text.isprintable() and '"' not in text and "\\" not in text


def _escaped(code):
    if code < 0x10000:
        return "\\u%04x" % code
    return "\\u%04x\\u%04x" % (0xD800 | (code - 0x10000) >> 10, 0xDC00 | code & 0x3FF)


def encode(fields):
    """Return JSON text. The callers have already replaced NaN and infinities."""
    import json

    return json.dumps(fields, allow_nan=False, separators=(",", ":"))
