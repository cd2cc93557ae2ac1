"""JAX: there is no global generator. The program creates keys, and their seeds are recorded."""

#: Number of seeds that are kept.
KEPT = 64


class _Made:
    """The seeds of the created keys."""

    def __init__(self):
        self.seeds = []
        self.count = 0


made = _Made()


def follow(module, process):
    for name in ("key", "PRNGKey"):
        original = getattr(module, name, None)
        if original is not None:
            setattr(module, name, _recording(original))


def _recording(original):
    import functools

    @functools.wraps(original)
    def key(seed, *args, **kwargs):
        made.count += 1
        if len(made.seeds) < KEPT:
            made.seeds.append(_text(seed))
        return original(seed, *args, **kwargs)

    return key


def _text(seed):
    try:
        return str(seed.__index__())
    except Exception:
        # Under jit the seed is not a number yet, and the conversion raises various errors.
        return "not a number"


def forget():
    pass


def busy(module, seconds):
    return False


def state(module):
    return {}


def own_seeds(module, process, start):
    seeds = list(dict.fromkeys(made.seeds))
    if not seeds:
        return {}
    # Keys of the seed of this process, besides others, are its effect.
    return {"jax": str(process.seed) if str(process.seed) in seeds else ", ".join(seeds[:8])}


def used(module, start):
    return []


def seed(module, number, deterministic):
    pass


def targets(module, process, seeded):
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


def capture(module):
    return {}
