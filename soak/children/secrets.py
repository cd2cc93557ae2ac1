"""Print, log and report what a plan has: the program of a run of the round `secrets`."""

import array
import json
import os
import sys
import time

import lineaprint

with open(os.environ["SOAK_PLAN"]) as file:
    plan = json.load(file)


def write(stream, text):
    stream.buffer.write(text.encode())
    stream.buffer.flush()


for line in plan["stdout"]:
    write(sys.stdout, line + "\n")
for line in plan["stderr"]:
    write(sys.stderr, line + "\r\n")
for line in plan["pieces"]:
    middle = len(line) - 12
    write(sys.stdout, line[:middle])
    time.sleep(0.05)
    write(sys.stdout, line[middle:] + "\n")
for line in plan["long"]:
    write(sys.stdout, "x y" * 100_000 + line + " z" * 150_000 + "\n")
for values in plan["metadata"]:
    lineaprint.add_metadata(values)
lineaprint.add_tags(*plan["tags"])
for name in plan["metrics"]:
    lineaprint.log_metric(name, 1.5, step=1)
for name in plan["digests"]:
    lineaprint.log_digest(name, array.array("d", [1.0, 2.0]), step=1)
for name in plan["datasets"]:
    lineaprint.track_dataset(array.array("d", [3.0, 4.0]), name)
for name in plan["checkpoints"]:
    lineaprint.checkpoint(name)
for path, name in plan["outputs"]:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as file:
        file.write("output")
    lineaprint.track_output(path, name)
for name in plan["missing"]:
    try:
        lineaprint.track_dataset("/nowhere/" + name, name)
    except Exception as error:
        print(error)
lineaprint.flush()
if plan["exception"]:
    raise ValueError(plan["exception"])
