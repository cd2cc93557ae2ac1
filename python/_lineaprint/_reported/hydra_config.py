"""The configuration that Hydra composes for a program, without that of Hydra itself."""

from .. import _calls
from . import _report
from .omegaconf_config import container

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

SOURCE = "hydra"


def follow(name: str, module: "Any") -> None:
    if name == "hydra.compose":
        _calls.after(module, "compose", _compose)
    else:
        _calls.before(module, "run_job", _run_job)


def _run_job(task_function: "Any", config: "Any", *_: "Any", **__: "Any") -> None:
    _report_config(config)


def _compose(result: "Any", *_: "Any", **__: "Any") -> None:
    _report_config(result)


def _report_config(config: "Any") -> None:
    # The jobs of a sweep have one configuration each.
    _report.parameters(SOURCE, _report.next_instance(SOURCE), container(config, "hydra"))
