"""The Trainer of transformers with two loggers, as its authors would use it."""

import os
import sys

os.environ.update(WANDB_MODE="offline", WANDB_SILENT="true", WANDB_PROJECT="test", MLFLOW_ALLOW_FILE_STORE="true", MLFLOW_TRACKING_URI="file:mlruns")

import torch
from transformers import GPT2Config, GPT2LMHeadModel, Trainer, TrainingArguments, set_seed

torch.set_num_threads(1)
set_seed(0)


class Rows(torch.utils.data.Dataset):
    def __len__(self):
        return 16

    def __getitem__(self, at):
        ids = torch.tensor([(at * 5 + i) % 31 for i in range(12)])
        return {"input_ids": ids, "labels": ids}


arguments = TrainingArguments(
    output_dir="out", max_steps=4, logging_steps=1, eval_strategy="steps", eval_steps=2, save_strategy="no",
    per_device_train_batch_size=4, learning_rate=0.01, report_to=sys.argv[1:], disable_tqdm=True,
)
model = GPT2LMHeadModel(GPT2Config(vocab_size=32, n_positions=16, n_embd=16, n_layer=1, n_head=2, bos_token_id=0, eos_token_id=0))
trainer = Trainer(model=model, args=arguments, train_dataset=Rows(), eval_dataset=Rows())
trainer.train()
print([type(callback).__name__ for callback in trainer.callback_handler.callbacks])
print([entry["loss"] for entry in trainer.state.log_history if "loss" in entry])
