"""NumPy: the global generator of `numpy.random`, and the generators that `default_rng` creates."""

import sys

from .._errors import LineaprintError, StateCorrupt, StateIncomplete
from ._fields import field
from ._own import Own, attempt, text_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

#: Number of `default_rng` generators that are kept to save their states. NumPy does not allow weak references to them.
KEPT = 64

#: Number of seeds of the program for `default_rng` that are kept.
OWN = 8

#: Classes whose state may be set from a file.
BIT_GENERATORS = ("MT19937", "PCG64", "PCG64DXSM", "Philox", "SFC64")

#: Word sizes of the arrays in their states.
WORDS = {"uint32": 1 << 32, "uint64": 1 << 64}

_LEGACY = "numpy"
_PREFIX = "numpy default_rng "


class _Made:
    """The generators that `default_rng` created in this process."""

    def __init__(self) -> None:
        self.kept: "list[Any]" = []
        self.count = 0
        self.unseeded = 0
        self.derived = 0
        self.own: "list[Any]" = []
        #: Seeds that were drawn from the system, also for other generators than those of default_rng.
        self.drawn = 0


made = _Made()
own = Own(_LEGACY, __name__)


def follow(module: "Any", process: "Any") -> None:
    """Replace `default_rng` with a function that creates the same generators and remembers them."""
    import functools

    original = module.default_rng

    @functools.wraps(original)
    def default_rng(*args: "Any", **kwargs: "Any") -> "Any":
        lacks_seed = attempt(_lacks_seed, args, kwargs)
        sequence = attempt(_sequence, module, process) if lacks_seed else None
        if not lacks_seed:
            attempt(_note_own, args, kwargs)
        generator = original(*args, **kwargs) if sequence is None else original(sequence)
        attempt(_remember, generator)
        return generator

    get_state = module.get_state
    own.follow(module, ("seed", "set_state", "get_state"), lambda: _comparable(get_state(legacy=False)))
    _count_drawn(module)
    module.default_rng = default_rng
    inner: "Any" = getattr(module, "_generator", None)
    if getattr(inner, "default_rng", None) is original:
        inner.default_rng = default_rng


def _count_drawn(module: "Any") -> None:
    """Count the seeds that NumPy draws from the system for generators without a seed."""
    inner: "Any" = getattr(module, "bit_generator", None)
    original = getattr(inner, "randbits", None)
    if original is None:
        return

    def randbits(*args: "Any") -> "Any":
        value = original(*args)
        if _is_import():
            return value
        made.drawn += 1
        return _Drawn(value)

    inner.randbits = randbits


def _is_import() -> "Any":
    """Return whether a compiled module of a library makes a generator as it is imported, as scikit-learn does for the
    default value of an argument. The program has not asked for it."""
    try:
        return sys._getframe(2).f_code.co_filename.startswith("<frozen importlib")
    except ValueError:
        return False


class _Drawn(int):
    """A seed from the system. `RandomState(7)` draws one as well, and drops it before it returns: such a seed is not counted."""

    def __init__(self, value: "Any") -> None:
        try:
            # Two levels up is the code of the program that called NumPy.
            self.at = _position(2)
        except ValueError:
            # A thread of C has no such frame.
            self.at = None

    def __del__(self) -> None:
        try:
            if self.at == _position(1):
                made.drawn -= 1
        except Exception:
            # At the end of the interpreter, and before the constructor has run, some names are gone.
            return

    def __reduce__(self) -> "Any":
        # Another process reads it without this package.
        return int, (int(self),)


def _position(levels: "Any") -> "Any":
    """Return the instruction that a frame of this thread executes."""
    frame = sys._getframe(levels + 1)
    return id(frame), frame.f_lasti


def forget() -> None:
    own.forget()


def busy(module: "Any", seconds: float) -> bool:
    # NumPy holds this lock while it draws, without the lock of the interpreter.
    bits = getattr(getattr(module.get_state, "__self__", None), "_bit_generator", None)
    lock = getattr(bits, "lock", None)
    if lock is None:
        return False
    taken = lock.acquire(True, seconds) if seconds else lock.acquire(False)
    if taken:
        lock.release()
    return not taken


def state(module: "Any") -> "Any":
    """Return the states that a fork copies, in a form that can be compared."""
    states = {_LEGACY: _comparable(module.get_state(legacy=False))}
    for generator, name in made.kept:
        states[name] = _comparable(generator.bit_generator.state)
    return states


def _comparable(value: "Any") -> "Any":
    if isinstance(value, dict):
        return tuple((key, _comparable(item)) for key, item in value.items())
    return value.tobytes() if hasattr(value, "tobytes") and getattr(value, "ndim", False) else value


def own_seeds(module: "Any", process: "Any", start: "Any") -> "Any":
    found = own.seeds()
    if made.own and not made.derived and not made.unseeded:
        found["numpy default_rng"] = ", ".join(dict.fromkeys(map(str, made.own)))
    return found


def used(module: "Any", start: "Any") -> "Any":
    found = own.used(_comparable(module.get_state(legacy=False)), start)
    return found + (["numpy default_rng"] if made.derived else [])


def _note_own(args: "Any", kwargs: "Any") -> None:
    if len(made.own) < OWN:
        made.own.append(text_of(args[0] if args else kwargs.get("seed")))


def _lacks_seed(args: "Any", kwargs: "Any") -> bool:
    """Return whether a call has no seed. Do not compare seeds with ==, because arrays return no single answer."""
    if args:
        return len(args) == 1 and not kwargs and args[0] is None
    return not kwargs or (len(kwargs) == 1 and kwargs.get("seed", 0) is None)


def _sequence(module: "Any", process: "Any") -> "Any":
    """Return the derived seed for a generator without a seed; None if this process has no seed."""
    if process.seed is None:
        made.unseeded += 1
        return None
    sequence = module.SeedSequence(process.seed, spawn_key=(made.derived,))
    made.derived += 1
    return sequence


def _remember(generator: "Any") -> None:
    # default_rng returns a generator that it receives as its argument.
    if any(generator is other for other, _ in made.kept):
        return
    made.count += 1
    if len(made.kept) < KEPT:
        made.kept.append((generator, _PREFIX + str(made.count)))


def seed(module: "Any", number: int, deterministic: bool) -> None:
    # A small seed is passed directly, as a program would do. A larger one is passed as words, so that no bits are lost.
    # The third word makes the numbers differ from those of the module random, which uses the first two words.
    made.derived = 0
    module.seed(number if number < 1 << 32 else [number & 0xFFFFFFFF, number >> 32, 1])
    own.seeded()


def targets(module: "Any", process: "Any", seeded: "Any") -> "Any":
    found = {"numpy": ("seeded" if seeded else "recorded", "numpy.random.seed and the functions of the module")}
    others = made.drawn - made.unseeded
    if others > 0:
        detail = "%d seeds from the system for generators created without default_rng, or instances of RandomState"
        found["numpy.random.Generator"] = ("unreachable", detail % others)
    given = made.count - made.derived - made.unseeded
    parts = [
        "%d with a seed from the program" % given,
        "%d with a seed derived from the seed of this process" % made.derived,
        "%d without a seed" % made.unseeded,
    ]
    if made.count > KEPT:
        parts.append("the states of the first %d are saved" % KEPT)
    status = "unreachable" if made.unseeded else "seeded" if seeded else "recorded"
    found["numpy default_rng"] = (status, ", ".join(parts))
    return found


def capture(module: "Any") -> "Any":
    states = {_LEGACY: _write(module.get_state(legacy=False))}
    for generator, name in made.kept:
        states[name] = {
            **_write(generator.bit_generator.state),
            "seedSequence": _sequence_of(generator.bit_generator),
        }
    return states


def _sequence_of(bits: "Any") -> "Any":
    sequence: "Any" = getattr(bits, "seed_seq", None) or getattr(bits, "_seed_seq", None)
    if not hasattr(sequence, "entropy"):
        return None
    entropy = sequence.entropy
    return {
        "entropy": [str(int(word)) for word in entropy] if hasattr(entropy, "__iter__") else str(entropy),
        "spawnKey": [str(int(word)) for word in sequence.spawn_key],
        "poolSize": int(sequence.pool_size),
    }


def _write(state: "Any") -> "Any":
    """Return a NumPy state with exact floats, and integers as decimal digits, because they have up to 128 bits."""
    written = {"algorithm": state["bit_generator"]}
    for key, value in state.items():
        if key != "bit_generator":
            written[key] = _write_value(value)
    return written


def _write_value(value: "Any") -> "Any":
    if isinstance(value, dict):
        return {key: _write_value(item) for key, item in value.items()}
    if hasattr(value, "tolist") and getattr(value, "ndim", 0) == 1:
        return {str(value.dtype): [str(word) for word in value.tolist()]}
    if isinstance(value, float):
        return {"float": float(value).hex()}
    return str(int(value))


def prepare(module: "Any", name: str, state: "Any") -> "Any":
    algorithm = field(state, name, "algorithm", str)
    if algorithm not in BIT_GENERATORS:
        raise StateCorrupt("the state of %s is of an unknown generator: %.80r" % (name, algorithm))
    read = {"bit_generator": algorithm}
    for key, value in state.items():
        if key not in ("algorithm", "seedSequence"):
            read[key] = _read_value(name, key, value)
    if name == _LEGACY and algorithm != "MT19937":
        message = "the state of %s is one of %s, which cannot be set" % (name, algorithm)
        raise LineaprintError("ERR_LINEAPRINT_UNSUPPORTED", message)
    if name == _LEGACY:
        scratch, target = module.RandomState(), module
        give, take = scratch.set_state, lambda: scratch.get_state(legacy=False)
        apply = _setter(target.set_state, read)
    else:
        live = [generator for generator, known in made.kept if known == name]
        if not live:
            return None
        bits = live[0].bit_generator
        if type(bits).__name__ != algorithm:
            message = "%s is a %s now; its saved state is one of %s" % (name, type(bits).__name__, algorithm)
            raise LineaprintError("ERR_LINEAPRINT_STATE", message)
        scratch = getattr(module, algorithm)()
        give, take = lambda value: setattr(scratch, "state", value), lambda: scratch.state
        apply = _setter(lambda value: setattr(bits, "state", value), read)
    _check(name, state, read, give, take)
    return apply


def _setter(target: "Any", value: "Any") -> "Any":
    return lambda: target(value)


def _check(name: str, state: "Any", read: "Any", give: "Any", take: "Any") -> None:
    """Load the state into a scratch generator, and check that the generator then has exactly this state."""
    for key, value in _write(take()).items():
        if key not in state:
            raise StateIncomplete("the state of %s lacks the field %s" % (name, key))
        if isinstance(value, dict) and isinstance(state[key], dict):
            lacks = [inner for inner in value if inner not in state[key] and inner != "float"]
            if lacks:
                raise StateIncomplete("the state of %s lacks the field %s.%s" % (name, key, lacks[0]))
    try:
        give(read)
    except (ValueError, TypeError, OverflowError, IndexError) as error:
        raise StateCorrupt("the state of %s is not valid: %s" % (name, error)) from error
    if any(state[key] != value for key, value in _write(take()).items()):
        raise StateCorrupt("the state of %s is not valid: NumPy changed it when loading" % name)


def _read_value(name: str, key: "Any", value: "Any") -> "Any":
    if isinstance(value, str) and value.lstrip("-").isdecimal():
        return int(value)
    if isinstance(value, dict):
        ((kind, words),) = value.items() if len(value) == 1 else ((None, None),)
        if kind == "float" and isinstance(words, str):
            return _read_float(name, key, words)
        if kind in WORDS:
            return _read_words(name, key, kind, words)
        return {inner: _read_value(name, inner, item) for inner, item in value.items()}
    raise StateCorrupt("the field %s of the state of %s is not valid: %.80r" % (key, name, value))


def _read_float(name: str, key: "Any", text: str) -> "Any":
    try:
        return float.fromhex(text)
    except (ValueError, OverflowError) as error:
        raise StateCorrupt("the field %s of the state of %s is not a number" % (key, name)) from error


def _read_words(name: str, key: "Any", kind: str, texts: "Any") -> "Any":
    import numpy  # pyright: ignore[reportMissingImports]

    numbers = [int(text) for text in texts if isinstance(text, str) and text.isdecimal()]
    if len(numbers) != len(texts) or any(number >= WORDS[kind] for number in numbers):
        raise StateCorrupt("the field %s of the state of %s is not an array of %s" % (key, name, kind))
    return numpy.array(numbers, dtype=kind)
