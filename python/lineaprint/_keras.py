"""Read the variables of a model of Keras under the paths that they have in its file."""

import sys

from _lineaprint._errors import LineaprintError

from ._tensors import is_array

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ._found import Found

_PACKAGES = ("keras", "tf_keras")


def is_keras(value: object) -> bool:
    return any(kind.__name__ in ("Model", "Layer") and kind.__module__.partition(".")[0] in _PACKAGES for kind in type(value).__mro__)


def collect(model: "Any", found: "Found") -> None:
    """Let Keras save the model into a store that only notes the variables, so that they have the names of the file."""
    saving = _saving(model)

    def __init__(self: "Any") -> None:
        self.place = ""

    def make(self: "Any", path: str, metadata: "Any" = None) -> "Any":
        return _Entry(path, found)

    # Newer versions accept only stores of their own classes.
    made = {"__init__": __init__, "make": make, "__bool__": lambda self: True, "__del__": lambda self: None}
    store = type("Noted", (saving.H5IOStore,), made)()
    saving._save_state(model, store, None, "", set())
    for layer in model._flatten_layers() if hasattr(model, "_flatten_layers") else ():
        if hasattr(layer, "save_assets"):
            found.ignored.append("assets of %s" % layer.name)


class _Entry:
    """The variables of one layer, as it saves them."""

    def __init__(self, path: str, found: "Found") -> None:
        self._place = "%s/vars/" % path if path else "vars/"
        self._found = found
        self._values: "dict[str, Any]" = {}

    def __setitem__(self, key: str, value: "Any") -> None:
        self._values[key] = value
        place = self._place + key
        if not is_array(value):
            import numpy  # type: ignore[import-not-found,unused-ignore]  # pyright: ignore[reportMissingImports]

            value = numpy.asarray(value)
        if type(value).__module__.partition(".")[0] in _PACKAGES and hasattr(value, "value"):
            value = value.value
        self._found.take(value, place)

    def __getitem__(self, key: str) -> "Any":
        return self._values[key]

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def __len__(self) -> int:
        return len(self._values)

    def keys(self) -> "Any":
        return self._values.keys()


def _saving(model: object) -> "Any":
    for kind in type(model).__mro__:
        package = kind.__module__.partition(".")[0]
        if package in _PACKAGES:
            for name in ("%s.src.saving.saving_lib" % package, "%s.saving.saving_lib" % package):
                saving = sys.modules.get(name)
                if hasattr(saving, "_save_state") and hasattr(saving, "H5IOStore"):
                    return saving
    what = "the names of the variables of this version of Keras are not known; save the model and track the file"
    raise LineaprintError("ERR_LINEAPRINT_UNSUPPORTED", "the model has no digest: %s" % what)
