"""Fits a small network with JAX. The keys are made from the seed that --seed of this program names."""

import argparse
import os

import jax
import jax.numpy as jnp
import numpy as np
from safetensors.numpy import save_file

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--out", default="out")
args = parser.parse_args()


def start(key, sizes):
    keys = jax.random.split(key, len(sizes) - 1)
    return {
        "layer%d" % i: {"w": jax.random.normal(k, (a, b)) / np.sqrt(a), "b": jnp.zeros(b)}
        for i, (k, a, b) in enumerate(zip(keys, sizes, sizes[1:]))
    }


def loss(weights, x, y):
    h = jnp.tanh(x @ weights["layer0"]["w"] + weights["layer0"]["b"])
    return jnp.mean((h @ weights["layer1"]["w"] + weights["layer1"]["b"] - y) ** 2)


@jax.jit
def step(weights, x, y):
    value, slope = jax.value_and_grad(loss)(weights, x, y)
    return value, jax.tree.map(lambda w, g: w - 0.1 * g, weights, slope)


key = jax.random.key(args.seed)
key, at = jax.random.split(key)
weights = start(at, [3, 8, 1])
for number in range(20):
    key, at = jax.random.split(key)
    x = jax.random.uniform(at, (16, 3))
    value, weights = step(weights, x, x.sum(1, keepdims=True))
print("loss %.6f" % value)
os.makedirs(args.out, exist_ok=True)
flat = {"%s.%s" % (layer, name): np.asarray(w) for layer, both in weights.items() for name, w in both.items()}
save_file(flat, os.path.join(args.out, "model.safetensors"))
