#!/usr/bin/env python3
"""Writes the checkpoints of vectors/models/orbax with Orbax, and what their digests are.

    python vectors/write_orbax.py            write them again
    python vectors/write_orbax.py --into F   write them into another folder

Needs jax 0.10.2 and orbax-checkpoint 0.12.8 beside what reference.py needs. The names of some files are random.
"""

import shutil
from pathlib import Path

import jax.numpy as jnp
import orbax.checkpoint as ocp
from model_files import main
from model_trees import described

STATE = {"weight": jnp.arange(6.0).reshape(2, 3)}


def write(into: Path):
    for name in ("plain", "managed"):
        shutil.rmtree(into / name, ignore_errors=True)
    with ocp.StandardCheckpointer() as checkpointer:
        checkpointer.save((into / "plain").resolve(), STATE)
    with ocp.CheckpointManager((into / "managed").resolve()) as manager:
        manager.save(3, args=ocp.args.StandardSave(STATE))
        manager.wait_until_finished()
    # Orbax writes where it saved. A checkpoint is the same wherever it was made.
    for file in into.rglob("commit_success.txt"):
        file.write_text(file.read_text().replace(str(into.resolve()), "/checkpoints"))
    return [described(into / name, name) for name in ("plain", "managed/3")]


if __name__ == "__main__":
    main("orbax", __doc__.split("\n")[0], write)
