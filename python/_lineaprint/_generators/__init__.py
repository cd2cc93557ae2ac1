"""Support modules for the generators of each library. A support module is loaded when its library is imported.

Each has these functions, which take the module of the library:

- `follow(module, process)`: called once after the import.
- `seed(module, seed, deterministic)`: seed the generators.
- `targets(module, process, seeded)`: return (status, detail) by name for each source of randomness.
- `state(module)`: return the state by name for each generator, in a form that can be compared.
- `busy(module, seconds)`: return whether another thread uses a generator for longer, so that reading its state waits.
- `used(module, start)`: return the generators that drew since the states `start`, and not only after the program set its
  own seed.
- `own_seeds(module, process, start)`: return the seeds that the program set itself, as text by name; None for one from
  the system.
- `forget()`: forget these seeds, in a forked child and after a restore.
- `capture(module)`: return the state as JSON by name for each generator.
- `prepare(module, name, state)`: check a state and return a function that sets it; change nothing itself.
"""
