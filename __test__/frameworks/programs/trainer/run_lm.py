"""Trains a small language model with the Trainer of transformers, evaluates it and saves everything to a folder."""

import sys
from dataclasses import dataclass, field

import torch
from transformers import GPT2Config, GPT2LMHeadModel, HfArgumentParser, Trainer, TrainingArguments, set_seed


@dataclass
class DataArguments:
    rows: int = field(default=48, metadata={"help": "number of rows of the made-up data"})


class Rows(torch.utils.data.Dataset):
    def __init__(self, count, shift):
        self.count, self.shift = count, shift

    def __len__(self):
        return self.count

    def __getitem__(self, at):
        ids = torch.tensor([(at * 5 + self.shift + i * (1 + at % 3)) % 31 for i in range(12)])
        return {"input_ids": ids, "labels": ids}


def main():
    parser = HfArgumentParser((DataArguments, TrainingArguments))
    data, training = parser.parse_args_into_dataclasses(sys.argv[1:])
    torch.set_num_threads(1)
    set_seed(training.seed)
    model = GPT2LMHeadModel(GPT2Config(vocab_size=32, n_positions=16, n_embd=16, n_layer=2, n_head=2, bos_token_id=0, eos_token_id=0))
    trainer = Trainer(model=model, args=training, train_dataset=Rows(data.rows, 0), eval_dataset=Rows(16, 3))
    result = trainer.train()
    trainer.save_model()
    trainer.log_metrics("train", result.metrics)
    trainer.save_metrics("train", result.metrics)
    trainer.save_metrics("eval", trainer.evaluate())
    trainer.save_state()


if __name__ == "__main__":
    main()
