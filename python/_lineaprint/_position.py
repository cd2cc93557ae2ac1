"""Find the position of this process below the Python program that started it.

A Python program of a run puts a position into the variable LINEAPRINT_PARENT of the processes that it starts. A Python
program that finds one there is a worker: its seed is derived from the seed of its parent and from its start index below
the parent. A shell, make or uv passes the variable on unchanged, and so does a Python program that only launches others.
"""

import os
import sys
from _thread import RLock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

#: The variable with the position.
VARIABLE = "LINEAPRINT_PARENT"

# Path elements by the kind of start. They differ from those of forks, which are 1, 2, 3, …
SPAWNED = 1 << 20
FORK_SERVER = 1 << 21
#: Python interpreters that the parent started, numbered from 0 in the order of their starts.
STARTED = 1 << 22
#: Other commands, for example a shell that starts Python.
COMMAND = 1 << 23
#: Processes whose start was not seen, for example that of os.system.
UNSEEN = 1 << 24
#: Further processes at one position, in the order in which they connect.
COPY = 1 << 25
#: Prefix of the children of a rank; those of rank 0 have none, as in a program that runs alone.
RANK = 1 << 26

#: Variables by which launchers number the processes of one job, the most specific first.
RANKS = (
    "RANK",
    "OMPI_COMM_WORLD_RANK",
    "PMIX_RANK",
    "PMI_RANK",
    "MV2_COMM_WORLD_RANK",
    "HOROVOD_RANK",
    "PALS_RANKID",
    "FLUX_TASK_RANK",
    "SLURM_PROCID",
    "LOCAL_RANK",
)

#: Variables with the number of a process among those of its machine, and with the number of processes of the job.
LOCAL_RANKS = (
    "LOCAL_RANK",
    "OMPI_COMM_WORLD_LOCAL_RANK",
    "MPI_LOCALRANKID",
    "MV2_COMM_WORLD_LOCAL_RANK",
    "HOROVOD_LOCAL_RANK",
    "PALS_LOCAL_RANKID",
    "FLUX_TASK_LOCAL_ID",
    "SLURM_LOCALID",
)
SIZES = (
    "WORLD_SIZE",
    "OMPI_COMM_WORLD_SIZE",
    "PMI_SIZE",
    "MV2_COMM_WORLD_SIZE",
    "HOROVOD_SIZE",
    "FLUX_JOB_SIZE",
    "SLURM_STEP_NUM_TASKS",
)

#: Python programs that start another program and draw nothing themselves, by the name of the script or module.
LAUNCHERS = frozenset(
    "accelerate accelerate.commands.accelerate_cli accelerate.commands.launch conda deepspeed "
    "deepspeed.launcher.launch deepspeed.launcher.runner doit dvc hatch horovodrun inv invoke jupyter jupyter-execute "
    "jupyter-lab jupyter-nbconvert jupyter-notebook mlflow nbconvert nox papermill pdm pipenv poetry pyenv snakemake "
    "torch.distributed.launch torch.distributed.run torchrun tox uv wandb".split()
)


def arguments() -> "Any":
    """Return the command line of this interpreter, also before Python sets sys.argv."""
    found = getattr(sys, "orig_argv", None)
    if found is None:
        # Python 3.9
        try:
            with open("/proc/self/cmdline", "rb") as file:
                found = [os.fsdecode(word) for word in file.read().split(b"\0")[:-1]]
        except OSError:
            found = []
    return found


def launched() -> "Any":
    """Return the name of the script or module that this interpreter runs; None for other kinds of programs."""
    rest = iter(arguments()[1:])
    for text in rest:
        if text in ("-X", "-W", "--check-hash-based-pycs"):
            next(rest, None)
        elif text.startswith("-m"):
            return text[2:] or next(rest, None)
        elif text.startswith("-c") or text == "-":
            return None
        elif not text.startswith("-"):
            return os.path.basename(text)
    return None


def ranks(environment: "Any") -> "Any":
    """Return the numbers of this process in the job that a launcher started, in the order of RANKS."""
    return _numbers(RANKS, environment)


def _numbers(names: "tuple[str, ...]", environment: "Any") -> "Any":
    return [text if text.isdecimal() and len(text) < 10 else "" for text in map(environment, names)]


def number_of(names: "tuple[str, ...]") -> "Any":
    """Return the first variable that is a number; None if none is."""
    found = next(filter(None, _numbers(names, _own)), None)
    return None if found is None else int(found)


def _own(name: str) -> "Any":
    return os.environ.get(name, "")


class Position:
    """The position that this process has, and those that it gives to the processes it starts."""

    def __init__(self) -> None:
        #: From the variable: the parent, its ranks, the seed of its run, its own seed, its path, and the last elements.
        self.given = _parse(os.environ.get(VARIABLE, ""))
        numbers = ranks(_own)
        #: The number of this process in its job; None for a process that is no rank.
        self.rank = None
        if any(numbers) and (self.given is None or numbers != self.given["ranks"]):
            self.rank = int(next(filter(None, numbers)))
        #: Whether this process was replaced by another program, which keeps the position.
        self.replaced = self.given is not None and self.given["pid"] == os.getpid()
        self.passive = launched() in LAUNCHERS
        self.interpreters = 0
        self.commands = 0
        self.lock = RLock()

    def after_fork(self) -> None:
        """Begin to count anew in a forked child, which is no rank itself."""
        self.given, self.rank = None, None
        self.interpreters = self.commands = 0
        self.lock = RLock()

    @property
    def prefix(self) -> "Any":
        return (RANK + self.rank,) if self.rank else ()

    def text(self, process: "Any", run: "Any", element: int) -> "Any":
        """Return the value of the variable for a process that starts now."""
        more = (*self.prefix, element)
        seeds = ["" if seed is None else str(seed) for seed in (run, process.seed)]
        return ":".join((str(os.getpid()), ".".join(ranks(_own)), *seeds, _dotted(process.path), _dotted(more)))

    def next(self, arguments: "Any") -> "Any":
        """Count a command that starts. Return its path element; None for a helper that runs no code of the program."""
        words = [os.fsdecode(word) for word in arguments]
        if any("resource_tracker import main" in word for word in words):
            return None
        name = os.path.basename(words[0]) if words else ""
        if name.rstrip("0123456789.t") in ("python", "pypy"):
            self.interpreters += 1
            return STARTED + self.interpreters - 1
        self.commands += 1
        return COMMAND + self.commands - 1


def _dotted(path: "tuple[int, ...]") -> "Any":
    return ".".join(map(str, path))


def _parse(text: str) -> "Any":
    """Parse the variable; None for anything that this package did not write."""
    fields = text.split(":")
    if len(fields) != 6 or len(text) > 4096:
        return None
    pid, numbers, run, seed, path, more = fields
    parts = [pid, *filter(None, (run, seed, *path.split("."))), *more.split(".")]
    if not all(part.isascii() and part.isdecimal() and len(part) <= 16 for part in parts):
        return None
    return {
        "pid": int(pid),
        "ranks": numbers.split("."),
        # Both are empty in a run without a seed.
        "run": int(run) if run else None,
        "seed": int(seed) if seed else None,
        "path": tuple(int(part) for part in path.split(".") if part),
        "more": tuple(map(int, more.split("."))),
    }


def follow_starts(process: "Any") -> None:
    """Give each process that this one starts its own position, whatever environment the program passes."""
    import _posixsubprocess

    if getattr(_posixsubprocess.fork_exec, "lineaprint", False):
        return
    original = _posixsubprocess.fork_exec
    # Arguments: the words of the command, then others, and the environment as a list of bytes or None.
    fork_exec = _following(process, original, 0, 5, _with_entry)
    _posixsubprocess.fork_exec = fork_exec
    # From Python 3.11 on, subprocess has its own name for the function.
    subprocess: "Any" = sys.modules.get("subprocess")
    if getattr(subprocess, "_fork_exec", None) is original:
        subprocess._fork_exec = fork_exec
    # From Python 3.13 on, subprocess usually calls this one: path, words of the command, environment as a mapping.
    for name in ("posix_spawn", "posix_spawnp"):
        if hasattr(os, name):
            setattr(os, name, _following(process, getattr(os, name), 1, 2, _with_item))


def _following(process: "Any", original: "Any", words: "Any", environment: "Any", change: "Any") -> "Any":
    def start(*args: "Any", **kwargs: "Any") -> "Any":
        if len(args) <= environment:
            # The call fails, or names its arguments, which these functions do not do.
            return original(*args, **kwargs)
        with process.position.lock:
            try:
                text = process.position_of_next(args[words])
                if text is not None and args[environment] is None:
                    # The environment of this process.
                    os.environ[VARIABLE] = text
                elif text is not None:
                    changed = change(args[environment], text)
                    args = (*args[:environment], changed, *args[environment + 1 :])
            except Exception as error:
                process.problem("the start of a process", error)
            try:
                return original(*args, **kwargs)
            finally:
                try:
                    process.mark()
                except Exception as error:
                    process.problem("the start of a process", error)

    following: "Any" = start
    following.__name__, following.__doc__, following.lineaprint = original.__name__, original.__doc__, True
    return start


# A program that starts another without the connection may have left it out on purpose, so both functions add nothing there.


def _with_entry(environment: "Any", text: str) -> "Any":
    if not any(entry.startswith(b"LINEAPRINT_BRIDGE=") for entry in environment):
        return environment
    start = VARIABLE.encode() + b"="
    return [*(entry for entry in environment if not entry.startswith(start)), start + text.encode()]


def _with_item(environment: "Any", text: str) -> "Any":
    if "LINEAPRINT_BRIDGE" not in environment:
        return environment
    return {**environment, VARIABLE: text}
