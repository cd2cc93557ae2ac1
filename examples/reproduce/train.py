"""Train a model with NumPy and one seed. Training it again on the same machine gives the same bits.

    lineaprint run --seed 42 --output model=line.safetensors -- python train.py
    lineaprint reproduce @latest

The seed comes from the variable LINEAPRINT_SEED, which `--seed` sets and `reproduce` sets again. The
program seeds its own generator with it, so that imported modules cannot draw numbers from it.
"""

import json
import os
import struct

import numpy as np

STEPS = 200
RATE = 0.1

rng = np.random.default_rng(int(os.environ.get("LINEAPRINT_SEED", "0")))
x = rng.uniform(-1, 1, 64)
y = 3 * x - 1 + rng.normal(0, 0.05, 64)

weight, bias = rng.normal(), 0.0
for _ in range(STEPS):
    error = weight * x + bias - y
    weight -= RATE * np.mean(error * x)
    bias -= RATE * np.mean(error)

tensors = {"bias": np.array([bias], "<f8"), "weight": np.array([weight], "<f8")}
header, offset = {}, 0
for name, values in tensors.items():
    end = offset + values.nbytes
    header[name] = {"dtype": "F64", "shape": list(values.shape), "data_offsets": [offset, end]}
    offset = end
text = json.dumps(header).encode()
with open("line.safetensors", "wb") as file:
    file.write(struct.pack("<Q", len(text)) + text)
    for values in tensors.values():
        file.write(values.tobytes())
print(f"y = {weight:.3f} x + {bias:.3f}")
