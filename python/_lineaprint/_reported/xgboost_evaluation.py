"""XGBoost: the evaluation results of each round, from `train`, `cv` and the estimators."""

from .. import _calls
from . import _report

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

SOURCE = "xgboost"


def follow(name: str, module: "Any") -> None:
    _calls.after(module.CallbackContainer, "after_iteration", _after_iteration)


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
