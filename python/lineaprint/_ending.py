"""Tell how a program ends: by itself, by an exception, or with an exit code.

Python does not tell this to what runs at the exit. So two hooks are set while a run is open: for exceptions that nobody
catches, and for `sys.exit`. Both call what they replace.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType, TracebackType
    from typing import Any, NoReturn


class Ending:
    """The end of a program or of its run, as the recorder is told."""

    def __init__(self, status: str, exit_code: int | None, signal: str | None, error: str | None) -> None:
        self.status = status
        self.exit_code = exit_code
        self.signal = signal
        self.error = error


#: Longest error that is sent.
_ERROR_LIMIT = 1000


class Hooks:
    """The hooks of one run."""

    def __init__(self) -> None:
        self._error: BaseException | None = None
        self._exit: tuple[Any] | None = None
        self._main = _main_frame()
        self._excepthook = sys.excepthook
        self._sys_exit = sys.exit
        self._set_excepthook = self._on_error
        self._set_exit = self._wrapped_exit()

    def install(self) -> None:
        sys.excepthook = self._set_excepthook
        sys.exit = self._set_exit

    def remove(self) -> None:
        """Put back what was there, unless somebody else has replaced the hooks."""
        if sys.excepthook is self._set_excepthook:
            sys.excepthook = self._excepthook
        if sys.exit is self._set_exit:
            sys.exit = self._sys_exit
        self._error, self._main = None, None

    def _on_error(
        self, kind: type[BaseException], error: BaseException, traceback: TracebackType | None
    ) -> Any:
        self._error = error
        return self._excepthook(kind, error, traceback)

    def _wrapped_exit(self) -> Any:
        original = self._sys_exit

        def exit(status: Any = None, /) -> NoReturn:
            self._exit = (status,)
            original(status)

        # The function stands for that of the module, also where it is pickled.
        exit.__module__, exit.__qualname__, exit.__doc__ = "sys", "exit", original.__doc__
        return exit

    def ending(self) -> Ending:
        """Return how the program ends. This is called at its exit."""
        if self._error is not None:
            return ending_of(self._error, at_exit=True)
        if self._main is None or _has_returned(self._main):
            return Ending("finished", 0, None, None)
        if self._exit is not None:
            return ending_of(SystemExit(*self._exit), at_exit=True)
        return Ending("failed", None, None, "the program ended by SystemExit, with a code that is not known")


def ending_of(error: BaseException | None, at_exit: bool = False) -> Ending:
    """Return the end of a run whose work an exception ended. Only at the exit does it end the program as well."""
    if error is None:
        return Ending("finished", None, None, None)
    if isinstance(error, SystemExit):
        code = error.code
        number = 0 if code is None else code & 0xFF if isinstance(code, int) else 1
        if number == 0:
            return Ending("finished", 0 if at_exit else None, None, None)
        return Ending("failed", number if at_exit else None, None, "the program ended with code %d" % number)
    if isinstance(error, KeyboardInterrupt):
        return Ending("killed", None, "SIGINT" if at_exit else None, "KeyboardInterrupt")
    try:
        text = "%s: %s" % (type(error).__name__, error)
    except Exception:
        # The error of a program can fail to give its text.
        text = type(error).__name__
    return Ending("failed", 1 if at_exit else None, None, _clean(text)[:_ERROR_LIMIT])


def _clean(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8")


def _main_frame() -> FrameType | None:
    """Return the outermost frame of the main thread: that of the script."""
    import threading

    frame = sys._current_frames().get(threading.main_thread().ident or 0)
    while frame is not None and frame.f_back is not None:
        frame = frame.f_back
    return frame


def _has_returned(frame: FrameType) -> bool:
    """Return whether a frame has ended with a `return`, which a script does at its last line, and not by an exception."""
    import opcode

    at = frame.f_lasti
    code = frame.f_code.co_code
    return 0 <= at < len(code) and opcode.opname[code[at]].startswith("RETURN_")
