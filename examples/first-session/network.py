"""Train a small network on handwritten digits. An ordinary program of torch, which knows nothing of lineaprint."""

import argparse

import torch
from safetensors.torch import save_file
from sklearn.datasets import load_digits
from torch.utils.tensorboard import SummaryWriter

parser = argparse.ArgumentParser()
parser.add_argument("--rate", type=float, default=0.01)
parser.add_argument("--epochs", type=int, default=20)
args = parser.parse_args()

torch.manual_seed(0)
digits = load_digits()
x = torch.tensor(digits.data, dtype=torch.float32) / 16
y = torch.tensor(digits.target)
model = torch.nn.Sequential(torch.nn.Linear(64, 32), torch.nn.ReLU(), torch.nn.Linear(32, 10))
optimizer = torch.optim.Adam(model.parameters(), lr=args.rate)
writer = SummaryWriter("logs")

for epoch in range(args.epochs):
    loss = torch.nn.functional.cross_entropy(model(x), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    writer.add_scalar("loss", loss.item(), epoch)

writer.close()
save_file(model.state_dict(), "network.safetensors")
print(f"loss {loss.item():.4f}")
