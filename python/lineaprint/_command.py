"""Find the command `lineaprint`, which records the runs that a program starts itself."""

from __future__ import annotations

import os
import shlex
import shutil

from _lineaprint._errors import LineaprintError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import List

#: The variable that names the command: a path, or a command line.
VARIABLE = "LINEAPRINT_COMMAND"

#: The program of the package of npm that this folder belongs to, if it does.
_OWN = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "dist", "cli", "main.js")

#: Files of a package that npm installed.
_BIN = os.path.join("node_modules", ".bin", "lineaprint.cmd" if os.name == "nt" else "lineaprint")

HINT = (
    "the command lineaprint was not found; install it with Node 22.13 or newer: \"npm install lineaprint\" in the"
    " project, or \"npm install --global lineaprint\"; or set LINEAPRINT_COMMAND to its path"
)


def find_command() -> List[str]:
    """Return the words of the command.

    They are searched in LINEAPRINT_COMMAND, in the package of npm that this module is a part of, on PATH, and in
    `node_modules/.bin` of the working directory and of the folders above it. Raise LineaprintError with the code
    ERR_LINEAPRINT_COMMAND if there is none.
    """
    given = os.environ.get(VARIABLE)
    if given:
        return _given(given)
    node = shutil.which("node")
    if node is not None and os.path.isfile(_OWN):
        return [node, _OWN]
    found = shutil.which("lineaprint") or _above()
    if found is None:
        raise LineaprintError("ERR_LINEAPRINT_COMMAND", HINT)
    return [found]


def _given(text: str) -> List[str]:
    words = [text] if os.path.exists(text) else shlex.split(text)
    if words and shutil.which(words[0]) is not None:
        return words
    raise LineaprintError("ERR_LINEAPRINT_COMMAND", "LINEAPRINT_COMMAND names no program: %s" % text)


def _above() -> str | None:
    try:
        folder = os.getcwd()
    except OSError:
        # The working directory was removed.
        return None
    while True:
        candidate = os.path.join(folder, _BIN)
        if os.access(candidate, os.X_OK) and os.path.isfile(candidate):
            return candidate
        parent = os.path.dirname(folder)
        if parent == folder:
            return None
        folder = parent
