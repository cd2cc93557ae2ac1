"""Learns to make up names, one letter at a time. Reads a file of names, writes a model and TensorBoard files."""

import argparse
import os
import time

import torch
import torch.nn as nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset, RandomSampler
from torch.utils.tensorboard import SummaryWriter


class Names(Dataset):
    def __init__(self, words, letters, longest):
        self.words, self.longest = words, longest
        self.number = {letter: i + 1 for i, letter in enumerate(letters)}

    def __len__(self):
        return len(self.words)

    def __getitem__(self, at):
        ids = [self.number[letter] for letter in self.words[at]]
        pad = [0] * (self.longest - len(ids))
        return torch.tensor([0] + ids + pad), torch.tensor(ids + [0] + [-1] * len(pad))


class Model(nn.Module):
    def __init__(self, size, width=16):
        super().__init__()
        self.letters = nn.Embedding(size, width)
        self.memory = nn.GRU(width, width, batch_first=True)
        self.head = nn.Linear(width, size)

    def forward(self, ids):
        return self.head(self.memory(self.letters(ids))[0])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--input", default="names.txt")
    parser.add_argument("--work-dir", default="out")
    parser.add_argument("--seed", type=int, default=3407)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--workers", type=int, default=2)
    args = parser.parse_args()

    torch.manual_seed(args.seed)
    torch.cuda.manual_seed_all(args.seed)
    torch.set_num_threads(1)
    os.makedirs(args.work_dir, exist_ok=True)
    writer = SummaryWriter(log_dir=args.work_dir)

    words = open(args.input).read().split()
    letters = sorted(set("".join(words)))
    order = torch.randperm(len(words)).tolist()
    train = Names([words[i] for i in order], letters, max(map(len, words)))
    sampler = RandomSampler(train, replacement=True, num_samples=10_000)
    batches = iter(DataLoader(train, sampler=sampler, batch_size=8, num_workers=args.workers))
    model = Model(len(letters) + 1)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    for step in range(args.steps):
        began = time.time()
        ids, wanted = next(batches)
        loss = F.cross_entropy(model(ids).flatten(0, 1), wanted.flatten(), ignore_index=-1)
        model.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        if step % 5 == 0:
            print("step %d: loss %.4f, %.2f ms" % (step, loss.item(), 1000 * (time.time() - began)), flush=True)
            writer.add_scalar("loss/train", loss.item(), step)
    torch.save(model.state_dict(), os.path.join(args.work_dir, "model.pt"))
    writer.close()


if __name__ == "__main__":
    main()
