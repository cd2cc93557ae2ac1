"""Record the order of the samples that a loader gives, without changing what the program gets.

docs/format.md, "Sample order", defines every digest.
"""

from __future__ import annotations

import hashlib
import os
import struct

from _lineaprint._errors import LineaprintError, argument
from _lineaprint._process import current

from . import _tensors
from ._text import text
from ._tracking import metric_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, Iterator, List, Tuple

#: Digests that are sent at a time.
_AT_ONCE = 256
#: Batches of an epoch up to which each has a digest; later ones are thinned out.
_EACH = 1024
_MODULUS = 1 << 256
_SCALARS = (bool, int, float, str, bytes)
_ORDER = hashlib.sha256(b"lineaprint/order/v1").digest()

#: Number of epochs that began, by process, run and name.
_epochs: Dict[Tuple[int, "str | None", str], int] = {}


def track(loader: Any, name: str, index: Any, samples: "str | None") -> Any:
    metric_name(name)
    if samples not in (None, "rows", "items"):
        raise argument("samples must be 'rows' or 'items', not %.80r" % (samples,))
    if hasattr(type(loader), "__next__"):
        return _Epoch(loader, name, index, samples)
    iter_of = getattr(type(loader), "__iter__", None)
    if iter_of is None and not hasattr(type(loader), "__getitem__"):
        raise argument("a loader must be iterable, and %s is not" % type(loader).__name__)
    kind = _SizedBatches if hasattr(type(loader), "__len__") else _Batches
    return kind(loader, name, index, samples)


class _Batches:
    """A loader whose passes are recorded. Everything else is that of the loader itself."""

    def __init__(self, loader: Any, name: str, index: Any, samples: "str | None") -> None:
        object.__setattr__(self, "_lineaprint_loader", loader)
        object.__setattr__(self, "_lineaprint_of", (name, index, samples))

    def __iter__(self) -> Iterator[Any]:
        return _Epoch(iter(self._lineaprint_loader), *self._lineaprint_of)

    def __getitem__(self, key: Any) -> Any:
        return self._lineaprint_loader[key]

    def __bool__(self) -> bool:
        return bool(self._lineaprint_loader)

    def __getattr__(self, name: str) -> Any:
        return getattr(object.__getattribute__(self, "_lineaprint_loader"), name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._lineaprint_loader, name, value)

    def __repr__(self) -> str:
        return repr(self._lineaprint_loader)


class _SizedBatches(_Batches):
    """A loader that has a length."""

    def __len__(self) -> int:
        return len(self._lineaprint_loader)


class _Epoch:
    """One pass of a loader. What goes wrong in it is that of the loader, and never ours."""

    def __init__(self, iterator: Any, name: str, index: Any, samples: "str | None") -> None:
        self._iterator = iterator
        self._order: "Order | None" = None
        self._values: List[Tuple[str, str, int]] = []
        try:
            key = (os.getpid(), os.environ.get("LINEAPRINT_RUN_ID"), name)
            epoch = _epochs.get(key, 0)
            _epochs[key] = epoch + 1
            self._label = "%s, epoch %d" % (name, epoch)
            self._prefix = "" if index is None else "index "
            self._order = Order(index, samples)
        except Exception as error:
            self._give_up(error)

    def __iter__(self) -> "_Epoch":
        return self

    def __next__(self) -> Any:
        try:
            batch = next(self._iterator)
        except StopIteration:
            self._end(True)
            raise
        except BaseException:
            self._end(False)
            raise
        if self._order is not None:
            try:
                self._take(self._order, batch)
            except Exception as error:
                self._give_up(error)
        return batch

    def __length_hint__(self) -> int:
        from operator import length_hint

        return length_hint(self._iterator)

    def __getattr__(self, name: str) -> Any:
        if name in ("_iterator", "_order", "_values"):
            raise AttributeError(name)
        return getattr(self._iterator, name)

    def __del__(self) -> None:
        # A loop that was left early has no other end.
        try:
            self._end(False)
        except Exception:
            # Nobody could catch it here, and modules may be gone at the exit of Python.
            return

    def _take(self, order: "Order", batch: Any) -> None:
        try:
            order.add(batch)
        except LineaprintError as error:
            raise LineaprintError(error.code, "batch %d: %s" % (order.batches + 1, error)) from error
        if is_kept(order.batches):
            self._log("order", order.chain, order.batches)

    def _log(self, what: str, digest: bytes, step: int) -> None:
        self._values.append(("%s%s of %s" % (self._prefix, what, self._label), digest.hex(), step))
        if len(self._values) >= _AT_ONCE:
            self._send()

    def _send(self) -> None:
        values, self._values = self._values, []
        if values and current.active and current.connection is not None:
            current.tell("order", values=[list(value) for value in values])

    def _end(self, is_whole: bool) -> None:
        order, self._order = self._order, None
        if order is None:
            return
        try:
            if order.batches > 0 and not is_kept(order.batches):
                self._log("order", order.chain, order.batches)
            if is_whole:
                self._log("samples" if order.is_separated else "batches", order.content(), order.samples)
            self._send()
        except Exception as error:
            self._give_up(error)

    def _give_up(self, error: Exception) -> None:
        self._order = None
        self._values = []
        current.problem("track_batches", error)


def is_kept(batch: int) -> bool:
    """Return whether the digest of a batch, from 1, is recorded: each of the first, then fewer."""
    return batch <= _EACH or batch % (1 << (batch.bit_length() - _EACH.bit_length() + 1)) == 0


class Order:
    """The digests of the samples of one epoch so far."""

    def __init__(self, index: Any = None, samples: "str | None" = None) -> None:
        self._index = index
        self._samples = samples
        self.chain = _ORDER
        self._sum = 0
        self.batches = 0
        #: Number of samples; of batches once the samples of one could not be told apart.
        self.samples = 0
        self.is_separated = True

    def add(self, batch: Any) -> None:
        """Add a batch. Raise LineaprintError if it holds something that has no digest."""
        digests = self._indexes(batch) if self._index is not None else digests_of(batch, self._samples)
        if digests is None:
            digests = [_whole(batch)]
            self._separate(False)
        self.batches += 1
        self.samples += len(digests)
        self._sum += sum([int.from_bytes(digest, "little") for digest in digests])
        joined = hashlib.sha256(struct.pack("<Q", len(digests)) + b"".join(digests)).digest()
        self.chain = hashlib.sha256(self.chain + joined).digest()

    def _separate(self, is_separated: bool) -> None:
        if self.is_separated and not is_separated and self.batches > 0:
            raise LineaprintError(
                "ERR_LINEAPRINT_UNSUPPORTED",
                "the samples of a batch cannot be told apart, and those of earlier batches could; pass samples='rows' or 'items'",
            )
        if not self.is_separated and is_separated:
            raise AssertionError("a batch was not separated before")
        self.is_separated = is_separated

    def _indexes(self, batch: Any) -> List[bytes]:
        index = self._index
        values: Any = index(batch) if callable(index) else batch[index]
        numbers = values.tolist() if hasattr(values, "tolist") else list(values)
        if not all(isinstance(number, int) for number in numbers):
            raise argument("the indexes of a batch must be integers")
        return [_whole(int(number)) for number in numbers]

    def content(self) -> bytes:
        """Return the digest of the samples, whatever their order."""
        total = (self._sum % _MODULUS).to_bytes(32, "little")
        return hashlib.sha256(b"lineaprint/samples/v1" + struct.pack("<Q", self.samples) + total).digest()


def digests_of(batch: Any, samples: "str | None") -> "List[bytes] | None":
    """Return the digest of each sample of a batch; None if its samples cannot be told apart."""
    if samples == "items":
        return [_whole(item) for item in batch]
    count = _count(batch, samples == "rows")
    if count is None:
        return None
    hashers = [hashlib.sha256() for _ in range(count)]
    _rows(batch, hashers)
    return [hasher.digest() for hasher in hashers]


def _array(value: Any) -> Any:
    """Return the tensor for an array; None for another value."""
    if isinstance(value, (*_SCALARS, list, tuple, dict)) or value is None:
        return None
    return _tensors.describe(value, "a batch")


def _count(value: Any, is_rows: bool) -> "int | None":
    if isinstance(value, dict):
        return _equal([_count(item, is_rows) for item in value.values()])
    if isinstance(value, (list, tuple)):
        if value and all(item is None or isinstance(item, _SCALARS) or _is_scalar(item) for item in value):
            return len(value)
        forms = [_form(item) for item in value]
        # Several arrays of one form are the columns of a batch, or samples that nobody collated.
        if not is_rows and len(set(forms)) < len(forms) or not is_rows and len(forms) == 1:
            return None
        return _equal([_count(item, is_rows) for item in value])
    tensor = _array(value)
    return None if tensor is None or len(tensor.shape) == 0 else int(tensor.shape[0])


def _is_scalar(value: Any) -> bool:
    return not isinstance(value, (list, tuple, dict)) and len(_array(value).shape) == 0


def _equal(counts: "List[int | None]") -> "int | None":
    return counts[0] if counts and len(set(counts)) == 1 else None


def _form(value: Any) -> Tuple[Any, ...]:
    if isinstance(value, dict):
        return ("m", *sorted(str(key) for key in value))
    if isinstance(value, (list, tuple)):
        return ("l", len(value))
    tensor = _array(value)
    return ("s", type(value).__name__) if tensor is None else ("a", tensor.dtype, *tensor.shape)


def _whole(value: Any) -> bytes:
    hasher = hashlib.sha256()
    encode(value, hasher.update)
    return hasher.digest()


def _rows(value: Any, hashers: List[Any]) -> None:
    """Add row N of each array of a structure to hasher N."""

    def to_all(content: bytes) -> None:
        for hasher in hashers:
            hasher.update(content)

    if isinstance(value, dict):
        to_all(b"m" + struct.pack("<Q", len(value)))
        for key, item in _sorted(value):
            to_all(_text(key))
            _rows(item, hashers)
    elif isinstance(value, (list, tuple)):
        if len(value) == len(hashers) and all(item is None or isinstance(item, _SCALARS) or _is_scalar(item) for item in value):
            for item, hasher in zip(value, hashers):
                encode(item, hasher.update)
            return
        to_all(b"l" + struct.pack("<Q", len(value)))
        for item in value:
            _rows(item, hashers)
    else:
        tensor = _array(value)
        to_all(_head(tensor.dtype, tensor.shape[1:]))
        length = tensor.size // max(1, len(hashers))

        def take(content: memoryview) -> None:
            for at, hasher in enumerate(hashers):
                hasher.update(content[at * length : (at + 1) * length])

        tensor.write(take)


def encode(value: Any, take: Callable[[Any], None]) -> None:
    if value is None:
        take(b"n")
    elif isinstance(value, bool):
        take(b"t" if value else b"f")
    elif isinstance(value, (int, float)):
        take(_number(value))
    elif isinstance(value, str):
        take(_text(value))
    elif isinstance(value, bytes):
        take(b"b" + struct.pack("<Q", len(value)) + value)
    elif isinstance(value, dict):
        take(b"m" + struct.pack("<Q", len(value)))
        for key, item in _sorted(value):
            take(_text(key))
            encode(item, take)
    elif isinstance(value, (list, tuple)):
        take(b"l" + struct.pack("<Q", len(value)))
        for item in value:
            encode(item, take)
    else:
        tensor = _array(value)
        take(_head(tensor.dtype, tensor.shape))
        tensor.write(take)


def _head(dtype: str, shape: Any) -> bytes:
    name = dtype.encode()
    return b"a" + struct.pack("<Q%dsQ%dQ" % (len(name), len(shape)), len(name), name, len(shape), *shape)


def _number(value: "int | float") -> bytes:
    if isinstance(value, int):
        return b"i%d;" % value
    # A float with the value of an integer is that integer: other languages have one type for both.
    if value.is_integer() and abs(value) <= 9007199254740991 and not (value == 0 and str(value)[0] == "-"):
        return b"i%d;" % int(value)
    return b"d" + struct.pack("<d", value)


def _text(value: str) -> bytes:
    content = text("a text of it", value).encode("utf-8")
    return b"s" + struct.pack("<Q", len(content)) + content


def _sorted(value: Dict[Any, Any]) -> List[Tuple[str, Any]]:
    if not all(isinstance(key, str) for key in value):
        raise argument("the keys of a batch must be text")
    return sorted(value.items(), key=lambda entry: text("a key of it", entry[0]).encode("utf-8"))
