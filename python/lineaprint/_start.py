"""The start of the bridge, before the first line of a program. What stands here costs every Python program of a run."""

import atexit
import os

from . import _process
from ._hooks import Watcher

#: The libraries with generators, by the module whose import is waited for.
LIBRARIES = {
    "random": "python_random",
    "numpy.random": "numpy_random",
    "torch": "torch_random",
    "tensorflow": "tensorflow_random",
    "jax.random": "jax_random",
}

#: Another module, for the seeds of the processes it starts.
SPAWN = "multiprocessing.spawn"


def start():
    """Connects this process to lineaprint and waits for libraries. A second call does nothing."""
    current = _process.current
    if current.started:
        return
    current.started = True
    if _process.helper() == "resource_tracker":
        # It runs nothing of the program.
        return
    current.begin(os.environ["LINEAPRINT_BRIDGE"])
    # What atexit is given first it runs last: the states are those of the very end.
    atexit.register(current.end)
    os.register_at_fork(before=current.before_fork, after_in_child=current.after_fork)
    watch()


def watch():
    """Waits for libraries; also for a program that only sets seeds, outside of a run."""
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
        # Python itself gives `random` another state after a fork; ours has to come behind that.
        os.register_at_fork(after_in_child=current.after_random_fork)


def library(name):
    """What this package knows about a library, loaded when it is needed."""
    from importlib import import_module

    return import_module("lineaprint._generators." + LIBRARIES[name])


def _follow_spawn(module, current):
    """A process that multiprocessing spawned is told its name, and so its place, before anything of the program runs."""
    prepare = module.prepare

    def prepare_with_seed(data):
        current.spawned(data.get("name") if isinstance(data, dict) else None)
        return prepare(data)

    if current.kind == "spawned":
        module.prepare = prepare_with_seed
