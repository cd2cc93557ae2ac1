"""Lightning with two loggers, hyperparameters and a validation, and Fabric with one."""

import logging
import warnings

import lightning
import torch
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger

logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
warnings.simplefilter("ignore")
torch.set_num_threads(1)


class Model(lightning.LightningModule):
    def __init__(self, lr=0.1, width=3):
        super().__init__()
        self.save_hyperparameters()
        self.layer = torch.nn.Linear(width, 1)

    def training_step(self, batch, index):
        loss = (self.layer(batch) - batch.sum(1, keepdim=True)).pow(2).mean()
        self.log("train_loss", loss)
        return loss

    def validation_step(self, batch, index):
        self.log("val_loss", (self.layer(batch) - batch.sum(1, keepdim=True)).pow(2).mean())

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=self.hparams.lr)


lightning.seed_everything(0, verbose=False)
data = torch.utils.data.DataLoader(torch.randn(32, 3), batch_size=8)
model = Model(lr=0.05)
trainer = lightning.Trainer(
    max_epochs=2, accelerator="cpu", log_every_n_steps=2, enable_progress_bar=False, enable_model_summary=False,
    logger=[CSVLogger("logs"), TensorBoardLogger("logs")], enable_checkpointing=False,
)
trainer.fit(model, data, data)
print(model.layer.weight.tolist())

fabric = lightning.Fabric(accelerator="cpu", loggers=[CSVLogger("fabric")])
for step in range(3):
    fabric.log("fabric_loss", torch.tensor(1.0 / (step + 1)), step)
