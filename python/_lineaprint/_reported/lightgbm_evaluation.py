"""LightGBM: the evaluation results of each round and the settings, from `train`, `cv` and the estimators."""

import functools
from _thread import _local

from .. import _calls
from . import _report

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

SOURCE = "lightgbm"

#: Per thread, the `cv` that runs: it evaluates boosters whose results it averages.
_thread = _local()


class _Folds:
    def __init__(self) -> None:
        self.round = 0
        self.has_settings = False


def follow(name: str, module: "Any") -> None:
    if name == "lightgbm.basic":
        _calls.after(module.Booster, "eval_train", _evaluated)
        _calls.after(module.Booster, "eval_valid", _evaluated)
        _calls.after(module.Booster, "__init__", _made)
    else:
        _calls.replace(module, "cv", _around_cv)
        _calls.after(module, "_agg_cv_result", _averaged)


def _made(
    result: "Any", self: "Any", params: "Any" = None, train_set: "Any" = None, *_: "Any", **__: "Any"
) -> None:
    # A model that is loaded is not trained.
    if not params or train_set is None:
        return
    folds = getattr(_thread, "folds", None)
    if folds is None:
        _report.parameters(SOURCE, _report.instance_of(SOURCE, self), params)
    elif not folds.has_settings:
        # All folds have the same.
        folds.has_settings = True
        _report.parameters(SOURCE, _report.instance_of(SOURCE, folds), params)


def _evaluated(result: "Any", self: "Any", *_: "Any", **__: "Any") -> None:
    if result and getattr(_thread, "folds", None) is None:
        values = [("%s-%s" % entry[:2], entry[2]) for entry in result]
        # The first round is 0, as callbacks count.
        _report.metrics(SOURCE, _report.instance_of(SOURCE, self), values, self.current_iteration() - 1)


def _around_cv(function: "Any") -> "Any":
    @functools.wraps(function)
    def call(*args: "Any", **kwargs: "Any") -> "Any":
        before = getattr(_thread, "folds", None)
        _thread.folds = _Folds()
        try:
            return function(*args, **kwargs)
        finally:
            _thread.folds = before

    return call


def _averaged(result: "Any", *_: "Any", **__: "Any") -> None:
    folds = getattr(_thread, "folds", None)
    if folds is None:
        return
    values: "list[Any]" = []
    for entry in result:
        name = "%s %s" % (entry.dataset_name, entry.metric_name)
        # The names are those of the result of `cv`.
        values += [(name + "-mean", entry.metric_value), (name + "-stdv", entry.metric_std_dev)]
    _report.metrics(SOURCE, _report.instance_of(SOURCE, folds), values, folds.round)
    folds.round += 1
