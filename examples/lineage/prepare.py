"""Make two datasets out of a raw one, and declare how: raw.csv, then clean.csv, then features.csv.

    lineaprint run --name prepare -- python prepare.py
    lineaprint run --name train -- python train.py
    lineaprint lineage network
    lineaprint lineage network --format svg > lineage.svg

Nothing tells train.py where features.csv comes from: lineaprint finds the run that made it by its digest.
"""

import csv
import statistics

import lineaprint


def read(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def write(path, rows):
    with open(path, "w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def clean(rows):
    """Return each row once, without those that lack a value."""
    complete = [row for row in rows if all(row.values())]
    return [row for index, row in enumerate(complete) if row not in complete[:index]]


def scale(rows, digits):
    """Return the rows with each number as its distance from the mean, in standard deviations."""
    columns = {name: [float(row[name]) for row in rows] for name in ("length", "width")}
    spread = {name: (statistics.mean(values), statistics.stdev(values)) for name, values in columns.items()}
    scaled = []
    for row in rows:
        numbers = {name: round((float(row[name]) - mean) / by, digits) for name, (mean, by) in spread.items()}
        scaled.append({**numbers, "label": int(row["kind"] == "virginica")})
    return scaled


DIGITS = 4

lineaprint.track_dataset("raw.csv", "raw")

rows = clean(read("raw.csv"))
write("clean.csv", rows)
lineaprint.track_output("clean.csv", "clean")
lineaprint.derive("clean", "raw", step="drop copies and gaps", code="prepare.py")

write("features.csv", scale(rows, DIGITS))
lineaprint.track_output("features.csv", "features")
lineaprint.derive("features", "clean", step="scale", params={"digits": DIGITS}, code="prepare.py")
