"""papermill: the parameters of each notebook that it executes, from `-p` and its relatives and from Python."""

from .. import _calls
from . import _report

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

SOURCE = "papermill"


def follow(name: str, module: "Any") -> None:
    _calls.before(module, "execute_notebook", _executed)


def _executed(input_path: "Any", output_path: "Any", parameters: "Any" = None, *_: "Any", **__: "Any") -> None:
    if parameters:
        _report.parameters(SOURCE, _report.next_instance(SOURCE), parameters)
