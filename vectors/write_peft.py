#!/usr/bin/env python3
"""Writes the adapters of vectors/models/adapter with peft, and what their digests are.

    python vectors/write_peft.py            write them again
    python vectors/write_peft.py --into F   write them into another folder

Needs torch 2.15.0, peft 0.21.2, transformers, accelerate and safetensors beside what reference.py needs.
"""

import shutil
from pathlib import Path

import torch
from composites import adapter_vector
from model_files import main
from model_folders import model_of
from peft import IA3Config, LoraConfig, get_peft_model
from transformers import LlamaConfig, LlamaForCausalLM


def base():
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=8, hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=2, num_key_value_heads=2,
        max_position_embeddings=8,
    )  # fmt: skip
    return LlamaForCausalLM(config)


def adapted(config):
    """An adapter whose weights are not those of its start, which leave the base as it is."""
    model = get_peft_model(base(), config)
    torch.manual_seed(1)
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            parameter.data = torch.randn_like(parameter)
    model.peft_config["default"].base_model_name_or_path = "lineaprint/tiny-llama"
    return model


def described(folder, below):
    adapter = model_of(folder, "adapter_model.safetensors", "adapter_config.json")
    vector = adapter_vector(adapter | {"base": model_of(below, "model.safetensors")})
    return {"file": folder.name, "adapter": vector["digests"]}


def write(into: Path):
    for name in ("base", "lora", "ia3"):
        shutil.rmtree(into / name, ignore_errors=True)
    base().save_pretrained(into / "base")
    lora = LoraConfig(r=2, lora_alpha=4, target_modules=["q_proj", "v_proj"], task_type="CAUSAL_LM")
    adapted(lora).save_pretrained(into / "lora")
    ia3 = IA3Config(target_modules=["k_proj", "down_proj"], feedforward_modules=["down_proj"], task_type="CAUSAL_LM")
    adapted(ia3).save_pretrained(into / "ia3")
    for card in into.glob("*/README.md"):
        card.unlink()
    return [described(into / name, into / "base") for name in ("lora", "ia3")]


if __name__ == "__main__":
    main("adapter", __doc__.split("\n")[0], write)
