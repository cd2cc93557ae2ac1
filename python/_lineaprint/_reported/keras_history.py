"""Keras: the values that the history of a model keeps, one per epoch."""

from .. import _calls
from . import _report

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

SOURCE = "keras"


def follow(name: str, module: "Any") -> None:
    _calls.after(module.History, "on_epoch_end", _on_epoch_end)


def _on_epoch_end(result: "Any", self: "Any", epoch: "Any", logs: "Any" = None) -> None:
    _report.metrics(SOURCE, _report.instance_of(SOURCE, self.model), (logs or {}).items(), epoch)
