"""Trains a small classifier with Lightning; Hydra reads the settings and makes the folder of the run."""

import logging

import hydra
import lightning as L
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger
from torch.utils.data import DataLoader, TensorDataset

log = logging.getLogger(__name__)


class Points(L.LightningDataModule):
    def setup(self, stage):
        x = torch.randn(64, 4)
        y = (x.sum(1) > 0).long()
        self.train, self.val = TensorDataset(x[:48], y[:48]), TensorDataset(x[48:], y[48:])

    def train_dataloader(self):
        return DataLoader(self.train, batch_size=16, shuffle=True)

    def val_dataloader(self):
        return DataLoader(self.val, batch_size=16)


class Classifier(L.LightningModule):
    def __init__(self, width, rate):
        super().__init__()
        self.save_hyperparameters()
        self.net = torch.nn.Sequential(torch.nn.Linear(4, width), torch.nn.ReLU(), torch.nn.Dropout(0.1), torch.nn.Linear(width, 2))

    def loss(self, batch, name):
        x, y = batch
        loss = torch.nn.functional.cross_entropy(self.net(x), y)
        self.log(name, loss)
        return loss

    def training_step(self, batch, _):
        return self.loss(batch, "train/loss")

    def validation_step(self, batch, _):
        self.loss(batch, "val/loss")

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), lr=self.hparams.rate)


@hydra.main(version_base="1.3", config_path="configs", config_name="train")
def main(settings):
    torch.set_num_threads(1)
    L.seed_everything(settings.seed, workers=True)
    log.info("the model has a width of %d", settings.model.width)
    folder = settings.paths.output
    trainer = L.Trainer(
        default_root_dir=folder,
        accelerator="cpu",
        logger=[CSVLogger(folder, name="csv"), TensorBoardLogger(folder, name="tensorboard")],
        callbacks=[ModelCheckpoint(dirpath=folder + "/checkpoints", filename="epoch_{epoch:03d}", monitor="val/loss", save_last=True, auto_insert_metric_name=False)],
        enable_progress_bar=False,
        enable_model_summary=False,
        log_every_n_steps=1,
        **settings.trainer,
    )
    trainer.fit(Classifier(**settings.model), datamodule=Points())
    log.info("the best model has a loss of %.6f", trainer.checkpoint_callback.best_model_score)


if __name__ == "__main__":
    main()
