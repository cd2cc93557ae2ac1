"""Observe the seeds that a program sets itself."""

from .._process import current

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


#: Number of states that the program read and that are kept as hashes.
READ = 1024


class Own:
    """The seed that the program last set for one generator."""

    def __init__(self, name: str, library: str) -> None:
        self._name = name
        #: The name of its support module.
        self._library = library
        #: Hashes of states that the program read in this process, and what was known of the seed then.
        self._read: "dict[int, tuple[bool, Any]]" = {}
        self.forget()

    def seeded(self) -> None:
        """Forget everything, because lineaprint has seeded the generator."""
        self._read.clear()
        self.forget()

    def forget(self) -> None:
        """Forget the seed. States that the program has read stay known, because a fork continues the same stream."""
        self._is_set = False
        self._text: "str | None" = None
        self._before = None
        self._previous: "tuple[bool, str | None]" = (False, None)
        #: Whether the program drew from the earlier seed, before it set its own.
        self._drew = False

    def seeds(self) -> "Any":
        """Return the seed as text by the name of the generator, if the program set one."""
        return {self._name: self._text} if self._is_set else {}

    def used(self, state: "Any", start: "Any") -> "list[str]":
        """Return the name of the generator in a list if the program drew from the seed that it did not set itself.

        `state` is the state now, and `start` are the states of the library after it was seeded, by name.
        """
        has_drawn = self._drew or (not self._is_set and state != start.get(self._name))
        return [self._name] if has_drawn else []

    def _replaced(self, before: "Any") -> None:
        """Note whether the program drew before this call, which replaces the state."""
        start = current.starts.get(self._library, {}).get(self._name)
        if not self._is_set and start is not None and before is not None and before != start:
            self._drew = True

    def follow(self, module: "Any", names: "Any", read: "Any") -> None:
        """Replace the functions that set a seed, set a state and read the state with ones that are observed.

        `read` returns the state of the generator by the original function. Without it, there is only a seed.
        """
        for name, note in zip(names, (self._noted_seed, self._noted_state, self._noted_read)):
            setattr(module, name, _observe(getattr(module, name), note, read))

    def _noted_seed(self, before: "Any", after: "Any", args: "Any", kwargs: "Any") -> None:
        self._replaced(before)
        self._before, self._previous = before, (self._is_set, self._text)
        given = args[0] if args else kwargs.get("a", kwargs.get("seed"))
        self._is_set, self._text = True, text_of(given)

    def _noted_state(self, before: "Any", after: "Any", args: "Any", kwargs: "Any") -> None:
        self._replaced(before)
        # Libraries seed or draw for a moment and then set the earlier state again.
        known = self._read.get(hash(after))
        if after == self._before:
            self._is_set, self._text = self._previous
        elif known is not None:
            self._is_set, self._text = known
        else:
            self._is_set, self._text = True, "a saved state"

    def _noted_read(self, before: "Any", after: "Any", args: "Any", kwargs: "Any") -> None:
        if len(self._read) >= READ:
            self._read.pop(next(iter(self._read)), None)
        self._read[hash(after)] = (self._is_set, self._text)


class _Observed:
    """A bound method of the global generator that is observed. It is pickled, compared and read like the original."""

    def __init__(self, original: "Any", note: "Any", read: "Any") -> None:
        self._note, self._read = note, read
        # functools.update_wrapper would do this, but it takes time to import.
        self.__wrapped__ = original
        for name in ("__module__", "__name__", "__qualname__", "__doc__"):
            setattr(self, name, getattr(original, name, None))

    def __call__(self, *args: "Any", **kwargs: "Any") -> "Any":
        before = attempt(self._read)
        result = self.__wrapped__(*args, **kwargs)
        attempt(self._note, before, attempt(self._read), args, kwargs)
        return result

    def __getattr__(self, name: str) -> "Any":
        return getattr(self.__dict__["__wrapped__"], name)

    def __reduce_ex__(self, protocol: "Any") -> "Any":
        return self.__wrapped__.__reduce_ex__(protocol)

    def __eq__(self, other: "Any") -> bool:
        return self is other or self.__wrapped__ == other

    def __hash__(self) -> "Any":
        return hash(self.__wrapped__)

    def __repr__(self) -> "Any":
        return repr(self.__wrapped__)


def attempt(function: "Any", *args: "Any") -> "Any":
    """Call a function of ours within a call of the program, which must not see its errors."""
    try:
        return function(*args)
    except Exception as error:
        current.problem("the seed of a program", error)
        return None


def _observe(original: "Any", note: "Any", read: "Any") -> "Any":
    if read is not None:
        return _Observed(original, note, read)
    # Loaded only here, because this takes time.
    import functools

    @functools.wraps(original)
    def observed(*args: "Any", **kwargs: "Any") -> "Any":
        result = original(*args, **kwargs)
        attempt(note, None, None, args, kwargs)
        return result

    return observed


def text_of(seed: "Any") -> "Any":
    """Return a seed as text: digits for an integer, otherwise its type and a digest; None for a seed from the system."""
    if seed is None:
        return None
    try:
        return str(seed.__index__())
    except Exception:
        # Any object can be a seed, and an array with one element raises other errors than one with several.
        return _digest_of(seed)


def _digest_of(seed: "Any") -> "Any":
    import hashlib

    try:
        text = repr(seed.tolist() if hasattr(seed, "tolist") else seed)
    except Exception:
        # The original function has accepted the seed, so an object without a text must not fail here.
        return type(seed).__name__[:80]
    return "%s %s" % (type(seed).__name__[:80], hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16])
