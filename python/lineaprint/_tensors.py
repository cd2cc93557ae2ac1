"""Read the names, dtypes, shapes and bytes of tensors and arrays."""

import sys

from _lineaprint._errors import LineaprintError, argument

from ._text import text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

#: safetensors dtypes by their names in NumPy and PyTorch. Other dtypes do not exist in safetensors.
DTYPES = {
    "bool": "BOOL",
    "int8": "I8",
    "int16": "I16",
    "int32": "I32",
    "int64": "I64",
    "uint8": "U8",
    "uint16": "U16",
    "uint32": "U32",
    "uint64": "U64",
    "float16": "F16",
    "float32": "F32",
    "float64": "F64",
    "bfloat16": "BF16",
    "complex64": "C64",
    "float8_e4m3fn": "F8_E4M3",
    "float8_e5m2": "F8_E5M2",
    "float8_e4m3fnuz": "F8_E4M3FNUZ",
    "float8_e5m2fnuz": "F8_E5M2FNUZ",
    "float8_e8m0fnu": "F8_E8M0",
}

#: Packages whose objects hold more than an array: labels, types, missing values.
TABLES = ("pandas", "polars", "pyarrow", "xarray", "dask", "modin", "cudf")

_DEPTH = 100


class Tensor:
    """One tensor. `write` passes its elements, in C order and little-endian, to a function that takes bytes."""

    def __init__(self, name: str, dtype: "Any", shape: "Any", size: "Any", write: "Any") -> None:
        self.name = name
        self.dtype = dtype
        self.shape = shape
        self.size = size
        self.write = write


def collect(source: "Any") -> "Any":
    """Return the tensors of a model, and the names of values that are not tensors."""
    if hasattr(source, "state_dict") and callable(source.state_dict):
        source = source.state_dict()
    if not isinstance(source, dict) and not hasattr(source, "items"):
        raise argument("a model must be a path, a module with a state_dict, or a dict of tensors, not %s" % type(source).__name__)
    tensors: "dict[str, Tensor]" = {}
    ignored: "list[str]" = []
    _walk(source, "", tensors, ignored, 0)
    if not tensors:
        raise argument("the model contains no tensors")
    return list(tensors.values()), ignored


def _walk(value: "Any", name: str, tensors: "Any", ignored: "Any", depth: int) -> None:
    if depth > _DEPTH:
        raise argument("the model has more than %d levels, or contains itself" % _DEPTH)
    if hasattr(value, "items") and not _is_array(value):
        for key, item in value.items():
            if not isinstance(key, (str, int)):
                raise argument("the model has a key that is not a string or an integer: %.80r" % (key,))
            _walk(item, _join(name, key), tensors, ignored, depth + 1)
    elif isinstance(value, (list, tuple)):
        for at, item in enumerate(value):
            _walk(item, _join(name, at), tensors, ignored, depth + 1)
    elif _is_array(value):
        if name in tensors:
            raise argument("two tensors of the model have the name %.200r" % name)
        tensors[name] = describe(value, name)
    else:
        ignored.append(name)


def _join(name: str, key: "Any") -> "Any":
    return text("the name of a tensor", "%s.%s" % (name, key) if name else str(key))


def _is_array(value: "Any") -> bool:
    return hasattr(value, "shape") and hasattr(value, "dtype")


def describe(value: "Any", name: str) -> "Any":
    """Return the tensor for an array, a PyTorch tensor or a buffer."""
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(value, torch.Tensor):
        return _from_torch(torch, value, name)
    if _is_array(value) or hasattr(value, "__array__"):
        return _from_numpy(value, name)
    try:
        view = memoryview(value)
    except TypeError as error:
        expected = "a path, an array, or something with a buffer"
        raise argument("%s: expected %s, received %s" % (name, expected, type(value).__name__)) from error
    return _from_buffer(view, name)


def _from_torch(torch: "Any", tensor: "Any", name: str) -> "Any":
    dtype = DTYPES.get(str(tensor.dtype).replace("torch.", ""))
    if tensor.layout is not torch.strided or tensor.is_quantized or tensor.device.type == "meta":
        raise _unsupported(name, "a %s tensor of %s on %s" % (tensor.dtype, tensor.layout, tensor.device))
    if hasattr(tensor, "full_tensor"):
        raise _unsupported(name, "a tensor that is distributed over processes; gather it first")
    if dtype is None or sys.byteorder != "little":
        raise _unsupported(name, str(tensor.dtype))
    size = tensor.numel() * tensor.element_size()

    def write(take: "Any") -> None:
        import ctypes

        # Only one tensor at a time is copied from its device and made contiguous.
        flat = tensor.detach().resolve_conj().resolve_neg().cpu().contiguous()
        if size > 0:
            take(memoryview((ctypes.c_char * size).from_address(flat.data_ptr())).cast("B"))

    return Tensor(name, dtype, tuple(tensor.shape), size, write)


def _from_numpy(value: "Any", name: str) -> "Any":
    import numpy  # type: ignore[import-not-found,unused-ignore]  # pyright: ignore[reportMissingImports]

    kind = type(value)
    if kind.__module__.partition(".")[0] in TABLES:
        raise _unsupported(name, "a %s holds more than an array; save it to a file, or pass its arrays" % kind.__name__)
    if isinstance(value, numpy.ndarray) and kind not in (numpy.ndarray, numpy.memmap):
        # A mask or a unit would be lost silently.
        raise _unsupported(name, "a %s holds more than an array; pass numpy.asarray of it" % kind.__name__)
    array = numpy.asarray(value)
    dtype = DTYPES.get(array.dtype.name)
    if dtype is None:
        raise _unsupported(name, str(array.dtype))

    def write(take: "Any") -> None:
        ordered = array
        if array.dtype.byteorder == ">" or (array.dtype.byteorder == "=" and sys.byteorder == "big"):
            ordered = array.astype(array.dtype.newbyteorder("<"))
        if array.size > 0:
            take(memoryview(numpy.ascontiguousarray(ordered).reshape(-1).view(numpy.uint8)))

    return Tensor(name, dtype, array.shape, array.nbytes, write)


def _from_buffer(view: memoryview, name: str) -> "Any":
    """Return the tensor for a buffer with a format of the module struct, such as array.array or bytes."""
    format_ = view.format.lstrip("@=<" if sys.byteorder == "little" else "@=>")
    kind = {"?": "BOOL", "c": "U8", "e": "F16", "f": "F32", "d": "F64"}.get(format_)
    if kind is None and format_ in tuple("bhilqn"):
        kind = "I%d" % (view.itemsize * 8)
    if kind is None and format_ in tuple("BHILQN"):
        kind = "U%d" % (view.itemsize * 8)
    if kind is None or (sys.byteorder != "little" and view.itemsize > 1):
        raise _unsupported(name, "a buffer of the format %r" % view.format)

    def write(take: "Any") -> None:
        if view.nbytes > 0:
            take(view.cast("B") if view.c_contiguous else memoryview(view.tobytes()))

    return Tensor(name, kind, tuple(view.shape or ()), view.nbytes, write)


def _unsupported(name: str, what: "Any") -> "Any":
    return LineaprintError("ERR_LINEAPRINT_UNSUPPORTED", "%s has no digest: %s" % (name, what))
