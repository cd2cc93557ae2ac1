#!/usr/bin/env python3
"""Writes the folders of vectors/mds with `MDSWriter` of mosaicml-streaming: the same samples in several layouts.

    scripts/fixtures.sh mds                    write them again
    scripts/fixtures.sh mds -- --into F        write them into another folder

`expected.json` has the digests, computed from what `MDSReader` gives back, with cbor2 and blake3 alone.
"""

import argparse
import hashlib
import json
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from unittest.mock import MagicMock

import blake3
import cbor2
import numpy as np

HERE = Path(__file__).resolve().parent

# The reader and the writer need neither PyTorch nor the clients of clouds, which the package imports at its start.
for name in ("torch", "torch.distributed", "torch.utils", "torch.utils.data", "filelock"):
    sys.modules[name] = MagicMock()
for name in ("streaming", "streaming.base"):
    package = ModuleType(name)
    package.__path__ = list(find_spec("streaming").submodule_search_locations) if name == "streaming" else [
        str(Path(sys.modules["streaming"].__path__[0]) / "base")
    ]
    sys.modules[name] = package

from streaming.base.format.mds.encodings import mds_encode  # noqa: E402
from streaming.base.format.mds.reader import MDSReader  # noqa: E402
from streaming.base.format.mds.writer import MDSWriter  # noqa: E402

COLUMNS = {
    "id": "int",
    "text": "str",
    "tokens": "ndarray:int32",
    "vector": "ndarray:float32:3",
    "any": "ndarray",
    "label": "uint8",
    "score": "float64",
    "image": "bytes",
    "meta": "json",
    "amount": "str_decimal",
    "object": "pkl",
}


def sample(number):
    """The sample of a number."""
    from decimal import Decimal

    return {
        "id": number - 3,
        "text": f"sämple {number}" * (number % 4),
        "tokens": np.arange(1 + number % 5, dtype=np.int32),
        "vector": np.array([number, number / 2, -0.0], dtype=np.float32),
        "any": np.full((1 + number % 2, 2), number, dtype=np.uint16),
        "label": number % 7,
        "score": number / 3,
        "image": bytes(range(number % 9)),
        "meta": {"n": number, "tags": ["a"] * (number % 3)},
        "amount": Decimal(number) / 4,
        "object": (number, None),
    }


def write(folder, numbers, **options):
    """Write the samples of some numbers."""
    with MDSWriter(columns=COLUMNS, out=str(folder), **options) as writer:
        for number in numbers:
            writer.write(sample(number))


def records(folder):
    """The records of a folder, from what the reader of the package gives back."""
    index = json.loads((folder / "index.json").read_text("utf-8"))
    for shard in index["shards"]:
        reader = MDSReader.from_json(str(folder.parent), folder.name, shard)
        for position in range(reader.samples):
            values = reader.decode_sample(reader.get_sample_data(position))
            yield cbor2.dumps(
                [
                    [name, encoding, mds_encode(encoding, values[name])]
                    for name, encoding in sorted(
                        zip(reader.column_names, reader.column_encodings), key=lambda pair: pair[0].encode("utf-8")
                    )
                ],
                canonical=True,
            )


def sequence(items, hash_of):
    """The `sequence` digest of fewer records than a block has."""
    block = b"".join(len(item).to_bytes(8, "little") + item for item in items)
    blocks = [hash_of(block)] if items else []
    return hash_of(cbor2.dumps(["lineaprint/sequence/v1", len(items), blocks], canonical=True)).hex()


def expected(folder):
    """What a folder of plain shards must give."""
    items = list(records(folder))
    return {
        "records": len(items),
        "blake3": sequence(items, lambda data: blake3.blake3(data).digest()),
        "sha256": sequence(items, lambda data: hashlib.sha256(data).digest()),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--into", type=Path, default=HERE / "mds", help="the folder to write into")
    root = parser.parse_args().into
    shutil.rmtree(root, ignore_errors=True)
    write(root / "one", range(40))
    write(root / "shards", range(40), size_limit=2000, hashes=["sha1", "xxh64"])
    write(root / "zstd", range(40), size_limit=3000, compression="zstd:7", hashes=["sha256", "xxh128", "xxh3_64"])
    write(root / "gzip", range(40), size_limit=4000, compression="gz", hashes=["blake2b", "md5", "xxh32"])
    write(root / "brotli", range(4), compression="br")
    write(root / "splits" / "train", range(30), size_limit=2000)
    write(root / "splits" / "val", range(30, 40))
    answers = {name: expected(root / name) for name in ("one", "shards", "splits/train", "splits/val")}
    (root / "expected.json").write_text(json.dumps(answers, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
