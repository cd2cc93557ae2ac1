"""Read and check fields of a saved state."""

from .._errors import StateCorrupt, StateIncomplete

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def field(state: "Any", name: str, key: "Any", kinds: "Any") -> "Any":
    """Return a field of the given type. True and False do not count as numbers."""
    if not isinstance(state, dict):
        raise StateCorrupt("the state of %s is not an object" % name)
    if key not in state:
        raise StateIncomplete("the state of %s lacks the field %s" % (name, key))
    value = state[key]
    if not isinstance(value, kinds) or isinstance(value, bool):
        raise StateCorrupt("the field %s of the state of %s is not valid: %.80r" % (key, name, value))
    return value


def words(state: "Any", name: str, count: "Any") -> "Any":
    """Return the 32-bit words of a Mersenne Twister."""
    found = field(state, name, "words", list)
    if len(found) != count or not all(type(word) is int and 0 <= word < 1 << 32 for word in found):
        raise StateCorrupt("the state of %s does not have %d words of 32 bits" % (name, count))
    return tuple(found)


def hexadecimal(state: "Any", name: str, key: "Any") -> "Any":
    """Return bytes from hexadecimal digits."""
    try:
        return bytes.fromhex(field(state, name, key, str))
    except ValueError as error:
        raise StateCorrupt("the field %s of the state of %s is not hexadecimal" % (key, name)) from error
