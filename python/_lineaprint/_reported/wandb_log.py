"""Weights & Biases: `log`, `define_metric` and the configuration of a run, also offline and disabled."""

from .. import _calls
from . import _report, _values

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Iterator

SOURCE = "wandb"


class _Steps:
    """The steps of one run: its own count, and metrics that are the steps of others."""

    def __init__(self, first: "Any") -> None:
        self.next = first if isinstance(first, int) else 0
        #: Names, or prefixes that end in `*`, and the metric that is their step.
        self.defined: "dict[str, str]" = {}
        #: The last value of each metric that is a step.
        self.last: "dict[str, Any]" = {}

    def metric_for(self, name: str) -> "str | None":
        if name in self.defined:
            return self.defined[name]
        globs = [glob for glob in self.defined if glob.endswith("*") and name.startswith(glob[:-1])]
        return self.defined[max(globs, key=len)] if globs else None


_steps: "dict[str, _Steps]" = {}


def follow(name: str, module: "Any") -> None:
    if name == "wandb.sdk.wandb_run":
        _follow_run(module.Run)
    elif name == "wandb.sdk.lib.noop_run":
        _follow_run(module.NoopRun)
    elif name == "wandb.sdk.wandb_init":
        _calls.after(module, "init", _init)
    else:
        _calls.after(module.Config, "update", _update)
        _calls.after(module.Config, "setdefaults", _update)
        for method in ("__setitem__", "__setattr__"):
            _calls.after(module.Config, method, _set_item)


def _follow_run(run: "Any") -> None:
    _calls.after(run, "log", _log)
    _calls.after(run, "define_metric", _define_metric)


def _steps_of(run: "Any") -> _Steps:
    steps = _steps.get(run.id)
    if steps is None:
        steps = _steps[run.id] = _Steps(getattr(run, "_starting_step", 0))
    return steps


def _define_metric(result: "Any", self: "Any", name: "Any", step_metric: "Any" = None, *_: "Any", **__: "Any") -> None:
    step_name = getattr(step_metric, "name", step_metric)
    if isinstance(name, str) and isinstance(step_name, str):
        _steps_of(self).defined[name] = step_name


def _log(result: "Any", self: "Any", data: "Any", step: "Any" = None, commit: "Any" = None, *_: "Any", **__: "Any") -> None:
    steps = _steps_of(self)
    # As wandb counts.
    if step is not None and step > steps.next:
        steps.next = step
    at = steps.next
    if (step is None and commit is None) or commit:
        steps.next += 1
    found = dict(_flat(data))
    axes = set(steps.defined.values())
    for axis in axes & found.keys():
        steps.last[axis] = _report.step_of(found[axis])
    entries = []
    for name, value in found.items():
        step_name = steps.metric_for(name)
        if name not in axes:
            # A metric that is the step of others is no series of its own.
            entries.append((name, value, at if step_name is None else steps.last.get(step_name, at)))
    _report.send(SOURCE, _report.instance_of(SOURCE, self.id), entries)


def _flat(data: "Any", prefix: str = "") -> "Iterator[tuple[str, Any]]":
    for name, value in data.items():
        if _values.is_mapping(value):
            yield from _flat(value, "%s%s." % (prefix, name))
        else:
            yield prefix + str(name), value


def _init(result: "Any", *_: "Any", **__: "Any") -> None:
    _report.parameters(SOURCE, _report.instance_of(SOURCE, result.id), dict(result.config.items()))


def _changed(config: "Any", values: "Any") -> None:
    import sys

    run = getattr(sys.modules.get("wandb"), "run", None)
    # A configuration that belongs to no run yet is reported by `init`.
    if run is not None and run.config is config:
        _report.parameters(SOURCE, _report.instance_of(SOURCE, run.id), values)


def _update(result: "Any", self: "Any", d: "Any", *_: "Any", **__: "Any") -> None:
    # wandb also takes namespaces and files; its own form of them is in the configuration.
    _changed(self, dict(self.items()))


def _set_item(result: "Any", self: "Any", key: "Any", val: "Any") -> None:
    if not str(key).startswith("_"):
        _changed(self, {key: val})
