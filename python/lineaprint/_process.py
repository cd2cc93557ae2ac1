"""The state of this process: its connection, its seed, and the libraries that it loaded."""

import os
import sys

from ._connection import PROTOCOL, Connection, quote, warn

_GOLDEN = 0x9E3779B97F4A7C15
_MASK = (1 << 64) - 1

# Path elements of spawned processes. They differ from those of forks, which are 1, 2, 3, …
_SPAWNED = 1 << 20
_FORK_SERVER = 1 << 21


def derive(seed, path):
    """Return the seed of a child: 53 bits of the output function of SplitMix64 over its path in the process tree."""
    word = seed
    for number in path:
        word = (word + (number + 1) * _GOLDEN) & _MASK
        word = ((word ^ (word >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        word = ((word ^ (word >> 27)) * 0x94D049BB133111EB) & _MASK
        word ^= word >> 31
    return word >> 11


def seed_of_run():
    """Return the seed of the run, or None."""
    text = os.environ.get("LINEAPRINT_SEED", "")
    if not text.isdecimal() or len(text) > 16 or int(text) >= 1 << 53:
        return None
    return int(text)


def helper():
    """Return the role in multiprocessing: `spawned`, `forkserver`, `resource_tracker`, or None."""
    argv = getattr(sys, "orig_argv", None) or getattr(sys, "argv", None) or []
    if "--multiprocessing-fork" in argv:
        return "spawned"
    for name in ("forkserver", "resource_tracker"):
        if any(text.startswith("from multiprocessing.%s import main" % name) for text in argv):
            return name
    return None


class Process:
    """The mutable state of this process. The only instance is `current`."""

    def __init__(self):
        self.started = False
        self.watching = False
        self.connection = None
        #: `program`, `spawned` by multiprocessing, or `forked`.
        self.kind = "program"
        #: The seed for libraries when they are loaded.
        self.seed = None
        #: The origin of the seed: `run`, `set_seeds`, `derived`.
        self.origin = None
        self.deterministic = False
        #: Numbers of the forks from the started program to this process.
        self.path = ()
        self.forks = 0
        #: Loaded libraries by name: the support module of this package, and the library itself.
        self.libraries = {}
        #: Status of each source of randomness: name to (status, detail).
        self.targets = {}
        self.told = set()

    def begin(self, path):
        role = helper()
        self.seed = seed_of_run()
        self.origin = None if self.seed is None else "run"
        if role == "spawned":
            # Its seed is known once multiprocessing has set its name.
            self.kind, self.seed, self.origin = "spawned", None, None
        elif role == "forkserver":
            self.kind = "spawned"
            self._derive((_FORK_SERVER,))
        self.deterministic = os.environ.get("LINEAPRINT_DETERMINISTIC") == "1"
        connection = Connection(path)
        connection.greet(self._hello())
        self.connection = connection

    @property
    def active(self):
        return self.connection is not None and not self.connection.lost

    def tell(self, call, **fields):
        """Send a message without an answer. Return whether it was sent."""
        if not self.active:
            return False
        text = json_text({"call": call, **fields})
        return self.connection.tell(text)

    def loaded(self, library, module):
        """Seed an imported library if there is a seed, and save its start state."""
        library.follow(module, self)
        if self.seed is not None:
            self.seed_one(library, module)
        else:
            self.targets.update(library.targets(module, self, False))
        self.say_state("start", {library.__name__: (library, module)})
        # A library that failed above is not added, so it is ignored from here on.
        self.libraries[library.__name__] = (library, module)

    def seed_one(self, library, module):
        library.seed(module, self.seed, self.deterministic)
        self.targets.update(library.targets(module, self, True))

    def say_state(self, at, libraries):
        """Send the states of a program. Only `checkpoint` saves the states of processes that a library starts."""
        if not self.active or self.kind != "program":
            return
        generators = {}
        for name, (library, module) in libraries.items():
            try:
                generators.update(library.capture(module))
            except Exception as error:
                # For example, a failed device has no state.
                self.problem(name, error)
        if generators:
            self.tell("state", at=at, generators=generators)

    def states(self):
        """Return the state of every generator that can be read now."""
        generators = {}
        for library, module in self.libraries.values():
            generators.update(library.capture(module))
        return generators

    def problem(self, name, error):
        """Report an error of this package as a warning of the run. The program continues."""
        sentence = "%s: %s: %s" % (name, type(error).__name__, error)
        if sentence not in self.told:
            self.told.add(sentence)
            self.tell("problem", message=sentence[:1000])

    def end(self):
        """Send the last states and the status of every source of randomness at the end of the program."""
        try:
            if not self.active or self.kind == "forked":
                return
            self.refresh_targets()
            self.say_state("end", self.libraries)
            self.say_seeds()
            # No answer is needed: lineaprint reads all sent messages before it ends the run.
            self.tell("bye", script=os.path.basename(_script())[:1000])
        except Exception as error:
            self.problem("the end of the program", error)

    def refresh_targets(self):
        for name, (library, module) in self.libraries.items():
            try:
                self.targets.update(library.targets(module, self, self.origin is not None))
            except Exception as error:
                self.problem(name, error)

    def say_seeds(self):
        self.tell(
            "seeds",
            seed=self.seed,
            origin=self.origin,
            deterministic=self.deterministic,
            path=list(self.path),
            targets=[
                {"name": name, "status": status, "detail": detail}
                for name, (status, detail) in sorted(self.targets.items())
            ],
        )

    def spawned(self, name):
        """Derive the seed from the name. Default names end in the path of the process, for example SpawnProcess-2:1."""
        if self.kind != "spawned" or self.seed is not None:
            return
        seed = seed_of_run()
        place = str(name).rpartition("-")[2].split(":")
        if seed is None or not all(part.isdecimal() and len(part) < 10 for part in place):
            # Several processes may have the same custom name, and equal streams would be worse than unseeded ones.
            return
        self.seed = seed
        self._derive(tuple(_SPAWNED + int(part) for part in place))
        for library, module in self.libraries.values():
            self.seed_one(library, module)
        self.say_seeds()

    def _derive(self, more):
        self.path = (*self.path, *more)
        if self.seed is not None:
            self.seed, self.origin = derive(self.seed, more), "derived"

    def before_fork(self):
        self.forks += 1

    def after_fork(self):
        """Reset the connection and derive the seed in a forked child. Inherited generator states are kept."""
        self.kind = "forked"
        self._derive((self.forks,))
        self.forks = 0
        if self.connection is not None:
            self.connection.after_fork(self._hello())

    def after_random_fork(self):
        """Reseed `random` in a forked child, after Python has reset it from the system."""
        if self.seed is not None and "random" in sys.modules:
            sys.modules["random"].seed(self.seed)

    def _hello(self):
        version = sys.version_info
        return json_text(
            {
                "call": "hello",
                "protocol": PROTOCOL,
                "pid": os.getpid(),
                "parent": os.getppid(),
                "kind": self.kind,
                "version": "%d.%d.%d" % version[:3],
                "implementation": sys.implementation.name,
                "hashSeed": os.environ.get("PYTHONHASHSEED"),
                "seed": self.seed,
                "origin": self.origin,
                "path": list(self.path),
            }
        )


def _script():
    argv = getattr(sys, "argv", None) or [""]
    return argv[0] if isinstance(argv[0], str) else ""


def json_text(value):
    """Return JSON text for values built by this package, without loading the module json."""
    if value is None:
        return "null"
    if value is True:
        return "true"
    if value is False:
        return "false"
    if isinstance(value, str):
        return quote(value)
    if isinstance(value, int):
        return int.__repr__(value)
    if isinstance(value, dict):
        return "{%s}" % ",".join("%s:%s" % (quote(key), json_text(item)) for key, item in value.items())
    return "[%s]" % ",".join([json_text(item) for item in value])


current = Process()
