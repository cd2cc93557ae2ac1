#!/usr/bin/env python3
"""Writes the quantised models of vectors/derivations that GPTQ and AWQ make, with the code of their packages.

    python vectors/write_packed.py            write them again
    python vectors/write_packed.py --into F   write them into another folder

Needs scripts/peers/packed.txt beside PyTorch, transformers and what they bring (scripts/peers/frameworks.txt). `auto_gptq` and
`awq` do not import with a recent transformers as they are, nor without a GPU: only their modules that quantise and pack are
loaded, unchanged, and waiting for a GPU is nothing. Everything is seeded.

- `auto_gptq.quantization.GPTQ` quantises, with inputs that hang together, and `QuantLinear.pack` packs. It packs scales of
  the type of the matrix.
- `awq.modules.linear.WQLinear_GEMM.from_linear` rounds and packs; scales and zero points are those of `pseudo_quantize_tensor`.
- The blocks of ggml are made by `ggml_quantize_chunk` of the library that `pywhispercpp` brings.
- `packed.json` has the largest error of a row of each matrix, by the dequantisation of `auto_gptq` and `awq`.
- Floats of eight bits with a scale for each square of 128, and with one scale, are what DeepSeek and vLLM store: a few lines.
"""

import argparse
import ctypes
import importlib
import importlib.util
import json
import sys
import types
from pathlib import Path

import gguf
import numpy as np
import torch
from gguf import GGMLQuantizationType as Type
from gguf.constants import GGML_QUANT_SIZES
from safetensors.torch import save_file

HERE = Path(__file__).resolve().parent
INPUTS, OUTPUTS, GROUP = 128, 64, 32
KINDS = ["Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K", "IQ4_NL", "IQ4_XS", "NVFP4"]
KINDS += ["IQ1_S", "IQ1_M", "IQ2_XXS", "IQ2_XS", "IQ2_S", "IQ3_XXS", "IQ3_S"]


def part(name):
    """A module of a package whose __init__ does not run."""
    above = []
    for piece in name.split(".")[:-1]:
        above.append(piece)
        package = ".".join(above)
        if package in sys.modules:
            continue
        # The folder of a package is known without running it.
        found = importlib.machinery.PathFinder.find_spec(
            piece, sys.modules[".".join(above[:-1])].__path__ if above[:-1] else None
        )
        sys.modules[package] = types.ModuleType(package)
        sys.modules[package].__path__ = list(found.submodule_search_locations)
    return importlib.import_module(name)


def matrices():
    """Two matrices as those of models are: rows of different lengths, some large elements."""
    torch.manual_seed(3)
    made = {}
    for layer in range(2):
        value = torch.randn(OUTPUTS, INPUTS) * 0.02 * torch.linspace(0.5, 2, OUTPUTS)[:, None]
        value[torch.rand_like(value) < 0.002] *= 6
        made[f"model.layers.{layer}.mlp.up_proj.weight"] = value.half()
    made["model.norm.weight"] = torch.ones(INPUTS).half()
    return made


def error(source, stored):
    """The largest error of a row, in percent of its length."""
    return float(((source.double() - stored.double()).norm(dim=1) / source.double().norm(dim=1)).max() * 100)


def gptq(tensors, bits, group, ordered, symmetric, errors):
    """Quantise by GPTQ, and pack as `auto_gptq` saves it."""
    quantiser = part("auto_gptq.quantization.gptq")
    linear = part("auto_gptq.nn_modules.qlinear.qlinear_cuda")
    torch.cuda.synchronize = lambda: None
    made = {}
    for name, value in tensors.items():
        if value.ndim != 2:
            made[name] = value
            continue
        torch.manual_seed(5)
        layer = torch.nn.Linear(INPUTS, OUTPUTS, bias=False)
        layer.weight.data = value.float()
        run = quantiser.GPTQ(layer)
        run.quantizer.configure(bits, perchannel=True, sym=symmetric, mse=False)
        # Inputs of different sizes that depend on one another, as activations do.
        mixed = torch.randn(INPUTS, INPUTS) * 0.05 + torch.eye(INPUTS)
        inputs = torch.randn(512, INPUTS) @ mixed * torch.linspace(0.2, 2, INPUTS)[torch.randperm(INPUTS)]
        run.add_batch(inputs, layer(inputs))
        scale, zero, order = run.fasterquant(group_size=group, actorder=ordered)
        packed = linear.QuantLinear(bits, group, INPUTS, OUTPUTS, bias=False, weight_dtype=torch.float16)
        packed.pack(layer, scale, zero, order)
        for key in ("qweight", "qzeros", "scales", "g_idx"):
            tensor = getattr(packed, key)
            made[name.removesuffix("weight") + key] = (tensor.half() if key == "scales" else tensor).contiguous()
        # What the layer gives for one at each input is the matrix, transposed.
        packed.scales = made[name.removesuffix("weight") + "scales"].float()
        errors[name.removesuffix("weight") + "qweight"] = error(value, packed(torch.eye(INPUTS)).T)
    return made


def awq(tensors, errors, scaled=False):
    """Round and pack as `awq` does it; with `scaled`, once the inputs of the matrices have factors, as its search gives them."""
    gemm = part("awq.modules.linear.gemm")
    made = {}
    for name, value in tensors.items():
        if value.ndim != 2:
            made[name] = value
            continue
        if scaled:
            value = value * torch.linspace(0.4, 2.5, INPUTS)[torch.randperm(INPUTS)].half()
        # AwqQuantizer.pseudo_quantize_tensor with a zero point.
        grouped = value.reshape(-1, GROUP)
        most, least = grouped.amax(dim=1, keepdim=True), grouped.amin(dim=1, keepdim=True)
        scales = (most - least).clamp(min=1e-5) / 15
        zeros = (-torch.round(least / scales)).clamp_(0, 15)
        rounded = ((torch.clamp(torch.round(grouped / scales) + zeros, 0, 15) - zeros) * scales).reshape(value.shape)
        layer = torch.nn.Linear(INPUTS, OUTPUTS, bias=False, dtype=torch.float16)
        layer.weight.data = rounded
        scales, zeros = (each.view(OUTPUTS, -1).t().contiguous() for each in (scales, zeros))
        packed = gemm.WQLinear_GEMM.from_linear(layer, 4, GROUP, scales=scales, zeros=zeros)
        for key in ("qweight", "qzeros", "scales"):
            made[name.removesuffix("weight") + key] = getattr(packed, key).contiguous()
        parts = (packed.qweight, packed.qzeros, packed.scales.float())
        stored = part("awq.utils.packing_utils").dequantize_gemm(*parts, 4, GROUP).T
        errors[name.removesuffix("weight") + "qweight"] = error(value, stored)
    return made


def eight_bits(tensors, squares):
    """Floats of eight bits with a scale for each square of 128 (DeepSeek), or with one scale (vLLM)."""
    made = {}
    for name, value in tensors.items():
        if value.ndim != 2:
            made[name] = value
            continue
        value = value.float()
        scale = torch.zeros(-(-OUTPUTS // 128), -(-INPUTS // 128)) if squares else torch.zeros(())
        scale += value.abs().max() / 448
        made[name] = (value / scale.max()).to(torch.float8_e4m3fn)
        made[name + ("_scale_inv" if squares else "_scale")] = scale
    return made


def save(into, name, tensors, settings):
    """A folder with a model and its configuration."""
    folder = into / name
    folder.mkdir(parents=True, exist_ok=True)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    config = {"model_type": "llama", **({"quantization_config": settings} if settings else {})}
    (folder / "config.json").write_text(json.dumps(config, indent=1) + "\n")


def blocks(into):
    """One matrix in every block type of which the recipe is not recomputed, by ggml itself."""
    base = next(Path(importlib.util.find_spec("pywhispercpp").origin).parent.parent.glob("libggml-base*.so*"))
    quantise = ctypes.CDLL(base).ggml_quantize_chunk
    quantise.restype = ctypes.c_size_t
    quantise.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, *[ctypes.c_int64] * 3, ctypes.c_void_p]
    rows, columns = 4, 512
    source = np.random.default_rng(9).normal(scale=0.02, size=(rows, columns)).astype(np.float32)
    importance = np.ones(columns, np.float32)
    save_file({kind: torch.from_numpy(source.copy()) for kind in KINDS}, into / "blocks.safetensors")
    writer = gguf.GGUFWriter(into / "blocks.gguf", "llama")
    for kind in KINDS:
        block, size = GGML_QUANT_SIZES[Type[kind]]
        data = np.zeros((rows, columns // block * size), np.uint8)
        wrote = quantise(
            Type[kind], source.ctypes.data, data.ctypes.data, 0, rows, columns, importance.ctypes.data
        )
        assert wrote == data.size, kind
        writer.add_tensor(kind, data, raw_dtype=Type[kind])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def write(into):
    """Write all models."""
    tensors, errors = matrices(), {}
    save(into, "matrices", tensors, None)
    for bits in (2, 3, 4, 8):
        for ordered in (False, True) if bits == 4 else (False,):
            settings = {
                "quant_method": "gptq",
                "bits": bits,
                "group_size": GROUP,
                "desc_act": ordered,
                "sym": bits != 8,
                "checkpoint_format": "gptq",
            }
            name = f"gptq-{bits}{'-ordered' if ordered else ''}"
            made = gptq(tensors, bits, GROUP, ordered, bits != 8, errors.setdefault(name, {}))
            save(into, name, made, settings)
    settings = {"quant_method": "awq", "bits": 4, "group_size": GROUP, "version": "gemm", "zero_point": True}
    save(into, "awq", awq(tensors, errors.setdefault("awq", {})), settings)
    torch.manual_seed(13)
    save(into, "awq-scaled", awq(tensors, {}, scaled=True), settings)
    save(into, "fp8-squares", eight_bits(tensors, True), {"quant_method": "fp8", "weight_block_size": [128, 128]})
    save(into, "fp8-one", eight_bits(tensors, False), {"quant_method": "fp8"})
    blocks(into)
    (into / "packed.json").write_text(json.dumps(errors, indent=1) + "\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--into", type=Path, default=HERE / "derivations")
    chosen = parser.parse_args().into
    chosen.mkdir(parents=True, exist_ok=True)
    write(chosen)
