"""A wrapper with a fault, for the control of the round: wrapper_planted.py FAULT COMMAND… .

With the fault `none` it changes nothing, and the round must see no difference.
"""
import fcntl
import os
import resource
import signal
import subprocess
import sys
import termios
from typing import List


def plant(fault: str) -> None:
    if fault == "variable":
        os.environ["PLANTED"] = "1"
    elif fault == "lost variable":
        del os.environ["HOME"]
    elif fault == "descriptor":
        os.dup2(2, 250)
    elif fault == "lost descriptors":
        os.closerange(3, 256)
    elif fault == "blocking":
        fcntl.fcntl(0, fcntl.F_SETFL, fcntl.fcntl(0, fcntl.F_GETFL) | os.O_NONBLOCK)
    elif fault == "limit":
        resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 1, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    elif fault == "umask":
        os.umask(os.umask(0) ^ 0o010)
    elif fault == "ignored signal":
        signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    elif fault == "blocked signal":
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGURG})
    elif fault == "priority":
        os.nice(1)
    elif fault == "folder":
        os.chdir("/")
    elif fault == "terminal":
        modes = termios.tcgetattr(0)
        modes[3] ^= termios.ECHO
        termios.tcsetattr(0, termios.TCSANOW, modes)
    elif fault == "input":
        os.read(0, 1)


def relayed(fault: str, argv: List[str]) -> None:
    child = subprocess.Popen(argv, stdout=subprocess.PIPE, close_fds=False, restore_signals=False)
    assert child.stdout is not None
    first = True
    while True:
        piece = os.read(child.stdout.fileno(), 65536)
        if not piece:
            break
        if first and fault == "output":
            piece = bytes([piece[0] ^ 1]) + piece[1:]
        first = False
        os.write(1, piece)
    code = child.wait()
    os._exit(code if code >= 0 else 128 - code)


def separated(argv: List[str]) -> None:
    """Pass on what the command wrote to two pipes: one after the other."""
    child = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, close_fds=False, restore_signals=False)
    output, errors = child.communicate()
    os.write(1, errors + output)
    os._exit(child.returncode if child.returncode >= 0 else 128 - child.returncode)


def main() -> None:
    fault, *argv = sys.argv[1:]
    # Python sets it where the locale is C, and the worlds of the control do not have it.
    os.environ.pop("LC_CTYPE", None)
    if fault not in ("group", "exit code"):
        plant(fault)
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        # Python ignores them; what it found is not known any more, and the worlds of the control have the default.
        signal.signal(number, signal.SIG_DFL)
    if fault == "group":
        os.setpgid(0, 0)
    if fault in ("output", "relay"):
        relayed(fault, argv)
    if fault == "order":
        separated(argv)
    if fault == "exit code":
        code = subprocess.call(argv, close_fds=False, restore_signals=False)
        os._exit(code + 1 if 0 <= code < 100 else 1)
    os.execv(argv[0], argv)


main()
