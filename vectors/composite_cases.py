"""What the vectors of `settings`, `pipeline` and `adapter` hash. composites.py adds the digests."""

import json

from cases import f32, text

ABOUT = {
    "settings": "Files of a component without weights. `counts` says whether a file counts, `canonical` what is hashed of it.",
    "pipeline": "`index` is the text of model_index.json. A component is a model (tensors, and the text of its configuration), "
    "or its files. `componentDigests` are its digests, the others those of the whole; `canonicalConfig` is what is hashed "
    "of the index.",
    "adapter": "The configuration and the tensors of an adapter, and the tensors and the configuration of its base. "
    "`canonicalConfig` is what is hashed of the former, `parts` are the digests of the other items.",
}


def named(name, same_as):
    return {"name": name, **({"sameAs": same_as} if same_as else {})}


def files_of(files):
    return [{"name": key, "content": text(value)} for key, value in files.items()]


def tensor(name, shape, *values):
    return {"name": name, "dtype": "F32", "shape": shape, "data": f32(*values)}


# --- settings -----------------------------------------------------------------------------------------


def settings(name, files, same_as=None):
    return named(name, same_as) | {"files": files_of(files)}


SCHEDULER = '{"_class_name": "DDIMScheduler", "_diffusers_version": "0.35.0", "num_train_timesteps": 1000}'
SETTINGS = [
    settings("a scheduler", {"scheduler_config.json": SCHEDULER}),
    settings(
        "written by another version, in another order",
        {
            "scheduler_config.json": '{"num_train_timesteps": 1000, "_diffusers_version": "0.37.1", '
            '"_class_name": "DDIMScheduler"}',
        },
        same_as="a scheduler",
    ),
    settings("another number of steps", {"scheduler_config.json": SCHEDULER.replace("1000", "50")}),
    settings("another name", {"preprocessor_config.json": SCHEDULER}),
    settings(
        "other files and those of a tokenizer do not count",
        {"scheduler_config.json": SCHEDULER, "README.md": "hello", "vocab.json": "{}", "a.py": "pass"},
        same_as="a scheduler",
    ),
    settings("two files", {"b.json": "{}", "a.json": "[]"}),
]

# --- pipeline -----------------------------------------------------------------------------------------

INDEX = {
    "_class_name": "TinyPipeline",
    "_diffusers_version": "0.35.0",
    "requires_safety_checker": False,
    "scheduler": ["diffusers", "DDIMScheduler"],
    "safety_checker": [None, None],
    "tokenizer": ["transformers", "CLIPTokenizer"],
    "unet": ["diffusers", "UNet2DModel"],
}
UNET = {
    "name": "unet",
    "tensors": [tensor("conv.weight", [2], 1, 2), tensor("conv.bias", [1], 3)],
    "config": '{"_class_name": "UNet2DModel", "_diffusers_version": "0.35.0", "act_fn": "silu"}',
}
TOKENIZER = {"name": "tokenizer", "files": files_of({"vocab.json": '{"a": 0}', "merges.txt": "#version: 0.2\n"})}
STEPS = {"name": "scheduler", "files": files_of({"scheduler_config.json": SCHEDULER})}


def pipeline(name, *, same_as=None, index=None, unet=None, steps=None, tokenizer=None, more=()):
    """The pipeline from above with other parts. `index` holds members that are replaced; None leaves one out."""
    members = INDEX | (index or {})
    members = {key: value for key, value in members.items() if value is not None}
    components = [steps or STEPS, tokenizer or TOKENIZER, unet or UNET, *more]
    return named(name, same_as) | {"index": json.dumps(members), "components": components}


def vae(**changes):
    return UNET | {"name": "vae"} | changes


WITH_VAE = {"vae": ["diffusers", "UNet2DModel"]}
PIPELINE = [
    pipeline("a pipeline"),
    pipeline(
        "written by another version, without the component that is null",
        same_as="a pipeline",
        index={"_diffusers_version": "0.37.1", "safety_checker": None},
        unet=UNET | {"config": UNET["config"].replace("0.35.0", "0.37.1")},
    ),
    pipeline(
        "a folder that the index does not name does not count",
        same_as="a pipeline",
        more=[vae()],
    ),
    pipeline("another setting of the pipeline", index={"requires_safety_checker": True}),
    pipeline("another class of a component", index={"scheduler": ["diffusers", "PNDMScheduler"]}),
    pipeline("another class of the pipeline", index={"_class_name": "OtherPipeline"}),
    pipeline("another bit of the weights", unet=UNET | {"tensors": [tensor("conv.weight", [2], 1, 2), tensor("conv.bias", [1], 4)]}),
    pipeline("another configuration of a model", unet=UNET | {"config": UNET["config"].replace("silu", "relu")}),
    pipeline("a model without configuration", unet={key: UNET[key] for key in ("name", "tensors")}),
    pipeline(
        "other settings of the scheduler",
        steps=STEPS | {"files": files_of({"scheduler_config.json": SCHEDULER.replace("1000", "50")})},
    ),
    pipeline(
        "another tokenizer",
        tokenizer=TOKENIZER | {"files": files_of({"vocab.json": '{"b": 0}', "merges.txt": "#version: 0.2\n"})},
    ),
    pipeline("the same model twice", index=WITH_VAE, more=[vae()]),
    pipeline(
        "a component with settings and a tokenizer",
        tokenizer=TOKENIZER | {"files": files_of({"vocab.json": "{}", "preprocessor_config.json": '{"size": 4}'})},
    ),
    pipeline(
        "a model with a tokenizer",
        unet=UNET | {"files": files_of({"tokenizer.json": "{}"})},
    ),
]

# --- adapter ------------------------------------------------------------------------------------------

LORA = {
    "peft_type": "LORA",
    "base_model_name_or_path": "owner/base",
    "peft_version": "0.18.0",
    "r": 2,
    "lora_alpha": 4,
    "target_modules": ["v", "q"],
}
BASE = {"tensors": [tensor("q.weight", [2, 2], 1, 2, 3, 4)], "config": '{"hidden_size": 2}'}
OTHER_BASE = BASE | {"tensors": [tensor("q.weight", [2, 2], 1, 2, 3, 5)]}
UP = tensor("base_model.model.q.lora_B.weight", [2, 1], 0, 0)


def adapter(name, *, same_as=None, base=BASE, tensors=(UP,), **changes):
    return named(name, same_as) | {"config": json.dumps(LORA | changes), "tensors": list(tensors), "base": base}


ADAPTER = [
    adapter("an adapter"),
    adapter(
        "another label, another version, another order",
        same_as="an adapter",
        base_model_name_or_path="/models/base",
        peft_version="0.19.0",
        target_modules=["q", "v"],
    ),
    adapter("another scale, which no tensor states", lora_alpha=8),
    adapter("other weights of the adapter", tensors=[tensor(UP["name"], [2, 1], 0, 1)]),
    adapter("other weights of the base", base=OTHER_BASE),
    adapter("another configuration of the base", base=BASE | {"config": '{"hidden_size": 2, "rope_theta": 1}'}),
    adapter("a base without configuration", base={"tensors": BASE["tensors"]}),
]

CASES = {"settings": SETTINGS, "pipeline": PIPELINE, "adapter": ADAPTER}
