"""The errors of this package."""


class LineaprintError(Exception):
    """An error with a stable `code`. Branch on the code, never on the text."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


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


def argument(message: str) -> LineaprintError:
    """Return the error for an invalid argument."""
    return LineaprintError("ERR_LINEAPRINT_ARGUMENT", message)
