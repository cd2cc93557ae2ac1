"""Report the seeds that a DataLoader of PyTorch gives to its workers.

PyTorch seeds `random`, itself and the functions of `numpy.random` in each worker, from one number that it draws for
each pass over the data. Generators that the program created before keep the state of the program in every worker.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def follow(module: "Any", current: "Any") -> None:
    """Report each pass with workers, after `torch.utils.data.dataloader` is loaded."""
    passes = module._MultiProcessingDataLoaderIter
    original = passes.__init__

    def init(self: "Any", *args: "Any", **kwargs: "Any") -> None:
        original(self, *args, **kwargs)
        try:
            current.tell("loader", workers=int(self._num_workers), base=str(int(self._base_seed)))
        except Exception as error:
            current.problem("a DataLoader", error)

    init.__name__, init.__qualname__, init.__doc__ = original.__name__, original.__qualname__, original.__doc__
    # What inspects the function sees the signature of the original.
    init.__wrapped__ = original  # type: ignore[attr-defined]
    passes.__init__ = init
