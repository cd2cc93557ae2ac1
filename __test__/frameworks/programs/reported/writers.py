"""A loop that knows nothing of lineaprint: two writers of PyTorch, and one of tensorboardX that gets the same values."""

import argparse

import tensorboardX
import torch
from torch.utils.tensorboard import SummaryWriter


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--lr", type=float, default=0.1)
    parser.add_argument("--layers", type=int, nargs="*", default=[3, 1])
    parser.add_argument("--api-key", default="sk-abcdefabcdef0123456789abcdef0123")
    options = parser.parse_args()
    torch.manual_seed(0)
    torch.set_num_threads(1)
    inputs = torch.randn(64, 3)
    targets = inputs.sum(1)
    model = torch.nn.Linear(3, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=options.lr)
    train, test, third = SummaryWriter("runs/train"), SummaryWriter("runs/test"), tensorboardX.SummaryWriter("runs/x")
    for step in range(5):
        loss = ((model(inputs)[:, 0] - targets) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        train.add_scalar("loss", loss, step)
        third.add_scalar("loss", loss.detach().numpy(), step)
        test.add_scalar("loss", 2 * loss.item(), step)
        test.add_scalars("both", {"a": step, "b": torch.tensor(2.5)}, step)
    train.add_hparams({"lr": options.lr, "batch": 64}, {"final": loss.item()})
    for writer in (train, test, third):
        writer.close()
    print("%.9f" % loss.item())


main()
