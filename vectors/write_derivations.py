#!/usr/bin/env python3
"""Writes the models of vectors/derivations with the tools that people convert with.

    python vectors/write_derivations.py            write them again
    python vectors/write_derivations.py --into F   write them into another folder

Needs scripts/peers/derivations.txt: torch and transformers make two small models, and then torch, safetensors, NumPy, onnx,
the converter of llama.cpp (convert-hf-to-gguf), `gguf.quants` and PEFT convert them. Everything is seeded.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import gguf
import numpy as np
import onnx
import sentencepiece
import torch
from gguf import GGMLQuantizationType as Type
from gguf import GGUFReader, GGUFWriter
from gguf.quants import quantize
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import GemmaConfig, GemmaForCausalLM, LlamaConfig, LlamaForCausalLM

HERE = Path(__file__).resolve().parent
SHAPE = {
    "vocab_size": 32,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "max_position_embeddings": 64,
}


def tokenizer(folder):
    """A tokenizer of 32 pieces, which the converter wants."""
    text = folder / "text"
    text.write_text("the weights of a model are what it learned\n" * 40)
    sentencepiece.SentencePieceTrainer.train(
        input=str(text), model_prefix=str(folder / "tokenizer"), vocab_size=32, hard_vocab_limit=False, minloglevel=2
    )
    text.unlink()
    (folder / "tokenizer.vocab").unlink()


def model(into, name, kind, config, dtype):
    """A model with random weights; its norms are not all one."""
    torch.manual_seed(7)
    made = kind(config(**SHAPE, tie_word_embeddings=kind is GemmaForCausalLM))
    with torch.no_grad():
        for key, value in made.named_parameters():
            value.add_(torch.randn_like(value) * (0.1 if "norm" in key else 0.02))
    made.to(dtype).save_pretrained(into / name)
    (into / name / "generation_config.json").unlink(missing_ok=True)
    return made


def convert(source, target, outtype):
    """Run the converter on a copy of a model with a tokenizer."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "model"
        shutil.copytree(source, copy)
        tokenizer(copy)
        program = Path(gguf.__file__).parent.parent / "convert_hf_to_gguf.py"
        command = [sys.executable, str(program), str(copy), "--outfile", str(target), "--outtype", outtype]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def quantise(source, target, kind):
    """Quantise the matrices of a GGUF file of F32 or BF16 with gguf.quants."""
    reader = GGUFReader(source)
    writer = GGUFWriter(target, "llama")
    writer.add_head_count(SHAPE["num_attention_heads"])
    writer.add_head_count_kv(SHAPE["num_key_value_heads"])
    for found in reader.tensors:
        data = gguf.quants.dequantize(found.data, found.tensor_type) if found.tensor_type != Type.F32 else found.data
        if data.ndim > 1:
            writer.add_tensor(found.name, quantize(data, kind), raw_dtype=kind)
        else:
            writer.add_tensor(found.name, data)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def fused(tensors):
    """Queries, keys and values as one tensor, and gate and up as one, as vLLM loads them."""
    made = dict(tensors)
    for layer in range(SHAPE["num_hidden_layers"]):
        prefix = f"model.layers.{layer}."
        for name, parts in (("self_attn.qkv_proj", ["q", "k", "v"]), ("mlp.gate_up_proj", ["gate", "up"])):
            kind = name.split(".")[0]
            taken = [made.pop(f"{prefix}{kind}.{part}_proj.weight") for part in parts]
            made[f"{prefix}{name}.weight"] = torch.cat(taken)
    return made


def megatron(tensors):
    """The names and the fusions of Megatron-Core: queries, key and value of a group lie together."""
    groups, hidden = SHAPE["num_key_value_heads"], SHAPE["hidden_size"]
    made = {
        "embedding.word_embeddings.weight": tensors["model.embed_tokens.weight"],
        "decoder.final_layernorm.weight": tensors["model.norm.weight"],
        "output_layer.weight": tensors["lm_head.weight"],
    }
    for layer in range(SHAPE["num_hidden_layers"]):
        old, new = f"model.layers.{layer}.", f"decoder.layers.{layer}."
        parts = [tensors[f"{old}self_attn.{part}_proj.weight"].view(groups, -1, hidden) for part in "qkv"]
        made[f"{new}self_attention.linear_qkv.weight"] = torch.cat(parts, dim=1).reshape(-1, hidden)
        made[f"{new}self_attention.linear_proj.weight"] = tensors[f"{old}self_attn.o_proj.weight"]
        made[f"{new}self_attention.linear_qkv.layer_norm_weight"] = tensors[f"{old}input_layernorm.weight"]
        made[f"{new}mlp.linear_fc1.layer_norm_weight"] = tensors[f"{old}post_attention_layernorm.weight"]
        gate_up = [tensors[f"{old}mlp.{part}_proj.weight"] for part in ("gate", "up")]
        made[f"{new}mlp.linear_fc1.weight"] = torch.cat(gate_up)
        made[f"{new}mlp.linear_fc2.weight"] = tensors[f"{old}mlp.down_proj.weight"]
    return made


def adapter(into):
    """An adapter of rank 4 on queries and values, and the model with it merged by PEFT."""
    torch.manual_seed(11)
    base = LlamaForCausalLM.from_pretrained(into / "llama", dtype=torch.float32)
    lora = LoraConfig(r=4, lora_alpha=8, target_modules=["q_proj", "v_proj"])
    tuned = get_peft_model(base, lora)
    with torch.no_grad():
        for name, value in tuned.named_parameters():
            if "lora_" in name:
                value.copy_(torch.randn_like(value) * 0.1)
    tuned.save_pretrained(into / "adapter")
    # PEFT writes from where the base was loaded. An adapter is the same wherever it was made.
    config = into / "adapter" / "adapter_config.json"
    config.write_text(config.read_text().replace(str(into / "llama"), "llama"))
    (into / "adapter" / "README.md").unlink(missing_ok=True)
    for name, dtype in (("merged-f32", torch.float32), ("merged-bf16", torch.bfloat16)):
        base = LlamaForCausalLM.from_pretrained(into / "llama", dtype=dtype)
        merged = PeftModel.from_pretrained(base, into / "adapter").merge_and_unload()
        save_file({key: value.contiguous() for key, value in merged.state_dict().items()}, into / f"{name}.safetensors")


def fp8(tensors):
    """Matrices in eight bits with one scale for each row, as compressed-tensors stores them."""
    made = {}
    for name, value in tensors.items():
        if value.ndim == 2 and "mlp" in name:
            value = value.float()
            scale = value.abs().amax(dim=1, keepdim=True) / 448
            made[name] = (value / scale).to(torch.float8_e4m3fn)
            made[f"{name}_scale"] = scale
        elif value.ndim == 1:
            made[name] = value
    return made


def write(into):
    """Write all models."""
    model(into, "llama", LlamaForCausalLM, LlamaConfig, torch.bfloat16)
    model(into, "gemma", GemmaForCausalLM, GemmaConfig, torch.bfloat16)
    tensors = load_file(into / "llama" / "model.safetensors")
    save_file({key: value.float() for key, value in tensors.items()}, into / "f32.safetensors")
    save_file({key: value.half() for key, value in tensors.items()}, into / "f16.safetensors")
    torch.save(tensors, into / "llama.pt")
    split = sorted(tensors)
    names = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
    places = {name: names[2 * at // len(split)] for at, name in enumerate(split)}
    (into / "sharded").mkdir(exist_ok=True)
    for file in names:
        save_file({key: tensors[key] for key in split if places[key] == file}, into / "sharded" / file)
    size = sum(value.numel() * value.element_size() for value in tensors.values())
    index = {"metadata": {"total_size": size}, "weight_map": places}
    (into / "sharded" / "model.safetensors.index.json").write_text(json.dumps(index, indent=1) + "\n")
    arrays = {key: value.float().numpy() for key, value in tensors.items()}
    np.savez(into / "f32.npz", **arrays)
    kept = [onnx.numpy_helper.from_array(value, key) for key, value in arrays.items()]
    out = onnx.helper.make_tensor_value_info("model.norm.weight", onnx.TensorProto.FLOAT, [32])
    onnx.save(onnx.helper.make_model(onnx.helper.make_graph([], "weights", [], [out], kept)), into / "f32.onnx")
    save_file(fused(tensors), into / "fused.safetensors")
    save_file(megatron(tensors), into / "megatron.safetensors")
    save_file(fp8(tensors), into / "fp8.safetensors")
    for outtype in ("bf16", "f16", "q8_0"):
        convert(into / "llama", into / f"llama-{outtype}.gguf", outtype)
    convert(into / "gemma", into / "gemma-f32.gguf", "f32")
    for kind in (Type.Q4_0, Type.Q4_1, Type.Q5_0, Type.Q5_1, Type.Q8_0, Type.MXFP4):
        quantise(into / "llama-bf16.gguf", into / f"quants-{kind.name.lower()}.gguf", kind)
    adapter(into)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--into", type=Path, default=HERE / "derivations")
    chosen = parser.parse_args().into
    chosen.mkdir(parents=True, exist_ok=True)
    write(chosen)
