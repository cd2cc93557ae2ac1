"""Read settings that change how results are computed: threads, processors, precision, deterministic algorithms.

They are read at the end of a program, from libraries that it has loaded. Nothing is imported, and nothing is changed.
"""

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

#: Variables from which libraries take their number of threads when they start.
VARIABLES = (
    "OMP_NUM_THREADS",
    "OMP_DYNAMIC",
    "OMP_PROC_BIND",
    "MKL_NUM_THREADS",
    "MKL_DYNAMIC",
    "MKL_CBWR",
    "OPENBLAS_NUM_THREADS",
    "OPENBLAS_CORETYPE",
    "BLIS_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "CUBLAS_WORKSPACE_CONFIG",
    "NVIDIA_TF32_OVERRIDE",
    "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE",
)

#: Attributes of PyTorch by the name of the setting. A function is called without arguments.
TORCH = {
    "torch.threads": "get_num_threads",
    "torch.interopThreads": "get_num_interop_threads",
    "torch.deterministicAlgorithms": "are_deterministic_algorithms_enabled",
    "torch.deterministicWarnOnly": "is_deterministic_algorithms_warn_only_enabled",
    "torch.defaultDtype": "get_default_dtype",
    "torch.cudnn.enabled": "backends.cudnn.enabled",
    "torch.cudnn.benchmark": "backends.cudnn.benchmark",
    "torch.cudnn.deterministic": "backends.cudnn.deterministic",
    "torch.mkldnn.enabled": "backends.mkldnn.enabled",
    "torch.float32MatmulPrecision": "get_float32_matmul_precision",
    "torch.fp16ReducedPrecision": "backends.cuda.matmul.allow_fp16_reduced_precision_reduction",
    "torch.bf16ReducedPrecision": "backends.cuda.matmul.allow_bf16_reduced_precision_reduction",
}

#: TF32 from PyTorch 2.9 on. Reading the older settings there prints a warning, and fails after the newer ones were set.
TORCH_PRECISION = {
    "torch.fp32Precision": "backends.fp32_precision",
    "torch.cuda.matmulPrecision": "backends.cuda.matmul.fp32_precision",
    "torch.cudnn.convPrecision": "backends.cudnn.conv.fp32_precision",
    "torch.cudnn.rnnPrecision": "backends.cudnn.rnn.fp32_precision",
    "torch.mkldnn.matmulPrecision": "backends.mkldnn.matmul.fp32_precision",
}
TORCH_TF32 = {
    "torch.cuda.matmulTf32": "backends.cuda.matmul.allow_tf32",
    "torch.cudnn.tf32": "backends.cudnn.allow_tf32",
}

#: Functions that return the number of threads of a pool, by a part of the name of its library. Each takes no argument
#: and starts nothing. The OpenMP of Intel is not asked: a second copy of it that is not in use would start.
POOLS = {
    "openblas": (
        "openblas_get_num_threads",
        "openblas_get_num_threads64_",
        "scipy_openblas_get_num_threads",
        "scipy_openblas_get_num_threads64_",
    ),
    "libblis": ("bli_thread_get_num_threads",),
    "libgomp": ("omp_get_max_threads",),
}


def affinity() -> "Any":
    """Return the processors that this process may use; None where the system does not tell."""
    try:
        return sorted(os.sched_getaffinity(0))
    except (AttributeError, OSError):
        return None


def settings() -> "Any":
    """Return the settings as text by name."""
    found = {name: os.environ[name] for name in VARIABLES if name in os.environ}
    for read in (_torch, _tensorflow, _jax, _pools):
        try:
            found.update(read())
        except Exception:
            # A library that is not as documented has no settings that could be compared.
            continue
    return {name: str(value)[:200] for name, value in found.items()}


def _torch() -> "Any":
    torch = sys.modules.get("torch")
    if torch is None or not hasattr(torch, "get_num_threads"):
        return {}
    import warnings

    found = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        newer = _read(torch, TORCH_PRECISION)
        found.update(newer or _read(torch, TORCH_TF32))
        found.update(_read(torch, TORCH))
    return found


def _read(module: "Any", names: "Any") -> "Any":
    """Return the values of attributes; a function is called. Leave out those that the library lacks."""
    found = {}
    for name, path in names.items():
        value = module
        try:
            for part in path.split("."):
                value = getattr(value, part)
            if callable(value) and not isinstance(value, type):
                value = value()
        except Exception:
            # Another version of the library, or a setting that it cannot tell at this moment.
            continue
        if isinstance(value, (bool, int, str)) or type(value).__name__ == "dtype":
            found[name] = value
    return found


def _tensorflow() -> "Any":
    config = getattr(sys.modules.get("tensorflow"), "config", None)
    return _read(
        config,
        {
            "tensorflow.intraOpThreads": "threading.get_intra_op_parallelism_threads",
            "tensorflow.interOpThreads": "threading.get_inter_op_parallelism_threads",
            "tensorflow.tf32": "experimental.tensor_float_32_execution_enabled",
        },
    )


def _jax() -> "Any":
    config = getattr(sys.modules.get("jax"), "config", None)
    return _read(
        config,
        {
            "jax.matmulPrecision": "jax_default_matmul_precision",
            "jax.enableX64": "jax_enable_x64",
        },
    )


def _pools() -> "Any":
    """Return the threads of the pools of loaded libraries, if the program has loaded ctypes, as NumPy does."""
    ctypes = sys.modules.get("ctypes")
    if ctypes is None or not hasattr(os, "RTLD_NOLOAD"):
        return {}
    found: "dict[str, Any]" = {}
    with open("/proc/self/maps", encoding="utf-8", errors="surrogateescape") as file:
        paths = {line.rstrip("\n").partition("/")[2] for line in file if "/" in line}
    for path in sorted(paths):
        name = os.path.basename(path)
        for part, functions in POOLS.items():
            if part not in name or ".so" not in name:
                continue
            try:
                # Only a library that is loaded already.
                library = ctypes.CDLL("/" + path, mode=os.RTLD_NOLOAD | os.RTLD_NOW)
            except OSError:
                # For example, its file was replaced.
                continue
            for function in functions:
                if hasattr(library, function):
                    key = "%s.threads" % part
                    count = getattr(library, function)()
                    found[key] = count if key not in found else "%s, %s" % (found[key], count)
                    break
    return found
