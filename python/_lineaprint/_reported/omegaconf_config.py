"""Configurations that a program reads with OmegaConf, from files and from its command line."""

import sys

from .. import _calls
from . import _report, _values

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

SOURCE = "omegaconf"

#: Packages that use OmegaConf for settings of their own, or whose configuration has another source.
_NOT_OF_THE_PROGRAM = ("hydra", "antlr4")

#: Identities of configurations that were read, as long as they exist.
_read: "dict[int, Any]" = {}


def follow(name: str, module: "Any") -> None:
    _calls.after(module.OmegaConf, "load", _loaded)
    _calls.after(module.OmegaConf, "from_cli", _loaded)
    _calls.after(module.OmegaConf, "merge", _merged)


def _loaded(result: "Any", *_: "Any", **__: "Any") -> None:
    if _calls.caller_package(("omegaconf",)) not in _NOT_OF_THE_PROGRAM:
        _note(result)


def _merged(result: "Any", *configs: "Any") -> None:
    # What is merged from a file and the command line is what the program uses.
    if any(_is_read(config) for config in configs):
        _note(result)


def _is_read(config: "Any") -> bool:
    known = _read.get(id(config))
    return known is not None and known() is config


def _note(config: "Any") -> None:
    import weakref

    key = id(config)
    _read[key] = weakref.ref(config, lambda _: _read.pop(key, None))
    if _values.is_mapping(config):
        _report.parameters(SOURCE, 1, container(config))


def container(config: "Any", without: "str | None" = None) -> "Any":
    """Return a configuration as an object of Python. A reference that leads nowhere is kept as it was written."""
    convert = sys.modules["omegaconf"].OmegaConf.to_container
    found = {}
    for name in config:
        if name != without:
            found[name] = _entry(convert, config, name)
    return found


def _entry(convert: "Any", config: "Any", name: "Any") -> "Any":
    is_config = sys.modules["omegaconf"].OmegaConf.is_config
    try:
        value = config[name]
        return convert(value, resolve=True) if is_config(value) else value
    except Exception:
        # Missing, or with a reference to what is not there.
        node = config._get_node(name)
        return convert(node, resolve=False) if is_config(node) else str(node._value())
