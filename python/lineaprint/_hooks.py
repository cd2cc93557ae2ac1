"""Tells when a library has been imported. Nothing is imported for it that the program does not import itself."""

import sys


class Watcher:
    """A finder in front of all others that finds nothing itself: it only adds a step behind the loading of a module."""

    def __init__(self, names, loaded, problem):
        """`loaded(name, module)` is called behind each of `names`, once; what it raises goes to `problem(name, error)`."""
        self._names = frozenset(names)
        self._loaded = loaded
        self._problem = problem
        self._busy = set()

    def install(self):
        sys.meta_path.insert(0, self)
        for name in sorted(self._names):
            module = sys.modules.get(name)
            # One that is half loaded, further up in this very import, tells of itself by its spec.
            spec = getattr(module, "__spec__", None)
            if module is not None and not getattr(spec, "_initializing", False):
                self._tell(name, module)

    def find_spec(self, name, path=None, target=None):
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

    def _find(self, name, path, target):
        for finder in sys.meta_path:
            find = getattr(finder, "find_spec", None)
            if finder is not self and find is not None:
                spec = find(name, path, target)
                if spec is not None:
                    return spec
        return None

    def _follow(self, name, loader):
        execute = getattr(loader, "exec_module", None)
        if execute is None:
            return

        def exec_module(module):
            # The loader is the program's again before anything of the library runs.
            loader.__dict__.pop("exec_module", None)
            execute(module)
            # A loader may be that of many modules, and one that was only looked for is not loaded.
            if getattr(module, "__name__", None) == name:
                self._tell(name, module)

        try:
            loader.exec_module = exec_module
        except (AttributeError, TypeError) as error:
            self._problem(name, error)

    def _tell(self, name, module):
        try:
            self._loaded(name, module)
        except Exception as error:
            self._problem(name, error)
