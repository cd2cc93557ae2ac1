"""Notebooks: the sources of cells, and how a run shows itself."""

from __future__ import annotations

import html as _html
import sys

from _lineaprint._process import current

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, List, Tuple

    from ._runs import Run

#: Longest source of a cell that is recorded whole, in characters.
_SOURCE_LIMIT = 1_000_000


def shell() -> Any:
    """Return the shell of IPython that runs this program; None outside of one."""
    module = sys.modules.get("IPython.core.getipython")
    return None if module is None else module.get_ipython()


def is_interactive() -> bool:
    """Return whether a person, and not a script, tells this process what to do."""
    return shell() is not None or hasattr(sys, "ps1")


class Cells:
    """Sends the source of each cell before it is executed."""

    def __init__(self, events: Any) -> None:
        self._events = events
        events.register("pre_run_cell", self._on_cell)

    def remove(self) -> None:
        try:
            self._events.unregister("pre_run_cell", self._on_cell)
        except ValueError:
            # The program has removed it.
            pass

    def _on_cell(self, info: Any) -> None:
        try:
            # What the notebook runs for itself has no place in the history.
            if getattr(info, "store_history", True):
                # The history begins with an empty entry, and does not have this cell yet. The counter of executions is
                # that of this cell or of the next one, depending on the version of IPython.
                say_cell(getattr(info, "raw_cell", ""), len(shell().history_manager.input_hist_raw))
        except Exception as error:
            current.problem("a cell", error)


def watch_cells() -> Cells | None:
    """Record the cells from now on, and the one that runs. Return None outside of a notebook."""
    running = shell()
    if running is None:
        return None
    try:
        # The cell that starts the run is the last one of the history.
        history = running.history_manager.input_hist_raw
        if len(history) > 1:
            say_cell(history[-1], len(history) - 1)
        return Cells(running.events)
    except Exception as error:
        current.problem("the cells of the notebook", error)
        return None


def say_cell(source: object, number: object) -> None:
    """Send the source of a cell."""
    if isinstance(source, str) and isinstance(number, int) and number >= 0:
        text = source.encode("utf-8", "replace").decode("utf-8")
        if len(text) > _SOURCE_LIMIT:
            text = "%s\n# … %d characters more" % (text[:_SOURCE_LIMIT], len(text) - _SOURCE_LIMIT)
        current.tell("cell", number=number, source=text)


def text(run: Run) -> str:
    """Return a run as plain text: one line, and one for each of the last metrics."""
    lines = ["lineaprint run %s, %s" % (run.id, run.status)]
    if run.directory is not None:
        lines.append("folder  %s" % run.directory)
    lines += ["%s  %s" % entry for entry in run.last_metrics().items()]
    return "\n".join(lines)


def html(run: Run) -> str:
    """Return a run as a table in HTML. Names and values are data, and never markup."""
    rows: List[Tuple[str, object]] = [("run", run.id), ("status", run.status), ("experiment", run.name), ("folder", run.directory)]
    rows += list(run.last_metrics().items())
    cells = [
        '<tr><th style="text-align:left">%s</th><td style="text-align:left">%s</td></tr>'
        % (_html.escape(str(name)), _html.escape(str(value)))
        for name, value in rows
        if value is not None
    ]
    return "<table>%s</table>" % "".join(cells)
