"""The recorder: a process beside the program. The program starts it, and never waits for one that does not answer."""

from __future__ import annotations

import json
import os
import select
import subprocess
import tempfile
from time import monotonic

from _lineaprint._connection import stopped
from _lineaprint._errors import LineaprintError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import IO, Any, Dict, List

#: Longest silence of the recorder, in seconds. It sends a sign of life every two seconds.
_SILENCE_SECONDS = 15.0

#: Time between two looks whether the recorder was stopped, in seconds.
_LOOK_SECONDS = 0.02

#: Starts a command that is no child of this process, so that a program that waits for its children does not see it.
_APART = 'exec 3<&0; "$@" <&3 3<&- &'

#: Variables of this process that belong to an earlier run.
_OTHERS = ("LINEAPRINT_BRIDGE", "LINEAPRINT_SCRATCH", "LINEAPRINT_PARENT")


class Recorder:
    """A started recorder. Its answers come through a pipe, one line of JSON each."""

    def __init__(self, command: List[str], request: Dict[str, Any]) -> None:
        """Start the recorder, and wait until the run has started. Raise LineaprintError if it does not start."""
        self._received = b""
        self._pid = 0
        environment = {name: text for name, text in os.environ.items() if name not in _OTHERS}
        # In a file, because a pipe whose reader has ended can end the program.
        with tempfile.TemporaryFile() as file, tempfile.TemporaryFile() as errors:
            file.write(json.dumps(request).encode("utf-8"))
            file.seek(0)
            process = subprocess.Popen(
                ["/bin/sh", "-c", _APART, "sh", *command, "record-program"],
                stdin=file,
                stdout=subprocess.PIPE,
                # Those who read from the stderr of the program wait until nobody has it open.
                stderr=errors,
                # Ctrl-C at the terminal is for the program.
                start_new_session=True,
                env=environment,
            )
            assert process.stdout is not None
            self._pipe = process.stdout
            try:
                process.wait()
                #: What the recorder tells of the run: `id`, `directory`, `variables` and more.
                self.started = self._answer("started")
            except LineaprintError as error:
                self._pipe.close()
                raise LineaprintError(error.code, str(error) + _reason(errors)) from error
            except BaseException:
                self._pipe.close()
                raise
        self._pid = int(self.started["recorder"])

    def end(self) -> Dict[str, Any]:
        """Wait until the run has ended. Return its `id`, `status`, `warnings` and `durationMs`."""
        try:
            return self._answer("ended")
        finally:
            self._pipe.close()

    def close(self) -> None:
        """Do not wait for the end of the run."""
        self._pipe.close()

    def _answer(self, kind: str) -> Dict[str, Any]:
        while True:
            message = self._message()
            if "error" in message:
                raise LineaprintError(message["error"]["code"], message["error"]["message"])
            if kind in message:
                found: Dict[str, Any] = message[kind]
                return found

    def _message(self) -> Dict[str, Any]:
        try:
            message = json.loads(self._line())
        except ValueError as error:
            raise _lost("the recorder answered with something else than JSON") from error
        if not isinstance(message, dict):
            raise _lost("the recorder answered with something else than an object")
        return message

    def _line(self) -> bytes:
        end = monotonic() + _SILENCE_SECONDS
        while b"\n" not in self._received:
            if not self._is_ready():
                if stopped(self._pid):
                    raise _lost("the recorder was stopped")
                if monotonic() > end:
                    raise _lost("the recorder does not answer")
                continue
            part = os.read(self._pipe.fileno(), 1 << 16)
            if not part:
                raise _lost("the recorder has ended")
            self._received += part
        line, _, self._received = self._received.partition(b"\n")
        return line

    def _is_ready(self) -> bool:
        # Descriptors of programs can be too large for select.
        poll = select.poll()
        poll.register(self._pipe.fileno(), select.POLLIN)
        return len(poll.poll(_LOOK_SECONDS * 1000)) > 0


def _reason(errors: IO[bytes]) -> str:
    """Return what the command wrote to stderr, as the end of a sentence: the line with the error, or the last one."""
    errors.seek(0)
    lines = [line.strip() for line in errors.read(1 << 16).decode("utf-8", "replace").splitlines() if line.strip()]
    telling = [line for line in lines if "Error" in line or "lineaprint: " in line]
    found = telling[:1] or lines[-1:]
    return ": %s" % found[0][:500] if found else ""


def _lost(message: str) -> LineaprintError:
    return LineaprintError("ERR_LINEAPRINT_STATE", message)
