"""Draws in the workers of a DataLoader from a generator that the program created before they were forked."""

import numpy as np
from torch.utils.data import DataLoader, Dataset

GENERATOR = np.random.default_rng(7)


class Draws(Dataset):
    def __len__(self):
        return 4

    def __getitem__(self, at):
        return float(GENERATOR.random())


if __name__ == "__main__":
    print(*DataLoader(Draws(), num_workers=2, batch_size=None, multiprocessing_context="fork"))
