"""Detect the import of a library. Import nothing that the program does not import itself."""

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Watcher:
    """A finder before all others. It finds no modules itself, but adds a step after the loading of a module."""

    def __init__(self, names: "Any", loaded: "Any", problem: "Any") -> None:
        """Call `loaded(name, module)` once after the import of each name, and `problem(name, error)` if it raises."""
        self._names = frozenset(names)
        self._loaded = loaded
        self._problem = problem
        self._busy: "set[str]" = set()

    def install(self) -> None:
        finders: "list[Any]" = sys.meta_path
        finders.insert(0, self)
        for name in sorted(self._names):
            module = sys.modules.get(name)
            # The spec shows whether the module is still being loaded, further up in this import.
            spec = getattr(module, "__spec__", None)
            if module is not None and not getattr(spec, "_initializing", False):
                self._tell(name, module)

    def find_spec(self, name: str, path: "Any" = None, target: "Any" = None) -> "Any":
        if name not in self._names or name in self._busy:
            return None
        self._busy.add(name)
        try:
            spec = self._find(name, path, target)
        finally:
            self._busy.discard(name)
        if spec is not None and spec.loader is not None:
            self._follow(name, spec.loader)
        return spec

    def _find(self, name: str, path: "Any", target: "Any") -> "Any":
        finders: "list[Any]" = sys.meta_path
        for finder in finders:
            find = getattr(finder, "find_spec", None)
            if finder is not self and find is not None:
                spec = find(name, path, target)
                if spec is not None:
                    return spec
        return None

    def _follow(self, name: str, loader: "Any") -> None:
        execute = getattr(loader, "exec_module", None)
        # A class as the loader belongs to all modules of its kind.
        if execute is None or isinstance(loader, type):
            return

        def exec_module(module: "Any") -> None:
            # Restore the loader before any code of the library runs.
            try:
                del loader.exec_module
            except AttributeError:
                # Another thread loads with the same loader.
                pass
            execute(module)
            # A loader can load many modules, and a spec that was only searched for loads nothing.
            if getattr(module, "__name__", None) == name:
                self._tell(name, module)

        try:
            loader.exec_module = exec_module
        except Exception as error:
            # A loader of the program can refuse this with any error.
            self._problem(name, error)

    def _tell(self, name: str, module: "Any") -> None:
        try:
            self._loaded(name, module)
        except Exception as error:
            self._problem(name, error)
