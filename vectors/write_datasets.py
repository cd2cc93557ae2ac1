#!/usr/bin/env python3
"""Writes the folders of vectors/datasets with `datasets` of Hugging Face: the same rows in several layouts.

    scripts/fixtures.sh datasets                    write them again
    scripts/fixtures.sh datasets -- --into F        write them into another folder

The files of `save_to_disk` hold times, so they differ each time; the rows do not.
"""

import argparse
import shutil
from pathlib import Path

import pyarrow.parquet as pq
from datasets import ClassLabel, Dataset, DatasetDict, Features, Sequence, Value

HERE = Path(__file__).resolve().parent

FEATURES = Features(
    {
        "id": Value("int64"),
        "text": Value("string"),
        "label": ClassLabel(names=["no", "yes"]),
        "scores": Sequence(Value("float32")),
    }
)

CARD = """---
dataset_info:
  features:
  - name: id
    dtype: int64
  splits:
  - name: train
    num_examples: 10
  - name: test
    num_examples: 4
configs:
- config_name: default
  data_files:
  - split: train
    path: data/train-*
  - split: test
    path: data/test-*
---
# Rows
"""


def rows(start, end):
    """A dataset with the rows from `start` up to `end`."""
    numbers = range(start, end)
    columns = {
        "id": list(numbers),
        "text": [None if number % 4 == 3 else f"row {number}" for number in numbers],
        "label": [number % 2 for number in numbers],
        "scores": [[number / 2] * (number % 3) for number in numbers],
    }
    return Dataset.from_dict(columns, features=FEATURES)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--into", type=Path, default=HERE / "datasets", help="the folder to write into")
    root = parser.parse_args().into
    shutil.rmtree(root, ignore_errors=True)
    (root / "hub" / "data").mkdir(parents=True)
    train, test = rows(0, 10), rows(10, 14)
    train.save_to_disk(root / "saved")
    train.save_to_disk(root / "saved-in-shards", num_shards=3)
    DatasetDict({"train": train, "test": test}).save_to_disk(root / "saved-splits")
    train.to_parquet(root / "train.parquet")
    table = pq.read_table(root / "train.parquet")
    for shard, part in enumerate((table.slice(0, 7), table.slice(7))):
        pq.write_table(part, root / "hub" / "data" / f"train-{shard:05}-of-00002.parquet")
    test.to_parquet(root / "hub" / "data" / "test-00000-of-00001.parquet")
    (root / "hub" / "README.md").write_text(CARD, "utf-8")


if __name__ == "__main__":
    main()
