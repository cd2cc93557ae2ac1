"""`SummaryWriter` of PyTorch and of tensorboardX: `add_scalar`, `add_scalars`, `add_hparams`."""

from .. import _calls
from . import _report

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

#: The source by the package of the writer.
_SOURCES = {"torch": "tensorboard", "tensorboardX": "tensorboardx"}


def follow(name: str, module: "Any") -> None:
    writer = _Writer(_SOURCES[name.partition(".")[0]])
    _calls.after(module.SummaryWriter, "add_scalar", writer.add_scalar)
    _calls.after(module.SummaryWriter, "add_scalars", writer.add_scalars)
    _calls.before(module.SummaryWriter, "add_hparams", writer.add_hparams)


class _Writer:
    """The observers of one package. `this` is the writer of the program."""

    def __init__(self, source: str) -> None:
        self._source = source

    def _instance(self, this: "Any") -> int:
        # tensorboardX has another name for the folder.
        folder = getattr(this, "log_dir", None) or getattr(this, "logdir", None)
        return _report.instance_of(self._source, str(folder))

    def add_scalar(
        self, result: "Any", this: "Any", tag: "Any", scalar_value: "Any", global_step: "Any" = None, *_: "Any", **__: "Any"
    ) -> None:
        # The library has read the value already, so a device has nothing more to wait for.
        _report.metrics(self._source, self._instance(this), [(tag, scalar_value)], global_step)

    def add_scalars(
        self, result: "Any", this: "Any", main_tag: "Any", tag_scalar_dict: "Any", global_step: "Any" = None, *_: "Any", **__: "Any"
    ) -> None:
        values = [("%s/%s" % (main_tag, tag), value) for tag, value in tag_scalar_dict.items()]
        _report.metrics(self._source, self._instance(this), values, global_step)

    def add_hparams(self, this: "Any", hparam_dict: "Any", metric_dict: "Any", *_: "Any", **__: "Any") -> None:
        # The metrics go through `add_scalar` of a further writer.
        _report.parameters(self._source, self._instance(this), hparam_dict)
