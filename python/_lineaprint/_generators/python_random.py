"""Python: the global generator of the module `random`."""

from .._errors import StateCorrupt
from ._fields import field, words
from ._own import Own

own = Own("random", __name__)


def follow(module, process):
    own.follow(module, ("seed", "setstate", "getstate"), module.getstate)


def seed(module, number, deterministic):
    module.seed(number)
    own.seeded()


def forget():
    own.forget()


def busy(module, seconds):
    return False


def state(module):
    return {"random": module.getstate()}


def own_seeds(module, process, start):
    return own.seeds()


def used(module, start):
    return own.used(module.getstate(), start)


def targets(module, process, seeded):
    detail = "the functions of the module; instances of random.Random are not reached"
    return {
        "random": ("seeded" if seeded else "recorded", detail),
    }


def capture(module):
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


def prepare(module, name, state):
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
