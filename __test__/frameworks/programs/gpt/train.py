"""Trains a small decoder on letters. Alone, or with torchrun on several processes.

    python train.py --steps=20 --seed=7
"""

import math
import os
import pickle
import sys
import time

import numpy as np
import torch
import torch.nn as nn
from torch.distributed import destroy_process_group, init_process_group
from torch.nn import functional as F
from torch.nn.parallel import DistributedDataParallel

# Settings; each can be set on the command line.
out_dir = "out"
dataset = "letters"
seed = 1337
steps = 12
eval_every = 6
batch = 8
context = 16
width = 16
layers = 2
rate = 1e-2
dropout = 0.1
names = [name for name, value in globals().items() if not name.startswith("_") and isinstance(value, (int, float, str))]
for word in sys.argv[1:]:
    name, value = word.removeprefix("--").split("=")
    globals()[name] = type(globals()[name])(value)
config = {name: globals()[name] for name in names}

ddp = "RANK" in os.environ
rank = int(os.environ.get("RANK", 0))
master = rank == 0
if ddp:
    init_process_group("gloo")
if master:
    os.makedirs(out_dir, exist_ok=True)
torch.set_num_threads(1)
torch.manual_seed(seed + rank)

folder = os.path.join("data", dataset)


def batch_of(split):
    data = np.memmap(os.path.join(folder, split + ".bin"), dtype=np.uint16, mode="r")
    at = torch.randint(len(data) - context - 1, (batch,))
    rows = torch.stack([torch.from_numpy(data[i : i + context + 1].astype(np.int64)) for i in at])
    return rows[:, :-1], rows[:, 1:]


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.merge = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width), nn.Dropout(dropout))

    def forward(self, x):
        q, k, v = (part.unsqueeze(1) for part in self.qkv(self.norm1(x)).split(width, dim=2))
        x = x + self.merge(F.scaled_dot_product_attention(q, k, v, is_causal=True).squeeze(1))
        return x + self.mlp(self.norm2(x))


class Decoder(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.letters, self.positions = nn.Embedding(size, width), nn.Embedding(context, width)
        self.blocks = nn.Sequential(*(Block() for _ in range(layers)))
        self.head = nn.Linear(width, size, bias=False)

    def forward(self, ids, wanted):
        x = self.letters(ids) + self.positions(torch.arange(ids.shape[1]))
        logits = self.head(self.blocks(x))
        return F.cross_entropy(logits.flatten(0, 1), wanted.flatten())


with open(os.path.join(folder, "meta.pkl"), "rb") as file:
    size = pickle.load(file)["size"]
raw = Decoder(size)
model = DistributedDataParallel(raw) if ddp else raw
optimizer = torch.optim.AdamW(model.parameters(), lr=rate)
best = math.inf
began = time.time()
for step in range(1, steps + 1):
    loss = model(*batch_of("train"))
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()
    if step % eval_every == 0 and master:
        raw.eval()
        with torch.no_grad():
            score = torch.stack([raw(*batch_of("val")) for _ in range(3)]).mean().item()
        raw.train()
        print("step %d: validation %.4f, %.1f ms a step" % (step, score, 1000 * (time.time() - began) / step), flush=True)
        best = min(best, score)
        checkpoint = {
            "model": raw.state_dict(),
            "optimizer": optimizer.state_dict(),
            "step": step,
            "best": best,
            "config": config,
        }
        torch.save(checkpoint, os.path.join(out_dir, "ckpt.pt"))
if ddp:
    destroy_process_group()
