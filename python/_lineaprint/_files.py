"""Keep the files of the Python side in memory, so that a later import does not need them on disk.

A program can run for days. Meanwhile the package may be removed or replaced, and the program may run out of file
descriptors.
"""

import os
import sys
from _frozen_importlib_external import SourceFileLoader, spec_from_file_location
from _thread import get_ident
from time import monotonic, sleep

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

#: Longest time that a fork waits for other threads that import one of these files, in seconds.
_FORK_SECONDS = 2.0

_FOLDER = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

#: Packages with files that are not loaded at the start.
_PACKAGES = ("lineaprint", "_lineaprint", "_lineaprint._generators", "_lineaprint._reported")

_FLAGS = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)

#: Threads that import one of these files now, one entry per import.
_importing = []


#: Calls that came from signal handlers while `lineaprint` was imported: the name of the function, and its arguments.
deferred = []

_DEFERRED = (
    "add_metadata add_tags checkpoint flush log_digest log_metric log_metrics track_dataset track_model track_output"
).split()


def defer(name: str) -> "Any":
    """Return a function that is called after the import of `lineaprint`. This is the `__getattr__` of that module."""
    if name not in _DEFERRED:
        raise AttributeError("module 'lineaprint' has no attribute %r" % name)
    return lambda *args, **kwargs: deferred.append((name, args, kwargs))


class _Loader(SourceFileLoader):
    """Load a module from its content. Its compiled form on disk is used if it belongs to this content."""

    def __init__(self, name: str, path: str, content: "Any", info: "Any") -> None:
        super().__init__(name, path)
        self._content = content
        self._info = info

    def create_module(self, spec: "Any") -> "Any":
        if spec.name != "lineaprint":
            return None
        # A signal handler can interrupt the import, and call what the module does not have yet.
        module: "Any" = type(sys)(spec.name)
        module.__getattr__ = defer
        return module

    def path_stats(self, path: str) -> "Any":
        return {"mtime": self._info.st_mtime, "size": self._info.st_size}

    def get_data(self, path: str) -> "Any":
        return self._content if path == self.path else super().get_data(path)

    def set_data(self, path: str, data: "Any", **options: "Any") -> None:
        # A folder that was removed must not be created again.
        if os.path.exists(self.path):
            super().set_data(path, data, **options)

    def exec_module(self, module: "Any") -> None:
        _importing.append(get_ident())
        try:
            super().exec_module(module)
        finally:
            _importing.remove(get_ident())


class _Finder:
    """A finder of modules whose content is kept."""

    def __init__(self) -> None:
        self._kept: "dict[str, Any]" = {}

    def keep(self, package: str) -> None:
        folder = os.path.join(_FOLDER, *package.split(".")) + os.sep
        for entry in os.listdir(folder):
            if entry.endswith(".py"):
                name = package if entry == "__init__.py" else package + "." + entry[:-3]
                if name not in sys.modules:
                    self._kept[name] = _read(folder + entry)

    def find_spec(self, name: str, path: "Any" = None, target: "Any" = None) -> "Any":
        kept = self._kept.get(name)
        if kept is None:
            return None
        file, content, info = kept
        folders = [os.path.dirname(file)] if name in _PACKAGES else None
        loader = _Loader(name, file, content, info)
        return spec_from_file_location(name, file, loader=loader, submodule_search_locations=folders)


def _read(path: str) -> "Any":
    descriptor = os.open(path, _FLAGS)
    try:
        info = os.fstat(descriptor)
        content = os.read(descriptor, info.st_size + 1)
        while len(content) < info.st_size:
            part = os.read(descriptor, info.st_size)
            if not part:
                break
            content += part
        return path, content, info
    finally:
        os.close(descriptor)


def keep() -> None:
    """Read the files that are not loaded yet. Later imports use their content."""
    finder = _Finder()
    for package in _PACKAGES:
        finder.keep(package)
    finders: "list[Any]" = sys.meta_path
    finders.insert(0, finder)


def before_fork() -> None:
    """Wait until no other thread imports one of these files: the child would wait for that thread forever."""
    own, end = get_ident(), monotonic() + _FORK_SECONDS
    while any(thread != own for thread in list(_importing)) and monotonic() < end:
        sleep(0.001)


def after_fork() -> None:
    """Forget the imports of threads that do not exist in a forked child."""
    own = get_ident()
    _importing[:] = [thread for thread in _importing if thread == own]
