"""Record data of a Python program in its run, which `lineaprint run` started.

    import lineaprint

    lineaprint.set_seeds(42)
    lineaprint.track_dataset("data/train.csv", "train")
    for step in range(steps):
        lineaprint.log_metric("loss", loss, step=step)
    lineaprint.track_model(model, "final")

Outside of `lineaprint run` nothing is recorded: the functions return None, and one line on stderr reports this once.
`set_seeds` and `restore` still work. See docs/python.md.

The import loads everything that the functions need, so that a call needs no file of this package or of Python.
"""

from _lineaprint._files import defer as __getattr__

import functools as _functools
import os as _os

from _lineaprint import _files, _start
from _lineaprint._connection import warn as _warn
from _lineaprint._errors import LineaprintError, StateCorrupt, StateIncomplete, StateNotFound
from _lineaprint._process import current as _current
from _lineaprint._process import seed_of_run as _seed_of_run

from . import _seeding, _states, _tracking

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


# Signal handlers can interrupt this import, so what the functions use is defined before them.


def _connect():
    """Connect to lineaprint if Python skipped the sitecustomize that does so (-S). Return whether a connection exists."""
    if not _current.started and _os.environ.get("LINEAPRINT_BRIDGE"):
        try:
            _start.start()
        except Exception as error:
            _warn_once("cannot connect to the lineaprint process of this run, so nothing is recorded: %s" % error)
    return _current.connection is not None


_warned = False


def _warn_once(sentence):
    global _warned
    if not _warned:
        _warned = True
        _warn(sentence)


def _recording():
    if _connect() and _current.active:
        return True
    if _current.connection is None:
        if _os.environ.get("LINEAPRINT_BRIDGE") or _os.environ.get("LINEAPRINT_RUN_ID"):
            _warn_once("the lineaprint process of this run could not be reached; nothing is recorded")
        else:
            _warn_once("this program was not started by lineaprint run; nothing is recorded")
    return False


#: Codes of errors that name a wrong argument. Any other error is a fault of lineaprint or of its surroundings.
_ARGUMENT_CODES = frozenset(
    "ERR_LINEAPRINT_" + name
    for name in "AMBIGUOUS ARGUMENT FORMAT LINK NOT_FOUND NOT_REGULAR RANGE UNSUPPORTED".split()
)


def _safe(function):
    """Turn an error of a call that is not one of its arguments into a warning of the run."""

    @_functools.wraps(function)
    def call(*args, **kwargs):
        try:
            return function(*args, **kwargs)
        except Exception as error:
            # Without a further frame, the arguments do not fit the function.
            if error.__traceback__.tb_next is None:
                raise
            if isinstance(error, LineaprintError) and error.code in _ARGUMENT_CODES:
                raise
            _current.problem(function.__name__, error)
            return None

    return call


def active():
    """Return whether this process is recorded."""
    return _connect() and _current.active


@_safe
def track_dataset(source, name):
    """Digest a dataset and record it under a name.

    `source` is a path or an array: NumPy, PyTorch, or an object with a buffer or `__array__`. An array is copied once
    into memory that lineaprint reads.

    Return the report, a dict with `digest` and more fields, once it is on disk; None if nothing is recorded. Raise
    LineaprintError for a path that does not exist, and for a name that already has other content.
    """
    return _tracking.track("dataset", source, name) if _recording() else None


@_safe
def track_model(source, name):
    """Digest a model and record it under a name.

    `source` is a path (a safetensors file, or a folder with one), a `torch.nn.Module`, or a dict of tensors or
    arrays, which may be nested. Parameters and buffers are included, and tied tensors are listed under each of their
    names. The digest `weights` equals that of a safetensors file with the same state dict.

    Return the report with `weights` and `architecture`; None if nothing is recorded.
    """
    return _tracking.track("model", source, name) if _recording() else None


@_safe
def track_output(path, name):
    """Digest a file or folder that the program wrote, and record it under a name. Return the report."""
    return _tracking.track("output", path, name) if _recording() else None


@_safe
def log_metric(name, value, *, step=None):
    """Log one value of a metric: anything that `float` accepts. Return at once; see `flush`."""
    if _recording():
        _tracking.log_metrics({name: value}, step)


@_safe
def log_metrics(values, *, step=None):
    """Log one value of each of several metrics at the same step: all of them or none."""
    if _recording():
        _tracking.log_metrics(values, step)


@_safe
def log_digest(name, value, *, step=None):
    """Log the digest of an array or tensor at a step, for example weights, gradients or a batch. Return the digest.

    `lineaprint diff` names the first step at which two runs diverge. The data itself is not stored.
    """
    return _tracking.log_digest(name, value, step) if _recording() else None


@_safe
def add_metadata(*entry, **entries):
    """Add JSON values to the metadata of the run: `add_metadata("key", value)`, a dict, or keyword arguments."""
    if _recording():
        _tracking.add_metadata(entry, entries)


@_safe
def add_tags(*tags):
    """Add tags to the run."""
    if _recording():
        _tracking.add_tags(tags)


@_safe
def flush():
    """Return once everything recorded so far is on disk."""
    if _recording():
        _current.connection.ask({"call": "flush"}, in_order=True)


@_safe
def checkpoint(name):
    """Save the state of every generator whose state can be read. A later checkpoint with the same name replaces it.

    Return a dict with `file` and the names of the `generators`; None if nothing is recorded.
    """
    return _states.checkpoint(name) if _recording() else None


def restore(source, at="end", *, program=1):
    """Set generators to the states that a run saved, all of them or none.

    All states are first loaded into scratch generators. The real generators change only if all of them load.

    `source` is the folder of a run or a file of states. `at` is 'start', 'end' or the name of a checkpoint. `program`
    is the number of the Python program of the run. The libraries of saved generators are imported. A generator of
    `default_rng` is identified by its number in the order of creation, and must be created before the call.

    Return a dict with the names `restored` and `notRestored`. Raise StateNotFound, StateCorrupt or
    StateIncomplete, and LineaprintError for the state of a device that this machine lacks.
    """
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
    _connect()
    return _seeding.set_seeds(seed, deterministic)


def _begin():
    """Connect, or watch imports outside of a run. In a run, the sitecustomize has usually done so already."""
    if not _connect():
        try:
            _start.watch()
        except Exception as error:
            _warn_once("imports cannot be watched, so set_seeds reaches only what is loaded: %s" % error)


def _call_deferred():
    """Make the calls of signal handlers that interrupted this import."""
    while _files.deferred:
        name, args, kwargs = _files.deferred.pop(0)
        try:
            globals()[name](*args, **kwargs)
        except Exception as error:
            _current.problem(name, error)


_begin()
_call_deferred()
