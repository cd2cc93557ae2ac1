"""TensorFlow: it can be seeded, but its state cannot be read."""

from ._own import Own

own = Own("tensorflow", __name__)


def follow(module, process):
    own.follow(module.random, ("set_seed",), None)


def forget():
    own.forget()


def busy(module, seconds):
    return False


def state(module):
    return {}


def own_seeds(module, process, start):
    return own.seeds()


def used(module, start):
    # The state cannot be read, so a program that loads TensorFlow and sets no seed counts as one that uses it.
    return [] if own.seeds() else ["tensorflow"]


def seed(module, number, deterministic):
    module.random.set_seed(number)
    own.seeded()
    if deterministic:
        module.config.experimental.enable_op_determinism()


def targets(module, process, seeded):
    detail = "tf.random.set_seed; the state cannot be read" if seeded else "the state cannot be read"
    return {"tensorflow": ("seeded" if seeded else "unreachable", detail)}


def capture(module):
    return {}
