"""Report the seeds that a DataLoader of PyTorch gives to its workers.

PyTorch seeds `random`, itself and the functions of `numpy.random` in each worker, from one number that it draws for
each pass over the data. Generators that the program created before keep the state of the program in every worker.
"""

from . import _calls
from ._process import current

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def follow(module: "Any") -> None:
    """Report each pass with workers, after `torch.utils.data.dataloader` is loaded."""
    _calls.after(module._MultiProcessingDataLoaderIter, "__init__", _begun)


def _begun(result: "Any", self: "Any", *_: "Any", **__: "Any") -> None:
    current.tell("loader", workers=int(self._num_workers), base=str(int(self._base_seed)))
