#!/usr/bin/env python3
"""Prints the texts of the grids in crates/formats/src/values/blocks/grids.rs, from the tables of the package gguf.

    python vectors/write_grids.py

Needs gguf (`scripts/bench-peers.sh` pins it). The points of each grid are in the order of their numbers, which this checks: so a
bit for each point of the cube says whether it is in the grid.
"""

from gguf import quants

NAMES = ["IQ1_S", "IQ2_XXS", "IQ2_XS", "IQ2_S", "IQ3_XXS", "IQ3_S"]
WIDTH = 96


def text(name):
    """The bits of a grid as hexadecimal digits."""
    kind = getattr(quants, name)
    kind.init_grid()
    base = len(kind.grid_map)
    digits = {value: digit for digit, value in enumerate(kind.grid_map)}
    points = [
        sum(digits[int(value)] * base**place for place, value in enumerate(row))
        for row in kind.grid.reshape(kind.grid_shape)
    ]
    assert points == sorted(set(points)), name
    bits = bytearray(-(-(base ** kind.grid_shape[1]) // 8))
    for point in points:
        bits[point // 8] |= 1 << point % 8
    return bits.hex()


for name in NAMES:
    digits = text(name)
    lines = [digits[at : at + WIDTH] for at in range(0, len(digits), WIDTH)]
    print(f'const {name}: &[u8] = b"\\\n    ' + "\\\n    ".join(lines) + '";')
