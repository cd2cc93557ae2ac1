"""Python: the global generator of the module `random`."""

from .._errors import StateCorrupt
from ._fields import field, words
from ._own import Own

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

own = Own("random", __name__)


def follow(module: "Any", process: "Any") -> None:
    own.follow(module, ("seed", "setstate", "getstate"), module.getstate)


def seed(module: "Any", number: int, deterministic: bool) -> None:
    module.seed(number)
    own.seeded()


def forget() -> None:
    own.forget()


def busy(module: "Any", seconds: float) -> bool:
    return False


def state(module: "Any") -> "Any":
    return {"random": module.getstate()}


def own_seeds(module: "Any", process: "Any", start: "Any") -> "Any":
    return own.seeds()


def used(module: "Any", start: "Any") -> "Any":
    return own.used(module.getstate(), start)


def targets(module: "Any", process: "Any", seeded: "Any") -> "Any":
    detail = "the functions of the module; instances of random.Random are not reached"
    return {
        "random": ("seeded" if seeded else "recorded", detail),
    }


def capture(module: "Any") -> "Any":
    version, state, gauss = module.getstate()
    return {
        "random": {
            "algorithm": "mt19937",
            "version": version,
            "words": list(state[:-1]),
            "position": state[-1],
            "gauss": None if gauss is None else gauss.hex(),
        }
    }


def prepare(module: "Any", name: str, state: "Any") -> "Any":
    key = words(state, name, 624)
    position = field(state, name, "position", int)
    version = field(state, name, "version", int)
    gauss = field(state, name, "gauss", (str, type(None)))
    try:
        value = (version, (*key, position), None if gauss is None else float.fromhex(gauss))
        # A scratch generator checks whether Python accepts the state.
        module.Random().setstate(value)
    except (ValueError, TypeError, OverflowError) as error:
        raise StateCorrupt("the state of %s is not valid: %s" % (name, error)) from error
    return lambda: module.setstate(value)
