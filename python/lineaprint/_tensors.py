"""Read the dtypes, shapes and bytes of tensors and arrays."""

import struct
import sys

from _lineaprint._errors import LineaprintError, argument

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


class Tensor:
    """One tensor. `write` passes its elements, in C order and little-endian, to a function that takes bytes."""

    def __init__(self, name: str, dtype: "Any", shape: "Any", size: "Any", write: "Any") -> None:
        self.name = name
        self.dtype = dtype
        self.shape = shape
        self.size = size
        self.write = write


def is_array(value: "Any") -> bool:
    """Return whether a value has a dtype and a shape."""
    # A class such as numpy.float64 has the attributes of its objects, but not their values.
    return hasattr(value, "shape") and hasattr(value, "dtype") and not isinstance(value, type)


def describe(value: "Any", name: str) -> "Any":
    """Return the tensor for an array, a PyTorch tensor or a buffer."""
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(value, torch.Tensor):
        return _from_torch(torch, value, name)
    if is_array(value) or hasattr(value, "__array__"):
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
        raise _unsupported(name, "a tensor of the type %s" % tensor.dtype)
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
    array = value if isinstance(value, (numpy.ndarray, numpy.generic)) else None
    if array is None and not is_array(value):
        array = numpy.asarray(value)
    if kind.__name__.endswith("Tracer") and hasattr(value, "aval"):
        raise _unsupported(name, "its values are not known while JAX traces a function; pass it outside of the function")
    shown = array if array is not None else value
    kind = _numpy_dtype(numpy, shown.dtype)
    dtype = DTYPES.get(kind.name)
    if dtype is None:
        raise _unsupported(name, _of_type(shown.dtype))
    shape = tuple(int(length) for length in shown.shape)
    size = kind.itemsize
    for length in shape:
        size *= length

    def write(take: "Any") -> None:
        # Only one tensor at a time is copied from its device.
        if array is None and _is_spread(value):
            found = _gathered(numpy, value)
        else:
            found = numpy.asarray(value if array is None else array)
        if found.dtype.name != kind.name or found.shape != shape:
            raise argument("%s is %s %s, but was said to be %s %s" % (name, found.dtype, found.shape, kind, shape))
        if found.dtype.byteorder == ">" or (found.dtype.byteorder == "=" and sys.byteorder == "big"):
            found = found.astype(found.dtype.newbyteorder("<"))
        if found.size > 0:
            flat: Any = numpy.ascontiguousarray(found).reshape(-1).view(numpy.uint8)
            take(memoryview(flat))

    return Tensor(name, dtype, shape, size, write)


def _numpy_dtype(numpy: "Any", dtype: "Any") -> "Any":
    """Return the dtype of NumPy for one of another library. One without such a form has no name among the known."""
    try:
        return numpy.dtype(getattr(dtype, "as_numpy_dtype", dtype))
    except TypeError:
        return numpy.dtype("V1")


def _is_spread(value: "Any") -> bool:
    """Return whether an array of JAX is not on one CPU: its whole would stay on the host with the array."""
    jax = sys.modules.get("jax")
    if jax is None or not isinstance(value, jax.Array) or not hasattr(value, "devices"):
        return False
    devices = value.devices()
    return len(devices) > 1 or any(device.platform != "cpu" for device in devices)


def _gathered(numpy: "Any", value: "Any") -> "Any":
    """Return an array of JAX on the host, put together from its parts."""
    jax = sys.modules["jax"]
    if not value.is_fully_addressable:
        return numpy.asarray(value)
    whole = numpy.empty(value.shape, value.dtype)
    for part in value.addressable_shards:
        if part.replica_id == 0:
            try:
                # The copy on a CPU goes with the array that it is in.
                data = jax.device_put(part.data, jax.local_devices(backend="cpu")[0])
            except RuntimeError:
                # This program has no CPU among the devices of JAX.
                data = part.data
            whole[part.index] = numpy.asarray(data)
    return whole


def numbers(name: str, values: "Any", shape: "Any") -> "Any":
    """Return the tensor for numbers of Python of one type; None if their type is not one or they do not fit."""
    kinds = {type(value) for value in values}
    form = {bool: "?", int: "q", float: "d"}.get(kinds.pop()) if len(kinds) == 1 else None
    if form is None:
        return None
    try:
        packed = struct.pack("<%d%s" % (len(values), form), *values)
    except struct.error:
        return None
    return Tensor(name, {"?": "BOOL", "q": "I64", "d": "F64"}[form], shape, len(packed), lambda take: take(memoryview(packed)))


def octets(name: str, content: "Any") -> "Any":
    """Return the tensor for bytes."""
    return _from_buffer(memoryview(content), name)


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


def _of_type(dtype: "Any") -> str:
    """Return what an array is whose type has no tensor, and what to do with it."""
    advice = {
        "M": "its numbers are those of .view('int64')",
        "m": "its numbers are those of .view('int64')",
        "U": "make it a column of a frame",
        "S": "make it a column of a frame",
        "V": "pass its fields by name",
        "O": "give it a type with .astype, or make it a column of a frame",
    }.get(getattr(dtype, "kind", ""))
    return "an array of the type %.80s%s" % (dtype, "; " + advice if advice else "")


def _unsupported(name: str, what: "Any") -> "Any":
    return LineaprintError("ERR_LINEAPRINT_UNSUPPORTED", "%s has no digest: %s" % (name, what))
