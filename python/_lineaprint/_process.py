"""The state of this process: its connection, its seed, and the libraries that it loaded."""

import os
import sys

from . import _files, _position
from ._connection import PROTOCOL, Connection, quote, warn
from ._version import VERSION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

#: Largest number of problems that are reported.
_TOLD = 200

#: Longest wait at the end of a program for a thread that uses a generator, in seconds.
_BUSY_SECONDS = 1.0

_GOLDEN = 0x9E3779B97F4A7C15
_MASK = (1 << 64) - 1

#: Longest path that is reported.
_PATH_LIMIT = 4096


def derive(seed: int, path: "tuple[int, ...]") -> int:
    """Return the seed of a child: 53 bits of the output function of SplitMix64 over its path in the process tree."""
    word = seed
    for number in path:
        word = (word + (number + 1) * _GOLDEN) & _MASK
        word = ((word ^ (word >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        word = ((word ^ (word >> 27)) * 0x94D049BB133111EB) & _MASK
        word ^= word >> 31
    return word >> 11


def seed_of_run() -> "Any":
    """Return the seed of the run, or None."""
    text = os.environ.get("LINEAPRINT_SEED", "")
    if not text.isdecimal() or len(text) > 16 or int(text) >= 1 << 53:
        return None
    return int(text)


def helper() -> "Any":
    """Return the role in multiprocessing: `spawned`, `forkserver`, `resource_tracker`, or None."""
    argv = _position.arguments()
    if "--multiprocessing-fork" in argv:
        return "spawned"
    for name in ("forkserver", "resource_tracker"):
        # Other packages have copies of these helpers, for example loky and multiprocess.
        end = ".%s import main" % name
        if any(text.startswith("from ") and end in text.partition(";")[0] for text in argv):
            return name
    return None


class Process:
    """The mutable state of this process. The only instance is `current`."""

    def __init__(self) -> None:
        self.started = False
        self.watching = False
        self.connection: "Any" = None
        #: `program`, `spawned` by multiprocessing, or `forked`.
        self.kind = "program"
        #: The seed for libraries when they are loaded.
        self.seed: "int | None" = None
        #: The origin of the seed: `run`, `set_seeds`, `derived`.
        self.origin: "str | None" = None
        self.deterministic = False
        #: Numbers of the forks from the started program to this process.
        self.path: "tuple[int, ...]" = ()
        self.forks = 0
        #: Loaded libraries by name: the support module of this package, and the library itself.
        self.libraries: "dict[str, tuple[Any, Any]]" = {}
        #: Status of each source of randomness: name to (status, detail).
        self.targets: "dict[str, tuple[str, str]]" = {}
        self.told: "set[str]" = set()
        #: State of the generators by library, as they were after their seeding or in a new fork.
        self.starts: "dict[str, Any]" = {}
        #: The same at the moment of a fork, for the child.
        self.inherited: "dict[str, Any]" = {}
        #: Whether the program asked for its seed.
        self.asked = False
        #: Whether errors of tracking are raised, and whether each is printed when it occurs.
        self.strict = False
        self.aloud = False
        self.position: "Any" = None

    def begin(self, path: str) -> None:
        self.position = position = _position.Position()
        role = helper()
        self.kind = "spawned" if role in ("spawned", "forkserver") else "program"
        self.seed = seed_of_run()
        self.origin = None if self.seed is None else "run"
        given = position.given
        claims = False
        # A program can give a process another seed, or none.
        if given is not None and given["run"] == self.seed:
            self.seed, self.path = given["seed"], given["path"]
            if self.seed is not None:
                self.origin = "derived" if self.path else "run"
            if role == "forkserver":
                self._derive((*given["more"][:-1], _position.FORK_SERVER))
            elif not position.replaced and position.rank is None:
                self._derive(given["more"])
                # What only launches others draws nothing, and leaves its position to the program.
                claims = not position.passive
        elif role == "forkserver":
            self._derive((_position.FORK_SERVER,))
        elif role == "spawned":
            # Its seed is known once multiprocessing has set its name.
            self.seed, self.origin = None, None
        self.deterministic = os.environ.get("LINEAPRINT_DETERMINISTIC") == "1"
        connection = Connection(path)
        copies = connection.greet(self._hello(), claims and self.seed is not None)
        self.connection = connection
        if copies:
            self._derive((_position.COPY + copies,))
            self.say_seeds()
        self.mark()

    def position_of(self, element: int) -> "Any":
        """Return the position of a process that starts now; None if it keeps the seed of the run."""
        run = seed_of_run()
        # A spawned process has its seed once multiprocessing has set its name.
        if self.position.passive or (self.seed is None) != (run is None):
            return None
        return self.position.text(self, run, element)

    def position_of_next(self, arguments: "Any") -> "Any":
        """Count a command that starts, and return its position; None if the variable is to stay as it is."""
        element = self.position.next(arguments)
        return None if element is None else self.position_of(element)

    def mark(self) -> None:
        """Put a position into the environment for processes whose start is not seen."""
        if self.position is None:
            return
        text = self.position_of(_position.UNSEEN)
        if text is not None:
            os.environ[_position.VARIABLE] = text

    @property
    def active(self) -> bool:
        return self.connection is not None and not self.connection.lost

    def tell(self, call: str, **fields: "Any") -> "Any":
        """Send a message without an answer. Return whether it was sent."""
        if not self.active:
            return False
        text = json_text({"call": call, **fields})
        return self.connection.tell(text)

    def loaded(self, library: "Any", module: "Any") -> None:
        """Seed an imported library if there is a seed, and save its start state."""
        library.follow(module, self)
        if self.seed is not None:
            self.seed_one(library, module)
        else:
            self.targets.update(library.targets(module, self, False))
        self.say_state("start", {library.__name__: (library, module)})
        self.starts[library.__name__] = library.state(module)
        # A library that failed above is not added, so it is ignored from here on.
        self.libraries[library.__name__] = (library, module)

    def seed_one(self, library: "Any", module: "Any") -> None:
        library.seed(module, self.seed, self.deterministic)
        self.starts[library.__name__] = library.state(module)
        self.targets.update(library.targets(module, self, True))

    def begin_again(self) -> None:
        """Note the states of loaded libraries as those of the start of a run that begins now."""
        for name, (library, module) in list(self.libraries.items()):
            try:
                self.starts[name] = library.state(module)
            except Exception as error:
                self.problem(name, error)
        self.say_state("start", self.libraries)

    def leave(self) -> None:
        """Close the connection to a run that has ended, so that another can begin."""
        connection, self.connection = self.connection, None
        self.started, self.strict, self.aloud = False, False, False
        self.position = None
        os.environ.pop(_position.VARIABLE, None)
        self.told.clear()
        if connection is not None:
            connection.close()

    def seed_all(self) -> None:
        """Seed the libraries. One that fails is reported."""
        for name, (library, module) in list(self.libraries.items()):
            try:
                self.seed_one(library, module)
            except Exception as error:
                self.problem(name, error)

    def seed_again(self) -> None:
        """Seed the libraries again, except those that the program seeded itself."""
        if self.seed is None:
            return
        for name, (library, module) in list(self.libraries.items()):
            try:
                if not library.own_seeds(module, self, self.starts[name]):
                    self.seed_one(library, module)
            except Exception as error:
                self.problem(name, error)

    def usage(self) -> "Any":
        """Return the generators that drew from the seed of this process, and the seeds that the program set itself.

        A seed that the program set itself and that equals the seed of this process counts as the latter.
        """
        used, own = [], {}
        for name, (library, module) in list(self.libraries.items()):
            start = self.starts.get(name)
            if start is None:
                continue
            try:
                _wait_for(library, module)
                found = library.own_seeds(module, self, start)
                same = [key for key, text in found.items() if self.seed is not None and text == str(self.seed)]
                used += same + library.used(module, start)
                own.update({key: text for key, text in found.items() if key not in same})
            except Exception as error:
                self.problem(name, error)
        if self.asked:
            used.append("lineaprint.seed")
        return sorted(set(used)), own

    def say_state(self, at: "Any", libraries: "Any") -> None:
        """Send the states of a program. Only `checkpoint` saves the states of processes that a library starts."""
        if not self.active or self.kind != "program":
            return
        generators = {}
        for name, (library, module) in list(libraries.items()):
            try:
                _wait_for(library, module)
                generators.update(library.capture(module))
            except Exception as error:
                # For example, a failed device has no state.
                self.problem(name, error)
        if generators:
            self.tell("state", at=at, generators=generators)

    def states(self) -> "Any":
        """Return the state of every generator that can be read now."""
        generators = {}
        for name, (library, module) in list(self.libraries.items()):
            try:
                generators.update(library.capture(module))
            except Exception as error:
                self.problem(name, error)
        return generators

    def problem(self, name: str, error: BaseException) -> None:
        """Report an error of this package as a warning of the run. The program continues."""
        try:
            sentence = "%s: %s: %s" % (name, type(error).__name__, error)
        except Exception:
            # The error of a program can fail to give its text.
            sentence = "%s: %s" % (name, type(error).__name__)
        if sentence in self.told or len(self.told) > _TOLD:
            return
        self.told.add(sentence)
        if self.aloud:
            # Nobody prints the warnings of this run before its end.
            warn("warning: %s" % sentence[:1000])
        try:
            self.tell("problem", message=sentence[:1000])
        except Exception:
            # The connection is all that could report this.
            pass

    def finish(self) -> None:
        """Report the end of this process and close the connection, as the last step of atexit."""
        self.end()
        try:
            self.connection.close()
        except Exception:
            # Nothing can be reported any more.
            pass

    def end(self) -> None:
        """Send the last states and the status of every source of randomness at the end of the program."""
        try:
            if not self.active:
                return
            if self.kind == "forked":
                self.say_inherited()
                self.connection.settle()
                return
            self.refresh_targets()
            self.say_state("end", self.libraries)
            self.say_seeds()
            self.say_execution()
            # No answer is needed: lineaprint reads all sent messages before it ends the run.
            self.tell("bye", script=os.path.basename(_script())[:1000])
            self.connection.settle()
        except Exception as error:
            self.problem("the end of the program", error)

    def refresh_targets(self) -> None:
        for name, (library, module) in list(self.libraries.items()):
            try:
                self.targets.update(library.targets(module, self, self.origin is not None))
            except Exception as error:
                self.problem(name, error)

    def say_seeds(self) -> None:
        used, own = self.usage()
        for name, text in own.items():
            detail = "the program seeded it from the system" if text is None else "the program set %s" % text
            if name in used:
                detail += ", after it had drawn from the earlier seed"
            if self.targets.get(name, ("",))[0] != "own-seed":
                self.targets[name] = ("own-seed", detail[:1000])
        self.tell(
            "seeds",
            used=used,
            ownSeeds=[{"name": name, "seed": text} for name, text in sorted(own.items())],
            seed=self.seed,
            origin=self.origin,
            deterministic=self.deterministic,
            path=list(self.path),
            targets=[
                {"name": name, "status": status, "detail": detail}
                for name, (status, detail) in sorted(self.targets.items())
            ],
        )

    def say_execution(self) -> None:
        """Send the settings of the end that change how results are computed."""
        from . import _execution

        # Forked children, and interpreters that this program started.
        workers = self.forks + (self.position.interpreters if self.position is not None else 0)
        self.tell("execution", affinity=_execution.affinity(), settings=_execution.settings(), workers=workers)

    def spawned(self, name: str) -> None:
        """Derive the seed from a default name, which ends in the path of the process, for example SpawnProcess-2:1.

        Names that the program chose may occur twice, so such processes keep the seed of their start index.
        """
        seed = seed_of_run()
        head, _, tail = str(name).rpartition("-")
        numbers = tail.split(":")
        is_default = head.endswith(("Process", "PoolWorker")) and head.isidentifier()
        if self.kind != "spawned" or not is_default:
            return
        if not all(number.isdecimal() and len(number) < 10 for number in numbers):
            return
        given = self.position.given
        if given is not None and given["run"] == seed:
            self.seed, self.path = given["seed"], given["path"]
            self._derive((*given["more"][:-1], _position.SPAWNED + int(numbers[-1])))
        else:
            self.seed, self.path = seed, ()
            self._derive(tuple(_position.SPAWNED + int(number) for number in numbers))
        self.mark()
        self.seed_all()
        self.say_seeds()

    def _derive(self, more: "Any") -> None:
        self.path = (*self.path, *more)
        if self.seed is not None:
            self.seed, self.origin = derive(self.seed, more), "derived"

    def before_fork(self) -> None:
        """Count the fork, and note the states that the child inherits.

        The child itself may not read them: another thread, which it lacks, can hold the lock of a generator.
        """
        try:
            self.forks += 1
            _files.before_fork()
            self.inherited = self._states_of(self.libraries)
        except Exception as error:
            self.problem("a fork", error)

    def after_fork(self) -> None:
        """Reset the connection and derive the seed in a forked child. Inherited generator states are kept."""
        try:
            if self.connection is not None:
                self.connection.after_fork()
            _files.after_fork()
            self.kind = "forked"
            if self.position is None:
                # No run is open.
                return
            self._derive((*self.position.prefix, self.forks))
            self.forks = 0
            self.asked = False
            self.position.after_fork()
            self.mark()
            if self.connection is not None:
                self.connection.greeting = self._hello()
            self.starts, self.inherited = self.inherited, {}
            for name, (library, module) in list(self.libraries.items()):
                library.forget()
        except Exception as error:
            self.problem("a forked process", error)

    def after_random_fork(self) -> None:
        """Reseed `random` in a forked child, after Python has reset it from the system."""
        try:
            for name, (library, module) in list(self.libraries.items()):
                if module is sys.modules.get("random"):
                    if self.seed is not None:
                        library.seed(module, self.seed, False)
                    self.starts[name] = library.state(module)
        except Exception as error:
            self.problem("random", error)

    def _states_of(self, libraries: "Any") -> "Any":
        """Return the states of generators by library, without those that another thread uses."""
        states = {}
        for name, (library, module) in list(libraries.items()):
            try:
                if not library.busy(module, 0):
                    states[name] = library.state(module)
            except Exception as error:
                self.problem(name, error)
        return states

    def say_inherited(self) -> None:
        """Report the generators with which a forked child drew from the state that it began with."""
        if not self.active or self.kind != "forked":
            return
        found = []
        for name, (library, module) in list(self.libraries.items()):
            try:
                found += self._inherited_of(name, library, module)
            except Exception as error:
                self.problem(name, error)
        if found:
            self.tell("inherited", generators=found)

    def _inherited_of(self, name: str, library: "Any", module: "Any") -> "Any":
        start = self.starts.get(name)
        if start is None or library.busy(module, 0):
            return []
        found = []
        own = library.own_seeds(module, self, start)
        # A seed that the child set has replaced the inherited state, unless the child drew before.
        replaced = own.keys() - set(library.used(module, start))
        for key, value in library.state(module).items():
            sentence = "inherited " + key
            # Without a seed, Python has reset `random` from the system.
            if (key == "random" and self.seed is None) or key in replaced or sentence in self.told or value == start.get(key, value):
                continue
            self.told.add(sentence)
            found.append({"name": key, "state": _digest(start[key])})
        return found

    def _hello(self) -> "Any":
        version = sys.version_info
        rank = self.position.rank
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
                "rank": rank,
                "localRank": None if rank is None else _position.number_of(_position.LOCAL_RANKS),
                "size": None if rank is None else _position.number_of(_position.SIZES),
                "script": (_position.launched() or "")[:1000],
                "startTime": start_time(),
                "launcher": self.position.passive,
                "package": VERSION,
                "interpreter": None if self.kind == "forked" else _interpreter(),
            }
        )


def _interpreter() -> "Any":
    """Return the interpreter of this process, and the folders in which it finds packages."""
    paths = [text for text in sys.path if isinstance(text, str) and 0 < len(text) <= _PATH_LIMIT]
    own = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    return {
        "executable": (sys.executable or "")[:_PATH_LIMIT],
        "prefix": sys.prefix[:_PATH_LIMIT],
        "basePrefix": sys.base_prefix[:_PATH_LIMIT],
        "paths": [text for text in paths if text != own][:200],
    }


def start_time() -> "Any":
    """Return when this process started, in ticks since the boot; None where the system does not tell."""
    try:
        descriptor = os.open("/proc/self/stat", os.O_RDONLY | os.O_CLOEXEC)
        try:
            text = os.read(descriptor, 4096)
        finally:
            os.close(descriptor)
        # The name of the program may contain any character; this is field 22, and field 3 follows the name.
        return int(text[text.rindex(b")") + 2 :].split()[19])
    except (OSError, ValueError, IndexError):
        return None


def _wait_for(library: "Any", module: "Any") -> None:
    """Wait a moment for another thread that uses a generator."""
    if library.busy(module, _BUSY_SECONDS):
        raise RuntimeError("another thread uses the generator, so its state cannot be read")


def _digest(state: "Any") -> "Any":
    import hashlib

    return hashlib.sha256(repr(state).encode()).hexdigest()


def _script() -> "Any":
    argv = getattr(sys, "argv", None) or [""]
    return argv[0] if isinstance(argv[0], str) else ""


def json_text(value: "Any") -> "Any":
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
    if isinstance(value, float):
        # The callers have already replaced NaN and infinities.
        return float.__repr__(value)
    if isinstance(value, dict):
        return "{%s}" % ",".join("%s:%s" % (quote(key), json_text(item)) for key, item in value.items())
    return "[%s]" % ",".join([json_text(item) for item in value])


current = Process()
