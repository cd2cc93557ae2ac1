"""Lightning: what a trainer or Fabric passes to its loggers, and the hyperparameters of a module."""

from .. import _calls
from . import _report

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

SOURCE = "lightning"


def follow(name: str, module: "Any") -> None:
    if name.endswith(".logger_connector"):
        _calls.before(module._LoggerConnector, "log_metrics", _log_metrics)
    elif name.endswith(".utilities"):
        _calls.before(module, "_log_hyperparams", _log_hyperparams)
    else:
        _calls.before(module.Fabric, "log_dict", _log_dict)


def _is_read(value: "Any", has_loggers: bool) -> bool:
    """Return whether a value may be read: without loggers, nobody else waits for a device."""
    device = getattr(value, "device", None)
    return has_loggers or device is None or getattr(device, "type", "cpu") == "cpu"


def _log_metrics(self: "Any", metrics: "Any", step: "Any" = None) -> None:
    trainer = self.trainer
    has_loggers = bool(trainer.loggers)
    values = {name: value for name, value in (metrics or {}).items() if _is_read(value, has_loggers)}
    if not values:
        return
    if step is None:
        step = values.pop("step", None)
        if step is None:
            # As Lightning numbers and completes what it logs.
            values.setdefault("epoch", trainer.current_epoch)
            step = trainer.fit_loop.epoch_loop._batches_that_stepped
    _report.metrics(SOURCE, _report.instance_of(SOURCE, trainer), values.items(), step)


def _log_dict(self: "Any", metrics: "Any", step: "Any" = None) -> None:
    has_loggers = bool(self._loggers)
    values = [(name, value) for name, value in metrics.items() if _is_read(value, has_loggers)]
    _report.metrics(SOURCE, _report.instance_of(SOURCE, self), values, step)


def _log_hyperparams(trainer: "Any") -> None:
    instance = _report.instance_of(SOURCE, trainer)
    for part in (trainer.lightning_module, trainer.datamodule):
        if part is not None and part._log_hyperparams:
            found = {name: value for name, value in part.hparams_initial.items() if name != "_class_path"}
            _report.parameters(SOURCE, instance, found)
