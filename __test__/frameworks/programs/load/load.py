"""Saves and loads tensors of PyTorch and JAX as safetensors does, and prints what differs."""

import json
import os
import tempfile

import jax.numpy
import lineaprint
import numpy
import torch
from safetensors.numpy import load_file as load_numpy
from safetensors.torch import load_file, save_file

os.chdir(tempfile.mkdtemp())
NAMES = "float64 float32 float16 bfloat16 float8_e4m3fn float8_e5m2 float8_e4m3fnuz float8_e5m2fnuz float8_e8m0fnu int64 int32 int16 int8 uint64 uint32 uint16 uint8 bool complex64".split()
random = numpy.random.default_rng(0)


def made(name, count):
    dtype = getattr(torch, name)
    content = random.integers(0, 2 if name == "bool" else 256, count * torch.empty(0, dtype=dtype).element_size(), dtype="u1")
    return torch.from_numpy(content).view(dtype)


def bits(tensor):
    return tensor.detach().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()


tensors = {"t." + name: made(name, 600).reshape(20, 30) for name in NAMES}
tensors.update({"scalar": torch.tensor(2.5, dtype=torch.bfloat16), "none": torch.empty(0, 3), "large": made("bfloat16", 5 * 2**20 + 1)})
said = {"version": torch.__version__.split("+")[0]}

report = lineaprint.save_file(tensors, "m.safetensors", {"format": "pt"}, manifest=True)
save_file(tensors, "reference.safetensors", {"format": "pt"})
said["same file"] = open("m.safetensors", "rb").read() == open("reference.safetensors", "rb").read()

# Another default device must not decide where the elements are read to.
torch.set_default_device("meta")
loaded = lineaprint.load_file("m.safetensors")
moved = lineaprint.load_file("m.safetensors", device="meta")
torch.set_default_device("cpu")
reference = load_file("reference.safetensors")
said["same tensors"] = list(loaded) == sorted(reference) and all(
    loaded[name].dtype == reference[name].dtype and loaded[name].shape == reference[name].shape and bits(loaded[name]) == bits(reference[name]) for name in reference
)
said["moved"] = sorted({tensor.device.type for tensor in moved.values()})
said["checked"] = lineaprint.check_tensors("m.safetensors.manifest.json", loaded)["counts"]

# A view into a file that is mapped would change with the file.
before = {name: bits(tensor) for name, tensor in loaded.items()}
with open("m.safetensors", "r+b") as file:
    file.write(b"\xaa" * os.path.getsize("m.safetensors"))
said["own memory"] = all(bits(tensor) == before[name] for name, tensor in loaded.items())

lineaprint.save_file(tensors, "s.safetensors", manifest=True, algorithm="sha256")
command = os.environ.pop("LINEAPRINT_COMMAND")
os.environ["LINEAPRINT_COMMAND"] = "/no/such/command"
said["sha256 without command"] = all(bits(tensor) == bits(tensors[name]) for name, tensor in lineaprint.load_file("s.safetensors").items())
os.environ["LINEAPRINT_COMMAND"] = command

# ml_dtypes is installed with JAX, so that NumPy has every dtype.
arrays = lineaprint.load_file("s.safetensors", framework="numpy")
said["arrays"] = all(array.tobytes() == bits(tensors[name]) for name, array in arrays.items())
said["numpy bf16"] = str(arrays["t.bfloat16"].dtype)


class Tied(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = torch.nn.Embedding(8, 4)
        self.head = torch.nn.Linear(4, 8, bias=False)
        self.head.weight = self.embed.weight
        self.register_buffer("transposed", torch.arange(6.0).reshape(2, 3).T)


model = Tied()
report = lineaprint.save_file(model, "tied.safetensors", manifest=True)
said["tied"] = sorted(load_file("tied.safetensors"))
said["module"] = lineaprint.check_tensors("tied.safetensors.manifest.json", model)["same"]
said["loads"] = str(model.load_state_dict(lineaprint.load_file("tied.safetensors")))
with torch.no_grad():
    model.embed.weight[3, 2] = float("nan")
said["after a change"] = lineaprint.check_tensors("tied.safetensors.manifest.json", model)["counts"]
meta = lineaprint.check_tensors("tied.safetensors.manifest.json", {"embed.weight": model.embed.weight.to("meta"), "head.weight": model.head.weight, "transposed": model.transposed})
said["on meta"] = [item["status"] for item in meta["tensors"]]

nested = {"layer": {"w": jax.numpy.arange(6, dtype="bfloat16").reshape(2, 3), "b": jax.numpy.ones(3)}}
lineaprint.save_file(nested, "jax.safetensors", manifest=True)
said["jax"] = [sorted(load_numpy("jax.safetensors")), lineaprint.check_tensors("jax.safetensors.manifest.json", nested)["same"]]
print(json.dumps(said))
