"""XGBoost: the evaluation results of each round and the settings, from `train`, `cv` and the estimators."""

import functools
from _thread import _local

from .. import _calls
from . import _report

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

SOURCE = "xgboost"

#: Arguments of `train` and `cv` beside `params` that decide what is trained.
_ARGUMENTS = ("num_boost_round", "early_stopping_rounds")

#: Per thread, these arguments of the call that runs.
_thread = _local()

#: The settings that each booster was made with, by the booster. A WeakKeyDictionary once there is one.
_given: "list[Any]" = []


def follow(name: str, module: "Any") -> None:
    if name == "xgboost.training":
        _calls.replace(module, "train", _around)
        _calls.replace(module, "cv", _around)
        return
    _calls.after(module.CallbackContainer, "after_iteration", _after_iteration)
    _calls.before(module.CallbackContainer, "before_training", _before_training)
    _calls.after(module.Booster, "__init__", _made)


def _around(function: "Any") -> "Any":
    import inspect

    signature = inspect.signature(function)

    @functools.wraps(function)
    def call(*args: "Any", **kwargs: "Any") -> "Any":
        before = getattr(_thread, "arguments", None)
        _thread.arguments = _calls.attempt(_arguments, signature, args, kwargs)
        try:
            return function(*args, **kwargs)
        finally:
            _thread.arguments = before

    return call


def _arguments(signature: "Any", args: "Any", kwargs: "Any") -> "dict[str, Any]":
    bound = signature.bind(*args, **kwargs)
    bound.apply_defaults()
    given = {name: bound.arguments.get(name) for name in _ARGUMENTS}
    return {name: value for name, value in given.items() if value is not None}


def _made(result: "Any", self: "Any", params: "Any" = None, *_: "Any", **__: "Any") -> None:
    # A model that is loaded has none.
    if not params:
        return
    if not _given:
        import weakref

        _given.append(weakref.WeakKeyDictionary())
    # XGBoost takes a list of pairs as well.
    _given[0][self] = dict(params)


def _before_training(self: "Any", model: "Any", *_: "Any", **__: "Any") -> None:
    # `cv` trains a booster for each fold, all with the same settings.
    folds = getattr(model, "cvfolds", None)
    booster = folds[0].bst if folds else model
    settings = _given[0].get(booster) if _given else None
    # The estimators pass on what was not given as None.
    given = {name: value for name, value in (settings or {}).items() if value is not None}
    found = {**given, **(getattr(_thread, "arguments", None) or {})}
    if found:
        _report.parameters(SOURCE, _report.instance_of(SOURCE, self), found)


def _after_iteration(result: "Any", self: "Any", model: "Any", epoch: "Any", *_: "Any", **__: "Any") -> None:
    values: "list[Any]" = []
    for data, found in self.history.items():
        for metric, series in found.items():
            name = "%s-%s" % (data, metric)
            last = series[-1]
            if isinstance(last, tuple):
                # Of `cv`: the names are those of its result.
                values += [(name + "-mean", last[0]), (name + "-std", last[1])]
            else:
                values.append((name, last))
    _report.metrics(SOURCE, _report.instance_of(SOURCE, self), values, epoch)
