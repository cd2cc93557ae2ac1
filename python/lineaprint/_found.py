"""What was found in a model in memory."""

import json
import sys

from _lineaprint._errors import argument

from ._tensors import describe
from ._text import text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

#: Most characters of the classes and parameters of a model.
_CONFIG = 1 << 20

#: Most names, sentences, and characters of a sentence.
_NAMES = 100
_LENGTH = 1000


class Found:
    """The tensors of a model, and what else is recorded of it."""

    def __init__(self) -> None:
        self.tensors: "dict[str, Any]" = {}
        #: Names of what has no digest.
        self.ignored: "list[str]" = []
        #: Classes and parameters, what they are, and the paths of those that were left out.
        self.config: "Any" = None
        self.title = ""
        self.left: "list[str]" = []
        self.remarks: "list[str]" = []
        self.warnings: "list[str]" = []

    def add(self, tensor: "Any") -> None:
        if tensor.name in self.tensors:
            raise argument("two tensors of the model have the name %.200r" % tensor.name)
        self.tensors[tensor.name] = tensor

    def take(self, value: "Any", name: str) -> None:
        """Take an array. One that has no digest is an error."""
        self.add(describe(value, name))

    def fields(self) -> "dict[str, Any]":
        """Return what is sent of the model beside its tensors."""
        fields: "dict[str, Any]" = {"ignored": self.ignored[:_NAMES], "ignoredCount": len(self.ignored)}
        if self.config is not None:
            written = json.dumps(self.config, separators=(",", ":"), sort_keys=True)
            if len(written) > _CONFIG:
                raise argument("the parameters of the model have %d characters of JSON; expected at most %d" % (len(written), _CONFIG))
            fields["config"] = {"name": self.title[:_LENGTH], "text": written, "ignored": [path[:_LENGTH] for path in self.left[:_LENGTH]]}
        for name, sentences, most in (("remarks", self.remarks, 10), ("warnings", self.warnings, _NAMES)):
            if sentences:
                fields[name] = [sentence[:_LENGTH] for sentence in sentences[:most]]
        return fields

    def left_out(self) -> str:
        """Return the end of a sentence about a model of which nothing could be read."""
        if self.config is None:
            return ""
        names = ", ".join(self.ignored[:5])
        return "%s; fit it first, or save it to a file and record that with track_output" % (names and " that can be read (not read: %s)" % names)


def join(name: str, key: "Any") -> str:
    """Return the name of a part."""
    return text("the name of a tensor", "%s.%s" % (name, key) if name else str(key))


def package_of(value: object) -> str:
    return type(value).__module__.partition(".")[0]


def class_of(kind: type) -> str:
    """Return the full name of a class."""
    return "%s.%s" % (kind.__module__, kind.__qualname__)


def version_of(package: str) -> str:
    """Return a package with its version, if it states one."""
    version = getattr(sys.modules.get(package), "__version__", None)
    return "%s %s" % (package, version) if isinstance(version, str) else package
