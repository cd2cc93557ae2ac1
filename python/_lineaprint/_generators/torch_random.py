"""PyTorch: the generators of the CPU, of every CUDA device that is in use, and of MPS."""

from .._errors import LineaprintError, StateCorrupt
from ._fields import field, hexadecimal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_CPU = "torch"
_CUDA = "torch cuda "
_MPS = "torch mps"


def follow(module: "Any", process: "Any") -> None:
    pass


def forget() -> None:
    pass


def busy(module: "Any", seconds: float) -> bool:
    return False


def state(module: "Any") -> "Any":
    return {_CPU: (module.initial_seed(), bytes(module.get_rng_state().tolist()))}


def own_seeds(module: "Any", process: "Any", start: "Any") -> "Any":
    # PyTorch keeps the last seed, however it was set.
    last = module.initial_seed()
    return {} if last == start[_CPU][0] else {_CPU: str(last)}


def used(module: "Any", start: "Any") -> "Any":
    # What was drawn before the program set its own seed is not seen.
    now, before = state(module)[_CPU], start[_CPU]
    return [_CPU] if now[0] == before[0] and now != before else []


def seed(module: "Any", number: int, deterministic: bool) -> None:
    # This also seeds MPS, and every CUDA device when it is first used.
    module.manual_seed(number)
    if deterministic:
        module.use_deterministic_algorithms(True)
        module.backends.cudnn.benchmark = False
        module.backends.cudnn.deterministic = True


def targets(module: "Any", process: "Any", seeded: "Any") -> "Any":
    status = "seeded" if seeded else "recorded"
    found = {
        "torch": (status, "the generator of the CPU; instances of torch.Generator are not reached"),
    }
    if module.cuda.is_initialized():
        seeds = [generator.initial_seed() for generator in module.cuda.default_generators]
        detail = "%d %s" % (len(seeds), "device" if len(seeds) == 1 else "devices")
        if seeded and any(number != process.seed for number in seeds):
            detail += ", with the seeds %s" % ", ".join(map(str, seeds[:8]))
            found["torch cuda"] = ("own-seed", detail)
        else:
            found["torch cuda"] = (status, detail)
    elif module.backends.cuda.is_built():
        # There may be no device at all; to ask CUDA would start it, and forked children could no longer use it.
        detail = "no device is in use; one takes the last seed of torch.manual_seed when it is first used"
        found["torch cuda"] = ("not-used", detail)
    if _has_mps(module):
        found["torch mps"] = (status, "the generator of MPS")
    return found


def _has_mps(module: "Any") -> "Any":
    mps = getattr(module.backends, "mps", None)
    return mps is not None and mps.is_available()


def capture(module: "Any") -> "Any":
    states = {_CPU: _write(module.get_rng_state(), "torch-cpu")}
    # Reading the state of an unused device would initialise the device.
    if module.cuda.is_initialized():
        for device in range(module.cuda.device_count()):
            states[_CUDA + str(device)] = _write(module.cuda.get_rng_state(device), "torch-cuda")
    if _has_mps(module):
        states[_MPS] = _write(module.mps.get_rng_state(), "torch-mps")
    return states


def _write(tensor: "Any", algorithm: "Any") -> "Any":
    return {"algorithm": algorithm, "state": bytes(tensor.tolist()).hex()}


def prepare(module: "Any", name: str, state: "Any") -> "Any":
    algorithm = field(state, name, "algorithm", str)
    tensor = module.tensor(list(hexadecimal(state, name, "state")), dtype=module.uint8)
    device = _device(module, name, algorithm)
    try:
        # A scratch generator checks whether PyTorch accepts the state.
        module.Generator(device=device).set_state(tensor)
    except (RuntimeError, TypeError, ValueError) as error:
        raise StateCorrupt("the state of %s is not valid: %s" % (name, str(error)[:200])) from error
    if name == _CPU:
        return lambda: module.set_rng_state(tensor)
    if name == _MPS:
        return lambda: module.mps.set_rng_state(tensor)
    return lambda: module.cuda.set_rng_state(tensor, device)


def _device(module: "Any", name: str, algorithm: "Any") -> "Any":
    known = {_CPU: ("torch-cpu", "cpu"), _MPS: ("torch-mps", "mps")}
    expected, device = known.get(name, ("torch-cuda", "cuda:" + name[len(_CUDA) :]))
    if algorithm != expected:
        raise StateCorrupt("the state of %s is of an unknown generator: %.80r" % (name, algorithm))
    if name == _MPS and not _has_mps(module):
        raise _absent(name)
    if name.startswith(_CUDA):
        number = name[len(_CUDA) :]
        there = module.cuda.is_available() and number.isdecimal() and int(number) < module.cuda.device_count()
        if not there:
            raise _absent(name)
    return device


def _absent(name: str) -> "Any":
    return LineaprintError("ERR_LINEAPRINT_UNSUPPORTED", "this machine has no device for the state of %s" % name)
