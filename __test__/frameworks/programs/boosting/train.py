"""Boosts trees on a made-up table with LightGBM, and compares them with a forest of scikit-learn."""

import json
import os
import sys

import lightgbm as lgb
import numpy as np
from sklearn.datasets import make_regression
from sklearn.ensemble import RandomForestRegressor
from sklearn.model_selection import train_test_split

out = sys.argv[1]
parameters = {
    "objective": "regression",
    "num_leaves": 7,
    "learning_rate": 0.2,
    "bagging_fraction": 0.7,
    "bagging_freq": 1,
    "feature_fraction": 0.8,
    "num_threads": 1,
    "deterministic": True,
    "force_row_wise": True,
    "verbose": -1,
}
# Without a seed of its own: NumPy's is used, as scikit-learn does.
x, y = make_regression(300, 8, noise=0.5)
x_train, x_test, y_train, y_test = train_test_split(x, y, test_size=0.25)
train = lgb.Dataset(x_train, y_train)
found = {}
booster = lgb.train(
    parameters,
    train,
    num_boost_round=10,
    valid_sets=[train.create_valid(x_test, y_test)],
    callbacks=[lgb.record_evaluation(found)],
)
forest = RandomForestRegressor(10, n_jobs=2).fit(x_train, y_train)
# In one thread: several add their predictions in the order in which they end.
forest.set_params(n_jobs=1)
os.makedirs(out, exist_ok=True)
booster.save_model(os.path.join(out, "model.txt"))
np.save(os.path.join(out, "predictions.npy"), booster.predict(x_test))
with open(os.path.join(out, "metrics.json"), "w") as file:
    json.dump({"l2": found["valid_0"]["l2"], "forest": forest.score(x_test, y_test)}, file, indent=2)
