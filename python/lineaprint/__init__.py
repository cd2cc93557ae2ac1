"""Record data of a Python program in its run, which `lineaprint run` started.

    import lineaprint

    lineaprint.set_seeds(42)
    lineaprint.track_dataset("data/train.csv", "train")
    for step in range(steps):
        lineaprint.log_metric("loss", loss, step=step)
    lineaprint.track_model(model, "final")

Outside of `lineaprint run` nothing is recorded: the functions return None, and one line on stderr reports this once.
`set_seeds` and `restore` still work. See docs/python.md.
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
    """Return whether this process is recorded."""
    return _connect() and _current.active


def track_dataset(source, name):
    """Digest a dataset and record it under a name.

    `source` is a path or an array: NumPy, PyTorch, or an object with a buffer or `__array__`. An array is copied once
    into memory that lineaprint reads.

    Return the report, a dict with `digest` and more fields, once it is on disk; None if nothing is recorded. Raise
    LineaprintError for a path that does not exist, and for a name that already has other content.
    """
    return _track("dataset", source, name)


def track_model(source, name):
    """Digest a model and record it under a name.

    `source` is a path (a safetensors file, or a folder with one), a `torch.nn.Module`, or a dict of tensors or
    arrays, which may be nested. Parameters and buffers are included, and tied tensors are listed under each of their
    names. The digest `weights` equals that of a safetensors file with the same state dict.

    Return the report with `weights` and `architecture`; None if nothing is recorded.
    """
    return _track("model", source, name)


def track_output(path, name):
    """Digest a file or folder that the program wrote, and record it under a name. Return the report."""
    return _track("output", path, name)


def _track(kind, source, name):
    if not _recording():
        return None
    from . import _tracking as module

    return module.track(kind, source, name)


def log_metric(name, value, *, step=None):
    """Log one value of a metric: anything that `float` accepts. Return at once; see `flush`."""
    log_metrics({name: value}, step=step)


def log_metrics(values, *, step=None):
    """Log one value of each of several metrics at the same step: all of them or none."""
    if _recording():
        from . import _tracking as module

        module.log_metrics(values, step)


def log_digest(name, value, *, step=None):
    """Log the digest of an array or tensor at a step, for example weights, gradients or a batch. Return the digest.

    `lineaprint diff` names the first step at which two runs diverge. The data itself is not stored.
    """
    if not _recording():
        return None
    from . import _tracking as module

    return module.log_digest(name, value, step)


def add_metadata(*entry, **entries):
    """Add JSON values to the metadata of the run: `add_metadata("key", value)`, a dict, or keyword arguments."""
    if _recording():
        from . import _tracking as module

        module.add_metadata(entry, entries)


def add_tags(*tags):
    """Add tags to the run."""
    if _recording():
        from . import _tracking as module

        module.add_tags(tags)


def flush():
    """Return once everything recorded so far is on disk."""
    if _recording():
        _current.connection.ask({"call": "flush"})


def checkpoint(name):
    """Save the state of every generator whose state can be read. A later checkpoint with the same name replaces it.

    Return a dict with `file` and the names of the `generators`; None if nothing is recorded.
    """
    if not _recording():
        return None
    from . import _states

    return _states.checkpoint(name)


def restore(source, at="end", *, program=1):
    """Set generators to the states that a run saved, all of them or none.

    All states are first loaded into scratch generators. The real generators change only if all of them load.

    `source` is the folder of a run or a file of states. `at` is 'start', 'end' or the name of a checkpoint. `program`
    is the number of the Python program of the run. The libraries of saved generators are imported. A generator of
    `default_rng` is identified by its number in the order of creation, and must be created before the call.

    Return a dict with the names `restored` and `notRestored`. Raise StateNotFound, StateCorrupt or
    StateIncomplete, and LineaprintError for the state of a device that this machine lacks.
    """
    from . import _states

    _connect()
    return _states.restore(source, at, program)


def seed(default=None):
    """Return the seed of this process: from `set_seeds` or the run; `default` if there is none."""
    _current.asked = True
    if _current.seed is not None:
        return _current.seed
    found = _seed_of_run() if _current.kind == "program" else None
    return default if found is None else found


def set_seeds(seed, deterministic=False):
    """Seed every supported generator, including those of libraries that are imported later.

    `seed` is an integer from 0 to 2^53 - 1. `deterministic` requests deterministic results from PyTorch, cuDNN and
    TensorFlow, which is slower.

    Return a dict with `targets`: the status of each source of randomness, including those that are not seeded.
    """
    from . import _seeding

    _connect()
    return _seeding.set_seeds(seed, deterministic)


def _connect():
    """Connect to lineaprint if Python skipped the sitecustomize that does so (-S). Return whether a connection exists."""
    import os

    if not _current.started and os.environ.get("LINEAPRINT_BRIDGE"):
        from . import _start

        try:
            _start.start()
        except OSError:
            from ._connection import warn

            warn("cannot connect to the lineaprint process that started this program; nothing is recorded")
    return _current.connection is not None


def _begin():
    """Start watching imports outside of a run. In a run, the sitecustomize has already started this."""
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
