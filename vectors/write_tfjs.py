#!/usr/bin/env python3
"""Writes the files of vectors/models/tfjs as the converter of TensorFlow.js 4.22 writes them, and what they hold.

    python vectors/write_tfjs.py            write them again
    python vectors/write_tfjs.py --into F   write them into another folder

The converter needs TensorFlow, so that its layout (`write_weights.py`, `quantization.py`) is put together here by hand.
"""

import numpy as np
from layout import layout
from model_arrays import described, sample
from model_files import expected, main, tensor


def write_model(folder, name, groups, shard, **more):
    """Write a model; each group has weights of a name, an array or texts, and a type to quantise it to."""
    manifest, tensors, others = [], [], []
    (folder / name).mkdir(exist_ok=True)
    for number, group in enumerate(groups, 1):
        data, entries = b"", []
        for weight, value, kind in group:
            stored, entry, found = encoded(weight, value, kind)
            data += stored
            entries.append(entry)
            tensors += found
            others += [] if found else [weight]
        parts = [data[at : at + shard] for at in range(0, len(data), shard)]
        paths = [f"group{number}-shard{part}of{len(parts)}.bin" for part in range(1, len(parts) + 1)]
        for path, part in zip(paths, parts):
            (folder / name / path).write_bytes(part)
        manifest.append({"paths": paths, "weights": entries})
    model = {"format": "layers-model", "generatedBy": "keras v3", "modelTopology": {"class_name": "Sequential"}}
    text = layout(model | {"weightsManifest": manifest} | more)
    (folder / name / "model.json").write_text(text + "\n")
    return expected(f"{name}/model.json", tensors, notRead=others)


def encoded(name, value, kind):
    """The bytes of a weight, its entry, and the tensors that it becomes."""
    if isinstance(value, list):
        texts = [text.encode() for text in value]
        data = b"".join(len(text).to_bytes(4, "little") + text for text in texts)
        return data, {"name": name, "shape": [len(texts)], "dtype": "string"}, []
    entry = {"name": name, "shape": list(value.shape), "dtype": value.dtype.name}
    if kind is None:
        return value.tobytes(), entry, [described(name, value)]
    if kind == "float16":
        half = value.astype(np.float16)
        return half.tobytes(), entry | {"quantization": {"dtype": kind, "original_dtype": value.dtype.name}}, [described(name, half)]
    low, high = float(value.min()), float(value.max())
    scale = (high - low) / np.iinfo(kind).max
    whole = np.round((value.astype(np.float64) - low) / scale).astype(kind)
    entry["quantization"] = {"min": low, "scale": scale, "dtype": kind, "original_dtype": value.dtype.name}
    parameters = [("scale", scale), ("min", low)]
    found = [tensor(f"{name}.{value.dtype.name}.{key}", "F64", [], np.float64(number).tobytes()) for key, number in parameters]
    return whole.tobytes(), entry, [described(name, whole), *found]


def write(folder):
    dense = [("dense/kernel", sample((3, 4), np.float32), None), ("dense/bias", sample((4,), np.float32, 1), None)]
    kinds = [("int", sample((3,), np.int32), None), ("bool", sample((5,), np.bool_), None)]
    kinds += [("complex", sample((2,), np.complex64), None), ("scalar", np.float32(1.5), None)]
    texts = [("before", sample((2,), np.int32), None), ("texts", ["a", "", "äöü"], None), ("after", sample((2,), np.int32, 1), None)]
    small = [(f"small {kind}", sample((3, 4), np.float32), kind) for kind in ("uint8", "uint16", "float16")]
    small.append(("small int", sample((4,), np.int32), "uint8"))
    return [
        write_model(folder, "plain", [dense, kinds], 4 << 20),
        write_model(folder, "sharded", [dense, kinds], 13),
        write_model(folder, "texts", [texts], 7),
        write_model(folder, "quantised", [small], 4 << 20),
    ]


if __name__ == "__main__":
    main("tfjs", "What the weights of the TensorFlow.js models in this folder are. Written by vectors/write_tfjs.py.", write)
