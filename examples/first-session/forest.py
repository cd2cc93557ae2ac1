"""Train a forest on handwritten digits. An ordinary program of scikit-learn, which knows nothing of lineaprint."""

import argparse
import json

import joblib
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import train_test_split

parser = argparse.ArgumentParser()
parser.add_argument("--trees", type=int, default=50)
args = parser.parse_args()

digits = load_digits()
x, x_test, y, y_test = train_test_split(digits.data, digits.target, random_state=0)
forest = RandomForestClassifier(n_estimators=args.trees, random_state=0).fit(x, y)
accuracy = forest.score(x_test, y_test)

joblib.dump(forest, "forest.joblib")
with open("metrics.json", "w") as file:
    json.dump({"accuracy": accuracy}, file)
print(f"accuracy {accuracy:.4f}")
