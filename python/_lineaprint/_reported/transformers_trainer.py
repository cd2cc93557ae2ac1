"""`Trainer` of transformers: what it passes to its callbacks, without a callback of ours among them."""

import functools

from .. import _calls
from . import _report

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

SOURCE = "transformers"


def follow(name: str, module: "Any") -> None:
    handler = module.CallbackHandler
    _calls.replace(handler, "on_log", _around_log)
    _calls.before(handler, "on_init_end", _arguments)
    _calls.before(handler, "on_train_begin", _arguments)


def _around_log(function: "Any") -> "Any":
    @functools.wraps(function)
    def call(*args: "Any", **kwargs: "Any") -> "Any":
        # Before the callbacks, because one of them removes values.
        names = _calls.attempt(_on_log, *args, **kwargs)
        if names is None:
            return function(*args, **kwargs)
        _report.renamed(names)
        try:
            return function(*args, **kwargs)
        finally:
            _report.renamed(None)

    return call


def _on_log(self: "Any", args: "Any", state: "Any", control: "Any", logs: "Any", **_: "Any") -> "dict[str, str]":
    values = [(key, value) for key, value in logs.items() if not isinstance(value, str)]
    _report.metrics(SOURCE, _report.instance_of(SOURCE, self), values, state.global_step)
    # Some of the callbacks pass the same values on under these names.
    return {_rewritten(key): key for key, _ in values}


def _rewritten(name: str) -> str:
    for prefix in ("eval_", "test_"):
        if name.startswith(prefix):
            return "%s/%s" % (prefix[:-1], name[len(prefix) :])
    return "train/" + name


def _arguments(self: "Any", args: "Any", *_: "Any", **__: "Any") -> None:
    found = args.to_dict()
    # In place of each token, also of one that is not given, there is a text.
    for name in found:
        if name.endswith("_token") and getattr(args, name, None) is None:
            found[name] = None
    _report.parameters(SOURCE, _report.instance_of(SOURCE, self), found)
