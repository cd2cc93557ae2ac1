#!/usr/bin/env python3
"""Writes the checkpoint of vectors/models/dcp with torch.distributed.checkpoint, and what its digest is.

    python vectors/write_dcp.py            write it again
    python vectors/write_dcp.py --into F   write it into another folder

Needs torch 2.15.0 beside what reference.py needs.
"""

import shutil
from pathlib import Path

import torch
import torch.distributed.checkpoint as dcp
from model_files import main
from model_trees import described


def write(into: Path):
    shutil.rmtree(into / "plain", ignore_errors=True)
    dcp.save({"weight": torch.arange(6.0).view(2, 3), "step": 3}, checkpoint_id=into / "plain", no_dist=True)
    return [described(into / "plain", "plain")]


if __name__ == "__main__":
    main("dcp", __doc__.split("\n")[0], write)
