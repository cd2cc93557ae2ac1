"""What a Python program says to `lineaprint run` about itself.

    import lineaprint

    lineaprint.set_seeds(42)
    lineaprint.track_dataset("data/train.csv", "train")
    for step in range(steps):
        lineaprint.log_metric("loss", loss, step=step)
    lineaprint.track_model(model, "final")

Outside of `lineaprint run` nothing is recorded: the calls return None, which one line on stderr says once. Seeds are
set and restored all the same. See docs/python.md.
"""

from ._errors import LineaprintError, StateCorrupt, StateIncomplete, StateNotFound
from ._process import current as _current
from ._process import seed_of_run as _seed_of_run

__all__ = [
    "LineaprintError",
    "StateCorrupt",
    "StateIncomplete",
    "StateNotFound",
    "active",
    "add_metadata",
    "add_tags",
    "checkpoint",
    "flush",
    "log_digest",
    "log_metric",
    "log_metrics",
    "restore",
    "seed",
    "set_seeds",
    "track_dataset",
    "track_model",
    "track_output",
]


def active():
    """Whether what this process says is recorded."""
    return _connect() and _current.active


def track_dataset(source, name):
    """Digests a dataset and records it under a name.

    `source` is a path, or an array: of NumPy, PyTorch, or anything with a buffer or `__array__`. An array is copied
    once into memory that lineaprint reads.

    Returns the report, a dict with `digest` and more; None where nothing is recorded. It is on disk then. Raises
    LineaprintError for a path that is not there, and for a name that stands for other content.
    """
    return _track("dataset", source, name)


def track_model(source, name):
    """Digests a model and records it under a name.

    `source` is a path (a safetensors file, or a folder with one), a `torch.nn.Module`, or a dict of tensors or
    arrays, which may be nested. Parameters and buffers count, and tied tensors under each of their names: the digest
    `weights` is that of the safetensors file of the same state dict.

    Returns the report with `weights` and `architecture`; None where nothing is recorded.
    """
    return _track("model", source, name)


def track_output(path, name):
    """Digests a file or folder that the program has made, and records it under a name. Returns the report."""
    return _track("output", path, name)


def _track(kind, source, name):
    if not _recording():
        return None
    from . import _tracking as module

    return module.track(kind, source, name)


def log_metric(name, value, *, step=None):
    """Logs one value of a metric: anything that `float` takes. Returns at once; see `flush`."""
    log_metrics({name: value}, step=step)


def log_metrics(values, *, step=None):
    """Logs one value each of several metrics, all of the same step: all of them or none."""
    if _recording():
        from . import _tracking as module

        module.log_metrics(values, step)


def log_digest(name, value, *, step=None):
    """Logs the digest of an array or tensor at a step: weights, gradients, a batch. `lineaprint diff` of two runs then
    names the first step at which they part. The data itself is not kept. Returns the digest."""
    if not _recording():
        return None
    from . import _tracking as module

    return module.log_digest(name, value, step)


def add_metadata(*entry, **entries):
    """Adds to the metadata of the run: `add_metadata("key", value)`, a dict, or keywords. Anything with a JSON form."""
    if _recording():
        from . import _tracking as module

        module.add_metadata(entry, entries)


def add_tags(*tags):
    """Adds tags to the run."""
    if _recording():
        from . import _tracking as module

        module.add_tags(tags)


def flush():
    """Returns when everything said so far is on disk."""
    if _recording():
        _current.connection.ask({"call": "flush"})


def checkpoint(name):
    """Saves the state of every generator that can be read, under a name. A later one of that name takes its place.

    Returns a dict with `file` and the names of the `generators`; None where nothing is recorded.
    """
    if not _recording():
        return None
    from . import _states

    return _states.checkpoint(name)


def restore(source, at="end", *, program=1):
    """Sets generators to the states that a run saved. All are looked at first; none is set if one cannot be.

    `source` is the folder of a run or a file of states; `at` is 'start', 'end' or the name of a checkpoint; `program`
    the number of the Python program of the run. Libraries of saved generators are imported. A generator of
    `default_rng` is known by its number among those the program makes, and has to be made before.

    Returns a dict with the names of what was `restored` and `notRestored`. Raises StateNotFound, StateCorrupt or
    StateIncomplete, and LineaprintError for the state of a device that this machine lacks.
    """
    from . import _states

    _connect()
    return _states.restore(source, at, program)


def seed(default=None):
    """The seed of this process: that of `set_seeds`, or of the run; `default` if there is none."""
    if _current.seed is not None:
        return _current.seed
    found = _seed_of_run() if _current.kind == "program" else None
    return default if found is None else found


def set_seeds(seed, deterministic=False):
    """Seeds every generator that can be reached, those of libraries that are imported later included.

    `seed` is a whole number from 0 to 2^53 - 1. `deterministic` asks PyTorch, cuDNN and TensorFlow for results that
    do not change, which costs speed.

    Returns a dict with `targets`: what became of each source of randomness, and which are not reached.
    """
    from . import _seeding

    _connect()
    return _seeding.set_seeds(seed, deterministic)


def _connect():
    """Whether there is a bridge. Python may have skipped the sitecustomize that starts it (-S)."""
    import os

    if not _current.started and os.environ.get("LINEAPRINT_BRIDGE"):
        from . import _start

        try:
            _start.start()
        except OSError:
            from ._connection import warn

            warn("the lineaprint that started this program cannot be reached; nothing is recorded")
    return _current.connection is not None


def _begin():
    """Outside of a run nobody watches imports yet: generators are known from here on. In a run all has begun."""
    import os

    if not os.environ.get("LINEAPRINT_BRIDGE"):
        from ._start import watch

        watch()


_begin()
_told = False


def _recording():
    global _told
    if active():
        return True
    if not _told and _current.connection is None:
        from ._connection import warn

        warn("this program was not started by lineaprint run; nothing is recorded")
    _told = True
    return False
