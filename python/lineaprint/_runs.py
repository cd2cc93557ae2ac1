"""Runs that a program starts itself."""

from __future__ import annotations

import atexit
import os
import sys

from _lineaprint import _position, _start
from _lineaprint._connection import PROTOCOL, warn
from _lineaprint._errors import LineaprintError, argument
from _lineaprint._json import encodable
from _lineaprint._process import current, start_time
from _lineaprint._version import VERSION

from . import _plain, _tracking
from ._ending import Ending, Hooks, ending_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any, Dict, List, Mapping, Sequence

    from ._notebook import Cells
    from ._recorder import Recorder

#: Values by the name of the metric that `repr` shows, the newest last.
_SHOWN = 20


class Run:
    """A run that this program takes part in. Use it as a context manager, or call `finish`.

    `status` is `running`, then `finished`, `failed` or `killed`; `not-recorded` if the run could not be started, and
    `lost` if its end could not be recorded.
    """

    def __init__(self, run_id: str | None, directory: str | None, name: str | None, joined: bool, status: str) -> None:
        #: The id of the run; None if nothing is recorded.
        self.id = run_id
        #: The folder of the run.
        self.directory = directory
        #: The name of its experiment; None for a run that somebody else started.
        self.name = name
        #: Whether somebody else started the run, and ends it: `lineaprint run`, or an outer `start_run`.
        self.joined = joined
        self.status = status
        self._process = os.getpid()
        self._outputs: Dict[str, str] = {}
        self._recorder: Recorder | None = None
        self._hooks: Hooks | None = None
        self._cells: Cells | None = None
        self._variables: Dict[str, str | None] = {}

    def finish(self, status: str | None = None, error: str | None = None) -> None:
        """End the run, and return when it is recorded. A second call does nothing.

        `status` is 'finished' or 'failed'; an `error` makes the run failed. A run that this program has joined goes on:
        its outputs are recorded, and what was said is on disk when this returns.
        """
        if status not in (None, "finished", "failed"):
            raise argument("the status of a run must be 'finished' or 'failed', not %.80r" % (status,))
        end = Ending("failed" if error is not None else status or "finished", None, None, error)
        self._finish(end)

    def _finish(self, end: Ending) -> None:
        # A forked child has this object, and the run belongs to its parent.
        if self.status != "running" or self._process != os.getpid():
            return
        is_strict = _plain.is_strict()
        try:
            if self.joined:
                self._leave_joined(end)
            else:
                self._end(end, is_strict)
        except Exception as error:
            self.status = "lost"
            if is_strict:
                raise
            _warn_about(error, "the end of the run was not recorded")

    def _leave_joined(self, end: Ending) -> None:
        self.status = end.status
        if self._cells is not None:
            self._cells.remove()
        for name, path in self._outputs.items():
            _tracking.attempt("track_output", lambda: _tracking.track("output", path, name))
        if current.active:
            current.connection.ask({"call": "flush"}, in_order=True)

    def _end(self, end: Ending, is_strict: bool) -> None:
        global _open
        recorder, hooks, cells = self._recorder, self._hooks, self._cells
        assert recorder is not None and hooks is not None
        _open = None
        self.status = "lost"
        hooks.remove()
        if cells is not None:
            cells.remove()
        _start.say_unknown()
        told = [sentence[:1000] for sentence in current.told]
        current.end()
        error = None if end.error is None else end.error[:1000]
        is_told = current.tell("end", status=end.status, exitCode=end.exit_code, signal=end.signal, error=error)
        # The queue is sent before the connection is closed.
        current.leave()
        self._restore_variables()
        if not is_told:
            # The loss of the connection was told when it happened. What still works ends the run with this process.
            recorder.close()
            if is_strict:
                raise LineaprintError("ERR_LINEAPRINT_STATE", "the connection to lineaprint is lost")
            return
        ended = recorder.end()
        self.status = str(ended["status"])
        for sentence in ended["warnings"]:
            if not any(known in sentence for known in told):
                warn("warning: %s" % _printable(str(sentence)))
        if ended.get("reported"):
            warn(_printable(str(ended["reported"])))
        warn('run %s %s; see "lineaprint show %s"' % (self.id, self.status, self.id))

    def _restore_variables(self) -> None:
        for name, value in self._variables.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value

    def __enter__(self) -> Run:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._finish(ending_of(error))

    def __repr__(self) -> str:
        return "<lineaprint.Run %s %s>" % (self.id, self.status)

    def _repr_html_(self) -> str:
        """Return what a notebook shows."""
        from ._notebook import html

        return html(self)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Dict[str, str]:
        from ._notebook import html, text

        return {"text/plain": text(self), "text/html": html(self)}

    def last_metrics(self) -> Dict[str, object]:
        """Return the last values that this process logged, by the name of the metric; the newest last."""
        return dict(list(_tracking.last_values.items())[-_SHOWN:])


#: The run that this process started and that has not ended.
_open: Run | None = None
_registered: List[bool] = []


def start_run(
    name: str | None,
    tags: Sequence[str],
    notes: str | None,
    metadata: Mapping[str, object] | None,
    seed: int | None,
    datasets: Mapping[str, object],
    models: Mapping[str, object],
    outputs: Mapping[str, object],
    metrics: Sequence[object],
    auto_outputs: bool,
    continues: str | None,
    output_dir: str | os.PathLike[str] | None,
    config: str | os.PathLike[str] | None,
    raises: bool,
) -> Run:
    if seed is not None and (isinstance(seed, bool) or not hasattr(seed, "__index__") or not 0 <= seed < 1 << 53):
        # Without its seed, the program would go on with other numbers.
        raise argument("a seed must be an integer from 0 to 9007199254740991")
    if raises:
        current.strict = True
    is_nested = _open is not None and _open._process == os.getpid()
    if is_nested:
        _plain.refuse_or_warn("start_run", "a run is open: it goes on, and this call joins it; call finish() first")
    if is_nested or current.active:
        run = _join(tags, notes, metadata, seed, datasets, models, outputs, metrics, auto_outputs)
        if not is_nested:
            from ._notebook import watch_cells

            # The outer call of this process records them already.
            run._cells = watch_cells()
        return run
    try:
        run = _launch(
            name,
            tags,
            notes,
            metadata,
            seed,
            datasets,
            models,
            outputs,
            metrics,
            auto_outputs,
            continues,
            output_dir,
            config,
        )
    except Exception as error:
        current.strict = False
        if raises or _plain.is_strict():
            raise
        _warn_about(error, "the run could not be started, and nothing is recorded")
        return Run(None, None, name, False, "not-recorded")
    return run


def _join(
    tags: Sequence[str],
    notes: str | None,
    metadata: Mapping[str, object] | None,
    seed: int | None,
    datasets: Mapping[str, object],
    models: Mapping[str, object],
    outputs: Mapping[str, object],
    metrics: Sequence[object],
    auto_outputs: bool,
) -> Run:
    """Take part in the run that is open."""
    run = Run(os.environ.get("LINEAPRINT_RUN_ID"), os.environ.get("LINEAPRINT_RUN_DIRECTORY"), None, True, "running")
    attempt = _tracking.attempt
    if tags:
        attempt("add_tags", lambda: _tracking.add_tags(tags))
    if notes is not None:
        attempt("notes", lambda: _tracking.set_notes(notes))
    if metadata:
        attempt("add_metadata", lambda: _tracking.add_metadata((dict(metadata),), {}))
    for kind, entries in (("dataset", datasets), ("model", models)):
        for name, path in entries.items():
            attempt("track_" + kind, lambda: _tracking.track(kind, path, name))
    run._outputs = {name: _path(path) for name, path in outputs.items()}
    if metrics or auto_outputs:
        attempt("start_run", lambda: _tracking.expect([_path(path) for path in metrics], auto_outputs))
    if seed is not None:
        _set_seeds(seed)
    return run


def _launch(
    name: str | None,
    tags: Sequence[str],
    notes: str | None,
    metadata: Mapping[str, object] | None,
    seed: int | None,
    datasets: Mapping[str, object],
    models: Mapping[str, object],
    outputs: Mapping[str, object],
    metrics: Sequence[object],
    auto_outputs: bool,
    continues: str | None,
    output_dir: str | os.PathLike[str] | None,
    config: str | os.PathLike[str] | None,
) -> Run:
    """Start a recorder, and connect to it."""
    global _open
    from ._command import find_command
    from ._notebook import watch_cells
    from ._recorder import Recorder

    given = {
        "name": name,
        "tags": list(_plain.flat_tags(tags)) or None,
        "notes": notes,
        "metadata": None if not metadata else _plain.plain_values(metadata),
        "seed": None if seed is None else int(seed),
        "continues": continues,
        "outputDir": None if output_dir is None else _path(output_dir),
        "config": None if config is None else _path(config),
        "datasets": _named(datasets),
        "models": _named(models),
        "outputs": _named(outputs),
        "metricFiles": [_path(path) for path in metrics] or None,
        "autoOutputs": True if auto_outputs else None,
    }
    arguments = _position.arguments() or sys.argv or ["python"]
    request: Dict[str, Any] = {
        "protocol": PROTOCOL,
        "pid": os.getpid(),
        "startTime": start_time(),
        "argv": [encodable(word) for word in arguments],
        "isRepeatable": _is_repeatable(),
        **{key: value for key, value in given.items() if value is not None},
    }
    recorder = Recorder(find_command(), request)
    started = recorder.started
    run = Run(started["id"], started["directory"], started["name"], False, "running")
    run._recorder = recorder
    variables: Dict[str, str] = started["variables"]
    run._variables = {key: os.environ.get(key) for key in (*variables, "LINEAPRINT_SEED")}
    os.environ.update(variables)
    try:
        _start.begin(variables["LINEAPRINT_BRIDGE"])
    except BaseException:
        # The run ends with this process, and nothing is recorded in it.
        current.leave()
        run._restore_variables()
        recorder.close()
        raise
    current.aloud = True
    _open = run
    run._hooks = Hooks()
    run._hooks.install()
    run._cells = watch_cells()
    if not _registered:
        _registered.append(True)
        atexit.register(_at_exit)
    _tracking.last_values.clear()
    if started["version"] != VERSION:
        warn("warning: the command is lineaprint %s, and this package %s" % (_printable(started["version"]), VERSION))
    if seed is not None:
        _set_seeds(seed)
    problems: List[Dict[str, str]] = started["problems"]
    for problem in problems:
        if _plain.is_strict():
            run._finish(Ending("failed", None, None, problem["message"][:1000]))
            raise LineaprintError(problem["code"], problem["message"])
        current.told.add(problem["message"])
        warn("warning: %s" % _printable(problem["message"]))
    return run


def _at_exit() -> None:
    run = _open
    if run is None or run._hooks is None or run._process != os.getpid():
        return
    try:
        run._finish(run._hooks.ending())
    except Exception as error:
        # With `strict`. Here nobody could catch it.
        _warn_about(error, "the end of the run was not recorded")


def _set_seeds(seed: int) -> None:
    from . import _seeding

    _seeding.set_seeds(seed, False)


def _is_repeatable() -> bool:
    """Return whether the command line of this process starts the same work again."""
    from ._notebook import is_interactive

    return _position.launched() is not None and not is_interactive()


def _named(entries: Mapping[str, object]) -> List[Dict[str, str]] | None:
    return [{"name": name, "path": _path(path)} for name, path in entries.items()] or None


def _path(path: object) -> str:
    if not isinstance(path, (str, bytes, os.PathLike)):
        raise argument("a declared input or output must be a path, not %s" % type(path).__name__)
    return encodable(os.path.abspath(os.fsdecode(path)))


def _printable(text: str) -> str:
    """Return text on one line, without control characters: it may come from names of files."""
    return "".join([character if character.isprintable() else " " for character in text])


def _warn_about(error: Exception, what: str) -> None:
    try:
        text = str(error)
    except Exception:
        # The error of a program can fail to give its text.
        text = type(error).__name__
    warn("warning: %s: %s" % (what, _printable(text)))
