"""What the writers of folders of several models share: what a folder holds, as composites.py takes it."""

import base64

from safetensors import safe_open


def tensors_of(path):
    """The tensors of a safetensors file, through the reference reader."""
    tensors = []
    with safe_open(path, framework="np") as file:
        for name in file.keys():
            part = file.get_slice(name)
            data = base64.b64encode(file.get_tensor(name).tobytes()).decode()
            shape = list(part.get_shape())
            tensors.append({"name": name, "dtype": part.get_dtype(), "shape": shape, "data": {"base64": data}})
    return tensors


def files_of(folder):
    """The files directly in a folder, with their content."""
    paths = [path for path in sorted(folder.iterdir()) if path.is_file() and path.suffix != ".safetensors"]
    return [{"name": p.name, "content": {"base64": base64.b64encode(p.read_bytes()).decode()}} for p in paths]


def model_of(folder, weights, config="config.json"):
    """A model: the tensors of one file, and the text of its configuration."""
    path = folder / config
    return {"tensors": tensors_of(folder / weights), "config": path.read_text() if path.exists() else None}
