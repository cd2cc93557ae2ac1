"""Draws in the workers of DataLoaders that start processes in several ways, and prints what was drawn."""

import json
import random

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset


class Draws(Dataset):
    def __len__(self):
        return 4

    def __getitem__(self, at):
        return [random.random(), float(np.random.rand()), torch.rand(1).item()]


def main():
    torch.set_num_threads(1)
    for way in ("fork", "spawn", "forkserver"):
        loader = DataLoader(Draws(), num_workers=2, multiprocessing_context=way, collate_fn=list)
        rows = [row for batch in loader for row in batch]
        print(json.dumps({"way": way, "rows": rows}) + "\n", end="", flush=True)


if __name__ == "__main__":
    main()
