"""Digests of what consists of several models: `settings`, `pipeline` and `adapter` of docs/format.md.

Shares no code with the project; reference.py computes the vectors with it, and the writers of vectors/models use it for
folders of diffusers and peft.
"""

from reference import (
    ALGORITHMS,
    architecture_items,
    by_name,
    canonical,
    content,
    family_document,
    is_tokenizer_file,
    meaningful,
    parse_json,
    result,
    structured,
    tokenizer_items,
    weights_items,
)


def meaningful_text(text):
    """The canonical JSON of a configuration without what does not change the model."""
    return canonical(meaningful(parse_json(text)[0]))


def settings_items(files, algorithm):
    """`[[file name, content digest]…]` of the JSON files of a component that are not of its tokenizer."""
    names = [file["name"] for file in files]
    counted = [f for f in files if f["name"].endswith(".json") and "/" not in f["name"]]
    counted = [f for f in counted if not is_tokenizer_file(f["name"], names)]
    kept = sorted(counted, key=lambda file: file["name"].encode())
    texts = [(file["name"], meaningful_text(content(file["content"]).decode())) for file in kept]
    return [[[name, ALGORITHMS[algorithm](text.encode())] for name, text in texts]]


def component_digests(component, algorithm):
    """`[[kind, digest]…]` of a component, sorted by kind: those of a model, or those of its files."""
    digests = {}
    files = component.get("files", [])
    if "tensors" in component:
        config = component.get("config")
        config = None if config is None else meaningful_text(config)
        digests["architecture"] = architecture_items(component["tensors"], config, algorithm)
        digests["weights"] = weights_items(component["tensors"], algorithm)
    elif settings_items(files, algorithm)[0]:
        digests["settings"] = settings_items(files, algorithm)
    if tokenizer_items(files, algorithm)[0]:
        digests["tokenizer"] = tokenizer_items(files, algorithm)
    return [[kind, structured(kind, algorithm, items)[1]] for kind, items in sorted(digests.items())]


def pipeline_config(text):
    """The meaningful members of model_index.json, without components that are null."""
    index = meaningful(parse_json(text)[0])
    return {key: value for key, value in index.items() if key.startswith("_") or value != [None, None]}


def is_component(key, value):
    texts = isinstance(value, list) and len(value) == 2 and all(isinstance(item, str) for item in value)
    return texts and not key.startswith("_")


def components_of(case):
    """The components that the index names, sorted by the UTF-8 bytes of their names."""
    folders = {component["name"]: component for component in case["components"]}
    names = [key for key, value in pipeline_config(case["index"]).items() if is_component(key, value)]
    return [folders[name] for name in sorted(names, key=str.encode)]


def pipeline_items(case, algorithm):
    components = [[part["name"], component_digests(part, algorithm)] for part in components_of(case)]
    return [components, ALGORITHMS[algorithm](canonical(pipeline_config(case["index"])).encode())]


def whole(case):
    """The tensors of all components as those of one model, and the configuration of all of them."""
    models = [part for part in components_of(case) if "tensors" in part]
    tensors = [t | {"name": f"{part['name']}/{t['name']}"} for part in models for t in part["tensors"]]
    configs = {part["name"]: meaningful(parse_json(part["config"])[0]) for part in models if part.get("config")}
    return by_name(tensors), {"": pipeline_config(case["index"]), **configs}


def written(kind, items_of):
    return result(kind, items_of)["digests"]


def pipeline_vector(case):
    tensors, config = whole(case)
    document = family_document(tensors, config)
    of_components = {
        part["name"]: {
            algorithm: {kind: f"{kind}.v1.{algorithm}:{digest.hex()}" for kind, digest in component_digests(part, algorithm)}
            for algorithm in ALGORITHMS
        }
        for part in components_of(case)
    }
    return (
        case
        | {
            "canonicalConfig": canonical(pipeline_config(case["index"])),
            "componentDigests": of_components,
            "weights": written("weights", lambda name: weights_items(tensors, name)),
            "architecture": written("architecture", lambda name: architecture_items(tensors, canonical(config), name)),
            "family": written("family", lambda name: [ALGORITHMS[name](document.encode())]),
        }
        | result("pipeline", lambda name: pipeline_items(case, name))
    )


def adapter_items(case, algorithm):
    base = case["base"]
    base_config = None if base.get("config") is None else meaningful_text(base["config"])
    return [
        ALGORITHMS[algorithm](meaningful_text(case["config"]).encode()),
        structured("weights", algorithm, weights_items(case["tensors"], algorithm))[1],
        structured("architecture", algorithm, architecture_items(base["tensors"], base_config, algorithm))[1],
        structured("weights", algorithm, weights_items(base["tensors"], algorithm))[1],
    ]


def adapter_vector(case):
    kinds = ("weights", "baseArchitecture", "baseWeights")
    parts = {
        kind: {name: f"{name}:{adapter_items(case, name)[place + 1].hex()}" for name in ALGORITHMS}
        for place, kind in enumerate(kinds)
    }
    return (
        case
        | {"canonicalConfig": meaningful_text(case["config"]), "parts": parts}
        | result("adapter", lambda name: adapter_items(case, name))
    )


def settings_vector(case):
    names = [file["name"] for file in case["files"]]
    files = []
    for file in case["files"]:
        counts = file["name"].endswith(".json") and not is_tokenizer_file(file["name"], names)
        text = {"canonical": meaningful_text(content(file["content"]).decode())} if counts else {}
        files.append(file | {"counts": counts} | text)
    return case | {"files": files} | result("settings", lambda name: settings_items(case["files"], name))
