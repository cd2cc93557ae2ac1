"""Estimates a mean by a bootstrap with workers of joblib.

`--seeds index` seeds every draw by its number, as one should; `--seeds none` draws from what the worker has.
"""

import argparse
import json
import os

import joblib
import numpy as np
from joblib import Parallel, delayed

parser = argparse.ArgumentParser()
parser.add_argument("--seeds", choices=("index", "none"), default="index")
parser.add_argument("--seed", type=int, default=5)
parser.add_argument("--draws", type=int, default=60)
args = parser.parse_args()


def mean(data, number, own, seed):
    rng = np.random.default_rng([seed, number]) if own else np.random
    return float(rng.choice(data, len(data)).mean())


data = np.arange(1000) ** 1.5
own = args.seeds == "index"
means = Parallel(n_jobs=2)(delayed(mean)(data, number, own, args.seed) for number in range(args.draws))
os.makedirs("out", exist_ok=True)
joblib.dump(np.array(means), "out/means.joblib")
with open("out/summary.json", "w") as file:
    json.dump({"mean": np.mean(means), "spread": np.std(means), "distinct": len(set(means))}, file)
