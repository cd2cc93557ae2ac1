"""Runs commands in worlds that are described to it, one JSON document on a line of stdin after the other.

Each answer is one line as well. A world is everything that a process inherits. What a command leaves is collected
until neither it nor a process that it left behind is running.
"""
import base64
import ctypes
import fcntl
import json
import os
import pty
import resource
import select
import signal
import stat
import struct
import sys
import termios
import time
from typing import Any, Dict, List, Optional, Tuple

World = Dict[str, Any]

PR_SET_CHILD_SUBREAPER = 36

# Seconds after which something hangs. Nothing else depends on time.
PATIENCE = 300


class Channel:
    """The driver's end of a stream of the command."""

    def __init__(self, kind: str, end: int, number: Optional[int] = None) -> None:
        self.kind = kind
        # The descriptor that the command gets; -1 for none.
        self.end = end
        # The descriptor that is read here; None if nothing is.
        self.number = number
        self.data = bytearray()


def above(number: int) -> int:
    """Move a descriptor out of the way of those that a world has."""
    moved = fcntl.fcntl(number, fcntl.F_DUPFD_CLOEXEC, 400)
    os.close(number)
    return moved


def opened(path: str, flags: int) -> int:
    return above(os.open(path, flags, 0o600))


def output(spec: World, name: str, folder: str, terminal: Optional[Tuple[int, int]], other: Optional[Channel]) -> Channel:
    kind = spec["kind"]
    path = os.path.join(folder, name)
    if kind == "same":
        assert other is not None
        return Channel("same", other.end)
    if kind in ("file", "append"):
        with open(path, "wb") as file:
            file.write(b"before\n")
        number = opened(path, os.O_RDWR | (os.O_APPEND if kind == "append" else 0))
        os.lseek(number, 0, os.SEEK_END)
        return Channel(kind, number)
    if kind == "null":
        return Channel(kind, opened("/dev/null", os.O_WRONLY))
    if kind == "closed":
        return Channel(kind, -1)
    if kind == "tty":
        assert terminal is not None
        return Channel(kind, terminal[1])
    read, write = (above(number) for number in os.pipe())
    if kind == "broken":
        os.close(read)
        return Channel(kind, write)
    return Channel(kind, write, read)


def source(spec: World, folder: str, terminal: Optional[Tuple[int, int]]) -> Tuple[int, int]:
    """Return the descriptor of the command's input, and the one that tells afterwards what is left of it."""
    kind = spec["kind"]
    data = base64.b64decode(spec["data"])
    if kind == "closed":
        return -1, -1
    if kind == "null":
        return opened("/dev/null", os.O_RDONLY), -1
    if kind == "tty":
        assert terminal is not None
        os.write(terminal[0], data)
        return terminal[1], terminal[1]
    if kind == "file":
        path = os.path.join(folder, "input")
        with open(path, "wb") as file:
            file.write(data)
        number = opened(path, os.O_RDONLY)
        os.lseek(number, spec["offset"], os.SEEK_SET)
        return number, number
    read, write = (above(number) for number in os.pipe())
    os.write(write, data)
    os.close(write)
    return read, read


def make_terminal(spec: Optional[World]) -> Optional[Tuple[int, int]]:
    if spec is None:
        return None
    master, slave = (above(number) for number in pty.openpty())
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", spec["rows"], spec["columns"], 0, 0))
    modes = termios.tcgetattr(slave)
    modes[3] &= ~sum(getattr(termios, name) for name in spec["off"])
    termios.tcsetattr(slave, termios.TCSANOW, modes)
    return master, slave


def further(specs: List[World], folder: str) -> Dict[int, int]:
    """Open the descriptors above 2 that the command inherits."""
    numbers: Dict[int, int] = {}
    for spec in specs:
        if spec["kind"] == "pipe":
            read, write = (above(number) for number in os.pipe())
            os.close(read)
            number = write
        elif spec["kind"] == "null":
            number = opened("/dev/null", os.O_RDWR)
        else:
            number = opened(os.path.join(folder, "further-%d" % spec["fd"]), os.O_RDWR | os.O_CREAT)
            os.write(number, b"x" * spec["fd"])
        if spec["flag"] == "nonblocking":
            fcntl.fcntl(number, fcntl.F_SETFL, fcntl.fcntl(number, fcntl.F_GETFL) | os.O_NONBLOCK)
        numbers[spec["fd"]] = number
    return numbers


def become(world: World, streams: List[int], numbers: Dict[int, int], terminal: Optional[Tuple[int, int]]) -> None:
    """Turn this process into the command. Does not return."""
    if world["session"] == "session" or terminal is not None:
        os.setsid()
    elif world["session"] == "group":
        os.setpgid(0, 0)
    if terminal is not None:
        fcntl.ioctl(terminal[1], termios.TIOCSCTTY, 0)
    for number, end in enumerate(streams):
        if end < 0:
            os.close(number)
        else:
            os.dup2(end, number)
            os.set_inheritable(number, True)
    for number, end in numbers.items():
        os.dup2(end, number)
    os.chdir(world["cwd"])
    os.umask(world["umask"])
    os.nice(world["nice"])
    if world["oom"] is not None:
        with open("/proc/self/oom_score_adj", "w") as file:
            file.write(str(world["oom"]))
    # Python ignores these two for itself.
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    for name in world["ignored"]:
        signal.signal(getattr(signal, name), signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_SETMASK, {getattr(signal, name) for name in world["blocked"]})
    for name, (soft, hard) in world["limits"].items():
        limit = getattr(resource, name)
        # Not everybody may raise one.
        most = resource.getrlimit(limit)[1]
        hard = lower(hard, most)
        resource.setrlimit(limit, (lower(soft, hard), hard))
    environment: Dict[bytes, bytes] = {}
    for entry in world["environment"]:
        name, _, value = entry.encode("latin-1").partition(b"=")
        environment[name] = value
    os.execve(world["argv"][0], world["argv"], environment)


def lower(limit: int, most: int) -> int:
    if most == resource.RLIM_INFINITY:
        return limit
    return most if limit == resource.RLIM_INFINITY else min(limit, most)


def children() -> List[int]:
    """Return the processes whose parent is this one."""
    path = "/proc/self/task/%d/children" % os.getpid()
    with open(path) as file:
        return [int(word) for word in file.read().split()]


def descendants() -> List[int]:
    """Return all processes below this one."""
    parents: Dict[int, int] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open("/proc/%s/stat" % name) as file:
                    parents[int(name)] = int(file.read().rpartition(")")[2].split()[1])
            except OSError:
                continue
    known = {os.getpid()}
    while True:
        more = {pid for pid, parent in parents.items() if parent in known and pid not in known}
        if not more:
            return sorted(known - {os.getpid()})
        known |= more


def killing(kill: Optional[World], started: float, received: int, files: List[str]) -> bool:
    """Return whether the moment of the kill has come."""
    if kill is None:
        return False
    if "ms" in kill:
        return (time.monotonic() - started) * 1000 >= kill["ms"]
    stored = sum(os.stat(path).st_size for path in files)
    return received + stored >= kill["bytes"]


def run(world: World) -> World:
    folder = world["folder"]
    terminal = make_terminal(world["terminal"])
    out = output(world["stdout"], "stdout", folder, terminal, None)
    err = output(world["stderr"], "stderr", folder, terminal, out)
    standard, rest = source(world["stdin"], folder, terminal)
    numbers = further(world["further"], folder)
    labels = {}
    for name, number in [("stdin", standard), ("stdout", out.end), ("stderr", err.end)] + [
        ("further-%d" % fd, number) for fd, number in numbers.items()
    ]:
        if number >= 0 and stat.S_ISFIFO(os.fstat(number).st_mode):
            labels.setdefault("pipe:[%d]" % os.fstat(number).st_ino, name)
    own = os.getpgid(0)
    started = time.monotonic()
    trouble, report = (above(number) for number in os.pipe())
    pid = os.fork()
    if pid == 0:
        try:
            become(world, [standard, out.end, err.end], numbers, terminal)
        except BaseException as error:
            os.write(report, ("the world cannot be made: %r" % error).encode())
        os._exit(97)
    os.close(report)
    problem = read_all(trouble).decode()
    os.close(trouble)
    # Own ends that would keep a pipe open.
    for channel in (out, err):
        if channel.number is not None:
            os.close(channel.end)
            os.set_blocking(channel.number, False)
    if out.kind == "broken":
        os.close(out.end)
    screen = Channel("tty", -1, terminal[0]) if terminal is not None else None
    if screen is not None:
        os.set_blocking(terminal[0], False)  # type: ignore[index]
    channels = [c for c in (out, err, screen) if c is not None and c.number is not None]
    files = [os.path.join(folder, name) for name, c in (("stdout", out), ("stderr", err)) if c.kind in ("file", "append")]
    status: Optional[int] = None
    killed = hung = False
    opened_channels = list(channels)
    while True:
        while True:
            try:
                ended, code = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                break
            if ended == 0:
                break
            if ended == pid:
                status = code
        waiting = bool(children())
        open_ones = [c for c in opened_channels if c is not screen]
        if not waiting and not open_ones and (screen is None or not select.select([screen.number], [], [], 0)[0]):
            break
        if not killed and status is None and killing(world["kill"], started, len(out.data) + len(err.data), files):
            os.kill(pid, signal.SIGKILL)
            killed = True
        if time.monotonic() - started > PATIENCE and not hung:
            hung = True
            for process in descendants():
                try:
                    os.kill(process, signal.SIGKILL)
                except ProcessLookupError:
                    continue
        ready, _, _ = select.select([c.number for c in opened_channels], [], [], 0.002)
        for channel in list(opened_channels):
            if channel.number not in ready:
                continue
            try:
                piece = os.read(channel.number, 1 << 16)  # type: ignore[arg-type]
            except OSError:
                piece = b""
            channel.data += piece
            if not piece:
                opened_channels.remove(channel)
    answer: World = {
        **({"error": problem} if problem else {}),
        "status": None if status is None else [os.WIFSIGNALED(status), os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)],
        "killed": killed,
        "hung": hung,
        "pid": pid,
        "driver": own,
        "labels": labels,
        "terminal": modes_of(terminal),
        "offsets": {},
        "rest": None,
    }
    for name, channel in (("stdout", out), ("stderr", err)):
        if channel.kind in ("file", "append"):
            answer["offsets"][name] = os.lseek(channel.end, 0, os.SEEK_CUR)
            answer["offsets"][name + " flags"] = fcntl.fcntl(channel.end, fcntl.F_GETFL)
        elif channel.number is not None:
            with open(os.path.join(folder, name), "wb") as file:
                file.write(channel.data)
    if screen is not None:
        with open(os.path.join(folder, "screen"), "wb") as file:
            file.write(screen.data)
    if rest >= 0:
        answer["stdin flags"] = fcntl.fcntl(rest, fcntl.F_GETFL)
        if terminal is None or rest != terminal[1]:
            answer["rest"] = base64.b64encode(read_all(rest)).decode()
        else:
            answer["rest"] = base64.b64encode(read_terminal(rest)).decode()
    for number in {standard, out.end if out.kind != "tty" else -1, err.end if err.kind not in ("tty", "same") else -1}:
        close(number)
    for number in numbers.values():
        close(number)
    for channel in channels:
        close(channel.number)  # type: ignore[arg-type]
    if terminal is not None:
        close(terminal[1])
    return answer


def close(number: int) -> None:
    try:
        if number >= 0:
            os.close(number)
    except OSError:
        return


def read_all(number: int) -> bytes:
    data = b""
    while True:
        piece = os.read(number, 1 << 16)
        if not piece:
            return data
        data += piece


def read_terminal(number: int) -> bytes:
    """Return the input that nobody has read. A read without blocking ends at the first line that is not there."""
    modes = termios.tcgetattr(number)
    modes[3] &= ~termios.ICANON
    modes[6][termios.VMIN] = 0
    modes[6][termios.VTIME] = 0
    termios.tcsetattr(number, termios.TCSANOW, modes)
    data = b""
    while True:
        piece = os.read(number, 4096)
        if not piece:
            return data
        data += piece


def modes_of(terminal: Optional[Tuple[int, int]]) -> Optional[List[Any]]:
    if terminal is None:
        return None
    modes = termios.tcgetattr(terminal[1])
    size = fcntl.ioctl(terminal[1], termios.TIOCGWINSZ, b"\0" * 8)
    return modes[:6] + [base64.b64encode(bytes(b"".join(c if isinstance(c, bytes) else bytes([c]) for c in modes[6]))).decode(), size.hex()]


def main() -> None:
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(1024, resource.getrlimit(resource.RLIMIT_NOFILE)[0]), resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    while True:
        line = sys.stdin.buffer.readline()
        if not line:
            return
        try:
            answer = run(json.loads(line))
        except Exception as error:
            answer = {"error": repr(error)}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


main()
