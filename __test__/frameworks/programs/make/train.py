import argparse

import numpy as np
import torch
from safetensors.torch import save_file

parser = argparse.ArgumentParser()
parser.add_argument("data")
parser.add_argument("model")
parser.add_argument("--width", type=int)
args = parser.parse_args()
torch.set_num_threads(1)
x = torch.from_numpy(np.load(args.data))
net = torch.nn.Sequential(torch.nn.Linear(4, args.width), torch.nn.Linear(args.width, 4))
optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
for _ in range(20):
    loss = ((net(x) - x) ** 2).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
save_file(net.state_dict(), args.model)
