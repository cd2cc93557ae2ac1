"""Read by Python before a program's first line, in programs that `lineaprint run` started.

Starts the bridge to lineaprint, then makes way for the sitecustomize that would have been read without it. Nothing
that goes wrong in the bridge reaches the program. This file has to be harmless in every version of Python; the bridge
itself needs 3.9.
"""

import os
import sys


def _start():
    if sys.version_info < (3, 9) or not os.environ.get("LINEAPRINT_BRIDGE"):
        return
    try:
        from _lineaprint import _start as bridge

        bridge.start()
    except Exception as error:
        # Nothing of ours may stop a program. What can still be told is told by lineaprint: it was not reached.
        if sys.flags.verbose:
            sys.stderr.write("lineaprint: the bridge did not start: %r\n" % (error,))


def _absolute(path):
    try:
        return os.path.abspath(path)
    except OSError:
        # The working directory was removed.
        return path


def _make_way():
    """Imports the sitecustomize that the rest of the path has; what it raises is for Python to handle, as ever."""
    own = os.path.dirname(_absolute(__file__))
    places = [at for at, entry in enumerate(sys.path) if entry and _absolute(entry) == own]
    if not places:
        return
    entries = [sys.path[at] for at in places]
    for at in reversed(places):
        del sys.path[at]
    # Held until the end: Python 2 takes a module apart that nobody holds.
    this = sys.modules.pop("sitecustomize", None)
    try:
        # Where there is none, this is the ImportError that Python expects and passes over.
        import sitecustomize  # noqa: F401
    finally:
        # It may have changed the path: only what was taken out is put back.
        for at, entry in zip(places, entries):
            sys.path.insert(min(at, len(sys.path)), entry)
    return this


_start()
_make_way()
