"""Observe calls of a library without changing them."""

import functools
import sys

from ._process import current

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

#: Observers that failed before: one warning is enough.
_failed: "set[Any]" = set()


def before(owner: "Any", name: str, observe: "Callable[..., Any]") -> None:
    """Call `observe` with the arguments of each call of a function or method, before the call."""

    def around(function: "Any") -> "Any":
        @functools.wraps(function)
        def call(*args: "Any", **kwargs: "Any") -> "Any":
            attempt(observe, *args, **kwargs)
            return function(*args, **kwargs)

        return call

    replace(owner, name, around)


def after(owner: "Any", name: str, observe: "Callable[..., Any]") -> None:
    """Call `observe` with the result and the arguments of each call that did not raise."""

    def around(function: "Any") -> "Any":
        @functools.wraps(function)
        def call(*args: "Any", **kwargs: "Any") -> "Any":
            result = function(*args, **kwargs)
            attempt(observe, result, *args, **kwargs)
            return result

        return call

    replace(owner, name, around)


def replace(owner: "Any", name: str, around: "Callable[[Any], Any]") -> None:
    """Replace a function of a module, or a method of a class, by what `around` returns for it."""
    found = vars(owner).get(name)
    if found is None and getattr(getattr(owner, name, None), "__lineaprint__", False):
        # The method of a base class, which is followed already.
        return
    is_static = isinstance(found, staticmethod)
    function = found.__func__ if is_static else found
    if not callable(function) or isinstance(function, type):
        raise AttributeError("%s has no function %s, so what it reports is not recorded" % (_name_of(owner), name))
    if getattr(function, "__lineaprint__", False):
        # The module was loaded a second time, or two runs follow one another.
        return
    wrapped = around(function)
    wrapped.__lineaprint__ = True
    setattr(owner, name, staticmethod(wrapped) if is_static else wrapped)


def attempt(observe: "Callable[..., Any]", *args: "Any", **kwargs: "Any") -> "Any":
    """Call an observer while a run is open. Its first error is a warning of the run."""
    if not current.active:
        return None
    try:
        return observe(*args, **kwargs)
    except Exception as error:
        # A function with other arguments than expected gives a TypeError here.
        if observe not in _failed:
            _failed.add(observe)
            current.problem("a value that the program reports was not recorded: %s" % _name_of(observe), error)
        return None


def caller_package(own: "tuple[str, ...]") -> str:
    """Return the top package of the code that called a wrapped function, above frames of the packages `own`."""
    frame: "Any" = sys._getframe(1)
    while frame is not None:
        package = _module_of(frame.f_globals).partition(".")[0]
        if package != "_lineaprint" and package not in own:
            return package
        frame = frame.f_back
    return ""


def _module_of(names: "dict[str, Any]") -> str:
    name = str(names.get("__name__", ""))
    # A module that was started with `python -m` has its own name in its specification only.
    return str(getattr(names.get("__spec__"), "name", name)) if name == "__main__" else name


def _name_of(thing: "Any") -> str:
    module = getattr(thing, "__module__", None)
    name = getattr(thing, "__qualname__", getattr(thing, "__name__", "?"))
    return str(name) if module is None else "%s.%s" % (module, name)
