"""Record data of a Python program in a run, which the program or `lineaprint run` started.

    import lineaprint

    with lineaprint.start_run(name="baseline", seed=42):
        lineaprint.track_dataset("data/train.csv", "train")
        for step in range(steps):
            lineaprint.log_metric("loss", loss, step)
        lineaprint.track_model(model, "final")

Without a run nothing is recorded: the functions return None, and one line on stderr reports this once. `set_seeds` and
`restore` still work. See docs/python.md.

The import loads everything that the functions that record need, so that a call needs no file of this package or of Python.
"""

from __future__ import annotations

from _lineaprint._files import defer as __getattr__

import functools as _functools
import os as _os

from _lineaprint import _files, _start
from _lineaprint._connection import warn as _warn
from _lineaprint._errors import LineaprintError, StateCorrupt, StateIncomplete, StateNotFound, TensorMismatch
from _lineaprint._process import current as _current
from _lineaprint._process import seed_of_run as _seed_of_run
from _lineaprint._version import VERSION as _VERSION

from . import _runs, _seeding, _states, _tracking
from ._runs import Run

#: The version of this package.
__version__: str = _VERSION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from os import PathLike
    from typing import Any, Callable, Dict, Mapping, Optional, Sequence, SupportsFloat, SupportsIndex, TypeVar, Union

    _Path = Union[str, "PathLike[str]"]
    # What has one number: also an array or a tensor of one element.
    _Number = Union[SupportsFloat, SupportsIndex, "_HasItem"]
    _Report = Optional[Dict[str, Any]]
    _Loader = TypeVar("_Loader")
    _Function = TypeVar("_Function", bound=Callable[..., Any])

    from typing import Protocol

    class _HasItem(Protocol):
        def item(self) -> Any: ...


__all__ = [
    "LineaprintError",
    "Run",
    "StateCorrupt",
    "StateIncomplete",
    "StateNotFound",
    "TensorMismatch",
    "active",
    "add_metadata",
    "add_tags",
    "check_tensors",
    "checkpoint",
    "derive",
    "flush",
    "load_file",
    "log_digest",
    "log_metric",
    "log_metrics",
    "restore",
    "save_file",
    "seed",
    "set_seeds",
    "start_run",
    "track_batches",
    "track_dataset",
    "track_model",
    "track_output",
]


# Signal handlers can interrupt this import, so what the functions use is defined before them.


def _connect() -> bool:
    """Connect to lineaprint if Python skipped the sitecustomize that does so (-S). Return whether a connection exists."""
    if not _current.started and _os.environ.get("LINEAPRINT_BRIDGE"):
        try:
            _start.start()
        except Exception as error:
            _warn_once("cannot connect to the lineaprint process of this run, so nothing is recorded: %s" % error)
    return _current.connection is not None


_warned = False


def _warn_once(sentence: str) -> None:
    global _warned
    if not _warned:
        _warned = True
        _warn(sentence)


def _recording() -> bool:
    if _connect() and _current.active:
        return True
    if _current.connection is None:
        if _os.environ.get("LINEAPRINT_BRIDGE") or _os.environ.get("LINEAPRINT_RUN_ID"):
            _warn_once("the lineaprint process of this run could not be reached; nothing is recorded")
        else:
            _warn_once("no run is open, so nothing is recorded; call lineaprint.start_run(), or use lineaprint run")
    return False


def _safe(function: _Function) -> _Function:
    """Turn an error of a call into a warning of the run, unless errors are to be raised."""

    @_functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        def work() -> Any:
            try:
                return function(*args, **kwargs)
            except TypeError as error:
                traceback = error.__traceback__
                # Without a further frame, the arguments do not fit the function: the program cannot be meant so.
                if traceback is not None and traceback.tb_next is None:
                    raise _Misuse(error) from None
                raise

        try:
            return _tracking.attempt(function.__name__, work)
        except _Misuse as misuse:
            raise misuse.error from None

    return call  # type: ignore[return-value]


class _Misuse(BaseException):
    """An error that is not one of tracking."""

    def __init__(self, error: TypeError) -> None:
        super().__init__(error)
        self.error = error


def start_run(
    name: Optional[str] = None,
    *,
    tags: Union[str, Sequence[str]] = (),
    notes: Optional[str] = None,
    metadata: Optional[Mapping[str, Any]] = None,
    seed: Optional[int] = None,
    datasets: Optional[Mapping[str, _Path]] = None,
    models: Optional[Mapping[str, _Path]] = None,
    outputs: Optional[Mapping[str, _Path]] = None,
    metrics: Union[_Path, Sequence[_Path]] = (),
    auto_outputs: bool = False,
    continues: Optional[str] = None,
    output_dir: Optional[_Path] = None,
    config: Optional[_Path] = None,
    strict: bool = False,
) -> Run:
    """Start a run of this program, and return it. Use it as a context manager, or call its `finish`.

    `name` is the name of the experiment (by default, that of the script). `datasets`, `models` and `outputs` map names to
    paths: inputs are digested before this returns, outputs at the end of the run. `seed` is set as by `set_seeds`.
    `metrics` is one file or several in which the program writes metrics as JSON, JSON lines or CSV. With `auto_outputs`,
    model files that the program writes in its work tree are outputs, too.
    `continues` is the id or name of a run that this one continues, for example from a checkpoint: the metrics of both are
    one series. `output_dir` is the folder that holds the store. `config` is a configuration file.

    The run ends with the `with` block, with `finish`, or with the program. Under `lineaprint run`, or while a run is open,
    the call joins that run, and does not end it; `name`, `continues`, `output_dir` and `config` then have no effect.

    If the run cannot be started, one line on stderr says why, and the program continues without a record. With `strict`,
    or LINEAPRINT_STRICT=1, this and every error of tracking raises LineaprintError.
    """
    _connect()
    return _runs.start_run(
        name,
        (tags,) if isinstance(tags, str) else tags,
        notes,
        metadata,
        seed,
        datasets or {},
        models or {},
        outputs or {},
        [metrics] if isinstance(metrics, (str, bytes, _os.PathLike)) else list(metrics),
        bool(auto_outputs),
        continues,
        output_dir,
        config,
        strict,
    )


def active() -> bool:
    """Return whether this process is recorded."""
    return _connect() and _current.active


def track_batches(loader: _Loader, name: str = "batches", *, index: Any = None, samples: Optional[str] = None) -> _Loader:
    """Return the loader, and record the order of the samples that each pass over it gives.

    The loop gets the same batches in the same order, and the same exceptions. Length and attributes are those of the
    loader. `lineaprint diff` then says, for example, "the same data in another order, from batch 12 on". Each pass is an
    epoch of `name`, and each process records its own.

    Samples are identified by their content: rows of arrays or tensors, or values in a list. `index` records indexes
    instead, which costs less: it is a key of the batch, or a function that returns the indexes of its samples. A list of
    arrays of one form can be columns or samples: without `samples="rows"` or `samples="items"`, a batch counts as a whole.

    Cost: one SHA-256 of each batch. A batch that cannot be digested is a warning of the run, and the loop continues.
    """
    if not _recording():
        return loader
    from . import _batches

    tracked: Any = _tracking.attempt("track_batches", lambda: _batches.track(loader, name, index, samples))
    return loader if tracked is None else tracked


@_safe
def track_dataset(
    source: Any,
    name: str,
    table: Optional[str] = None,
    licenses: Union[str, Sequence[str], None] = None,
    sources: Union[str, Sequence[str], None] = None,
    preprocessing: Union[str, Sequence[str], None] = None,
) -> _Report:
    """Digest a dataset and record it under a name.

    `source` is a path; an array: NumPy, PyTorch, or an object with a buffer or `__array__`; a table: pandas, Polars, pyarrow, a
    `Dataset` of Hugging Face, or an object with `__arrow_c_stream__`; a dataset whose items are read by their numbers, as that of
    PyTorch, or a list; or a dict of arrays, or of tables and datasets. A table has the digest of a Parquet file with the same
    columns and rows. What is in memory is written once to a file in memory, or of the run, which lineaprint reads.

    What gives its data only once, such as a `DataLoader`, is refused, and so is a column whose type is not known.
    Generators of random numbers are as before afterwards.

    `table` is the name of the table in a SQLite database. `licenses`, `sources` and `preprocessing` are what you state of
    the data: a text or a list of texts. The record says that it was stated, and nothing of it is checked.

    Return the report, a dict with `digest` and more fields, once it is on disk; None if nothing is recorded. Raise
    LineaprintError for a path that does not exist, and for a name that already has other content.
    """
    if not _recording():
        return None
    options = _tracking.dataset_options(table, licenses=licenses, sources=sources, preprocessing=preprocessing)
    report: _Report = _tracking.track("dataset", source, name, options=options)
    return report


@_safe
def track_model(source: Any, name: str, base: Union[_Path, bool, None] = None) -> _Report:
    """Digest a model and record it under a name.

    `source` is a path, a `torch.nn.Module`, a model of Keras, a module of Flax NNX, an estimator of scikit-learn, a
    booster of XGBoost or LightGBM, or a dict or list of tensors or arrays, which may be nested. Parameters and buffers
    are included, and tied tensors are listed under each of their names. The digest `weights` equals that of a
    safetensors file with the same named tensors. What cannot be read is listed in the record as `ignored`.

    `base` is the path of the base of an adapter of PEFT in a folder; the record then has the digest `adapter`, which binds
    both. Without it, the base is looked up in the cache of the Hugging Face Hub; False looks for none.

    Return the report with `weights` and `architecture`; None if nothing is recorded.
    """
    return _tracking.track("model", source, name, base) if _recording() else None


@_safe
def track_output(path: _Path, name: str, keep: Optional[bool] = None) -> _Report:
    """Digest a file or folder that the program wrote, and record it under a name. Return the report.

    With `keep` the store keeps a copy, which `lineaprint get` writes; without it the configuration of the run decides.
    """
    return _tracking.track("output", path, name, keep=keep) if _recording() else None


@_safe
def derive(
    name: str,
    from_: Union[str, Sequence[str]],
    step: Optional[str] = None,
    params: Optional[Mapping[str, Any]] = None,
    code: Any = None,
) -> None:
    """Declare a step: what was made from what, and how. `lineaprint lineage` shows it as a declared edge.

    `name` is what the step made, and `from_` what it was made from: one name or several. They are names of datasets,
    models, tokenizers and outputs of this run, tracked before or after this call. `step` is what was done, in a few
    words, and `params` a mapping of its parameters. `code` is the path of a file, a function, or a sequence of these;
    the record has the digest of each file, and of the source of each function.
    """
    if _recording():
        _tracking.derive(name, from_, step, params, code)


@_safe
def log_metric(name: str, value: _Number, step: Optional[_Number] = None) -> None:
    """Log one value of a metric: a number, or an array or tensor of one element. Return at once; see `flush`."""
    if _recording():
        _tracking.log_metrics({name: value}, step)


@_safe
def log_metrics(values: Mapping[str, _Number], step: Optional[_Number] = None) -> None:
    """Log one value of each of several metrics at the same step: all of them or none."""
    if _recording():
        _tracking.log_metrics(values, step)


@_safe
def log_digest(name: str, value: Any, step: Optional[_Number] = None) -> Optional[str]:
    """Log the digest of an array or tensor at a step, for example weights, gradients or a batch. Return the digest.

    `lineaprint diff` names the first step at which two runs diverge. The data itself is not stored.
    """
    return _tracking.log_digest(name, value, step) if _recording() else None


@_safe
def add_metadata(*entry: Any, **entries: Any) -> None:
    """Add to the metadata of the run: `add_metadata("key", value)`, a mapping or namespace, or keyword arguments.

    Values without a form in JSON are converted. A value that cannot be converted is recorded as the name of its type.
    """
    if _recording():
        _tracking.add_metadata(entry, entries)


@_safe
def add_tags(*tags: Union[str, Sequence[str]]) -> None:
    """Add tags to the run: one by one, or in lists."""
    if _recording():
        _tracking.add_tags(tags)


@_safe
def flush() -> None:
    """Return once everything recorded so far is on disk."""
    if _recording():
        _current.connection.ask({"call": "flush"}, in_order=True)


@_safe
def checkpoint(name: str) -> _Report:
    """Save the state of every generator whose state can be read. A later checkpoint with the same name replaces it.

    Return a dict with `file` and the names of the `generators`; None if nothing is recorded.
    """
    return _states.checkpoint(name) if _recording() else None


def restore(source: _Path, at: str = "end", *, program: int = 1) -> Dict[str, Any]:
    """Set generators to the states that a run saved, all of them or none.

    All states are first loaded into scratch generators. The real generators change only if all of them load.

    `source` is the folder of a run or a file of states. `at` is 'start', 'end' or the name of a checkpoint. `program`
    is the number of the Python program of the run. The libraries of saved generators are imported. A generator of
    `default_rng` is identified by its number in the order of creation, and must be created before the call.

    Return a dict with the names `restored` and `notRestored`. Raise StateNotFound, StateCorrupt or
    StateIncomplete, and LineaprintError for the state of a device that this machine lacks.
    """
    _connect()
    restored: Dict[str, Any] = _states.restore(source, at, program)
    return restored


def seed(default: Optional[int] = None) -> Optional[int]:
    """Return the seed of this process: from `set_seeds` or the run; `default` if there is none."""
    _current.asked = True
    if _current.seed is not None:
        return _current.seed
    found: Optional[int] = _seed_of_run() if _current.kind == "program" else None
    return default if found is None else found


def set_seeds(seed: SupportsIndex, deterministic: bool = False) -> Dict[str, Any]:
    """Seed every supported generator, including those of libraries that are imported later.

    `seed` is an integer from 0 to 2^53 - 1. `deterministic` requests deterministic results from PyTorch, cuDNN and
    TensorFlow, which is slower.

    Return a dict with `targets`: the status of each source of randomness, including those that are not seeded.
    """
    _connect()
    report: Dict[str, Any] = _seeding.set_seeds(seed, deterministic)
    return report


def save_file(
    tensors: Any,
    path: _Path,
    metadata: Optional[Mapping[str, str]] = None,
    *,
    manifest: Union[bool, _Path, None] = None,
    algorithm: str = "blake3",
) -> Dict[str, Any]:
    """Write tensors to a safetensors file, and digest them in the same pass: nothing is read again.

    `tensors` is a dict of tensors or arrays by name, or a model as `track_model` takes it. Tied tensors are written under
    each of their names. The file is that of `safetensors`, byte by byte, for up to one entry of `metadata`. It replaces one
    of its name at once, and survives a loss of power.

    `manifest` is the path of the manifest that is written for `load_file` and `lineaprint check`; True stands for PATH with
    `.manifest.json` after it. `algorithm` is `blake3`, which the command `lineaprint` computes, or `sha256`.

    Return a dict with `path`, `size`, `weights` and the digest of each of the `tensors`; with a manifest also `file`, the
    digest of the file, and `manifest`, its path. Raise LineaprintError, for example if the file cannot be written.
    """
    from . import _saving

    report: Dict[str, Any] = _saving.save(tensors, path, metadata, manifest, algorithm)
    return report


def load_file(
    path: _Path,
    manifest: Union[_Path, Mapping[str, Any], None] = None,
    *,
    framework: str = "torch",
    device: Any = None,
) -> Dict[str, Any]:
    """Load a safetensors file, and check every tensor against a manifest while it loads.

    `path` is a file, a folder with `model.safetensors` or with the shards of `model.safetensors.index.json`, or such an
    index. `manifest` is a path or the object in it, as `lineaprint manifest --tensors` and `save_file` write it. By default
    it is PATH with `.manifest.json` after it, for a folder `manifest.json` in it.

    `framework` is `torch` or `numpy`, which is imported. `device` is where tensors of PyTorch go after the check.

    The digests are of the memory that is returned, not of a second read of the file. BLAKE3 is computed by the command
    `lineaprint` in a process that ends with the call; SHA-256 needs no command.

    Return the tensors by their names. Raise TensorMismatch, before anything is returned, if a tensor differs, is missing, or
    is not in the manifest; LineaprintError if the file or the manifest is missing or damaged.
    """
    from . import _loading

    loaded: Dict[str, Any] = _loading.load(path, manifest, framework, device)
    return loaded


def check_tensors(manifest: Union[_Path, Mapping[str, Any]], tensors: Any) -> Dict[str, Any]:
    """Check tensors in memory against a manifest: a dict of tensors or arrays, or a model as `track_model` takes it.

    Return a dict with `same`, `counts`, and `tensors`: for each its `name` and its `status`, which is `same`, `changed` (with
    what was `expected` and `received`), `missing`, `extra`, or `not-checked` (with the `reason`). `same` is true only if
    every tensor of the manifest was seen and is the same, and there is no other.
    """
    from . import _checking

    report: Dict[str, Any] = _checking.check(manifest, tensors)
    return report


def _begin() -> None:
    """Connect, or watch imports outside of a run. In a run, the sitecustomize has usually done so already."""
    if not _connect():
        try:
            _start.watch()
        except Exception as error:
            _warn_once("imports cannot be watched, so set_seeds reaches only what is loaded: %s" % error)


def _call_deferred() -> None:
    """Make the calls of signal handlers that interrupted this import."""
    while _files.deferred:
        name, args, kwargs = _files.deferred.pop(0)
        try:
            globals()[name](*args, **kwargs)
        except Exception as error:
            _current.problem(name, error)


_begin()
_call_deferred()
