"""Read saved states of generators from a file, and set all of them or none."""

import hashlib
import json
import os

from _lineaprint._errors import StateCorrupt, StateIncomplete, StateNotFound, argument
from _lineaprint._generators._fields import field
from _lineaprint._process import current
from _lineaprint._start import library, watch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

SCHEMA = "lineaprint/generators/v1"

#: The library by the first word of a generator's name.
MODULES = {"random": "random", "numpy": "numpy.random", "torch": "torch"}

#: Largest file, in bytes. A file contains a few states of some kilobytes each.
SIZE_LIMIT = 64 * 1024 * 1024


def restore(source: "Any", at: "Any", program: int) -> "Any":
    # From now on, generators of default_rng are remembered.
    watch()
    path, digest = _find(os.fspath(source), at, program)
    states = _parse(path, digest)
    prepared, left = [], []
    for name, state in states.items():
        module = _module(name)
        apply = _library(name).prepare(module, name, state)
        if apply is None:
            left.append(name)
        else:
            prepared.append((name, apply))
    # Set the states only after all of them were checked.
    for name, apply in prepared:
        apply()
        # This state replaces a seed of the program, and is none itself.
        _library(name).forget()
    return {"file": path, "restored": [name for name, _ in prepared], "notRestored": left}


def _library(name: str) -> "Any":
    return library(MODULES[name.split(" ")[0]])


def _module(name: str) -> "Any":
    from importlib import import_module

    key = MODULES.get(name.split(" ")[0])
    if key is None:
        raise StateCorrupt("the file contains the state of an unknown generator: %.80r" % name)
    return import_module(key)


def _find(source: "Any", at: "Any", program: int) -> "Any":
    """Return the file, and its SHA-256 if the record of the run contains it."""
    if not os.path.isdir(source):
        if not os.path.exists(source):
            raise StateNotFound("%s: no such file or folder" % source)
        return source, None
    folder = os.path.join(source, "generators")
    if program != 1:
        folder = os.path.join(folder, "program-%d" % program)
    if at in ("start", "end"):
        candidates = [at + ".json"]
    else:
        names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
        candidates = [name for name in names if name.startswith("checkpoint-") and name.endswith(".json")]
    for name in candidates:
        path = os.path.join(folder, name)
        if os.path.isfile(path) and (at in ("start", "end") or _name_of(path) == at):
            return path, _recorded_digest(source, path)
    known = sorted(filter(None, (_name_of(os.path.join(folder, name)) for name in candidates)))
    hint = "; its checkpoints are %s" % ", ".join(map(repr, known[:10])) if known else ""
    raise StateNotFound("%s: the run has no states of %r%s" % (source, at, hint))


def _name_of(path: str) -> "Any":
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file).get("at")
    except (OSError, ValueError, AttributeError):
        # An unreadable file cannot be the requested one here. Errors of the requested file are raised later, in _parse.
        return None


def _recorded_digest(run: "Any", path: str) -> "Any":
    """Return the digest of the file in the sealed record; None for a run that is still running."""
    try:
        with open(os.path.join(run, "run.json"), encoding="utf-8") as file:
            files = json.load(file)["files"]
        below = os.path.relpath(path, run).replace(os.sep, "/")
        return next((entry["sha256"] for entry in files if entry["path"] == below), None)
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise StateCorrupt("%s: the record of the run is damaged" % os.path.join(run, "run.json")) from error


def _parse(path: str, digest: "Any") -> "Any":
    with open(path, "rb") as file:
        content = file.read(SIZE_LIMIT + 1)
    if len(content) > SIZE_LIMIT:
        raise StateCorrupt("%s: the file is too large for saved states" % path)
    if digest is not None:
        found = "sha256:" + hashlib.sha256(content).hexdigest()
        if found != digest:
            raise StateCorrupt("%s: the file differs from the record (expected %s, received %s)" % (path, digest, found))
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise StateCorrupt("%s: it is not JSON: %s" % (path, error)) from error
    if not isinstance(document, dict):
        raise StateCorrupt("%s: not a JSON object" % path)
    for key in ("schema", "generators"):
        if key not in document:
            raise StateIncomplete("%s: the field %s is missing" % (path, key))
    if document["schema"] != SCHEMA:
        raise StateCorrupt("%s: the schema is unknown (expected %s, received %.80r)" % (path, SCHEMA, document["schema"]))
    states = document["generators"]
    if not isinstance(states, dict):
        raise StateCorrupt("%s: the field generators is not an object" % path)
    for name, state in states.items():
        field(state, name, "algorithm", str)
    return states


def checkpoint(name: str) -> "Any":
    """Save the states of this process under a name. Return the answer of lineaprint."""
    if not isinstance(name, str) or not name or name in ("start", "end"):
        raise argument("the name of a checkpoint must be a string other than 'start' and 'end'")
    states = current.states()
    return current.connection.ask({"call": "checkpoint", "name": name, "generators": states}, in_order=True)

