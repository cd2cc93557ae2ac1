"""Train a small classifier on the features that prepare.py made. See there for the commands."""

import csv
import json
import math

import lineaprint

EPOCHS = 40
RATE = 0.5

lineaprint.track_dataset("features.csv", "data")
with open("features.csv", newline="") as file:
    rows = [(float(row["length"]), float(row["width"]), int(row["label"])) for row in csv.DictReader(file)]

weights = [0.0, 0.0, 0.0]
for epoch in range(EPOCHS):
    loss = 0.0
    slopes = [0.0, 0.0, 0.0]
    for length, width, label in rows:
        guess = 1 / (1 + math.exp(-(weights[0] * length + weights[1] * width + weights[2])))
        loss -= math.log(guess if label else 1 - guess)
        slopes = [slope + (guess - label) * x for slope, x in zip(slopes, (length, width, 1))]
    weights = [weight - RATE * slope / len(rows) for weight, slope in zip(weights, slopes)]
    lineaprint.log_metric("loss", loss / len(rows), epoch)

with open("network.json", "w") as file:
    json.dump({"weights": weights}, file)
lineaprint.track_output("network.json", "network")
