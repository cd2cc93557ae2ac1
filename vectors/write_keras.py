#!/usr/bin/env python3
"""Writes the files of vectors/models/keras with Keras, and what h5py reads from them.

    KERAS_BACKEND=jax JAX_PLATFORMS=cpu python vectors/write_keras.py            write them again
    KERAS_BACKEND=jax JAX_PLATFORMS=cpu python vectors/write_keras.py --into F   write them into another folder

Needs keras 3.15.1, h5py 3.16.0 and a backend of Keras beside what reference.py needs. Keras writes the date and
addresses of memory into its files, so that they differ each time; the weights do not.
"""

import io
import zipfile

import h5py
import keras
import numpy as np
from model_arrays import sample
from model_files import expected, main
from write_hdf5 import found

WEIGHTS = "model.weights.h5"


def listed(path, weights=None):
    with h5py.File(io.BytesIO(weights) if weights else path, "r") as file:
        tensors, others = found(file)
    return expected(path.name, tensors, notRead=others)


def member(path):
    with zipfile.ZipFile(path) as archive:
        return archive.read(WEIGHTS)


def repack(path, source, method, change=lambda members: members):
    """Write the members of an archive again with another method."""
    with zipfile.ZipFile(source) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in change(members).items():
            archive.writestr(name, data)


def write(folder):
    keras.utils.set_random_seed(1)
    layers = [keras.layers.Input((3,)), keras.layers.Dense(4, name="hidden"), keras.layers.BatchNormalization()]
    model = keras.Sequential([*layers, keras.layers.Dense(2, dtype="bfloat16")])
    model.set_weights([sample(weight.shape, np.float32, seed) for seed, weight in enumerate(model.get_weights())])
    model.save(folder / "plain.keras")
    model.save(folder / "legacy.h5")
    model.save_weights(folder / "weights.weights.h5")
    model.compile("adam", "mse")
    model.optimizer.build(model.trainable_variables)
    model.save(folder / "compiled.keras")
    repack(folder / "deflated.keras", folder / "plain.keras", zipfile.ZIP_DEFLATED)
    hostile(folder)
    archives = ["plain.keras", "compiled.keras", "deflated.keras"]
    files = ["legacy.h5", "weights.weights.h5"]
    return [listed(folder / name, member(folder / name)) for name in archives] + [listed(folder / name) for name in files]


def hostile(folder):
    """An archive whose weights are pickles, one whose weights lie elsewhere, and a zip bomb."""
    source = folder / "plain.keras"
    pickled = lambda members: {"config.json": members["config.json"], "model.weights.npz": b"PK"}
    repack(folder / "pickled.keras", source, zipfile.ZIP_STORED, pickled)
    memory = io.BytesIO()
    with h5py.File(memory, "w") as file:
        file.create_dataset("a", (4,), "u1", external=[("/etc/passwd", 0, 4)])
    outside = lambda members: members | {WEIGHTS: memory.getvalue()}
    repack(folder / "external-storage.keras", source, zipfile.ZIP_STORED, outside)
    bomb = lambda members: members | {WEIGHTS: members[WEIGHTS] + bytes(40_000_000)}
    repack(folder / "bomb.keras", source, zipfile.ZIP_DEFLATED, bomb)


if __name__ == "__main__":
    main("keras", "What the weights of the Keras files in this folder are. Written by vectors/write_keras.py.", write)
