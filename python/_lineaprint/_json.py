"""Forms of values in JSON, for what the program reports itself and for what it reports to libraries."""

#: From here on, a double (the number type of JSON) cannot represent every integer.
EXACT = 1 << 53


def encodable(value: str) -> str:
    """Return text that can be encoded as UTF-8, as names of files may not be."""
    return value.encode("utf-8", "backslashreplace").decode("utf-8")


def integer(value: int) -> "int | str":
    """Return an integer; as text, if it would become another one as a number."""
    number = int(value)
    if -EXACT < number < EXACT:
        return number
    try:
        return str(number)
    except ValueError:
        # Python refuses to write very long integers in decimal.
        return hex(number)


def is_finite(value: float) -> bool:
    return value - value == 0.0


def special(value: float) -> "dict[str, str]":
    return {"__float__": "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"}


def name_of(kind: type) -> str:
    """Return the name of a class, with its module if it is not built in."""
    module = "" if kind.__module__ == "builtins" else "%s." % kind.__module__
    return encodable("%s%s" % (module, kind.__qualname__))


def is_dtype(value: object) -> bool:
    return any(kind.__name__ in ("dtype", "DType") for kind in type(value).__mro__)
