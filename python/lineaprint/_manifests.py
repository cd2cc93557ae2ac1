"""Manifests that list tensors (docs/manifest.md): reading one strictly, and writing that of a file."""

from __future__ import annotations

import json
import os
import re

from _lineaprint._errors import LineaprintError, argument

from ._safetensors import is_counts, is_text, open_regular, parse_object, read_into

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Iterable, Mapping, Tuple

#: The value of `schema` in every manifest.
SCHEMA = "lineaprint/manifest/v1"

#: Most bytes of a manifest that is read.
_LIMIT = 1 << 29

_MEMBERS = ["schema", "type", "algorithm", "links", "ignore", "includeSkipped", "digests", "model", "warnings", "entries", "tensors"]

_HOW = 'make one with "lineaprint manifest --tensors %s -o %s", or with the argument manifest of save_file'


class Listed:
    """A tensor that a manifest lists."""

    def __init__(self, name: str, dtype: str, shape: Tuple[int, ...], file: str, digest: str) -> None:
        self.name = name
        self.dtype = dtype
        self.shape = shape
        self.file = file
        self.digest = digest


class Manifest:
    """What a manifest says of tensors."""

    def __init__(self, algorithm: str, tensors: Dict[str, Listed], weights: str, of_folder: bool) -> None:
        #: That of the digests of tensors.
        self.algorithm = algorithm
        self.tensors = tensors
        self.weights = weights
        self.of_folder = of_folder

    def check_weights(self, computed: str) -> None:
        """Refuse a manifest whose digest of all tensors is not that of the ones it lists."""
        if computed != self.weights:
            raise LineaprintError(
                "ERR_LINEAPRINT_FORMAT",
                "the manifest contradicts itself: it was damaged or edited (expected %s for its tensors, received %s)" % (computed, self.weights),
            )


def sibling(path: str) -> str:
    """Return the path of the manifest of a file or folder whose manifest is not named."""
    return os.path.join(path, "manifest.json") if os.path.isdir(path) else path + ".manifest.json"


def read(source: Any, beside: str | None = None) -> Manifest:
    """Read a manifest: an object of JSON, a path, or with None the one beside a model."""
    if source is None:
        model = beside or ""
        path = sibling(model)
        if not os.path.exists(model):
            raise LineaprintError("ERR_LINEAPRINT_NOT_FOUND", "%s: there is no such file or folder" % model)
        if not os.path.exists(path):
            raise LineaprintError("ERR_LINEAPRINT_NOT_FOUND", "there is no manifest %s; %s" % (path, _HOW % (model, path)))
        return _parse(_content(path), path)
    if isinstance(source, (str, os.PathLike)):
        path = os.fspath(source)
        return _parse(_content(path), path)
    if hasattr(source, "keys"):
        try:
            return _parse(json.dumps(dict(source)).encode("utf-8"), "the manifest")
        except (TypeError, ValueError, RecursionError) as error:
            raise argument("a manifest must be an object of JSON: %s" % error) from error
    raise argument("a manifest must be a path or an object, not %s" % type(source).__name__)


def _content(path: str) -> bytes:
    descriptor = open_regular(path)
    try:
        size = os.fstat(descriptor).st_size
        if size > _LIMIT:
            raise LineaprintError("ERR_LINEAPRINT_FORMAT", "%s: it has %d bytes; a manifest has at most %d" % (path, size, _LIMIT))
        content = bytearray(size)
        if not read_into(descriptor, memoryview(content), 0):
            raise LineaprintError("ERR_LINEAPRINT_CHANGED", "%s: it was truncated while it was read" % path)
        return bytes(content)
    finally:
        os.close(descriptor)


def _parse(content: bytes, path: str) -> Manifest:
    def fail(sentence: str) -> LineaprintError:
        return LineaprintError("ERR_LINEAPRINT_FORMAT", "%s: this is no manifest that tensors can be checked against: %s" % (path, sentence))

    if content.startswith(b"\xef\xbb\xbf"):
        content = content[3:]
    members = parse_object(content, fail)
    if members.get("schema") != SCHEMA:
        raise fail("its schema is %.80r; expected %r" % (members.get("schema"), SCHEMA))
    if "model" not in members or "tensors" not in members:
        raise fail("it lists no tensors; %s" % (_HOW % ("PATH", "FILE")))
    unknown = [name for name in members if name not in _MEMBERS] + [name for name in _MEMBERS if name not in members]
    if unknown:
        raise fail("the member %.80r is unknown or missing" % unknown[0])
    kind, algorithm, model, listed = members["type"], members["algorithm"], members["model"], members["tensors"]
    if kind not in ("file", "folder") or algorithm not in ("blake3", "sha256", "both"):
        raise fail("its type or algorithm is unknown")
    # With both, a manifest lists the BLAKE3 digests of tensors.
    used = "sha256" if algorithm == "sha256" else "blake3"
    weights = model.get("weights") if isinstance(model, dict) else None
    found = weights.get(used) if isinstance(weights, dict) else None
    if not _is_digest(found, "weights.v1." + used):
        raise fail("the digest of weights is %.80r; expected weights.v1.%s:…" % (found, used))
    if not isinstance(listed, list):
        raise fail("tensors is no list")
    tensors: Dict[str, Listed] = {}
    before = ""
    for at, value in enumerate(listed):
        tensor = _tensor(value, used, lambda sentence: fail("tensor %d: %s" % (at + 1, sentence)))
        if tensor.name in tensors or (tensors and tensor.name < before):
            raise fail("the tensor %.200r stands twice, or not in the order of names" % tensor.name)
        before = tensor.name
        tensors[before] = tensor
    return Manifest(used, tensors, str(found), kind == "folder")


def _tensor(value: Any, algorithm: str, fail: Any) -> Listed:
    if not isinstance(value, dict) or set(value) != {"name", "dtype", "shape", "file", "digest"}:
        raise fail("it has other members than name, dtype, shape, file and digest")
    name, dtype, file, digest = (value[key] for key in ("name", "dtype", "file", "digest"))
    if not all(is_text(item) for item in (name, dtype, file)) or not is_counts(value["shape"]):
        raise fail("a member has another form")
    if not _is_digest(digest, algorithm):
        raise fail("the digest is %.80r; expected %s:…" % (digest, algorithm))
    return Listed(name, dtype, tuple(value["shape"]), file, digest)


def _is_digest(value: Any, kind: str) -> bool:
    return isinstance(value, str) and re.fullmatch(re.escape(kind) + ":[0-9a-f]{64}", value) is not None


def form(name: str, size: int, file: str, weights: str, tensors: Iterable[Listed]) -> str:
    """Return the text of the manifest of one file, as the command writes it."""
    algorithm = file.partition(":")[0]
    entry = {"path": name, "type": "file", "size": size, "digests": {algorithm: file}}
    members: Dict[str, str] = {
        "schema": _json(SCHEMA),
        "type": _json("file"),
        "algorithm": _json(algorithm),
        "links": _json("follow"),
        "ignore": "[]",
        "includeSkipped": "false",
        "digests": _json({algorithm: file}),
        "model": _json({"file": name, "weights": {algorithm: weights}}),
        "warnings": "[]",
        "entries": _rows([entry]),
        "tensors": _rows(
            {"name": one.name, "dtype": one.dtype, "shape": list(one.shape), "file": name, "digest": one.digest}
            for one in sorted(tensors, key=lambda one: one.name)
        ),
    }
    return "{\n  %s\n}\n" % ",\n  ".join('"%s": %s' % member for member in members.items())


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _rows(values: Iterable[Mapping[str, Any]]) -> str:
    rows = ["\n    %s" % _json(value) for value in values]
    return "[%s\n  ]" % ",".join(rows) if rows else "[]"
