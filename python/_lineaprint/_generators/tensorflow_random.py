"""TensorFlow: it can be seeded, but its state cannot be read."""

from ._own import Own

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

own = Own("tensorflow", __name__)


def follow(module: "Any", process: "Any") -> None:
    own.follow(module.random, ("set_seed",), None)


def forget() -> None:
    own.forget()


def busy(module: "Any", seconds: float) -> bool:
    return False


def state(module: "Any") -> "Any":
    return {}


def own_seeds(module: "Any", process: "Any", start: "Any") -> "Any":
    return own.seeds()


def used(module: "Any", start: "Any") -> "Any":
    # The state cannot be read, so a program that loads TensorFlow and sets no seed counts as one that uses it.
    return [] if own.seeds() else ["tensorflow"]


def seed(module: "Any", number: int, deterministic: bool) -> None:
    module.random.set_seed(number)
    own.seeded()
    if deterministic:
        module.config.experimental.enable_op_determinism()


def targets(module: "Any", process: "Any", seeded: "Any") -> "Any":
    detail = "tf.random.set_seed; the state cannot be read" if seeded else "the state cannot be read"
    return {"tensorflow": ("seeded" if seeded else "unreachable", detail)}


def capture(module: "Any") -> "Any":
    return {}
