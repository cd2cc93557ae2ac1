"""What this process is to lineaprint: its connection, its seed, the libraries it loaded."""

import os
import sys

from ._connection import PROTOCOL, Connection, quote, warn

_GOLDEN = 0x9E3779B97F4A7C15
_MASK = (1 << 64) - 1

# Places of spawned processes, apart from those of forks, which are 1, 2, 3, …
_SPAWNED = 1 << 20
_FORK_SERVER = 1 << 21


def derive(seed, path):
    """The seed of a child: SplitMix64's output function over its place in the tree of processes, 53 bits of it."""
    word = seed
    for number in path:
        word = (word + (number + 1) * _GOLDEN) & _MASK
        word = ((word ^ (word >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        word = ((word ^ (word >> 27)) * 0x94D049BB133111EB) & _MASK
        word ^= word >> 31
    return word >> 11


def seed_of_run():
    """The seed that the run was given, or None."""
    text = os.environ.get("LINEAPRINT_SEED", "")
    if not text.isdecimal() or len(text) > 16 or int(text) >= 1 << 53:
        return None
    return int(text)


def helper():
    """Processes that multiprocessing starts for itself: `spawned`, `forkserver`, `resource_tracker`, else None."""
    argv = getattr(sys, "orig_argv", None) or getattr(sys, "argv", None) or []
    if "--multiprocessing-fork" in argv:
        return "spawned"
    for name in ("forkserver", "resource_tracker"):
        if any(text.startswith("from multiprocessing.%s import main" % name) for text in argv):
            return name
    return None


class Process:
    """The one object of this module that changes: `current`."""

    def __init__(self):
        self.started = False
        self.watching = False
        self.connection = None
        #: `program`, `spawned` by multiprocessing, or `forked`.
        self.kind = "program"
        #: What libraries are seeded with when they are loaded.
        self.seed = None
        #: Where it comes from: `run`, `set_seeds`, `derived`.
        self.origin = None
        self.deterministic = False
        #: Numbers of the forks that lead here from the program that was started.
        self.path = ()
        self.forks = 0
        #: Loaded libraries: what this package knows about each, and its module.
        self.libraries = {}
        #: What became of each source of randomness: name to (status, detail).
        self.targets = {}
        self.told = set()

    def begin(self, path):
        role = helper()
        self.seed = seed_of_run()
        self.origin = None if self.seed is None else "run"
        if role == "spawned":
            # Its seed is known once it was told its name.
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
        """Says something that is not answered. Whether it was sent."""
        if not self.active:
            return False
        text = json_text({"call": call, **fields})
        return self.connection.tell(text)

    def loaded(self, library, module):
        """A library was imported: it is seeded if there is a seed, and its state is the one it starts with."""
        library.follow(module, self)
        if self.seed is not None:
            self.seed_one(library, module)
        else:
            self.targets.update(library.targets(module, self, False))
        self.say_state("start", {library.__name__: (library, module)})
        # One of which something failed is left alone from here on.
        self.libraries[library.__name__] = (library, module)

    def seed_one(self, library, module):
        library.seed(module, self.seed, self.deterministic)
        self.targets.update(library.targets(module, self, True))

    def say_state(self, at, libraries):
        """The states of a program. Those of processes that a library starts are only saved by `checkpoint`."""
        if not self.active or self.kind != "program":
            return
        generators = {}
        for name, (library, module) in libraries.items():
            try:
                generators.update(library.capture(module))
            except Exception as error:
                # A device that failed, for example, has no state to tell.
                self.problem(name, error)
        if generators:
            self.tell("state", at=at, generators=generators)

    def states(self):
        """The state of every generator that can be read now."""
        generators = {}
        for library, module in self.libraries.values():
            generators.update(library.capture(module))
        return generators

    def problem(self, name, error):
        """Something of ours failed. The program goes on, and the run has it as a warning."""
        sentence = "%s: %s: %s" % (name, type(error).__name__, error)
        if sentence not in self.told:
            self.told.add(sentence)
            self.tell("problem", message=sentence[:1000])

    def end(self):
        """The program ends: the last states, and what became of every source of randomness."""
        try:
            if not self.active or self.kind == "forked":
                return
            self.refresh_targets()
            self.say_state("end", self.libraries)
            self.say_seeds()
            # Nobody waits for an answer: lineaprint reads what was sent before it ends the run.
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
        """multiprocessing's own names end in the numbers of a process's place: SpawnProcess-2:1."""
        if self.kind != "spawned" or self.seed is not None:
            return
        seed = seed_of_run()
        place = str(name).rpartition("-")[2].split(":")
        if seed is None or not all(part.isdecimal() and len(part) < 10 for part in place):
            # A name that the program chose may stand for several: equal streams would be worse than none.
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
        """In the child. States that were inherited follow from a seed and stay as they are."""
        self.kind = "forked"
        self._derive((self.forks,))
        self.forks = 0
        if self.connection is not None:
            self.connection.after_fork(self._hello())

    def after_random_fork(self):
        """In the child, after Python gave its `random` a new state from the system."""
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
    """JSON text of what this package itself puts together, without loading the module json."""
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
