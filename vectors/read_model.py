"""Prints the `weights` digest of a safetensors file, computed with the reference reader and reference.py.

    python vectors/read_model.py FILE
"""

import sys

from safetensors import safe_open

from reference import ALGORITHMS, structured


def tensors(path, algorithm):
    """`[name, dtype, shape, data digest]` of every tensor, sorted by name, through the reference reader."""
    with safe_open(path, framework="np") as file:
        for name in sorted(file.keys(), key=str.encode):
            part = file.get_slice(name)
            data = file.get_tensor(name).tobytes()
            yield [name, part.get_dtype(), list(part.get_shape()), ALGORITHMS[algorithm](data)]


def main():
    path = sys.argv[1]
    for algorithm in ALGORITHMS:
        _, digest = structured("weights", algorithm, [list(tensors(path, algorithm))])
        print(f"weights.v1.{algorithm}:{digest.hex()}")


if __name__ == "__main__":
    main()
