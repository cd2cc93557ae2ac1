"""A command that reports the world it is in, and then follows a plan.

    wrapper_command.py world FILE PID       writes the world of another process
    wrapper_command.py act FILE PLAN        follows a plan, and adds what came of it
    wrapper_command.py self FILE PLAN       does both: writes its own world, and follows a plan
    wrapper_command.py stream FOLDER LINES  prints lines

Python ignores signals for itself, and a shell blocks none. Where one is the command, the other reads what the system
shows of it; where Python is the command itself, signals are blocked as they were.
"""
import base64
import fcntl
import json
import os
import random
import resource
import signal
import sys
import termios
import time
from typing import Any, Dict, List

# Lines of /proc/PID/status that belong to the process, not to what it inherits.
OWN = {
    "Name", "State", "Tgid", "Ngid", "Pid", "PPid", "TracerPid", "FDSize", "NStgid", "NSpid", "NSpgid", "NSsid", "SigQ",
    "Threads", "voluntary_ctxt_switches", "nonvoluntary_ctxt_switches", "x86_Thread_features", "x86_Thread_features_locked",
    "CoreDumping", "untag_mask", "SigCgt", "SigPnd", "ShdPnd",
}  # fmt: skip


def text_of(path: str) -> str:
    with open(path) as file:
        return file.read()


def world_of(pid: int) -> Dict[str, Any]:
    folder = "/proc/%d" % pid
    status = dict(line.split(":", 1) for line in text_of(folder + "/status").splitlines())
    fields = text_of(folder + "/stat").rpartition(")")[2].split()
    with open(folder + "/environ", "rb") as file:
        environment = file.read().split(b"\0")[:-1]
    descriptors = {}
    for name in os.listdir(folder + "/fd"):
        info = dict(line.split(":", 1) for line in text_of("%s/fdinfo/%s" % (folder, name)).splitlines() if ":" in line)
        # It would not have come through the start of the command: the connection to its run, for example.
        if int(info["flags"], 8) & os.O_CLOEXEC:
            continue
        target = os.readlink("%s/fd/%s" % (folder, name))
        # The position of an output moves on; what it is in the end is compared by who gave it.
        descriptors[name] = {"target": target, "flags": info["flags"].strip(), "position": info["pos"].strip() if int(name) != 1 and int(name) != 2 else ""}
    return {
        "status": {k: v.strip() for k, v in status.items() if k not in OWN and not k.startswith(("Vm", "Rss", "Huge", "Spec"))},
        "limits": {
            name: list(resource.prlimit(pid, getattr(resource, name))) for name in sorted(dir(resource)) if name.startswith("RLIMIT_") and name != "RLIMIT_OFILE"
        },
        "environment": sorted(base64.b64encode(entry).decode() for entry in environment),
        "descriptors": descriptors,
        "group": int(fields[2]),
        "session": int(fields[3]),
        "terminal": int(fields[4]) != 0,
        "foreground": int(fields[5]) == int(fields[2]),
        "nice": int(fields[16]),
        "policy": [int(fields[37]), int(fields[38])],
        "oom": text_of(folder + "/oom_score_adj").strip(),
        "dump": text_of(folder + "/coredump_filter").strip(),
        "folder": os.readlink(folder + "/cwd"),
        "root": os.readlink(folder + "/root"),
        "namespaces": {name: os.readlink("%s/ns/%s" % (folder, name)) for name in sorted(os.listdir(folder + "/ns"))},
        "modes": {str(number): modes_of(number) for number in range(3)},
    }


def modes_of(number: int) -> Any:
    """Return how a descriptor behaves as a terminal. This process has those of the shell."""
    try:
        if not os.isatty(number):
            return None
        modes = termios.tcgetattr(number)
        characters = [c if isinstance(c, int) else c[0] for c in modes[6]]
        return modes[:6] + [characters, fcntl.ioctl(number, termios.TIOCGWINSZ, b"\0" * 8).hex()]
    except OSError as error:
        return error.strerror


def bytes_of(seed: int, size: int) -> bytes:
    return random.Random(seed).randbytes(size)


def write_all(number: int, data: bytes) -> None:
    while data:
        data = data[os.write(number, data) :]


def act(report: str, plan: List[List[Any]]) -> None:
    with open(report) as file:
        seen = json.load(file)
    ignored = int(seen["status"]["SigIgn"], 16)
    if not ignored >> (signal.SIGPIPE - 1) & 1:
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    steps: List[str] = []
    for step in plan:
        try:
            if step[0] == "read":
                data = b""
                while len(data) < step[1]:
                    piece = os.read(0, step[1] - len(data))
                    if not piece:
                        break
                    data += piece
                steps.append("read %s" % data.hex()[:200])
            elif step[0] == "write":
                write_all(step[1], bytes_of(step[2], step[3]))
                steps.append("wrote")
            elif step[0] == "text":
                write_all(step[1], step[2].encode())
                steps.append("wrote")
        except OSError as error:
            steps.append("%s: %s" % (step[0], error.strerror))
    with open(report, "w") as file:
        json.dump({**seen, "steps": steps}, file)
    last = plan[-1]
    if last[0] == "signal":
        signal.signal(getattr(signal, last[1]), signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {getattr(signal, last[1])})
        os.kill(os.getpid(), getattr(signal, last[1]))
    os._exit(last[1])


def stream(folder: str, lines: int) -> None:
    """Print lines to both outputs, and leave a file at the beginning and one at the end."""
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    with open(os.path.join(folder, "started"), "w") as file:
        file.write(str(os.getpid()))
    for number in range(lines):
        write_all(1, b"line %d %s\n" % (number, b"x" * (number % 900)))
        write_all(2, b"note %d\n" % number)
        if number % 8 == 0:
            time.sleep(0.001)
    with open(os.path.join(folder, "ended"), "w") as file:
        file.write("ended")
    os._exit(7)


def main() -> None:
    kind, path = sys.argv[1:3]
    if kind == "world":
        with open(path, "w") as file:
            json.dump(world_of(int(sys.argv[3])), file)
    elif kind == "self":
        # The child has descriptors of its own while it reads those of its parent.
        child = os.fork()
        if child == 0:
            try:
                with open(path, "w") as file:
                    json.dump(world_of(os.getppid()), file)
            finally:
                os._exit(0)
        try:
            os.waitpid(child, 0)
        except ChildProcessError:
            # With SIGCHLD ignored it returns when the child has ended, and then fails.
            pass
        act(path, json.loads(sys.argv[3]))
    elif kind == "act":
        act(path, json.loads(sys.argv[3]))
    else:
        stream(path, int(sys.argv[3]))


main()
