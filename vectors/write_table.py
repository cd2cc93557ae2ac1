#!/usr/bin/env python3
"""Writes the same named weights in every format that is read, each with the format's own library (vectors/models/table).

    python vectors/write_table.py            write them again
    python vectors/write_table.py --into F   write them into another folder

Needs numpy 2.4.6, safetensors 0.8.0, torch 2.15.0, gguf 0.19.0, onnx 1.23.2, h5py 3.16.0, keras 3.15.1 (on jax 0.10.2) and
flax 0.12.8 beside what reference.py needs. The names are those that Keras gives, because it is the one format that
chooses them.
"""

import json
import os
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "jax")

import gguf  # noqa: E402
import h5py  # noqa: E402
import numpy as np  # noqa: E402
import onnx  # noqa: E402
import torch  # noqa: E402
from flax import serialization  # noqa: E402
from model_files import expected, main, tensor  # noqa: E402
from onnx import TensorProto, helper, numpy_helper  # noqa: E402
from safetensors.numpy import save_file  # noqa: E402

KERNEL = (np.arange(12, dtype=np.float32).reshape(3, 4) - 5) / 7
BIAS = np.array([0.0, -0.0, 1.5, np.nan], dtype=np.float32)
SECOND = (np.arange(8, dtype=np.float32).reshape(4, 2) + 1) / 3
WEIGHTS = {
    "layers/dense/vars/0": KERNEL,
    "layers/dense/vars/1": BIAS,
    "layers/dense_1/vars/0": SECOND,
}


def torch_weights():
    return {name: torch.from_numpy(array.copy()) for name, array in WEIGHTS.items()}


def views():
    """The same weights as views of one storage: one with strides, one that begins inside."""
    storage = torch.zeros(64)
    kernel = storage[1:25].view(4, 6).t()[0:6:2, :]
    bias, second = storage[30:38:2], storage[40:48].view(4, 2)
    for view, array in ((kernel, KERNEL), (bias, BIAS), (second, SECOND)):
        view.copy_(torch.from_numpy(array))
    return dict(zip(WEIGHTS, (kernel, bias, second), strict=True))


def write_gguf(path, endian):
    writer = gguf.GGUFWriter(path, "table", endianess=endian)
    for name, array in WEIGHTS.items():
        # The package swaps what it is given in place.
        writer.add_tensor(name, array.copy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def onnx_model(tensors):
    output = helper.make_tensor_value_info("y", TensorProto.FLOAT, [3, 4])
    node = helper.make_node("Identity", [tensors[0].name], ["y"])
    return helper.make_model(helper.make_graph([node], "table", [], [output], tensors))


def write_onnx(into):
    raw = [numpy_helper.from_array(array, name) for name, array in WEIGHTS.items()]
    onnx.save(onnx_model(raw), into / "raw.onnx")
    typed = [
        helper.make_tensor(name, TensorProto.FLOAT, array.shape, array.flatten().tolist())
        for name, array in WEIGHTS.items()
    ]
    onnx.save(onnx_model(typed), into / "typed.onnx")
    external = [numpy_helper.from_array(array, name) for name, array in WEIGHTS.items()]
    onnx.save(
        onnx_model(external),
        into / "external.onnx",
        save_as_external_data=True,
        all_tensors_to_one_file=True,
        location="external.onnx.data",
        size_threshold=0,
    )


def write_h5(path, **more):
    with h5py.File(path, "w", libver=more.pop("libver", "earliest")) as file:
        for name, array in WEIGHTS.items():
            file.create_dataset(name, data=array, **more)


def write_keras(into):
    import keras

    model = keras.Sequential([
        keras.Input((3,)),
        keras.layers.Dense(4, name="dense"),
        keras.layers.Dense(2, use_bias=False, name="dense_1"),
    ])
    model.set_weights([KERNEL, BIAS, SECOND])
    model.save(into / "model.keras")
    model.save_weights(into / "model.weights.h5")


def write_tfjs(folder):
    """model.json and one file of weights, as TensorFlow.js lays them out; its writers need a browser or Node."""
    folder.mkdir(exist_ok=True)
    weights = [{"name": name, "shape": list(array.shape), "dtype": "float32"} for name, array in WEIGHTS.items()]
    manifest = [{"paths": ["group1-shard1of1.bin"], "weights": weights}]
    (folder / "model.json").write_text(json.dumps({"format": "layers-model", "weightsManifest": manifest}))
    (folder / "group1-shard1of1.bin").write_bytes(b"".join(array.tobytes() for array in WEIGHTS.values()))


def write(into: Path):
    save_file(WEIGHTS, into / "weights.safetensors")
    torch.save(torch_weights(), into / "zip.pt")
    torch.save(torch_weights(), into / "legacy.pt", _use_new_zipfile_serialization=False)
    torch.save(views(), into / "views.pt")
    np.savez(into / "weights.npz", **WEIGHTS)
    np.savez_compressed(into / "compressed.npz", **WEIGHTS)
    fortran = {name: np.asfortranarray(array) for name, array in WEIGHTS.items()}
    np.savez(into / "fortran.npz", **fortran)
    np.savez(into / "big_endian.npz", **{name: array.astype(">f4") for name, array in WEIGHTS.items()})
    write_gguf(into / "weights.gguf", gguf.GGUFEndian.LITTLE)
    write_gguf(into / "big_endian.gguf", gguf.GGUFEndian.BIG)
    write_onnx(into)
    write_h5(into / "contiguous.h5")
    write_h5(into / "latest.h5", libver="latest")
    write_h5(into / "chunked.h5", chunks=True, compression="gzip", shuffle=True)
    write_keras(into)
    write_tfjs(into / "tfjs")
    (into / "weights.msgpack").write_bytes(serialization.to_bytes(dict(WEIGHTS)))
    tensors = [tensor(name, "F32", array.shape, array.tobytes()) for name, array in WEIGHTS.items()]
    files = sorted(path.name for path in into.iterdir() if path.suffix not in (".json", ".data", ""))
    files.append("tfjs/model.json")
    return [expected(name, tensors) for name in files]


if __name__ == "__main__":
    main("table", __doc__.split("\n")[0], write)
