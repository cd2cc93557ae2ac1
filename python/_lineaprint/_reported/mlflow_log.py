"""MLflow: metrics and parameters on their way to the store, whichever function they were given to."""

from .. import _calls
from . import _report

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

SOURCE = "mlflow"


def follow(name: str, module: "Any") -> None:
    client = module.MlflowClient
    _calls.after(client, "log_metric", _log_metric)
    _calls.after(client, "log_batch", _log_batch)
    _calls.after(client, "log_param", _log_param)


def _log_metric(result: "Any", self: "Any", run_id: "Any", key: "Any", value: "Any", timestamp: "Any" = None, step: "Any" = None, *_: "Any", **__: "Any") -> None:
    # MLflow numbers a value without a step 0.
    _report.metrics(SOURCE, _report.instance_of(SOURCE, str(run_id)), [(key, value)], step or 0)


def _log_batch(result: "Any", self: "Any", run_id: "Any", metrics: "Any" = (), params: "Any" = (), *_: "Any", **__: "Any") -> None:
    instance = _report.instance_of(SOURCE, str(run_id))
    _report.send(SOURCE, instance, [(metric.key, metric.value, _report.step_of(metric.step)) for metric in metrics])
    if params:
        # Their values are texts here.
        _report.parameters(SOURCE, instance, {param.key: param.value for param in params})


def _log_param(result: "Any", self: "Any", run_id: "Any", key: "Any", value: "Any", *_: "Any", **__: "Any") -> None:
    _report.parameters(SOURCE, _report.instance_of(SOURCE, str(run_id)), {key: value})
