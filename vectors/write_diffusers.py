#!/usr/bin/env python3
"""Writes the pipelines of vectors/models/pipeline with diffusers, and what their digests are.

    python vectors/write_diffusers.py            write them again
    python vectors/write_diffusers.py --into F   write them into another folder

Needs torch 2.15.0, diffusers 0.42.1, transformers, accelerate and safetensors beside what reference.py needs.
"""

import json
import shutil
import tempfile
from pathlib import Path

import torch
from composites import pipeline_vector
from diffusers import AutoencoderKL, DDIMScheduler, DDPMPipeline, StableDiffusionPipeline, UNet2DConditionModel, UNet2DModel
from model_files import main
from model_folders import files_of, model_of
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

STEM = {"unet": "diffusion_pytorch_model", "vae": "diffusion_pytorch_model", "text_encoder": "model"}


def tokenizer(folder):
    """A tokenizer of nine tokens, from files written by hand."""
    words = ["<|startoftext|>", "<|endoftext|>", "a", "b", "ab</w>", "a</w>", "b</w>", "c", "c</w>"]
    (folder / "vocab.json").write_text(json.dumps({word: place for place, word in enumerate(words)}))
    (folder / "merges.txt").write_text("#version: 0.2\na b</w>\n")
    return CLIPTokenizer(str(folder / "vocab.json"), str(folder / "merges.txt"), model_max_length=8)


def stable_diffusion(folder):
    unet = UNet2DConditionModel(
        sample_size=4,
        block_out_channels=(4,),
        layers_per_block=1,
        down_block_types=("CrossAttnDownBlock2D",),
        up_block_types=("CrossAttnUpBlock2D",),
        mid_block_type=None,
        cross_attention_dim=4,
        attention_head_dim=2,
        norm_num_groups=2,
    )
    vae = AutoencoderKL(block_out_channels=(2,), layers_per_block=1, norm_num_groups=1, latent_channels=4, sample_size=4)
    text = CLIPTextConfig(
        vocab_size=9, hidden_size=4, intermediate_size=4, num_hidden_layers=1, num_attention_heads=1,
        max_position_embeddings=8, projection_dim=4,
    )  # fmt: skip
    return StableDiffusionPipeline(
        vae=vae,
        text_encoder=CLIPTextModel(text),
        tokenizer=tokenizer(folder),
        unet=unet,
        scheduler=DDIMScheduler(num_train_timesteps=20, clip_sample=False, set_alpha_to_one=False, steps_offset=1),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def described(folder, variant=None):
    """What a folder is expected to be; `variant` names the weights that are read."""
    stem = f".{variant}" if variant else ""
    components = []
    for path in sorted(path for path in folder.iterdir() if path.is_dir()):
        component = {"name": path.name, "files": files_of(path)}
        if path.name in STEM:
            weights = f"{STEM[path.name]}{stem}.safetensors"
            component |= model_of(path, weights if (path / weights).exists() else f"{STEM[path.name]}.safetensors")
        components.append(component)
    vector = pipeline_vector({"index": (folder / "model_index.json").read_text(), "components": components})
    kept = {key: vector[key] for key in ("componentDigests", "weights", "architecture", "family")}
    return {"file": folder.name, **({"variant": variant} if variant else {}), "pipeline": vector["digests"], **kept}


def write(into: Path):
    torch.manual_seed(0)
    for name in ("stable-diffusion", "ddpm"):
        shutil.rmtree(into / name, ignore_errors=True)
    with tempfile.TemporaryDirectory() as scratch:
        pipeline = stable_diffusion(Path(scratch))
        pipeline.save_pretrained(into / "stable-diffusion")
        pipeline.to(dtype=torch.float16).unet.save_pretrained(into / "stable-diffusion" / "unet", variant="fp16")
    unet = UNet2DModel(
        sample_size=4, block_out_channels=(2,), layers_per_block=1, norm_num_groups=1, attention_head_dim=1,
        down_block_types=("DownBlock2D",), up_block_types=("UpBlock2D",), mid_block_type=None, in_channels=1, out_channels=1,
    )  # fmt: skip
    DDPMPipeline(unet=unet, scheduler=DDIMScheduler(num_train_timesteps=20)).save_pretrained(into / "ddpm")
    return [described(into / "stable-diffusion"), described(into / "stable-diffusion", "fp16"), described(into / "ddpm")]


if __name__ == "__main__":
    main("pipeline", __doc__.split("\n")[0], write)
