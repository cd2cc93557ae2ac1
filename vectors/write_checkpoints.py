#!/usr/bin/env python3
"""Writes the checkpoints of vectors/models/checkpoint with torch.distributed.checkpoint and Orbax.

    python vectors/write_checkpoints.py            write them again
    python vectors/write_checkpoints.py --into F   write them into another folder

Needs torch 2.15.0, jax 0.10.2, numpy and orbax-checkpoint 0.12.8 beside what reference.py needs.
"""

import shutil
from pathlib import Path

import jax.numpy as jnp
import orbax.checkpoint as ocp
import torch
import torch.distributed.checkpoint as dcp
from model_files import main
from reference import structured, tree_items


def entries_of(folder):
    """The entries of a folder, as tree_items of reference.py takes them."""
    import base64

    entries = []
    for path in sorted(folder.iterdir()):
        if path.is_dir():
            entries.append({"name": path.name, "folder": entries_of(path)})
        else:
            entries.append({"name": path.name, "file": {"base64": base64.b64encode(path.read_bytes()).decode()}})
    return entries


def described(folder, format):
    items = [tree_items(name, [entries_of(folder)], "follow") for name in ("blake3", "sha256")]
    digests = [structured("tree", name, [inner])[1].hex() for name, inner in zip(("blake3", "sha256"), items, strict=True)]
    return {
        "file": folder.name,
        "format": format,
        "tree": {name: f"tree.v1.{name}:{digest}" for name, digest in zip(("blake3", "sha256"), digests, strict=True)},
    }


def write(into: Path):
    for name in ("dcp", "orbax", "orbax-steps"):
        shutil.rmtree(into / name, ignore_errors=True)
    dcp.save({"weight": torch.arange(6.0).view(2, 3), "step": 3}, checkpoint_id=into / "dcp", no_dist=True)
    with ocp.StandardCheckpointer() as checkpointer:
        checkpointer.save((into / "orbax").resolve(), {"weight": jnp.arange(6.0).reshape(2, 3)})
    return [described(into / "dcp", "dcp"), described(into / "orbax", "orbax")]


if __name__ == "__main__":
    main("checkpoint", __doc__.split("\n")[0], write)
