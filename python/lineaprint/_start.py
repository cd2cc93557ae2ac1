"""Start the bridge before the first line of a program. This code delays the start of every Python program of a run."""

import atexit
import os

from . import _process
from ._hooks import Watcher

#: Libraries with generators: the module whose import is watched, and the support module.
LIBRARIES = {
    "random": "python_random",
    "numpy.random": "numpy_random",
    "torch": "torch_random",
    "tensorflow": "tensorflow_random",
    "jax.random": "jax_random",
}

#: Watched to seed the processes that multiprocessing spawns.
SPAWN = "multiprocessing.spawn"


def start():
    """Connect this process to lineaprint and watch imports. A second call does nothing."""
    current = _process.current
    if current.started:
        return
    current.started = True
    if _process.helper() == "resource_tracker":
        # This process runs no code of the program.
        return
    current.begin(os.environ["LINEAPRINT_BRIDGE"])
    # atexit runs the first registered function last, so the saved states are those of the end.
    atexit.register(current.end)
    os.register_at_fork(before=current.before_fork, after_in_child=current.after_fork)
    watch()


def watch():
    """Watch imports. This is also used by a program outside of a run that only sets seeds."""
    current = _process.current
    if not current.watching:
        current.watching = True
        Watcher([*LIBRARIES, SPAWN], _loaded, current.problem).install()


def _loaded(name, module):
    current = _process.current
    if name == SPAWN:
        _follow_spawn(module, current)
        return
    current.loaded(library(name), module)
    if name == "random":
        # Python resets `random` after a fork, so this hook must run after that reset.
        os.register_at_fork(after_in_child=current.after_random_fork)


def library(name):
    """Return the support module for a library. It is loaded on demand."""
    from importlib import import_module

    return import_module("lineaprint._generators." + LIBRARIES[name])


def _follow_spawn(module, current):
    """Read the name of a spawned process, and so its path, before any code of the program runs."""
    prepare = module.prepare

    def prepare_with_seed(data):
        current.spawned(data.get("name") if isinstance(data, dict) else None)
        return prepare(data)

    if current.kind == "spawned":
        module.prepare = prepare_with_seed
