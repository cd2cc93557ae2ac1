"""The errors of this package."""


class LineaprintError(Exception):
    """An error with a stable `code`. Branch on the code, never on the text."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code

    def __reduce__(self) -> "tuple[object, ...]":
        # The classes take other arguments than `args` holds. An error that cannot be restored ends the thread of a
        # process pool that waits for it, and the program hangs.
        return _restored, (type(self), self.args, self.__dict__)


def _restored(kind: "type[LineaprintError]", args: "tuple[object, ...]", state: "dict[str, object]") -> LineaprintError:
    """Return an error that another process raised."""
    error = kind.__new__(kind)
    error.args = args
    error.__dict__.update(state)
    return error


class StateNotFound(LineaprintError, FileNotFoundError):
    """The file with saved states does not exist."""

    def __init__(self, message: str) -> None:
        super().__init__("ERR_LINEAPRINT_NOT_FOUND", message)


class StateCorrupt(LineaprintError, ValueError):
    """The file with saved states is not JSON, or contains an invalid value."""

    def __init__(self, message: str) -> None:
        super().__init__("ERR_LINEAPRINT_FORMAT", message)


class StateIncomplete(LineaprintError, LookupError):
    """The file with saved states lacks a field."""

    def __init__(self, message: str) -> None:
        super().__init__("ERR_LINEAPRINT_RECORD", message)


class TensorMismatch(LineaprintError, ValueError):
    """Tensors that were loaded are not those of their manifest."""

    def __init__(self, path: str, wrong: "list[tuple[str, str, str]]") -> None:
        name, expected, received = wrong[0]
        more = "" if len(wrong) == 1 else "; %d more tensors differ" % (len(wrong) - 1)
        sentence = "%s: tensor %.200r is not the one of the manifest (expected %s, received %s)%s"
        super().__init__("ERR_LINEAPRINT_MISMATCH", sentence % (path, name, expected, received, more))
        #: The first tensor that differs, in the order of names.
        self.tensor = name
        #: What the manifest lists: the digest, or dtype and shape, or that there is no such tensor.
        self.expected = expected
        self.received = received
        #: All tensors that differ, each with what was expected and received.
        self.mismatches = tuple(wrong)


def argument(message: str) -> LineaprintError:
    """Return the error for an invalid argument."""
    return LineaprintError("ERR_LINEAPRINT_ARGUMENT", message)
