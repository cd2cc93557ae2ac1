"""Tunes a small model on made-up sentences with the SFTTrainer of TRL. The tokenizer is made here."""

import sys

import torch
from datasets import Dataset
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast, set_seed
from trl import SFTConfig, SFTTrainer, TrlParser

WORDS = "the a cat dog bird sees hears likes big small .".split()


def tokenizer():
    vocabulary = {word: i for i, word in enumerate(["<pad>", "<unk>", "<eos>", *WORDS])}
    inner = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    inner.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(tokenizer_object=inner, pad_token="<pad>", unk_token="<unk>", eos_token="<eos>")


def sentence(i):
    w = WORDS
    return "%s %s %s %s %s ." % (w[i % 2], w[8 + i % 2], w[2 + i % 3], w[5 + i % 3], w[2 + (i + 1) % 3])


def main():
    (training,) = TrlParser((SFTConfig,)).parse_args_and_config(sys.argv[1:])
    torch.set_num_threads(1)
    set_seed(training.seed)
    model = GPT2LMHeadModel(GPT2Config(vocab_size=len(WORDS) + 3, n_positions=32, n_embd=16, n_layer=1, n_head=2, bos_token_id=2, eos_token_id=2))
    data = Dataset.from_dict({"text": [sentence(i) for i in range(32)]})
    trainer = SFTTrainer(model=model, args=training, train_dataset=data, processing_class=tokenizer())
    trainer.train()
    trainer.save_model(training.output_dir)


if __name__ == "__main__":
    main()
