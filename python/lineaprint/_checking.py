"""Check tensors in memory against a manifest."""

from __future__ import annotations

from _lineaprint._errors import LineaprintError

from . import _hashing, _manifests
from ._found import Found
from ._models import fill_with_buffers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Mapping


class _Given(Found):
    """The tensors of a model, some of which may have no digest."""

    def __init__(self) -> None:
        super().__init__()
        #: Why a tensor has none, by its name.
        self.reasons: Dict[str, str] = {}

    def take(self, value: Any, name: str) -> None:
        try:
            super().take(value, name)
        except LineaprintError as error:
            if error.code != "ERR_LINEAPRINT_UNSUPPORTED":
                raise
            self.reasons[name] = str(error)


def check(source: Any, tensors: Any) -> Dict[str, Any]:
    """Return the verdict about each tensor of a manifest and of a model."""
    manifest = _manifests.read(source)
    given = _Given()
    fill_with_buffers(tensors, given)
    for name in given.ignored:
        given.reasons.setdefault(name, "it is no tensor")
    comparable = [
        given.tensors[name]
        for name, listed in manifest.tensors.items()
        if name in given.tensors and typed(given.tensors[name]) == typed(listed)
    ]
    digests = _digests(manifest.algorithm, comparable)
    names = sorted({*manifest.tensors, *given.tensors})
    checked = [_verdict(name, manifest.tensors.get(name), given, digests) for name in names]
    counts = dict.fromkeys(("same", "changed", "missing", "extra", "not-checked"), 0)
    for item in checked:
        counts[item["status"]] += 1
    return {"same": counts["same"] == len(checked), "tensors": checked, "counts": counts}


def typed(tensor: Any) -> str:
    """Return the dtype and shape of a tensor."""
    return "%s [%s]" % (tensor.dtype, ", ".join(map(str, tensor.shape)))


def _digests(algorithm: str, tensors: List[Any]) -> Mapping[str, str]:
    if not tensors:
        return {}
    engine = _hashing.hasher(algorithm)
    try:
        engine.begin(tensors)
        for tensor in tensors:
            tensor.write(engine.take)
        return {tensor.name: digest for tensor, digest in zip(tensors, engine.finish().tensors)}
    finally:
        engine.close()


def _verdict(name: str, listed: Any, given: _Given, digests: Mapping[str, str]) -> Dict[str, Any]:
    if name in given.reasons:
        return {"name": name, "status": "not-checked", "reason": given.reasons[name]}
    found = given.tensors.get(name)
    if listed is None:
        return {"name": name, "status": "extra"}
    if found is None:
        return {"name": name, "status": "missing"}
    expected, received = (typed(listed), typed(found)) if name not in digests else (listed.digest, digests[name])
    if expected == received:
        return {"name": name, "status": "same"}
    return {"name": name, "status": "changed", "expected": expected, "received": received}
