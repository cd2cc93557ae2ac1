"""The errors of this package."""


class LineaprintError(Exception):
    """What lineaprint refused. `code` is stable: branch on it, never on the text."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


class StateNotFound(LineaprintError, FileNotFoundError):
    """There is no file with saved states of generators there."""

    def __init__(self, message):
        super().__init__("ERR_LINEAPRINT_NOT_FOUND", message)


class StateCorrupt(LineaprintError, ValueError):
    """The file with saved states is not JSON, or a value in it is impossible."""

    def __init__(self, message):
        super().__init__("ERR_LINEAPRINT_FORMAT", message)


class StateIncomplete(LineaprintError, LookupError):
    """The file with saved states lacks a field."""

    def __init__(self, message):
        super().__init__("ERR_LINEAPRINT_RECORD", message)


def argument(message):
    """The error for an argument that is of the wrong kind."""
    return LineaprintError("ERR_LINEAPRINT_ARGUMENT", message)
