"""Train a logistic regression on two moons: the program of the runs in the pictures of docs/page.md."""

import argparse
import json
import math
import random
import sqlite3
import struct
import time

import lineaprint

parser = argparse.ArgumentParser()
parser.add_argument("--data", default="data/moons.sqlite")
parser.add_argument("--lr", type=float, default=0.5)
parser.add_argument("--decay", type=float, default=0.0)
parser.add_argument("--epochs", type=int, default=120)
parser.add_argument("--pause", type=float, default=0.0)
options = parser.parse_args()

with sqlite3.connect(f"file:{options.data}?mode=ro", uri=True) as database:
    rows = [tuple(map(float, row)) for row in database.execute("select x, y, label from moons")]
random.shuffle(rows)
held_out, training = rows[: len(rows) // 5], rows[len(rows) // 5 :]


def features(a: float, b: float) -> "list[float]":
    return [1.0, a, b, a * a, a * b, b * b, a * a * a, b * b * b]


weights = [random.gauss(0, 0.1) for _ in range(8)]


def probability(a: float, b: float) -> float:
    total = sum(weight * feature for weight, feature in zip(weights, features(a, b)))
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, total))))


def loss_of(sample: "list[tuple[float, ...]]") -> "tuple[float, float]":
    loss = right = 0.0
    for a, b, label in sample:
        p = probability(a, b)
        loss -= math.log(max(1e-9, p if label else 1 - p))
        right += (p > 0.5) == bool(label)
    return loss / len(sample), right / len(sample)


print(f"{len(training)} rows to train on, {len(held_out)} held out")
for epoch in range(options.epochs):
    random.shuffle(training)
    for start in range(0, len(training), 20):
        batch = training[start : start + 20]
        slopes = [0.0] * 8
        for a, b, label in batch:
            error = probability(a, b) - label
            for index, feature in enumerate(features(a, b)):
                slopes[index] += error * feature / len(batch)
        for index in range(8):
            weights[index] -= options.lr * (slopes[index] + options.decay * weights[index])
    loss, _ = loss_of(training)
    val_loss, accuracy = loss_of(held_out)
    lineaprint.log_metric("train/loss", loss, epoch)
    lineaprint.log_metric("val/loss", val_loss, epoch)
    lineaprint.log_metric("val/accuracy", accuracy, epoch)
    if epoch % 10 == 0 or epoch == options.epochs - 1:
        print(f"epoch {epoch:3}  loss {loss:.4f}  val {val_loss:.4f}  accuracy {accuracy:.3f}", flush=True)
    time.sleep(options.pause)

# A file of safetensors: a header in JSON after its length, then the numbers.
tensors = {"layers.0.linear": weights[:3], "layers.1.square": weights[3:6], "layers.2.cube": weights[6:]}
header, data = {}, b""
for name, values in tensors.items():
    packed = struct.pack(f"<{len(values)}f", *values)
    offsets = [len(data), len(data) + len(packed)]
    header[name] = {"dtype": "F32", "shape": [len(values)], "data_offsets": offsets}
    data += packed
text = json.dumps(header).encode()
with open("model.safetensors", "wb") as file:
    file.write(struct.pack("<Q", len(text)) + text + data)
