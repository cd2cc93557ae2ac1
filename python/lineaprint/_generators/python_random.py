"""Python: the global generator of the module `random`."""

from .._errors import StateCorrupt
from ._fields import field, words

def follow(module, process):
    pass


def seed(module, number, deterministic):
    module.seed(number)


def targets(module, process, seeded):
    detail = "the functions of the module; instances of random.Random are not reached"
    return {
        "random": ("seeded" if seeded else "recorded", detail),
        "random.SystemRandom": ("unreachable", "random by design, like os.urandom, secrets and uuid4"),
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
