"""Start the bridge before the first line of a program. This code delays the start of every Python program of a run."""

import atexit
import os
import sys

from . import _files, _position, _process
from ._hooks import Watcher

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

#: Libraries with generators: the module whose import is watched, and the support module.
LIBRARIES = {
    "random": "python_random",
    "numpy.random": "numpy_random",
    "torch": "torch_random",
    "tensorflow": "tensorflow_random",
    "jax.random": "jax_random",
}

#: Libraries to which programs report metrics and parameters: the watched module, and the support module.
REPORTED = {
    "argparse": "argparse_arguments",
    "hydra.compose": "hydra_config",
    "hydra.core.utils": "hydra_config",
    "keras.src.callbacks.history": "keras_history",
    "lightgbm.basic": "lightgbm_evaluation",
    "lightgbm.engine": "lightgbm_evaluation",
    "lightning.fabric.fabric": "lightning_loggers",
    "lightning.pytorch.loggers.utilities": "lightning_loggers",
    "lightning.pytorch.trainer.connectors.logger_connector.logger_connector": "lightning_loggers",
    "lightning_fabric.fabric": "lightning_loggers",
    "mlflow.tracking.client": "mlflow_log",
    "omegaconf.omegaconf": "omegaconf_config",
    "papermill.execute": "papermill_parameters",
    "pytorch_lightning.loggers.utilities": "lightning_loggers",
    "pytorch_lightning.trainer.connectors.logger_connector.logger_connector": "lightning_loggers",
    "tensorboardX.writer": "tensorboard_scalars",
    "torch.utils.tensorboard.writer": "tensorboard_scalars",
    "transformers.trainer_callback": "transformers_trainer",
    "wandb.sdk.lib.noop_run": "wandb_log",
    "wandb.sdk.wandb_config": "wandb_log",
    "wandb.sdk.wandb_init": "wandb_log",
    "wandb.sdk.wandb_run": "wandb_log",
    "xgboost.callback": "xgboost_evaluation",
    "xgboost.training": "xgboost_evaluation",
}

#: Modules that always load one of these: where they do not, the library has another inner structure.
_LOADED_WITH = {
    "hydra": "hydra.core.utils",
    "keras": "keras.src.callbacks.history",
    "lightgbm": "lightgbm.basic",
    "lightning.pytorch": "lightning.pytorch.trainer.connectors.logger_connector.logger_connector",
    "mlflow": "mlflow.tracking.client",
    "omegaconf": "omegaconf.omegaconf",
    "pytorch_lightning": "pytorch_lightning.trainer.connectors.logger_connector.logger_connector",
    "tensorboardX": "tensorboardX.writer",
    "torch.utils.tensorboard": "torch.utils.tensorboard.writer",
    "transformers.trainer": "transformers.trainer_callback",
    "wandb": "wandb.sdk.wandb_run",
    "xgboost": "xgboost.callback",
}

#: Packages that start processes in the way of multiprocessing.
_PACKAGES = ("multiprocessing", "multiprocess")


def start() -> None:
    """Connect this process to lineaprint and watch imports. A second call does nothing."""
    current = _process.current
    if current.started:
        return
    current.started = True
    if _process.helper() == "resource_tracker":
        # This process runs no code of the program.
        return
    current.begin(os.environ["LINEAPRINT_BRIDGE"])
    # atexit runs the first registered function last, so the saved states are those of the end.
    atexit.register(current.finish)
    atexit.register(say_unknown)
    _follow_forks()
    watch()


def begin(path: str) -> None:
    """Connect to the recorder that this program started. The end of the run is up to the caller."""
    current = _process.current
    current.started = True
    # A seed that the program set before does not come from this run.
    given = os.environ.pop("LINEAPRINT_SEED", None)
    seed, origin = current.seed, current.origin
    current.begin(path)
    if given is not None:
        os.environ["LINEAPRINT_SEED"] = given
    if origin is not None:
        current.seed, current.origin = seed, origin
        current.mark()
    _follow_forks()
    watch()
    follow_reports()
    current.begin_again()


_forks_followed: list[bool] = []


def _follow_forks() -> None:
    current = _process.current
    if not _forks_followed:
        _forks_followed.append(True)
        os.register_at_fork(before=current.before_fork, after_in_child=current.after_fork)


def _keep_files() -> None:
    try:
        _files.keep()
    except Exception as error:
        # The package is being replaced. What is needed later is then read from it.
        _process.current.problem("the files of the package", error)


def watch() -> None:
    """Watch imports. This is also used by a program outside of a run that only sets seeds."""
    current = _process.current
    if not current.watching:
        current.watching = True
        _keep_files()
        Watcher([*LIBRARIES, *_FOLLOWED, *REPORTED], _loaded, current.problem).install()


def _loaded(name: str, module: "Any") -> None:
    current = _process.current
    if name in REPORTED:
        _follow_report(name, module)
        return
    follow = _FOLLOWED.get(name)
    if follow is not None:
        follow(module, current)
        return
    current.loaded(library(name), module)
    if name == "random":
        # Python resets `random` after a fork, so this hook must run after that reset.
        os.register_at_fork(after_in_child=current.after_random_fork)


def _follow_report(name: str, module: "Any") -> None:
    # Without a run, nothing is recorded: a run that begins later asks for what is loaded by then.
    if _process.current.active and os.environ.get("LINEAPRINT_OBSERVE") != "none":
        full = "_lineaprint._reported." + REPORTED[name]
        __import__(full)
        sys.modules[full].follow(name, module)


def follow_reports() -> None:
    """Follow the libraries that the program loaded before its run began."""
    for name in REPORTED:
        module = sys.modules.get(name)
        spec = getattr(module, "__spec__", None)
        if module is not None and not getattr(spec, "_initializing", False):
            try:
                _follow_report(name, module)
            except Exception as error:
                _process.current.problem(name, error)


def say_unknown() -> None:
    """Warn about loaded libraries that do not have the modules in which their values are seen."""
    if os.environ.get("LINEAPRINT_OBSERVE") == "none":
        return
    for name, part in _LOADED_WITH.items():
        # A folder of this name is no library.
        if part not in sys.modules and getattr(sys.modules.get(name), "__file__", None):
            _process.current.problem(name, ImportError("it has no %s, so what it reports is not recorded" % part))


def library(name: str) -> "Any":
    """Return the support module for a library. It is loaded on demand."""
    full = "_lineaprint._generators." + LIBRARIES[name]
    __import__(full)
    return sys.modules[full]


def _follow_starts(module: "Any", current: "Any") -> None:
    if current.position is not None:
        _position.follow_starts(current)


def _follow_spawn(module: "Any", current: "Any") -> None:
    """Read the name of a spawned process, and so its path, before any code of the program runs."""
    prepare = module.prepare

    def prepare_with_seed(data: bytes) -> "Any":
        try:
            current.spawned(data.get("name") if isinstance(data, dict) else None)
        except Exception as error:
            current.problem("a spawned process", error)
        return prepare(data)

    if current.kind == "spawned":
        module.prepare = prepare_with_seed


def _follow_util(module: "Any", current: "Any") -> None:
    """Let a forked child report at its end which inherited generators it used. It ends without atexit."""
    _follow_starts(module, current)
    if current.position is None:
        return

    def begin(process: "Any") -> None:
        module.Finalize(None, process.end, exitpriority=0)

    module.register_after_fork(current, begin)


def _follow_pool(module: "Any", current: "Any") -> None:
    """Let a forked worker of a pool report before each result, because a pool may kill its workers."""
    import functools

    original = module.worker
    if current.position is None:
        return

    @functools.wraps(original)
    def worker(inqueue: "Any", outqueue: "Any", *args: "Any", **kwargs: "Any") -> "Any":
        if current.kind == "forked":
            try:
                outqueue.put = _reporting(outqueue.put, current)
            except Exception as error:
                current.problem("a worker", error)
        return original(inqueue, outqueue, *args, **kwargs)

    module.worker = worker


def _reporting(put: "Any", current: "Any") -> "Any":
    def reporting(*args: "Any", **kwargs: "Any") -> "Any":
        try:
            current.say_inherited()
        except Exception as error:
            current.problem("a worker", error)
        return put(*args, **kwargs)

    return reporting


def _follow_notebook(module: "Any", current: "Any") -> None:
    """Seed again before the first cell, because a kernel draws numbers while it starts."""
    manager = module.EventManager
    original = manager.trigger

    def trigger(self: "Any", event: "Any", *args: "Any", **kwargs: "Any") -> "Any":
        try:
            # Lines of the configuration are not stored in the history.
            if event == "pre_run_cell" and getattr(args[0] if args else None, "store_history", True):
                if manager.trigger is trigger:
                    manager.trigger = original
                current.seed_again()
        except Exception as error:
            current.problem("a cell", error)
        return original(self, event, *args, **kwargs)

    manager.trigger = trigger


def _follow_loaders(module: "Any", current: "Any") -> None:
    from . import _loaders

    _loaders.follow(module)


#: Modules that start processes or cells, and what is done after their import.
_FOLLOWED = {
    "subprocess": _follow_starts,
    "torch.utils.data.dataloader": _follow_loaders,
    "IPython.core.events": _follow_notebook,
    **{package + ".spawn": _follow_spawn for package in _PACKAGES},
    **{package + ".util": _follow_util for package in _PACKAGES},
    **{package + ".pool": _follow_pool for package in _PACKAGES},
}
