"""Trains a small model on several processes: torchrun --standalone --nproc_per_node=2 main.py"""

import os

import hydra
import torch
from torch.distributed import barrier, destroy_process_group, init_process_group
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, TensorDataset
from torch.utils.data.distributed import DistributedSampler


class Trainer:
    def __init__(self, settings, rate, model, data):
        self.settings = settings
        self.rank = int(os.environ["RANK"])
        self.sampler = DistributedSampler(data, seed=settings.seed)
        self.loader = DataLoader(data, batch_size=settings.batch, sampler=self.sampler)
        self.model = DistributedDataParallel(model)
        self.optimizer = torch.optim.AdamW(model.parameters(), lr=rate)

    def epoch(self, number):
        self.sampler.set_epoch(number)
        for x, y in self.loader:
            # Every rank adds a noise of its own.
            loss = torch.nn.functional.mse_loss(self.model(x + 0.01 * torch.randn_like(x)), y)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
        print("[rank %d] epoch %d: loss %.5f\n" % (self.rank, number, loss.item()), end="", flush=True)
        if self.rank == 0:
            self.save(number)

    def save(self, number):
        os.makedirs(os.path.dirname(self.settings.snapshot), exist_ok=True)
        snapshot = {"model": self.model.module.state_dict(), "optimizer": self.optimizer.state_dict(), "epoch": number}
        torch.save(snapshot, self.settings.snapshot)


@hydra.main(version_base=None, config_path=".", config_name="settings")
def main(settings):
    init_process_group("gloo")
    torch.set_num_threads(1)
    torch.manual_seed(settings.trainer.seed + int(os.environ["RANK"]))
    model = torch.nn.Sequential(torch.nn.Linear(8, 16), torch.nn.ReLU(), torch.nn.Linear(16, 1))
    x = torch.linspace(-1, 1, 64 * 8).reshape(64, 8)
    trainer = Trainer(settings.trainer, settings.optimizer.rate, model, TensorDataset(x, x.sum(1, keepdim=True)))
    for number in range(settings.trainer.epochs):
        trainer.epoch(number)
    # A rank that leaves while another one writes can be aborted by the threads of gloo.
    barrier()
    destroy_process_group()


if __name__ == "__main__":
    main()
