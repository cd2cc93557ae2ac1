"""What this package knows about the generators of each library. A file is loaded when its library is.

Each has these functions, which take the module of the library:

- `follow(module, process)`: once, behind the import.
- `seed(module, seed, deterministic)`
- `targets(module, process, seeded)`: for each source of randomness its name, and (status, detail).
- `capture(module)`: for each generator its name, and its state in JSON.
- `prepare(module, name, state)`: checks a state and returns what sets it; changes nothing itself.
"""
