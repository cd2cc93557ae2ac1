"""Implement `set_seeds`: seed loaded libraries and report what is not seeded."""

import os
import sys

from _lineaprint._errors import argument
from _lineaprint._process import current
from _lineaprint._start import LIBRARIES, watch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def set_seeds(seed: "Any", deterministic: bool) -> "Any":
    if isinstance(seed, bool) or not hasattr(seed, "__index__"):
        raise argument("a seed must be an integer from 0 to 9007199254740991")
    number = seed.__index__()
    if not 0 <= number < 1 << 53:
        raise argument("a seed must be an integer from 0 to 9007199254740991, not %d" % number)
    current.seed, current.origin = number, "set_seeds"
    # Processes started from now on use this seed instead of the seed of the run.
    os.environ["LINEAPRINT_SEED"] = str(number)
    current.mark()
    notes = []
    if deterministic:
        current.deterministic = True
        notes = _ask_for_determinism()
    watch()
    current.seed_all()
    if current.active:
        try:
            current.say_seeds()
            current.connection.ask({"call": "flush"}, in_order=True)
        except Exception as error:
            # The seeds are set.
            current.problem("set_seeds", error)
    return {
        "seed": number,
        "targets": [
            {"name": name, "status": status, "detail": detail}
            for name, (status, detail) in sorted({**_always(), **current.targets}.items())
        ],
        "notes": notes,
    }


def _always() -> "Any":
    """Return the targets that do not depend on the loaded libraries."""
    targets = {
        "os.urandom": ("unreachable", "random by design, like secrets, uuid4 and random.SystemRandom"),
        "hash": (
            "seeded" if os.environ.get("PYTHONHASHSEED", "random").isdecimal() else "unreachable",
            "PYTHONHASHSEED, which Python reads before its first line",
        ),
    }
    for key in LIBRARIES:
        if key not in sys.modules:
            targets[key.partition(".")[0]] = ("on-import", "it is seeded when it is imported")
    return targets


def _ask_for_determinism() -> "Any":
    """Set the variables that libraries read at their start. Return a note for each library that has already started."""
    notes = []
    for name, value in (("CUBLAS_WORKSPACE_CONFIG", ":4096:8"), ("TF_DETERMINISTIC_OPS", "1")):
        os.environ.setdefault(name, value)
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        notes.append("CUDA was already in use: CUBLAS_WORKSPACE_CONFIG may have no effect")
    return notes
