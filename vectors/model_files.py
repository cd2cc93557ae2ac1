"""What the writers of vectors/models share: the expected tensors of a file, and the JSON that lists them."""

import argparse
from pathlib import Path

from layout import layout
from reference import ALGORITHMS, structured

HERE = Path(__file__).resolve().parent


def tensor(name, dtype, shape, data):
    """A tensor as it is expected: `data` are its elements in C order, little-endian, packed."""
    return {"name": name, "dtype": dtype, "shape": [int(length) for length in shape], "data": bytes(data)}


def expected(file, tensors, **more):
    """What a JSON file says of one model file. A file without a `weights` digest has `weights: null` in `more`."""
    tensors = sorted(tensors, key=lambda tensor: tensor["name"].encode())

    def items(algorithm):
        return [[t["name"], t["dtype"], t["shape"], ALGORITHMS[algorithm](t["data"])] for t in tensors]

    listed = [{"name": n, "dtype": d, "shape": s, "blake3": digest.hex()} for n, d, s, digest in items("blake3")]
    weights = {name: structured("weights", name, [items(name)])[1].hex() for name in ALGORITHMS}
    written = {name: f"weights.v1.{name}:{digest}" for name, digest in weights.items()}
    return {"file": file, "tensors": listed, "weights": written} | more


def main(folder, about, write):
    """Write the files of vectors/models/`folder` and their list; `write` gets the folder and returns the list."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--into", type=Path, default=HERE / "models" / folder)
    into = parser.parse_args().into
    into.mkdir(parents=True, exist_ok=True)
    listed = {"about": about, "files": write(into)}
    (into / "expected.json").write_text(layout(listed) + "\n")
