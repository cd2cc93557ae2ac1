"""JAX: there is no global generator. The program creates keys, and their seeds are recorded."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

#: Number of seeds that are kept.
KEPT = 64


class _Made:
    """The seeds of the created keys."""

    def __init__(self) -> None:
        self.seeds: "list[Any]" = []
        self.count = 0


made = _Made()


def follow(module: "Any", process: "Any") -> None:
    for name in ("key", "PRNGKey"):
        original = getattr(module, name, None)
        if original is not None:
            setattr(module, name, _recording(original))


def _recording(original: "Any") -> "Any":
    import functools

    @functools.wraps(original)
    def key(seed: "Any", *args: "Any", **kwargs: "Any") -> "Any":
        made.count += 1
        if len(made.seeds) < KEPT:
            made.seeds.append(_text(seed))
        return original(seed, *args, **kwargs)

    return key


def _text(seed: "Any") -> "Any":
    try:
        return str(seed.__index__())
    except Exception:
        # Under jit the seed is not a number yet, and the conversion raises various errors.
        return "not a number"


def forget() -> None:
    pass


def busy(module: "Any", seconds: float) -> bool:
    return False


def state(module: "Any") -> "Any":
    return {}


def own_seeds(module: "Any", process: "Any", start: "Any") -> "Any":
    seeds = list(dict.fromkeys(made.seeds))
    if not seeds:
        return {}
    # Keys of the seed of this process, besides others, are its effect.
    return {"jax": str(process.seed) if str(process.seed) in seeds else ", ".join(seeds[:8])}


def used(module: "Any", start: "Any") -> "Any":
    return []


def seed(module: "Any", number: int, deterministic: bool) -> None:
    pass


def targets(module: "Any", process: "Any", seeded: "Any") -> "Any":
    is_own = made.count and str(process.seed) not in made.seeds
    status = "own-seed" if is_own else "seeded" if made.count else "not-used"
    shown = ", ".join(made.seeds[:8]) + (", …" if made.count > 8 else "")
    return {
        "jax": (
            status,
            "the program creates the keys, for example jax.random.key(lineaprint.seed()); %s"
            % ("none so far" if made.count == 0 else "%d so far, from the seeds %s" % (made.count, shown)),
        )
    }


def capture(module: "Any") -> "Any":
    return {}
