"""TensorFlow: it can be seeded, but its state cannot be read."""

def follow(module, process):
    pass


def seed(module, number, deterministic):
    module.random.set_seed(number)
    if deterministic:
        module.config.experimental.enable_op_determinism()


def targets(module, process, seeded):
    detail = "tf.random.set_seed; the state cannot be read" if seeded else "the state cannot be read"
    return {"tensorflow": ("seeded" if seeded else "unreachable", detail)}


def capture(module):
    return {}
