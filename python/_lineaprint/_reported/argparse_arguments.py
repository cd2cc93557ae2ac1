"""The arguments that a program reads from its command line with argparse."""

import sys

from .._process import current
from .. import _calls
from . import _report

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

SOURCE = "argparse"

#: Packages whose arguments are not parameters of the program: what they read has another source.
_NOT_OF_THE_PROGRAM = ("hydra", "torch", "accelerate", "joblib", "loky", "IPython", "ipykernel", "traitlets", "_pytest")


def follow(name: str, module: "Any") -> None:
    _calls.after(module.ArgumentParser, "parse_known_args", _parsed)


def _parsed(result: "Any", self: "Any", args: "Any" = None, *_: "Any", **__: "Any") -> None:
    is_command_line = args is None or list(args) == sys.argv[1:]
    is_program = current.kind == "program" and not current.position.passive
    if not is_command_line or not is_program or _calls.caller_package(("argparse",)) in _NOT_OF_THE_PROGRAM:
        return
    found = {name: value for name, value in vars(result[0]).items() if not _is_code(value)}
    _report.parameters(SOURCE, 1, found)


def _is_code(value: "Any") -> bool:
    # The function of a subcommand, for example.
    return callable(value) and not isinstance(value, type)
